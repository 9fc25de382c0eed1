"""Time to an event with units still under watch: Kaplan-Meier, restricted mean time, log-rank.

Units enter at different times, so some have been watched for less than the horizon. They count for as long as they
were watched; dropping them, or taking them as without event, would favour the arm that was watched for less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.comparison import Comparison, MeanEstimate, compare_means
from incrementality.stats.distributions import chi_square_pvalue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

__all__ = [
    "LogRank",
    "SurvivalCurve",
    "compare_restricted_means",
    "kaplan_meier",
    "log_rank",
    "restricted_mean",
    "survival_at",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalCurve:
    """The share of an arm that is without event, by time since entry.

    Attributes:
        times: The distinct times of events, rising, shape (J,).
        at_risk: Units still watched and without event just before each, shape (J,).
        events: Events at each, shape (J,).
        survival: Kaplan-Meier's share without event from each time on, shape (J,).
        standard_errors: Greenwood's standard errors of ``survival``, shape (J,); zero where nobody is left.
        n: Units.
        followed: The longest time for which a unit was watched.
    """

    times: FloatArray
    at_risk: FloatArray
    events: FloatArray
    survival: FloatArray
    standard_errors: FloatArray
    n: int
    followed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRank:
    """Whether the arms' hazards are the same.

    Attributes:
        statistic: Chi-square.
        df: Arms less one.
        pvalue: Probability of a statistic at least this large if all hazards were the same.
        observed: Events in each arm.
        expected: Events expected in each arm if all hazards were the same.
    """

    statistic: float
    df: int
    pvalue: float
    observed: tuple[float, ...]
    expected: tuple[float, ...]


def kaplan_meier(durations: ArrayLike, events: ArrayLike) -> SurvivalCurve:
    """Return Kaplan and Meier's curve of one arm, with Greenwood's standard errors.

    A unit whose watch ends at the time of an event counts as at risk there. Why a watch ended must not depend on what
    would have come: a data cut is harmless, a unit that unsubscribed is not.

    Args:
        durations: Time from entry to event or end of the watch, whichever came first, zero or more, shape (n,).
        events: True or 1 where the event came, shape (n,).

    Raises:
        InputError: There are no units, lengths differ, a duration is negative or missing, or an event is not 0 or 1.

    References:
        Kaplan and Meier (1958), https://doi.org/10.1080/01621459.1958.10501452;
        Greenwood (1926), The natural duration of cancer, Reports on Public Health and Medical Subjects 33

    Examples:
        >>> curve = kaplan_meier([2, 3, 3, 5, 8], [1, 1, 0, 1, 0])
        >>> curve.times.tolist(), curve.survival.round(3).tolist()
        ([2.0, 3.0, 5.0], [0.8, 0.6, 0.3])
    """
    time, event = _checked(durations, events)
    times, at_risk, counts = _risk_table(time, event)
    survival: FloatArray = np.cumprod(1 - counts / at_risk, dtype=np.float64)
    left = at_risk > counts
    terms = np.divide(counts, at_risk * (at_risk - counts), out=np.zeros(len(times)), where=left)
    return SurvivalCurve(
        times=times,
        at_risk=at_risk,
        events=counts,
        survival=survival,
        standard_errors=survival * np.sqrt(np.cumsum(terms)),
        n=len(time),
        followed=float(time.max()),
    )


def _risk_table(time: FloatArray, event: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the distinct times of events, units at risk just before each, and events at each."""
    order = np.sort(time)
    times, counts = np.unique(time[event], return_counts=True)
    at_risk = len(order) - np.searchsorted(order, times, side="left")
    return times, at_risk.astype(float), counts.astype(float)


