"""Two arms drawn within many small blocks, matched pairs included: compared block by block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.comparison import MeanEstimate, compare_means

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.stats.comparison import Comparison
    from incrementality.stats.moments import Moments

    FloatArray = NDArray[np.float64]

__all__ = ["BlockedPair", "compare_blocks"]

_FEWEST_BLOCKS = 20


class BlockedPair(NamedTuple):
    """Two arms' means over the blocks that hold both.

    Attributes:
        treatment: Mean of the treatment arm, with blocks minus one degrees of freedom.
        control: Mean of the control.
        covariance: Covariance of the two means, which share their blocks.
        blocks: Blocks that hold both arms.
        left_out: Units of blocks that hold one arm only; nothing in them can be compared.
    """

    treatment: MeanEstimate
    control: MeanEstimate
    covariance: float
    blocks: int
    left_out: int

    def compare(self, *, alpha: float = 0.05) -> Comparison:
        """Return the difference, and the relative effect by Fieller, by the t test over blocks."""
        return compare_means(
            self.treatment, self.control, alpha=alpha, covariance=self.covariance, df=float(self.blocks - 1)
        )


class _Side(NamedTuple):
    """One arm by block: drawn units (clusters), and the sums on top and below."""

    drawn: FloatArray
    top: FloatArray
    below: FloatArray


def compare_blocks(treatment: Moments, control: Moments, columns: Sequence[str]) -> BlockedPair:
    """Return the means (or ratios) of two arms that were drawn within many blocks, of whatever size.

    Each unit counts by one over its block's share of the drawn units (clusters) in its arm, so that blocks with other
    shares do no harm, and the means are those of all units of the blocks. The variance is that of the blocks' own
    differences, linearised around the arms' means: what the units of a block have in common cancels. It needs no
    second unit of an arm in a block, and is conservative where effects differ between blocks. With blocks of two of
    equal size it is the paired t test.

    Args:
        treatment: Moments by block: the last part of a group's key is its block. With clusters, those were drawn.
        control: The same of the control.
        columns: One column, or a ratio's numerator and denominator.

    Raises:
        InputError: Fewer than 20 blocks hold both arms, or a denominator sums to zero.

    References:
        Imai, King and Nall (2009), The essential role of pair matching in cluster-randomized experiments,
        https://doi.org/10.1214/08-STS274; Pashley and Miratrix (2021), Insights on variance estimation for blocked
        and matched pairs designs, https://doi.org/10.3102/1076998620946272

    Examples:
        >>> import numpy as np
        >>> from incrementality.stats.moments import moments_of_rows
        >>> rng, block = np.random.default_rng(1), np.arange(40)
        >>> level = 10 * rng.normal(size=40)
        >>> treatment = moments_of_rows({"y": level + 2 + rng.normal(size=40)}, groups=block)
        >>> control = moments_of_rows({"y": level + rng.normal(size=40)}, groups=block)
        >>> pair = compare_blocks(treatment, control, ["y"])
        >>> round(pair.compare().effect, 1), round(pair.compare().standard_error, 2)
        (1.9, 0.18)
    """
    blocks = _common(treatment, control)
    if len(blocks) < _FEWEST_BLOCKS:
        raise InputError(
            f"{len(blocks)} blocks hold both arms; a comparison block by block needs {_FEWEST_BLOCKS}",
            hint="use fewer, larger strata",
        )
    sides = [_side(arm, blocks, columns) for arm in (treatment, control)]
    drawn = sides[0].drawn + sides[1].drawn
    values, parts = zip(*(_linearised(side, drawn) for side in sides), strict=True)
    covariance = np.cov(np.vstack(parts)) * len(blocks)
    df = float(len(blocks) - 1)
    left_out = sum(float(arm.n.sum()) for arm in (treatment, control)) - sum(
        _units(arm, blocks) for arm in (treatment, control)
    )
    return BlockedPair(
        treatment=MeanEstimate(value=values[0], variance=float(covariance[0, 0]), df=df),
        control=MeanEstimate(value=values[1], variance=float(covariance[1, 1]), df=df),
        covariance=float(covariance[0, 1]),
        blocks=len(blocks),
        left_out=round(left_out),
    )


def _common(treatment: Moments, control: Moments) -> dict[str, int]:
    """Return the blocks in which both arms have units, in order, with their places."""
    held = [{group[-1] for group, n in zip(arm.groups, arm.n, strict=True) if n > 0} for arm in (treatment, control)]
    return {block: k for k, block in enumerate(sorted(held[0] & held[1]))}


def _places(arm: Moments, blocks: dict[str, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of an arm's groups that lie in the blocks, and where."""
    found = [(row, blocks[group[-1]]) for row, group in enumerate(arm.groups) if group[-1] in blocks]
    rows, places = zip(*found, strict=True)
    return np.array(rows), np.array(places)


def _units(arm: Moments, blocks: dict[str, int]) -> float:
    return float(arm.n[_places(arm, blocks)[0]].sum())


def _side(arm: Moments, blocks: dict[str, int], columns: Sequence[str]) -> _Side:
    rows, places = _places(arm, blocks)
    k = arm.complete_indices(columns)
    sums = arm.sums[rows][:, k] + arm.n[rows, None] * arm.shift[k]
    drawn = arm.n if arm.clusters is None else arm.clusters.count
    below = sums[:, 1] if len(columns) > 1 else arm.n[rows]

    def by_block(values: FloatArray) -> FloatArray:
        return np.bincount(places, values, len(blocks)).astype(float)

    return _Side(by_block(drawn[rows]), by_block(sums[:, 0]), by_block(below))


def _linearised(side: _Side, drawn: FloatArray) -> tuple[float, FloatArray]:
    """Return an arm's mean, and what each block adds to its deviation."""
    weight = drawn / side.drawn
    below = float(weight @ side.below)
    if below == 0 or not math.isfinite(below):
        raise InputError("the denominator sums to zero in an arm", hint="check the column, or choose another one")
    value = float(weight @ side.top) / below
    return value, weight * (side.top - value * side.below) / below
