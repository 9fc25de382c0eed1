"""Revenue at risk as a range, what the decision is worth, and the holdout share that earns most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.design.parts import Money
from incrementality.design.plan import outcome_of_request
from incrementality.design.wording import percent
from incrementality.stats import Allocation, EffectPrior, allocate_holdout

if TYPE_CHECKING:
    from incrementality.design.plan import Plan
    from incrementality.design.request import DesignRequest

__all__ = ["decision_units", "money_of_plan"]

_NINETY_PERCENT = 1.6448536269514722
_WEEKS_A_YEAR = 52
_FEWEST = 8


def money_of_plan(request: DesignRequest, plan: Plan) -> Money | None:
    """Return the money at stake, ``None`` where the request does not say what the metric is worth.

    The range spans the prior's 90 % where there is one, else no effect to twice the smallest one that matters.
    """
    if request.money_per_unit is None:
        return None
    low, likely, high = _effects(request)
    worth = request.baseline.mean * request.money_per_unit
    afterwards = decision_units(request)
    best = _allocation(request, plan, worth, afterwards)
    prior = request.prior
    return Money(
        at_risk_low=plan.n_control * low * worth,
        at_risk_likely=plan.n_control * likely * worth,
        at_risk_high=plan.n_control * high * worth,
        basis="no effect to twice the smallest effect that matters" if prior is None else "90 % of the prior",
        saved_cost=plan.n_control * request.unit_cost,
        value_of_decision=afterwards * (likely * worth - request.unit_cost),
        decision_units=afterwards,
        best_share=None if best is None else best.share,
        expected_money=None if best is None else best.expected_money,
        expected_without_test=None if best is None else best.expected_without_test,
        prior=""
        if prior is None
        else f"effect {percent(prior.mean)}, standard deviation {percent(prior.sd)} ({prior.source})",
    )


def decision_units(request: DesignRequest) -> int:
    """Return the units that the decision applies to: as stated, else a year's arrivals, else those there are."""
    if request.decision_units is not None:
        return request.decision_units
    return round(_WEEKS_A_YEAR * request.arrivals_per_week) or request.population


def _effects(request: DesignRequest) -> tuple[float, float, float]:
    prior = request.prior
    if prior is None:
        return 0.0, request.smallest_effect, 2 * request.smallest_effect
    half = _NINETY_PERCENT * prior.sd
    low, likely, high = (max(0.0, effect) for effect in (prior.mean - half, prior.mean, prior.mean + half))
    return low, likely, high


def _allocation(request: DesignRequest, plan: Plan, worth: float, afterwards: int) -> Allocation | None:
    if request.prior is None or plan.n < _FEWEST:
        return None
    outcome = outcome_of_request(request)
    return allocate_holdout(
        prior=EffectPrior(mean=request.prior.mean * worth, sd=request.prior.sd * worth, source=request.prior.source),
        sd=(outcome.variance * outcome.variance_factor) ** 0.5 * (request.money_per_unit or 0.0),
        n_test=plan.n,
        n_after=afterwards,
        unit_cost=request.unit_cost,
    )
