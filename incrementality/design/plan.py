"""The numbers of one design: units by week and arm, power, what can be seen, how long it takes. No words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from incrementality.design.monitoring import monitoring_of, units_for_monitoring
from incrementality.errors import InputError
from incrementality.stats import (
    Outcome,
    SmallHoldout,
    comparison_alpha,
    minimal_detectable_effect,
    outcome_of_mean,
    outcome_of_rate,
    power_of_effect,
    sample_size,
    small_holdout_guard,
)

if TYPE_CHECKING:
    from incrementality.design.request import DesignRequest
    from incrementality.stats.power import Variance

__all__ = [
    "FEWEST_CLUSTERS",
    "Plan",
    "arm_sizes",
    "detectable",
    "dilution",
    "eligible_units",
    "free_traffic",
    "guard_of",
    "make_plan",
    "needed_units",
    "outcome_of_request",
    "power_at",
    "weeks_available",
]

FEWEST_CLUSTERS = 8
_DAYS = 7
_SHARES = tuple(i / 200 for i in range(1, 101))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One design in numbers.

    Attributes:
        share: Share held back.
        weeks: Weeks of enrolment; 0 where those eligible now are enough.
        weeks_available: Most weeks of enrolment that the request allows; below 0 where not even the window fits.
        n: Units enrolled.
        n_control: Units held back.
        n_treatment: Units in each treatment arm.
        needed: Units that the smallest effect that matters needs at this share.
        mde: Smallest relative effect seen with the wanted power; ``None`` where no possible effect is.
        mde_unequal: The same with each arm's own variance.
        power: Power for the smallest effect that matters.
        days: Days from the first assignment to the answer.
    """

    share: float
    weeks: int
    weeks_available: int
    n: int
    n_control: int
    n_treatment: int
    needed: int
    mde: float | None
    mde_unequal: float | None
    power: float
    days: int


def make_plan(request: DesignRequest, *, extra: float = 1.0) -> Plan:
    """Return the plan that a request leads to: as many weeks as it needs, at most as many as it has.

    Args:
        request: The request.
        extra: Factor on the units, above 1 where simulation shows that the formula promises too much.
    """
    share = _chosen_share(request, extra)
    needed, available = needed_units(request, share, extra=extra), weeks_available(request)
    weeks = min(_weeks_for(request, needed), max(available, 0))
    n = eligible_units(request, weeks)
    n_control, n_treatment = arm_sizes(request, n, share)
    return Plan(
        share=share,
        weeks=weeks,
        weeks_available=available,
        n=n,
        n_control=n_control,
        n_treatment=n_treatment,
        needed=needed,
        mde=detectable(request, n, share, extra=extra),
        mde_unequal=detectable(request, n, share, extra=extra, variance="unequal"),
        power=power_at(request, n, share, extra=extra),
        days=weeks * _DAYS + request.window_days + request.maturity_lag_days,
    )


def outcome_of_request(request: DesignRequest) -> Outcome:
    """Return the primary metric as power sees it."""
    base = request.baseline
    plain = outcome_of_rate(base.mean) if request.kind == "conversion" else outcome_of_mean(base.mean, base.sd or 0.0)
    return replace(
        plain,
        design_effect=base.design_effect,
        units_per_cluster=base.units_per_cluster,
        r_squared=request.r_squared,
        df_per_cluster=base.df_per_cluster,
        df_lost=base.df_lost,
        effective_share=base.effective_share,
        skewness=base.skewness or 0.0,
        kurtosis=base.kurtosis or 0.0,
    )


def _variance(request: DesignRequest) -> Variance:
    """Whole clusters: each arm's own, which is what counting finds; single units: that without treatment."""
    return "unequal" if request.baseline.units_per_cluster > 1 else "null"


def free_traffic(request: DesignRequest) -> float:
    """Return the share of the layer that is left, at most what is asked for."""
    taken = sum(live.traffic for live in request.live if live.layer and live.layer == request.layer)
    return max(0.0, min(request.traffic, 1 - taken))


def eligible_units(request: DesignRequest, weeks: int) -> int:
    """Return the units that can be enrolled by the end of a week; those of the global holdout are not among them."""
    everybody = request.population + request.arrivals_per_week * weeks
    return math.floor(everybody * free_traffic(request) * (1 - request.global_holdout) + 1e-9)


