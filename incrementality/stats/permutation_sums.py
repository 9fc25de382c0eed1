"""Sums over permuted arms: all that a studentised permutation test and its inversions read.

A hypothesis "the treatment turns y into (y + t x) / a" is undone on the units that were treated: ``a y - t x``. Sums
over a permuted arm, taken apart by the arm that a unit was *observed* in, give the statistic under every such
hypothesis, so one set of permutations serves the p-value and both intervals.

Units at zero are all alike: of them a permuted arm only counts how many it holds, a hypergeometric number. Only the
payers' labels are drawn. Labels are drawn within strata and keep each stratum's arm sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

__all__ = ["PermutedSums", "Units", "columns_of_units", "drawn_assignments", "permuted_sums", "sums_over_assignments"]

_FEWEST = 2
_BLOCK = 16_000_000  # labels in memory at a time, one byte each
_TILE = 1024  # units a matrix product: they stay in the cache
_PRODUCT = 32_768  # labels a matrix product: below what makes a linear algebra library start threads
_MOST_KEYS = 2048  # payers up to which sorting random keys is quicker than correcting random bytes
_RAREST = 1000  # draws of which one at least must be accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """The units compared, as they were observed.

    Attributes:
        y: Values (a ratio's numerator) less ``shift`` times ``x``, shape (n,).
        x: A ratio's denominator, shape (n,); ``None`` where it is one for each unit.
        treated: Whether a unit was treated, shape (n,).
        stratum: The stratum in which its label was drawn, from 0, shape (n,).
        shift: What was taken from the values, so that squares of large numbers do not cancel; 0 keeps the zeros.
    """

    y: FloatArray
    x: FloatArray | None
    treated: BoolArray
    stratum: NDArray[np.intp]
    shift: float

    def sizes(self, fewest: int = _FEWEST) -> NDArray[np.intp]:
        """Return treated and control units of each stratum, shape (S, 2); refuse arms with fewer than ``fewest``."""
        strata = int(self.stratum.max()) + 1
        both = np.bincount(2 * self.stratum + ~self.treated, minlength=2 * strata).reshape(-1, 2)
        if both.min() < fewest:
            raise InputError(
                f"a stratum has {both.min()} units in an arm; its variance needs at least 2",
                hint="merge small strata, and permute within the strata that were assigned",
            )
        return both


@dataclass(frozen=True, slots=True, kw_only=True)
class PermutedSums:
    """Sums of each permuted arm by stratum; row 0 is what was observed.

    The ten columns are, with 0 for units observed in the control and 1 for treated ones: y0, y1, x0, x1, and the
    products y0 y0, y1 y1, y0 x0, y1 x1, x0 x0, x1 x1.

    Attributes:
        treated: Sums over the arm labelled treated, shape (B + 1, S, 10).
        control: Sums over the arm labelled control, shape (B + 1, S, 10).
        sizes: Treated and control units of each stratum, shape (S, 2).
        weight: Each stratum's share of the units that the effect is about, shape (S,).
        shift: As in ``Units``.
    """

    treated: FloatArray
    control: FloatArray
    sizes: FloatArray
    weight: FloatArray
    shift: float


def permuted_sums(units: Units, permutations: int, rng: np.random.Generator, *, fewest: int = _FEWEST) -> PermutedSums:
    """Return the sums of random relabellings within strata.

    Raises:
        InputError: A stratum has fewer than ``fewest`` units in an arm.

    Examples:
        >>> units = Units(
        ...     y=np.array([3.0, 0.0, 0.0, 1.0]), x=None, treated=np.array([True, True, False, False]),
        ...     stratum=np.zeros(4, dtype=np.intp), shift=0.0)
        >>> sums = permuted_sums(units, 2, np.random.default_rng(1))
        >>> sums.treated[0, 0, :4].tolist(), (sums.treated + sums.control)[1, 0, :4].tolist()
        ([0.0, 3.0, 0.0, 2.0], [1.0, 3.0, 2.0, 2.0])
    """
    sizes = units.sizes(fewest)
    treated = np.empty((permutations + 1, len(sizes), 10))
    total = np.empty((len(sizes), 10))
    for s, (n_treated, n_control) in enumerate(sizes):
        inside = units.stratum == s
        part = units.treated[inside]
        x = None if units.x is None else units.x[inside]
        columns = columns_of_units(units.y[inside], x, part)
        smaller = min(n_treated, n_control)
        drawn = _widened(_drawn_sums(columns, part, smaller, permutations, rng, sparse=x is None), smaller)
        total[s] = _widened(columns.sum(0), len(part))
        treated[0, s] = _widened(columns[part].sum(0), n_treated)
        treated[1:, s] = drawn if smaller == n_treated else total[s] - drawn
    return _paired(treated, total, sizes, units.shift)


def sums_over_assignments(units: Units, assignments: BoolArray, *, fewest: int = _FEWEST) -> PermutedSums:
    """Return the sums of given relabellings, shape (B, n), True for treated.

    Examples:
        >>> units = Units(
        ...     y=np.array([3.0, 0.0, 0.0, 1.0]), x=None, treated=np.array([True, True, False, False]),
        ...     stratum=np.zeros(4, dtype=np.intp), shift=0.0)
        >>> sums = sums_over_assignments(units, np.array([[False, True, False, True]]))
        >>> sums.treated[1, 0, :4].tolist()
        [1.0, 0.0, 1.0, 1.0]
    """
    sizes = units.sizes(fewest)
    columns = columns_of_units(units.y, units.x, units.treated)
    treated, total = np.empty((len(assignments) + 1, len(sizes), 10)), np.empty((len(sizes), 10))
    for s, (n_treated, n_control) in enumerate(sizes):
        inside = units.stratum == s
        labels = np.vstack([units.treated[inside], assignments[:, inside]])
        treated[:, s] = _widened(_summed(labels, columns[inside]), n_treated)
        total[s] = _widened(columns[inside].sum(0), n_treated + n_control)
    return _paired(treated, total, sizes, units.shift)


def drawn_assignments(
    units: Units, permutations: int, rng: np.random.Generator, accept: Callable[[BoolArray], BoolArray] | None = None
) -> BoolArray:
    """Return random relabellings within strata, shape (B, n), as the design drew its own.

    Args:
        units: The units.
        permutations: Relabellings to return.
        rng: Source of random numbers.
        accept: Where the design drew again until the arms were balanced: its rule, from relabellings of shape (b, n)
            to True for each one accepted.

    Raises:
        InputError: The rule refuses the observed assignment, or nearly every draw.

    Examples:
        >>> units = Units(
        ...     y=np.zeros(4), x=None, treated=np.array([True, True, False, False]), stratum=np.zeros(4, dtype=np.intp),
        ...     shift=0.0)
        >>> first = lambda labels: labels[:, 0]
        >>> drawn_assignments(units, 3, np.random.default_rng(1), first)[:, 0].tolist()
        [True, True, True]
    """
    if accept is not None and not bool(accept(units.treated[None])[0]):
        raise InputError(
            "the rule of acceptance refuses the assignment that was observed",
            hint="give the rule, limit and covariates that the design drew with",
        )
    rows = max(1, min(permutations, _BLOCK // len(units.y)))
    found: list[BoolArray] = []
    accepted = tried = 0
    while accepted < permutations:
        labels = _relabelled(units, rows, rng)
        kept = labels if accept is None else labels[np.asarray(accept(labels), dtype=bool)]
        found.append(kept)
        accepted, tried = accepted + len(kept), tried + rows
        if tried > _RAREST * (accepted + 1):
            raise InputError(
                f"the rule accepted {accepted} of {tried:,} draws", hint="check the rule's limit and its covariates"
            )
    return np.concatenate(found)[:permutations]


def _relabelled(units: Units, rows: int, rng: np.random.Generator) -> BoolArray:
    labels = np.tile(units.treated, (rows, 1))
    for s in range(int(units.stratum.max()) + 1):
        inside = np.flatnonzero(units.stratum == s)
        labels[:, inside] = rng.permuted(labels[:, inside], axis=1)
    return labels


def _paired(treated: FloatArray, total: FloatArray, sizes: NDArray[np.intp], shift: float) -> PermutedSums:
    n = sizes.sum(1)
    return PermutedSums(
        treated=treated, control=total - treated, sizes=sizes.astype(float), weight=n / n.sum(), shift=shift
    )


def columns_of_units(y: FloatArray, x: FloatArray | None, treated: BoolArray) -> FloatArray:
    """Return each unit's part of the sums: all ten, or where ``x`` is one the five of which the others follow.

    Examples:
        >>> columns_of_units(np.array([3.0]), None, np.array([True])).tolist()
        [[0.0, 3.0, 1.0, 0.0, 9.0]]
    """
    one, zero = treated.astype(float), (~treated).astype(float)
    if x is None:
        return np.column_stack([y * zero, y * one, one, y * y * zero, y * y * one])
    parts = (y * y, y * x, x * x)
    return np.column_stack([y * zero, y * one, x * zero, x * one, *(p * side for p in parts for side in (zero, one))])


def _widened(sums: FloatArray, n: float) -> FloatArray:
    """Return the ten sums of an arm of ``n`` units from five, or the ten as they are."""
    if sums.shape[-1] != 5:  # noqa: PLR2004 (the columns of ``_columns``)
        return sums
    y0, y1, x1, yy0, yy1 = np.moveaxis(sums, -1, 0)
    return np.stack([y0, y1, n - x1, x1, yy0, yy1, y0, y1, n - x1, x1], axis=-1)


def _drawn_sums(
    columns: FloatArray,
    treated: BoolArray,
    size: int,
    permutations: int,
    rng: np.random.Generator,
    *,
    sparse: bool,
) -> FloatArray:
    """Return the sums of random subsets of ``size`` units, shape (B, q)."""
    alike = (columns[:, :2] == 0).all(1) if sparse else np.zeros(len(columns), dtype=bool)
    payers = columns[~alike]
    zeros_treated, zeros = int(np.count_nonzero(alike & treated)), int(np.count_nonzero(alike))
    taken = rng.hypergeometric(len(payers), zeros, size, permutations)
    sums = _sums_of_subsets(payers, taken, rng)
    if zeros:
        sums[:, 2] += rng.hypergeometric(zeros_treated, zeros - zeros_treated, size - taken)
    return sums


def _sums_of_subsets(columns: FloatArray, taken: NDArray[np.int64], rng: np.random.Generator) -> FloatArray:
    """Return the sums of a random subset of each of the sizes ``taken``, shape (B, q)."""
    if not len(columns):
        return np.zeros((len(taken), columns.shape[1]))
    choose = _chosen_by_keys if len(columns) <= _MOST_KEYS else _chosen_by_bytes
    rows = max(1, _BLOCK // len(columns) // (8 if choose is _chosen_by_keys else 1))
    blocks = [taken[start : start + rows] for start in range(0, len(taken), rows)]
    return np.concatenate([_summed(choose(len(columns), block, rng), columns) for block in blocks])


def _summed(chosen: BoolArray, columns: FloatArray) -> FloatArray:
    sums = np.zeros((len(chosen), columns.shape[1]))
    rows = max(1, _PRODUCT // min(len(columns), _TILE))
    for above in range(0, len(chosen), rows):
        for start in range(0, len(columns), _TILE):
            labels = chosen[above : above + rows, start : start + _TILE].astype(float)
            sums[above : above + rows] += labels @ columns[start : start + _TILE]
    return sums


def _chosen_by_keys(n: int, taken: NDArray[np.int64], rng: np.random.Generator) -> BoolArray:
    keys = rng.random((len(taken), n))
    last = np.sort(keys, axis=1)[np.arange(len(taken)), taken - 1]
    return np.asarray(keys <= np.where(taken > 0, last, -1.0)[:, None])


def _chosen_by_bytes(n: int, taken: NDArray[np.int64], rng: np.random.Generator) -> BoolArray:
    """Return random subsets: each unit is in by a random byte, then units at random are added or taken out.

    Given its size, the first set is uniform over all sets of that size, and so is what the correction leaves.
    """
    limit = round(256 * float(taken.mean()) / n)
    words = rng.integers(0, 2**64, -(-len(taken) * n // 8), dtype=np.uint64)
    chosen = words.view(np.uint8)[: len(taken) * n].reshape(len(taken), n) < limit
    for row, size in zip(chosen, taken.tolist(), strict=True):
        count = int(np.count_nonzero(row))
        if count != size:
            outside = size > count
            candidates = n - count if outside else count
            row[_some_units(row, outside, abs(size - count), candidates, rng)] = outside
    return chosen


def _some_units(
    row: BoolArray,
    outside: bool,  # noqa: FBT001
    count: int,
    candidates: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return ``count`` random units that are outside the set (or inside it): the first distinct ones of a long draw."""
    found = np.empty(0, dtype=np.int64)
    while len(found) < count:
        drawn = rng.integers(0, len(row), int(1.2 * count * len(row) / candidates) + 16)
        drawn = np.concatenate([found, drawn[row[drawn] != outside]])
        _, first = np.unique(drawn, return_index=True)
        found = drawn[np.sort(first)]
    return found[:count]
