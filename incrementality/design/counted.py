"""Power counted on the metric's own history, with the small-holdout rule where it fires."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.design.parts import CurvePoint, GuardedPower
from incrementality.design.plan import arm_sizes, dilution, guard_of
from incrementality.design.wording import percent
from incrementality.errors import InputError
from incrementality.stats import SimulatedPower, comparison_alpha, normal_quantile, simulate_power

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from incrementality.design.history import MetricHistory
    from incrementality.design.plan import Plan
    from incrementality.design.request import DesignRequest
    from incrementality.stats import SmallHoldout

__all__ = ["count_power", "counted_curve"]

_MOST_VALUES = 2_000_000  # drawn for one number; more would take longer than a page may
_MOST_GUARDED_VALUES = 30_000_000
_FEWEST_REPLICATIONS = 100
_GUARDED_REPLICATIONS = 4000  # what the guard's critical values take
_LARGEST_EXTRA = 10.0
_SUMS_A_CLUSTER = 3.0
_WORTH_SAYING = 0.005  # share of refused experiments


def count_power(request: DesignRequest, plan: Plan, history: MetricHistory | None, *, seed: int) -> GuardedPower:
    """Return the power counted on the history, and the factor by which units have to rise if it falls short."""
    guard = guard_of(request, plan.n_control, plan.n_treatment)
    fires = None if guard is None else guard.fires
    counted = _counted(
        request, plan.n, plan.share, history, seed=seed, guarded=bool(fires), replications=1000, effort=5
    )
    return GuardedPower(
        fires=fires,
        reasons=() if guard is None else guard.reasons,
        power=None if counted is None else counted.power,
        standard_error=None if counted is None else counted.standard_error,
        replications=counted.replications if counted else 0,
        extra=1.0 if counted is None else _extra(request, plan.power, counted),
        sentence=_sentence(request, guard, plan.power, counted, given=history is not None),
    )


def counted_curve(
    request: DesignRequest, points: Iterable[CurvePoint], history: MetricHistory | None, *, seed: int
) -> Iterator[CurvePoint]:
    """Yield the points with the power counted on the history, each by the test that its arms would get."""
    for point in points:
        guard = guard_of(request, *arm_sizes(request, point.n, point.share))
        guarded = guard is not None and guard.fires
        counted = _counted(
            request, point.n, point.share, history, seed=seed, guarded=guarded, replications=100, effort=1
        )
        yield replace(point, simulated_power=None if counted is None else counted.power)


def _counted(
    request: DesignRequest,
    n: int,
    share: float,
    history: MetricHistory | None,
    *,
    seed: int,
    guarded: bool,
    replications: int,
    effort: int,
) -> SimulatedPower | None:
    n_control, n_treatment = arm_sizes(request, n, share)
    draws = _values_drawn(request, n_control + n_treatment)
    fewest = _GUARDED_REPLICATIONS if guarded else _FEWEST_REPLICATIONS
    if history is None or draws * fewest > effort * (_MOST_GUARDED_VALUES if guarded else _MOST_VALUES):
        return None
    sign = 1 if request.direction == "increase" else -1
    try:
        return simulate_power(
            history.values,
            relative_effect=sign * request.smallest_effect * dilution(request),
            n_control=n_control,
            n_treatment=n_treatment,
            seed=seed,
            denominator=history.denominator,
            clusters=history.clusters,
            alpha=comparison_alpha(request.alpha, request.treatment_arms),
            replications=min(replications, max(_FEWEST_REPLICATIONS, int(effort * _MOST_VALUES // max(draws, 1.0)))),
            guarded=guarded,
        )
    except InputError:  # an arm of fewer than two units has no power to count
        return None


def _values_drawn(request: DesignRequest, n: int) -> float:
    """Return the values that one simulated experiment draws: clusters' sums, or the units with a value."""
    if request.baseline.units_per_cluster > 1:
        return _SUMS_A_CLUSTER * n / request.baseline.units_per_cluster
    if request.kind == "conversion":
        return 2.0
    sparse = request.kind != "ratio" and request.baseline.payer_share is not None
    return n * (request.baseline.payer_share or 1.0) if sparse else float(n)


def _extra(request: DesignRequest, formula: float, counted: SimulatedPower) -> float:
    """Return by how much units have to rise so that the counted power is what the formula promised."""
    short = counted.power + 2 * counted.standard_error < min(formula, request.power)
    if not short or formula <= request.alpha:
        return 1.0
    critical = normal_quantile(1 - request.alpha / 2)
    reached = critical + normal_quantile(max(counted.power, 0.5 * request.alpha))
    wanted = critical + normal_quantile(min(formula, 0.999))
    return min(_LARGEST_EXTRA, (wanted / reached) ** 2) if reached > 0 else _LARGEST_EXTRA


def _sentence(
    request: DesignRequest, guard: SmallHoldout | None, formula: float, counted: SimulatedPower | None, *, given: bool
) -> str:
    clustered = request.baseline.units_per_cluster > 1
    if clustered:
        said = "The rule is for single units; whole accounts are read by CR2 with Satterthwaite's degrees of freedom."
    elif request.kind == "conversion":
        said = "The rule is for heavy values; conversions are read by the score test."
    elif guard is None:
        said = "The request does not say how many pay and how skewed values are, so it is not known whether it fires."
    elif guard.fires:
        said = f"It fires: {'; '.join(guard.reasons)}. The readout will use the studentised permutation test."
    else:
        said = "It does not fire: the usual t test is to be trusted here."
    if counted is not None and math.isfinite(counted.power):
        test = "with that test " if counted.guarded else ""
        said += f" Counted on the history {test}power is {percent(counted.power)}; the formula says {percent(formula)}."
        if counted.refused >= _WORTH_SAYING:
            said += (
                f" In {percent(counted.refused)} of experiments the accounts drawn are too few or too unequal to read."
            )
        return said
    if given:
        return f"{said} The arms are too small or too large to count power on the history."
    needed = clustered or (request.kind != "conversion" and (guard is None or guard.fires))
    return f"{said} Give the history, so that power can be counted." if needed else said
