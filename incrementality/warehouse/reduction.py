"""What one pass over a relation is to compute, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from sqlglot import exp

    from incrementality.stats.moments import Moments

    FloatArray = NDArray[np.float64]

__all__ = ["GroupValue", "Reduction", "ReductionPlan"]

GroupValue = str | int | bool

_OF_MOMENTS = 2  # factors of a product that the moments hold


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionPlan:
    """What one pass over a relation computes.

    Attributes:
        relation: The table or view.
        groups: Expressions whose values form the groups: the arm, then perhaps a stratum or segment.
        columns: The DOUBLE expression behind each column's name (``number_of``).
        pairs: Pairs of columns whose products are needed; each column's square is always formed.
        shift: The shift of each column; columns without one get zero.
        cluster: Expression of the randomised cluster.
        where: Rows that count; all by default.
        bounded: Columns whose smallest and largest values are wanted.
        counted: Columns whose non-zero rows are counted.
        powers: Products of three factors or more, as the sorted names of their columns: ``("y", "y", "y")`` is a cube.
    """

    relation: exp.Table
    groups: tuple[exp.Expression, ...]
    columns: Mapping[str, exp.Expression]
    pairs: frozenset[tuple[str, str]] = frozenset()
    shift: Mapping[str, float] = field(default_factory=dict)
    cluster: exp.Expression | None = None
    where: exp.Expression | None = None
    bounded: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    powers: frozenset[tuple[str, ...]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """What one pass found.

    Attributes:
        moments: Moments by group, for groups without a missing key; keys are text.
        values: The engine's own value behind each group's key, to write back into SQL.
        missing: Rows whose group (or cluster) is null, by the position of the first null key.
        minimum: Smallest value of each bounded column, over all groups.
        maximum: Largest value.
        nonzero: Rows of each group in which a counted column is not zero, shape (G,).
        powers: Sum of each product over the rows of each group that have all its columns, each less its shift,
            shape (G,).
    """

    moments: Moments
    values: tuple[tuple[GroupValue, ...], ...]
    missing: dict[int, int]
    minimum: dict[str, float]
    maximum: dict[str, float]
    nonzero: dict[str, FloatArray]
    powers: dict[tuple[str, ...], FloatArray] = field(default_factory=dict)

    def has(self, factors: tuple[str, ...]) -> bool:
        """Return whether the sum of a product is known; see ``sum_of``."""
        return len(factors) <= _OF_MOMENTS or factors in self.powers

    def sum_of(self, factors: tuple[str, ...], groups: list[int]) -> float:
        """Return the sum, over some groups, of the product of columns, each less its shift; no factor counts rows.

        Args:
            factors: The sorted names of the columns; one that is there twice is squared.
            groups: Positions of the groups.

        Raises:
            KeyError: A product of three factors or more was not asked for.
        """
        if len(factors) > _OF_MOMENTS:
            return float(self.powers[factors][groups].sum())
        moments = self.moments
        sums = (moments.n, moments.sums, moments.products)[len(factors)][groups]
        return float(sums.sum(0)[tuple(moments.indices(factors))])
