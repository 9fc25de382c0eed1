"""From a request to the answer: plan, count on the history, judge, say it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from incrementality.design.answer import DesignAnswer
from incrementality.design.changes import changes_of_request, obstacles, way_out
from incrementality.design.counted import count_power, counted_curve
from incrementality.design.money import money_of_plan
from incrementality.design.parts import CurvePoint, GuardedPower, PlannedArm
from incrementality.design.plan import arm_sizes, detectable, dilution, eligible_units, make_plan, power_at
from incrementality.design.request import DesignRequest
from incrementality.design.surroundings import conflicts_of_plan, guardrails_of_plan
from incrementality.design.watching import monitoring_price
from incrementality.design.wording import percent, verdict_sentence
from incrementality.errors import InputError

if TYPE_CHECKING:
    from incrementality.design.history import MetricHistory
    from incrementality.design.parts import Verdict
    from incrementality.design.plan import Plan

__all__ = ["METHOD_VERSION", "design", "revise"]

METHOD_VERSION = "design-2"
_SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
_WEEKS = (0, 1, 2, 4, 8, 13, 26, 39, 52)


def design(request: DesignRequest, history: MetricHistory | None = None, *, seed: int = 0) -> DesignAnswer:
    """Return whether a holdout is feasible, how many, how long, at what cost, and what to change.

    Args:
        request: What is asked for; its baseline may come from ``baseline_of_history``.
        history: The rows behind the baseline, to count power on them; needed for skewed and clustered metrics.
        seed: Seed of the random numbers that draw from the history.

    Raises:
        InputError: The history is not the one that the baseline was taken from.

    References:
        Feit and Berman (2019), https://doi.org/10.1287/mksc.2019.1194, for the share that earns most;
        Bloom (1995), https://doi.org/10.1177/0193841X9501900504, for what can be seen

    Examples:
        >>> from incrementality.design import DesignRequest, MetricBaseline
        >>> answer = design(
        ...     DesignRequest(
        ...         id="winback-2026q1", question="Does the win-back journey work?", metric="reactivated",
        ...         kind="conversion", baseline=MetricBaseline(mean=0.05), population=5000, holdout_share=0.05,
        ...         smallest_effect=0.10,
        ...     )
        ... )
        >>> answer.verdict, round(answer.mde, 2)
        ('not feasible', 0.79)
    """
    request = DesignRequest.from_dict(request.to_dict())
    _check_history(request, history)
    plan = make_plan(request)
    guarded = count_power(request, plan, history, seed=seed)
    if guarded.extra > 1:
        plan = make_plan(request, extra=guarded.extra)
        guarded = replace(count_power(request, plan, history, seed=seed), extra=guarded.extra)
    return _answer(request, plan, guarded, history, seed)


def revise(
    previous: DesignAnswer, request: DesignRequest, history: MetricHistory | None = None, *, seed: int = 0
) -> DesignAnswer:
    """Return the design of a changed request: a new version where somebody has signed the previous one.

    Args:
        previous: The design so far; it stays as it is.
        request: The request as it is now.
        history: As in ``design``.
        seed: As in ``design``.

    Raises:
        InputError: The request has another id, or the history does not fit.
    """
    if request.id != previous.request.id:
        raise InputError(
            f"the request is for {request.id!r}, the design for {previous.request.id!r}",
            hint="design a new experiment with design()",
        )
    found = design(request, history, seed=seed)
    if found.hash == previous.hash:
        return previous
    if not previous.sign_offs:
        return replace(found, version=previous.version, supersedes=previous.supersedes)
    return replace(found, version=previous.version + 1, supersedes=previous.hash)


def _answer(
    request: DesignRequest, plan: Plan, guarded: GuardedPower, history: MetricHistory | None, seed: int
) -> DesignAnswer:
    reasons = obstacles(request, plan)
    changes = changes_of_request(request, plan, extra=guarded.extra)
    verdict = _verdict(reasons, any(change.enough for change in changes))
    single = [change for change in changes if "; and " not in change.what]
    return DesignAnswer(
        request=request,
        verdict=verdict,
        sentence=verdict_sentence(request, plan, verdict, reasons, changes),
        reasons=reasons,
        changes=changes,
        best_change=single[0].sentence if single else "",
        way_out=way_out(request, plan, extra=guarded.extra) if verdict == "not feasible" else "",
        holdout_share=plan.share,
        n=plan.n,
        needed=plan.needed,
        arms=_arms(request, plan),
        mde=plan.mde,
        mde_unequal=plan.mde_unequal,
        power=plan.power,
        balance=_balance(plan),
        enrolment_weeks=plan.weeks,
        days=plan.days,
        answer_on=None if request.starts is None else request.starts + timedelta(days=plan.days),
        dilution=dilution(request),
        guarded=guarded,
        by_share=_by_share(request, plan, guarded, history, seed),
        by_weeks=_by_weeks(request, plan, guarded.extra),
        money=money_of_plan(request, plan),
        conflicts=conflicts_of_plan(request, plan),
        guardrails=guardrails_of_plan(request, plan),
        notes=_notes(request, guarded),
        method_version=METHOD_VERSION,
    )


def _verdict(reasons: tuple[str, ...], a_change_is_enough: bool) -> Verdict:  # noqa: FBT001 - two facts, one verdict
    if not reasons:
        return "feasible"
    return "feasible with changes" if a_change_is_enough else "not feasible"


def _arms(request: DesignRequest, plan: Plan) -> tuple[PlannedArm, ...]:
    k = request.treatment_arms
    each = (1 - plan.share) / k
    names = ["treatment"] if k == 1 else [f"treatment {i + 1}" for i in range(k)]
    control = PlannedArm(name="control", n=plan.n_control, share=plan.share)
    left = plan.n - plan.n_control - k * plan.n_treatment
    sizes = [plan.n_treatment + (place < left) for place in range(k)]
    return (control, *(PlannedArm(name=name, n=n, share=each) for name, n in zip(names, sizes, strict=True)))


def _balance(plan: Plan) -> float | None:
    if min(plan.n_control, plan.n_treatment) == 0:
        return None
    return 1.959964 * math.sqrt(1 / plan.n_control + 1 / plan.n_treatment)


def _point(request: DesignRequest, share: float, weeks: int, n: int, extra: float) -> CurvePoint:
    return CurvePoint(
        share=share,
        weeks=weeks,
        n=n,
        n_control=arm_sizes(request, n, share)[0],
        mde=detectable(request, n, share, extra=extra),
        power=power_at(request, n, share, extra=extra),
    )


def _by_share(
    request: DesignRequest, plan: Plan, guarded: GuardedPower, history: MetricHistory | None, seed: int
) -> tuple[CurvePoint, ...]:
    shares = sorted({*_SHARES, round(plan.share, 6)})
    points = [_point(request, share, plan.weeks, plan.n, guarded.extra) for share in shares]
    return tuple(counted_curve(request, points, history, seed=seed))


def _by_weeks(request: DesignRequest, plan: Plan, extra: float) -> tuple[CurvePoint, ...]:
    if not request.arrivals_per_week:
        return ()
    weeks = sorted({*_WEEKS, plan.weeks})
    return tuple(_point(request, plan.share, w, eligible_units(request, w), extra) for w in weeks)


def _notes(request: DesignRequest, guarded: GuardedPower) -> tuple[str, ...]:
    said = [f"The baseline is {request.baseline.source}."]
    if request.looked_up is not None:
        said.append(f"Looked up ({request.looked_up.what}): {request.looked_up.sentence}")
    if request.baseline.units_per_cluster > 1:
        said.append(
            f"Whole accounts are randomised, about {request.baseline.units_per_cluster:.3g} {request.unit}s each; "
            f"that makes the variance {request.baseline.design_effect:.3g} times as large."
        )
        if guarded.power is None:
            said.append(
                "Power is by formula; hand in a history, so that unequal accounts and skewed totals enter it and power "
                "is counted too."
            )
    if request.treatment_arms > 1:
        said.append(f"Each of {request.treatment_arms} comparisons is planned at Holm's strictest step.")
    if price := monitoring_price(request):
        said.append(price)
    if request.r_squared:
        said.append(f"Adjustment is expected to explain {percent(request.r_squared)} of the variance.")
    if request.contamination:
        said.append(f"Contamination leaves {percent(dilution(request))} of the effect; sizes allow for that.")
    if guarded.extra > 1:
        said.append(f"Units are raised by {percent(guarded.extra - 1)} because the formula promised too much.")
    if request.global_holdout:
        said.append(f"{percent(request.global_holdout)} of {request.unit}s are in the global holdout and not counted.")
    return tuple(said)


def _check_history(request: DesignRequest, history: MetricHistory | None) -> None:
    from incrementality.design.history import baseline_of_history

    if history is None:
        return
    if baseline_of_history(history).fingerprint != request.baseline.fingerprint:
        raise InputError(
            "the history is not the one that the request's baseline was taken from",
            hint="set baseline=baseline_of_history(history) in the request",
        )
