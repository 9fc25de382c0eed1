"""Looking several times at a test that may stop: bounds that spend the error rate as information comes in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.boundary_crossing import Crossing, Walk, check_times, crossing_probabilities
from incrementality.stats.comparison import Interval
from incrementality.stats.distributions import normal_quantile
from incrementality.stats.roots import increasing_root, reaching_root
from incrementality.stats.spending import Spending

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "GroupSequentialBounds",
    "bound_reached",
    "drift_for_power",
    "expected_information",
    "group_sequential_bounds",
    "information_inflation",
    "repeated_interval",
    "stopping_probabilities",
]

_NOTHING = 1e-18  # an error rate that no look can spend
_FARTHEST = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSequentialBounds:
    """How strong the evidence has to be at each look.

    Attributes:
        times: Information at each look as a share of the plan.
        critical: What ``|z|`` (``z``, one-sided) has to reach at each look; infinite where nothing can be spent yet.
        spent: Error rate spent up to each look, over both sides where there are two.
        alpha: Error rate over all looks.
        sides: 2 for effects in either direction, 1 for positive ones only.
    """

    times: tuple[float, ...]
    critical: tuple[float, ...]
    spent: tuple[float, ...]
    alpha: float
    sides: Literal[1, 2]

    @property
    def lower(self) -> tuple[float, ...]:
        """Lower bound of ``z`` at each look: minus ``critical``, or minus infinity for a one-sided test."""
        return tuple(-c if self.sides == 2 else -math.inf for c in self.critical)  # noqa: PLR2004 -- both sides


def group_sequential_bounds(
    times: Sequence[float],
    *,
    spending: Spending | None = None,
    alpha: float = 0.05,
    sides: Literal[1, 2] = 2,
    last: bool = False,
) -> GroupSequentialBounds:
    """Return the bounds of the looks so far, from the information that they really had.

    Bounds of earlier looks do not depend on later ones, so the same call with one more time goes on from look to
    look. Each look spends what the spending function allows by then; looks that were not planned are allowed as long
    as their times were not chosen after seeing the effect.

    Args:
        times: Information at each look so far as a share of the plan (units or accounts for a mean; in general one
            over the squared standard error). Above 1 the plan was overrun: everything is spent there.
        spending: The design's spending function; default: O'Brien and Fleming's.
        alpha: Error rate over all looks.
        sides: 2 for effects in either direction, half of ``alpha`` each; 1 for positive effects only.
        last: The test ends at the last time given, before its plan is full: what is left of ``alpha`` is spent there.

    Raises:
        InputError: The times do not rise, ``alpha`` is outside its range, or looks follow one that spent everything.

    References:
        Lan and DeMets (1983), Discrete sequential boundaries for clinical trials,
        https://doi.org/10.1093/biomet/70.3.659

    Examples:
        >>> bounds = group_sequential_bounds([0.2, 0.4, 0.6, 0.8, 1.0])
        >>> [round(c, 2) for c in bounds.critical]
        [4.88, 3.36, 2.68, 2.29, 2.03]
        >>> bounds = group_sequential_bounds([0.3, 0.85], spending=Spending(kind="pocock"))
        >>> [round(c, 2) for c in bounds.critical]
        [2.31, 2.18]
    """
    check_times(times)
    rule = spending or Spending()
    spent = [rule.spent(time, alpha=alpha / sides) for time in times]
    if last:
        spent[-1] = alpha / sides
    if any(time >= 1 for time in times[:-1]):
        raise InputError(
            f"the information at the looks is {list(times)}: a look follows one that spent everything",
            hint="end the test at the look that reaches the planned information",
        )
    critical = _critical_values(times, np.diff(spent, prepend=0.0).tolist(), two_sided=sides > 1)
    return GroupSequentialBounds(
        times=tuple(times),
        critical=critical,
        spent=tuple(sides * share for share in spent),
        alpha=alpha,
        sides=sides,
    )


def _critical_values(times: Sequence[float], steps: Sequence[float], *, two_sided: bool) -> tuple[float, ...]:
    walk, critical = Walk.start(), []
    for k, (time, step) in enumerate(zip(times, steps, strict=True)):
        critical.append(bound_reached(walk, time, step))
        if k + 1 < len(times):
            lower = -critical[-1] if two_sided else -math.inf
            walk = walk.step(time, lower, critical[-1], following=times[k + 1])
    return tuple(critical)


def bound_reached(walk: Walk, time: float, step: float) -> float:
    """Return the bound that the motion exceeds at a time with a probability, such as what a look may spend.

    Examples:
        >>> round(bound_reached(Walk.start(), 1.0, 0.025), 3)
        1.96
    """
    if step < _NOTHING:
        return math.inf
    if walk.time == 0:
        return -normal_quantile(step)
    return increasing_root(lambda bound: step - walk.beyond(time, bound), -_FARTHEST, _FARTHEST)


def repeated_interval(effect: float, standard_error: float, bounds: GroupSequentialBounds) -> Interval:
    """Return the repeated confidence interval at the last look of the bounds.

    All the intervals of all looks hold the effect at once with probability ``1 - alpha``, whether the test stops by
    its bounds or not. This is the interval for a running test; after stopping, ``after_stopping`` is shorter.

    Args:
        effect: Estimate at this look, in the metric's unit.
        standard_error: Its standard error, in the metric's unit.
        bounds: The bounds up to this look.

    References:
        Jennison and Turnbull (1989), Interim analyses: the repeated confidence interval approach,
        https://doi.org/10.1111/j.2517-6161.1989.tb01433.x

    Examples:
        >>> interval = repeated_interval(1.0, 0.3, group_sequential_bounds([0.5]))
        >>> round(interval.lower, 3), round(interval.upper, 3)
        (0.111, 1.889)
    """
    if not 0 < standard_error < math.inf:
        raise InputError(
            f"the standard error is {standard_error}; it must be above 0 and finite",
            hint="give each arm at least two units whose values differ",
        )
    margin = bounds.critical[-1] * standard_error
    return Interval(lower=effect - margin, upper=math.inf if bounds.sides == 1 else effect + margin)


def stopping_probabilities(bounds: GroupSequentialBounds, drift: float) -> Crossing:
    """Return the probability of stopping at each look, above and below, for a true effect.

    Args:
        bounds: The bounds of all looks of a plan.
        drift: The true effect in standard errors of the full plan (information 1).

    Examples:
        >>> crossing = stopping_probabilities(group_sequential_bounds([0.5, 1.0]), drift=2.8)
        >>> crossing.upper.round(3).tolist()
        [0.163, 0.635]
    """
    return crossing_probabilities(bounds.times, bounds.critical, bounds.lower, drift=drift)


def drift_for_power(bounds: GroupSequentialBounds, power: float = 0.8) -> float:
    """Return the true effect, in standard errors of the full plan, for which the test stops with the wanted power.

    Args:
        bounds: The bounds of all looks of a plan.
        power: Probability of crossing a bound at any look, above ``alpha`` and below 1.

    Raises:
        InputError: ``power`` is not between ``alpha`` and 1.

    Examples:
        >>> round(drift_for_power(group_sequential_bounds([1.0])), 3)
        2.802
    """
    if not bounds.alpha < power < 1:
        raise InputError(
            f"the power is {power}; allowed: above alpha ({bounds.alpha}) and below 1", hint="0.8 is usual"
        )

    def short_of(drift: float) -> float:
        found = stopping_probabilities(bounds, drift)
        return float(found.upper.sum() + found.lower.sum()) - power

    unit = 1 / math.sqrt(bounds.times[-1])
    single = (normal_quantile(1 - bounds.alpha / bounds.sides) + normal_quantile(power)) * unit
    return reaching_root(short_of, max(single, 0.0), 0.1 * unit)


def information_inflation(bounds: GroupSequentialBounds, power: float = 0.8) -> float:
    """Return by how much the looks raise the information (units) that one look at the end would need.

    Args:
        bounds: The bounds of all looks of a plan.
        power: Probability of crossing a bound at any look.

    Raises:
        InputError: ``power`` is not between ``alpha`` and 1.

    References:
        Jennison and Turnbull (2000), Group Sequential Methods with Applications to Clinical Trials, section 2.3,
        https://doi.org/10.1201/9780367805326

    Examples:
        >>> looks = [0.2, 0.4, 0.6, 0.8, 1.0]
        >>> kinds = ("obrien_fleming", "pocock")
        >>> plans = [group_sequential_bounds(looks, spending=Spending(kind=kind)) for kind in kinds]
        >>> [round(information_inflation(plan), 3) for plan in plans]
        [1.025, 1.212]
    """
    one = group_sequential_bounds([1.0], alpha=bounds.alpha, sides=bounds.sides)
    several = drift_for_power(bounds, power) * math.sqrt(bounds.times[-1])
    return (several / drift_for_power(one, power)) ** 2


def expected_information(bounds: GroupSequentialBounds, drift: float) -> float:
    """Return the mean information at which the test ends for a true effect, as a share of the plan.

    Examples:
        >>> round(expected_information(group_sequential_bounds([0.5, 1.0]), drift=2.8), 3)
        0.919
    """
    crossing = stopping_probabilities(bounds, drift)
    return float((crossing.upper + crossing.lower) @ np.array(bounds.times) + crossing.inside * bounds.times[-1])