def survival_at(curve: SurvivalCurve, time: float) -> MeanEstimate:
    """Return the share without event at a time, e.g. retention after 90 days, with Greenwood's variance.

    Args:
        curve: Of one arm.
        time: Time since entry, within the follow-up.

    Raises:
        InputError: ``time`` is negative or beyond the longest watch.

    Examples:
        >>> round(survival_at(kaplan_meier([2, 3, 3, 5, 8], [1, 1, 0, 1, 0]), 4).value, 3)
        0.6
    """
    _check_horizon(curve, time)
    place = int(np.searchsorted(curve.times, time, side="right")) - 1
    value = float(curve.survival[place]) if place >= 0 else 1.0
    error = float(curve.standard_errors[place]) if place >= 0 else 0.0
    return MeanEstimate(value=value, variance=error**2, df=math.inf)


def restricted_mean(curve: SurvivalCurve, horizon: float) -> MeanEstimate:
    """Return the mean time without event up to a horizon: the area under the curve.

    It needs no model and no proportional hazards, and is in days: of the first 90, how many the unit was retained.

    Args:
        curve: Of one arm.
        horizon: Time at which the mean is cut, fixed in the design, above 0 and within the follow-up (of an arm whose
            last unit had the event, anywhere).

    Returns:
        The restricted mean with Greenwood's plug-in variance, infinite degrees of freedom.

    Raises:
        InputError: The horizon is not above 0 or beyond the longest watch.

    References:
        Royston and Parmar (2013), Restricted mean survival time, https://doi.org/10.1186/1471-2288-13-152;
        Uno et al. (2014), https://doi.org/10.1200/JCO.2014.55.2208

    Examples:
        >>> mean = restricted_mean(kaplan_meier([2, 3, 3, 5, 8], [1, 1, 0, 1, 0]), 6)
        >>> round(mean.value, 3), round(mean.variance, 3)
        (4.3, 0.497)
    """
    _check_horizon(curve, horizon)
    if not horizon:
        raise InputError("the horizon is 0; it must be above 0", hint="give the time at which the mean is cut")
    inside = curve.times < horizon
    steps = np.append(curve.times[inside], horizon)
    level = np.append(1.0, curve.survival[inside])
    areas = level * np.diff(steps, prepend=0.0)
    beyond = areas[::-1].cumsum()[::-1][1:]
    at_risk, events = curve.at_risk[inside], curve.events[inside]
    left = at_risk > events
    terms = np.divide(events, at_risk * (at_risk - events), out=np.zeros(len(events)), where=left)
    return MeanEstimate(value=float(areas.sum()), variance=float(beyond**2 @ terms), df=math.inf)


def compare_restricted_means(
    treatment: SurvivalCurve, control: SurvivalCurve, horizon: float, *, alpha: float = 0.05
) -> Comparison:
    """Compare two arms' mean time without event up to a horizon, absolute and relative.

    Args:
        treatment: The treatment arm's curve.
        control: The control's curve.
        horizon: Time at which the means are cut, fixed in the design, within the follow-up of both arms.
        alpha: Error rate of the intervals.

    Raises:
        InputError: The horizon is beyond the longest watch of an arm.

    References:
        Royston and Parmar (2013), Restricted mean survival time, https://doi.org/10.1186/1471-2288-13-152

    Examples:
        >>> sent = kaplan_meier([5, 6, 8, 9, 9, 9], [1, 1, 1, 0, 0, 0])
        >>> held = kaplan_meier([1, 2, 4, 7, 9, 9], [1, 1, 1, 1, 0, 0])
        >>> answer = compare_restricted_means(sent, held, 9)
        >>> round(answer.effect, 2), round(answer.pvalue, 3)
        (2.33, 0.11)
    """
    return compare_means(restricted_mean(treatment, horizon), restricted_mean(control, horizon), alpha=alpha)