def weeks_available(request: DesignRequest) -> int:
    """Return the weeks of enrolment that are left when the window and the maturity lag have to end in time."""
    if request.starts is None or request.answer_by is None:
        return request.longest_weeks
    days = (request.answer_by - request.starts).days - request.window_days - request.maturity_lag_days
    return days // _DAYS


def arm_sizes(request: DesignRequest, n: int, share: float) -> tuple[int, int]:
    """Return the expected units of the control and of each treatment arm."""
    n_control = round(n * share)
    return n_control, (n - n_control) // request.treatment_arms


def dilution(request: DesignRequest) -> float:
    """Return the share of the effect that is left once some of each arm get what the other should."""
    return 1 - sum(route.share for route in request.contamination)


def needed_units(request: DesignRequest, share: float, *, extra: float = 1.0) -> int:
    """Return the units in all arms that the smallest effect that matters needs."""
    found = sample_size(
        outcome_of_request(request),
        _signed(request, request.smallest_effect),
        control_share=share,
        treatment_arms=request.treatment_arms,
        alpha=_alpha(request),
        power=request.power,
        variance=_variance(request),
    )
    return math.ceil(found.n * _inflation(request) * extra)


def detectable(
    request: DesignRequest, n: int, share: float, *, extra: float = 1.0, variance: Variance | None = None
) -> float | None:
    """Return the smallest relative effect that is seen with the wanted power, ``None`` where no possible effect is."""
    n_control, n_treatment = _effective_arms(request, n, share, extra)
    try:
        found = minimal_detectable_effect(
            outcome_of_request(request),
            n_control=n_control,
            n_treatment=n_treatment,
            alpha=_alpha(request),
            power=request.power,
            variance=variance or _variance(request),
            direction=request.direction,
        )
    except InputError:  # fewer than two units in an arm
        return None
    return None if found is None else found / request.baseline.mean / dilution(request)


def power_at(request: DesignRequest, n: int, share: float, *, extra: float = 1.0) -> float:
    """Return the power for the smallest effect that matters; 0 where an arm has fewer than two units."""
    n_control, n_treatment = _effective_arms(request, n, share, extra)
    try:
        return power_of_effect(
            outcome_of_request(request),
            _signed(request, request.smallest_effect),
            n_control=n_control,
            n_treatment=n_treatment,
            alpha=_alpha(request),
            variance=_variance(request),
        )
    except InputError:
        return 0.0


def guard_of(request: DesignRequest, n_control: int, n_treatment: int) -> SmallHoldout | None:
    """Return whether the small-holdout rule fires.

    ``None`` for conversions, for whole clusters (read by CR2), and where the history says too little.
    """
    base = request.baseline
    smaller = min(n_control, n_treatment)
    known = base.payer_share is not None and base.skewness is not None
    if request.kind == "conversion" or base.units_per_cluster > 1 or not known or smaller == 0:
        return None
    return small_holdout_guard(
        n_smaller=smaller,
        share_smaller=smaller / (n_control + n_treatment),
        payer_share=base.payer_share or 0.0,
        skewness=base.skewness or 0.0,
    )


def _chosen_share(request: DesignRequest, extra: float) -> float:
    """Return the share asked for, or the smallest that reaches the power, half where none does."""
    if request.holdout_share != "auto":
        return float(request.holdout_share)
    n = eligible_units(request, max(weeks_available(request), 0) if request.arrivals_per_week else 0)
    enough = (share for share in _SHARES if power_at(request, n, share, extra=extra) >= request.power)
    return next(enough, 1 / (1 + math.sqrt(request.treatment_arms)))


def _weeks_for(request: DesignRequest, needed: int) -> int:
    a_week = request.arrivals_per_week * free_traffic(request) * (1 - request.global_holdout)
    missing = needed - eligible_units(request, 0)
    if missing <= 0 or a_week <= 0:
        return 0
    return math.ceil(missing / a_week - 1e-9)


def _effective_arms(request: DesignRequest, n: int, share: float, extra: float) -> tuple[float, float]:
    """Return the units of control and treatment arm that are left for one look by the formula."""
    n_control, n_treatment = arm_sizes(request, n, share)
    factor = _inflation(request) * extra
    return n_control / factor, n_treatment / factor


def _signed(request: DesignRequest, relative: float) -> float:
    size = relative * dilution(request) * request.baseline.mean
    return size if request.direction == "increase" else -size


def _alpha(request: DesignRequest) -> float:
    return comparison_alpha(request.alpha, request.treatment_arms)


def _inflation(request: DesignRequest) -> float:
    return units_for_monitoring(monitoring_of(request), _alpha(request), request.power)
