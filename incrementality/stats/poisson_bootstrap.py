"""Uncertainty of sums over units: the Poisson bootstrap, in which each unit counts a Poisson(1) number of times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["BootstrapSums", "poisson_bootstrap_sums", "poisson_counts"]

_BLOCK = 4096
_LARGEST = 12


@dataclass(frozen=True, slots=True)
class BootstrapSums:
    """Sums over units, and the same sums of each replicate.

    Attributes:
        sums: The sums as observed, one a column, shape (m,).
        replicates: The sums of each replicate, shape (B, m).
        n: Units.
    """

    sums: FloatArray
    replicates: FloatArray
    n: int

    def interval(self, level: float = 0.9) -> tuple[FloatArray, FloatArray]:
        """Return the percentile interval of each sum: lower and upper bounds, each of shape (m,)."""
        tail = 50 * (1 - level)
        lower, upper = np.percentile(self.replicates, [tail, 100 - tail], axis=0)
        return lower, upper

    def standard_error(self) -> FloatArray:
        """Return the standard deviation of each sum over the replicates, shape (m,)."""
        return np.asarray(self.replicates.std(axis=0, ddof=1), dtype=float)


def poisson_bootstrap_sums(blocks: Iterable[FloatArray], *, replicates: int, seed: int) -> BootstrapSums:
    """Resample units and sum their values.

    Each unit counts a Poisson(1) number of times in each replicate, independently, so units may come in blocks and
    never stand in memory together. The number of units varies between replicates as it does between periods.

    Args:
        blocks: Values of units in their order, each block of shape (units, m); how they are cut does not matter.
        replicates: Replicates B, at least 2.
        seed: Makes the answer repeatable.

    Raises:
        InputError: There are no units, or fewer than 2 replicates.

    References:
        Chamandy, Muralidharan, Najmi and Naidu (2012), Estimating Uncertainty for Massive Data Streams,
        https://research.google/pubs/estimating-uncertainty-for-massive-data-streams/

    Examples:
        >>> found = poisson_bootstrap_sums([np.ones((400, 1))], replicates=500, seed=1)
        >>> found.sums.tolist(), bool(abs(found.standard_error()[0] - 20) < 2)
        ([400.0], True)
    """
    if replicates < 2:  # noqa: PLR2004 - a deviation needs two
        raise InputError(f"{replicates} replicates show no uncertainty; allowed: 2 or more", hint="take 1,000")
    rng, n = np.random.default_rng(seed), 0
    sums, found = None, None
    for values in _even(blocks):
        weights = poisson_counts(rng, (len(values), replicates))
        added = weights.T @ values
        sums = values.sum(axis=0) if sums is None else sums + values.sum(axis=0)
        found = added if found is None else found + added
        n += len(values)
    if sums is None or found is None:
        raise InputError("there are no units to resample", hint="check that the events are not empty")
    return BootstrapSums(sums, found, n)


def poisson_counts(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Return Poisson(1) numbers, drawn from a table of 65,536 equally likely values.

    The table's mean is 1 to 1e-5 and its variance to 1e-4; numbers above 8 never come (their chance is 1e-6).

    Examples:
        >>> counts = poisson_counts(np.random.default_rng(1), (1000, 100))
        >>> round(float(counts.mean()), 2), round(float(counts.var()), 2)
        (1.0, 1.0)
    """
    drawn = rng.integers(0, _TABLE.size, size=shape, dtype=np.uint16)
    return _TABLE[drawn]


def _table() -> FloatArray:
    """Return Poisson(1) by inverse distribution at the midpoints of 65,536 equal parts."""
    chances = np.exp(-1.0) / np.cumprod([1, *range(1, _LARGEST)])
    points = (np.arange(1 << 16) + 0.5) / (1 << 16)
    return np.searchsorted(np.cumsum(chances), points).astype(float)


def _even(blocks: Iterable[FloatArray]) -> Iterable[FloatArray]:
    """Cut blocks anew into such of one size, so that the draws do not depend on how they came."""
    kept: list[FloatArray] = []
    held = 0
    for block in blocks:
        kept.append(block)
        held += len(block)
        while held >= _BLOCK:
            joined = np.concatenate(kept)
            yield joined[:_BLOCK]
            kept = [joined[_BLOCK:]]
            held = len(kept[0])
    if held:
        yield np.concatenate(kept)


_TABLE = _table()