def log_rank(durations: ArrayLike, events: ArrayLike, arms: Sequence[str] | NDArray[np.generic]) -> LogRank:
    """Test whether all arms have the same hazard at every time.

    A line of its own beside the restricted mean: it has most power where hazards are proportional, says nothing of
    size, and may answer differently where curves cross.

    Args:
        durations: Time from entry to event or end of the watch, shape (n,).
        events: True or 1 where the event came, shape (n,).
        arms: The arm of each unit, shape (n,); two arms or more.

    Raises:
        InputError: As for ``kaplan_meier``; fewer than two arms; or no event while two arms are watched.

    References:
        Mantel (1966), Evaluation of survival data and two new rank order statistics arising in its consideration,
        Cancer Chemotherapy Reports 50, 163-170;
        Peto and Peto (1972), https://doi.org/10.2307/2344317

    Examples:
        >>> answer = log_rank([5, 6, 8, 9, 9, 9, 1, 2, 4, 7, 9, 9], [1, 1, 1, 0, 0, 0] + [1, 1, 1, 1, 0, 0],
        ...     ["sent"] * 6 + ["held"] * 6)
        >>> round(answer.statistic, 3), round(answer.pvalue, 3)
        (0.831, 0.362)
    """
    time, event = _checked(durations, events)
    labels, code = np.unique(np.asarray(arms), return_inverse=True)
    if len(code) != len(time) or len(labels) < 2:  # noqa: PLR2004 -- a test needs two arms
        raise InputError(
            f"{len(code)} arm labels with {len(labels)} distinct for {len(time)} units; needed: one each, two or more",
            hint="give the arm of each unit",
        )
    times, at_risk, counts = _risk_table(time, event)
    per_arm = [_arm_table(time[code == arm], event[code == arm], times) for arm in range(len(labels))]
    risk, found = (np.array([part[k] for part in per_arm]) for k in (0, 1))
    share = risk / at_risk
    hazard = np.divide(counts * (at_risk - counts), at_risk - 1, out=np.zeros(len(times)), where=at_risk > 1)
    covariance = np.diag((share * hazard).sum(1)) - (share * hazard) @ share.T
    observed, expected = found.sum(1), (share * counts).sum(1)
    statistic = _quadratic_form((observed - expected)[1:], covariance[1:, 1:])
    return LogRank(
        statistic=statistic,
        df=len(labels) - 1,
        pvalue=chi_square_pvalue(statistic, len(labels) - 1),
        observed=tuple(observed.tolist()),
        expected=tuple(expected.tolist()),
    )


def _arm_table(time: FloatArray, event: NDArray[np.bool_], times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return one arm's units at risk and events at the times of all arms' events."""
    at_risk = len(time) - np.searchsorted(np.sort(time), times, side="left")
    counts = np.bincount(np.searchsorted(times, time[event]), minlength=len(times))
    return at_risk.astype(float), counts.astype(float)


def _quadratic_form(distance: FloatArray, covariance: FloatArray) -> float:
    if not np.linalg.matrix_rank(covariance) == len(distance):
        raise InputError(
            "no event came while two arms were watched, so their hazards cannot be compared",
            hint="wait for events, or leave out arms without units at risk",
        )
    return float(distance @ np.linalg.solve(covariance, distance))


def _checked(durations: ArrayLike, events: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
    time, event = np.asarray(durations, dtype=float), np.asarray(events, dtype=float)
    if time.ndim != 1 or time.shape != event.shape or not len(time):
        raise InputError(
            f"{time.size} durations and {event.size} events; needed: one of each for each unit",
            hint="give a duration and whether the event came for each unit",
        )
    bad = int((~(time >= 0) | np.isinf(time)).sum()), int(((event != 0) & (event != 1)).sum())
    if any(bad):
        raise InputError(
            f"{bad[0]} durations are negative, missing or infinite and {bad[1]} events are neither 0 nor 1",
            hint="a unit without event has the length of its watch as its duration",
        )
    return time, event == 1


def _check_horizon(curve: SurvivalCurve, horizon: float) -> None:
    """Refuse a horizon beyond the follow-up, unless every unit has had its event: nothing is left to be seen."""
    ended = len(curve.survival) > 0 and curve.survival[-1] == 0
    if not 0 <= horizon < math.inf or (horizon > curve.followed and not ended):
        raise InputError(
            f"the horizon is {horizon}; units of this arm were watched for {curve.followed:g} at the longest",
            hint=f"wait, or state a horizon of at most {curve.followed:g}",
        )
