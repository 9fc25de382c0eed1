"""Permuted paths over several looks: which of them stop at which look, and how many are as extreme as what was seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from incrementality.stats.permutation_inversion import TIE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]
    IntArray = NDArray[np.intp]

__all__ = ["Stopped", "as_extreme", "stopped_at"]

_ROUNDING = 1e-9


class Stopped(NamedTuple):
    """Where each path stops.

    Attributes:
        look: The look, from 0; the number of looks where it runs on. Shape (B,).
        side: 1 where it stops for being large, -1 for being small, 0 where it runs on. Shape (B,).
    """

    look: IntArray
    side: IntArray


def stopped_at(statistics: FloatArray, spent: Sequence[float], *, sides: int = 2, upward: bool = True) -> Stopped:
    """Return the look at which each path stops, and on which side.

    Args:
        statistics: The statistic of each path at each look, shape (K, B).
        spent: Share of all paths that may have stopped on a side by each look, length K. What ties kept from being
            spent is left for later looks.
        sides: 2 where large and small statistics stop, 1 for one of them.
        upward: With one side, whether the large ones stop.

    Examples:
        >>> rises = np.array([[0.0, 1.0, 2.0, 3.0], [3.0, 2.0, 1.0, 0.0]])
        >>> stopped_at(rises, [0.25, 0.5]).look.tolist()
        [0, 1, 1, 0]
    """
    paths = statistics.shape[1]
    look, side = np.full(paths, len(spent)), np.zeros(paths, dtype=np.intp)
    signs = (1, -1) if sides > 1 else (1 if upward else -1,)
    for k, (row, share) in enumerate(zip(statistics, spent, strict=True)):
        running = side == 0
        for sign in signs:
            left = int(share * paths + _ROUNDING) - int(np.count_nonzero(side == sign))
            crossed = _largest(sign * row, running, left) & (side == 0)
            look[crossed], side[crossed] = k, sign
    return Stopped(look, side)


def _largest(row: FloatArray, running: BoolArray, most: int) -> BoolArray:
    """The running paths of which no more than ``most`` running ones are as large; ties go together or not at all."""
    values = row[running]
    if not 0 < most < len(values):
        return np.zeros_like(running)
    beyond = float(np.partition(values, len(values) - 1 - most)[len(values) - 1 - most])
    return running & (row > beyond + _tie(beyond))


def as_extreme(row: FloatArray, before: Stopped, sign: int) -> float:
    """Return the share of paths that stopped before on a side, or run on to as large a statistic as was observed.

    Args:
        row: The statistic of each path now, the observed one first; its sign changed for the lower side.
        before: Where the paths stopped before.
        sign: The side, 1 or -1.

    Examples:
        >>> before = stopped_at(np.array([[0.0, 3.0, 1.0, -4.0]]), [0.25])
        >>> as_extreme(np.array([2.0, 0.0, 2.5, 9.0]), before, 1)
        0.75
    """
    observed, side = float(row[0]), before.side[1:]
    later = (side == 0) & (row[1:] >= observed - _tie(observed))
    return (1 + int(np.count_nonzero(side == sign)) + int(np.count_nonzero(later))) / len(row)


def _tie(value: float) -> float:
    return TIE * max(1.0, abs(value)) if math.isfinite(value) else 0.0
