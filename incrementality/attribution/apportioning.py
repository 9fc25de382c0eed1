"""A whole number of cents split by weights, to the cent: the largest remainders get the cents that are left."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["apportion"]


def apportion(total: int, weights: Sequence[float]) -> tuple[int, ...]:
    """Return whole parts of ``total`` by weight that add up to it; of equal remainders the first one gains.

    Args:
        total: What is split, in whole minor units; may be negative.
        weights: Not negative, at least one above zero.

    Raises:
        InputError: There are no weights above zero, or one is negative or not finite.

    References:
        Balinski and Young (1982), Fair Representation, ch. 2 (Hamilton's method),
        https://doi.org/10.2307/2981676

    Examples:
        >>> apportion(100, [1, 1, 1])
        (34, 33, 33)
        >>> apportion(-100, [1, 1, 1])
        (-34, -33, -33)
    """
    if not all(isfinite(weight) and weight >= 0 for weight in weights) or not any(weights):
        raise InputError(
            f"{list(weights)} cannot split an amount: weights are finite, not negative, and not all zero",
            hint="give each part its share, 0 for none",
        )
    exact = [Fraction(weight) for weight in weights]
    whole = sum(exact)
    shares = [abs(total) * weight / whole for weight in exact]
    parts = [int(share) for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda k: parts[k] - shares[k])
    for k in by_remainder[: abs(total) - sum(parts)]:
        parts[k] += 1
    return tuple(part if total >= 0 else -part for part in parts)
