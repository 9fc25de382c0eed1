"""Where an increasing function of one number crosses zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["increasing_root", "reaching_root"]

_MOST_STEPS = 200
_MOST_DOUBLINGS = 60


def increasing_root(function: Callable[[float], float], low: float, high: float, *, tolerance: float = 1e-12) -> float:
    """Return where an increasing function crosses zero between two points.

    False position with the Illinois change: the bracket always holds the root, and a bisection follows each step that
    has not halved it, so flat stretches and jumps are found as well.

    Args:
        function: Non-decreasing; at most zero at ``low`` and at least zero at ``high``.
        low: Left end of the bracket.
        high: Right end.
        tolerance: Width of the bracket at which the search ends, relative to its larger end (absolute below 1).

    Raises:
        InputError: The function does not change its sign between the two points.

    References:
        Dowell and Jarratt (1971), A modified regula falsi method for computing the root of an equation,
        https://doi.org/10.1007/BF01934364

    Examples:
        >>> round(increasing_root(lambda x: x**3 - 2, 0.0, 2.0), 9)
        1.25992105
    """
    at_low, at_high = function(low), function(high)
    if not at_low <= 0 <= at_high:
        raise InputError(
            f"no value between {low} and {high} answers: the function is {at_low} and {at_high} there",
            hint="ask for a value that can be reached",
        )
    weight_low, weight_high = at_low, at_high
    for _ in range(_MOST_STEPS):
        width = high - low
        if width <= tolerance * max(1.0, abs(low), abs(high)) or at_low == at_high:
            break
        for middle in (low - weight_low * width / (weight_high - weight_low), None):
            point = (low + high) / 2 if middle is None else min(max(middle, low), high)
            found = function(point)
            if found == 0:
                return point
            if found < 0:
                low, at_low, weight_low, weight_high = point, found, found, weight_high / 2
            else:
                high, at_high, weight_high, weight_low = point, found, found, weight_low / 2
            if high - low <= width / 2:
                weight_low, weight_high = at_low, at_high
                break
    return (low + high) / 2


def reaching_root(function: Callable[[float], float], start: float, step: float) -> float:
    """Return where an increasing function crosses zero, searched outwards from a start by doubled steps.

    Args:
        function: Non-decreasing, below zero far to the left and above zero far to the right.
        start: A guess.
        step: First step away from it, above 0.

    Raises:
        InputError: The function has one sign as far as was searched.

    Examples:
        >>> round(reaching_root(lambda x: x - 1000, 0.0, 1.0), 6)
        1000.0
    """
    here = function(start)
    if here == 0:
        return start
    away = -step if here > 0 else step
    near = start
    for _ in range(_MOST_DOUBLINGS):
        far = near + away
        if function(far) * here <= 0:
            return increasing_root(function, min(near, far), max(near, far))
        near, away = far, 2 * away
    raise InputError(
        f"no value between {start} and {near} answers", hint="give finite numbers, and ask for a value within reach"
    )
