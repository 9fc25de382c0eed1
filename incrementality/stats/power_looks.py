"""What looking several times costs: plans of looks, and how many more units they need than one look."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from incrementality.errors import InputError
from incrementality.stats.boundary_crossing import crossing_probabilities
from incrementality.stats.confidence_sequences import anytime_margin
from incrementality.stats.distributions import normal_quantile
from incrementality.stats.roots import reaching_root
from incrementality.stats.sequential import (
    GroupSequentialBounds,
    drift_for_power,
    group_sequential_bounds,
    information_inflation,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "anytime_plan",
    "look_inflation",
    "obrien_fleming_bound",
    "units_for_plan",
    "wang_tsiatis_bound",
    "wang_tsiatis_plan",
]

_MOST_LOOKS = 100
_DATES = 20


def wang_tsiatis_bound(looks: int, *, shape: float, alpha: float = 0.05) -> float:
    """Return the critical value of the last of several equally spaced looks, for a boundary of a given shape.

    Look ``k`` of ``K`` stops where ``|z|`` reaches ``bound * (k / K)^(shape - 1/2)``.

    Args:
        looks: Number of looks, from 1 to 100, the last one included.
        shape: From 0 (O'Brien and Fleming: far stronger evidence early) to 0.5 (Pocock: the same at each look).
        alpha: Two-sided error rate over all looks.

    Raises:
        InputError: A value is outside its range.

    References:
        Wang and Tsiatis (1987), Approximately optimal one-parameter boundaries for group sequential trials,
        https://doi.org/10.2307/2531959;
        Pocock (1977), https://doi.org/10.1093/biomet/64.2.191

    Examples:
        >>> round(wang_tsiatis_bound(5, shape=0.5), 3), round(wang_tsiatis_bound(5, shape=0.25), 3)
        (2.413, 2.136)
    """
    if not 1 <= looks <= _MOST_LOOKS:
        raise InputError(f"{looks} looks; allowed: 1 to {_MOST_LOOKS}", hint="one look a week is usually enough")
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha}; allowed: above 0 and below 1", hint="0.05 is usual")
    if not 0 <= shape <= 0.5:  # noqa: PLR2004 -- Pocock's shape
        raise InputError(f"the shape is {shape}; allowed: 0 to 0.5", hint="0 is O'Brien and Fleming's")
    times = [k / looks for k in range(1, looks + 1)]

    def spare(bound: float) -> float:
        upper = _boundary(bound, times, shape)
        return alpha - 1 + crossing_probabilities(times, upper, [-c for c in upper]).inside

    return reaching_root(spare, -normal_quantile(alpha / 2), 0.05)


def obrien_fleming_bound(looks: int, *, alpha: float = 0.05) -> float:
    """Return the critical value of the last of several equally spaced looks.

    Look ``k`` of ``K`` stops where ``|z|`` reaches ``bound * sqrt(K / k)``: early looks need far stronger evidence.

    Args:
        looks: Number of looks, from 1 to 100, the last one included.
        alpha: Two-sided error rate over all looks.

    Raises:
        InputError: The number of looks or ``alpha`` is outside its range.

    References:
        O'Brien and Fleming (1979), A multiple testing procedure for clinical trials,
        https://doi.org/10.2307/2530245

    Examples:
        >>> round(obrien_fleming_bound(1), 3), round(obrien_fleming_bound(5), 3)
        (1.96, 2.04)
    """
    return wang_tsiatis_bound(looks, shape=0.0, alpha=alpha)


def look_inflation(looks: int, *, alpha: float = 0.05, power: float = 0.8, shape: float = 0.0) -> float:
    """Return by how much several looks raise the number of units that one look would need.

    Args:
        looks: Number of equally spaced looks, from 1 to 100, the last one included.
        alpha: Two-sided error rate over all looks.
        power: Probability of stopping for a true effect at any look.
        shape: Of the boundary, as in ``wang_tsiatis_bound``; default: O'Brien and Fleming's.

    Returns:
        A factor of at least 1: the units at the last look divided by those of a single look.

    Raises:
        InputError: A value is outside its range.

    References:
        Jennison and Turnbull (2000), Group Sequential Methods with Applications to Clinical Trials, table 2.4,
        https://doi.org/10.1201/9780367805326

    Examples:
        >>> round(look_inflation(1), 3), round(look_inflation(5), 3)
        (1.0, 1.028)
    """
    return max(1.0, information_inflation(wang_tsiatis_plan(looks, shape=shape, alpha=alpha), power))


def wang_tsiatis_plan(looks: int, *, shape: float = 0.0, alpha: float = 0.05) -> GroupSequentialBounds:
    """Return the bounds of several equally spaced looks, for a boundary of a given shape.

    Args:
        looks: Number of looks, from 1 to 100, the last one included.
        shape: As in ``wang_tsiatis_bound``; default: O'Brien and Fleming's.
        alpha: Two-sided error rate over all looks.

    Raises:
        InputError: A value is outside its range.

    References:
        Wang and Tsiatis (1987), https://doi.org/10.2307/2531959

    Examples:
        >>> [round(c, 3) for c in wang_tsiatis_plan(4).critical]
        [4.049, 2.863, 2.337, 2.024]
    """
    bound = wang_tsiatis_bound(looks, shape=shape, alpha=alpha)
    times = [k / looks for k in range(1, looks + 1)]
    return _plan(times, _boundary(bound, times, shape), alpha, 2)


def anytime_plan(*, alpha: float = 0.05, sides: Literal[1, 2] = 2, dates: int = _DATES) -> GroupSequentialBounds:
    """Return the bounds of a confidence sequence that is read on equally spaced dates up to its planned size.

    Args:
        alpha: Error rate over all dates, for ever.
        sides: 2 for intervals, 1 for lower bounds of a positive effect.
        dates: Number of dates.

    Returns:
        The bounds; what they spend by the planned size is less than ``alpha``, for the sequence goes on.

    References:
        Waudby-Smith et al. (2021), https://arxiv.org/abs/2103.06476

    Examples:
        >>> plan = anytime_plan(dates=4)
        >>> [round(c, 2) for c in plan.critical], round(plan.spent[-1], 3)
        ([3.25, 3.08, 3.04, 3.04], 0.006)
    """
    times = [k / dates for k in range(1, dates + 1)]
    critical = anytime_margin(times, planned_units=1.0, alpha=alpha, sides=sides).tolist()
    return _plan(times, critical, alpha, sides)


def units_for_plan(plan: GroupSequentialBounds, *, power: float = 0.8) -> float:
    """Return the units of a plan of looks divided by those of one two-sided look with the same error rate.

    Above 1 is the price of looking; a one-sided plan may stand below 1.

    Args:
        plan: The bounds of all looks.
        power: Probability of crossing a bound at any look.

    Raises:
        InputError: ``power`` is not between ``alpha`` and 1.

    References:
        Jennison and Turnbull (2000), Group Sequential Methods with Applications to Clinical Trials, section 2.3,
        https://doi.org/10.1201/9780367805326

    Examples:
        >>> round(units_for_plan(group_sequential_bounds([0.25, 0.5, 0.75, 1.0])), 3)
        1.02
        >>> round(units_for_plan(anytime_plan()), 2), round(units_for_plan(anytime_plan(sides=1)), 2)
        (1.74, 1.49)
    """
    one = drift_for_power(group_sequential_bounds([1.0], alpha=plan.alpha), power)
    return (drift_for_power(plan, power) * math.sqrt(plan.times[-1]) / one) ** 2


def _boundary(bound: float, times: list[float], shape: float) -> list[float]:
    return [bound * time ** (shape - 0.5) for time in times]


def _plan(
    times: Sequence[float], critical: Sequence[float], alpha: float, sides: Literal[1, 2]
) -> GroupSequentialBounds:
    lower = [-c if sides > 1 else -math.inf for c in critical]
    crossing = crossing_probabilities(times, critical, lower)
    spent = tuple((crossing.upper + (crossing.lower if sides > 1 else 0.0)).cumsum().tolist())
    return GroupSequentialBounds(times=tuple(times), critical=tuple(critical), spent=spent, alpha=alpha, sides=sides)
