"""Are the arms as large as planned? The chi-square test of sample ratio mismatch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.stats.distributions import chi_square_pvalue

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SampleRatio", "sample_ratio_test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatio:
    """Observed against planned sizes of the arms.

    Attributes:
        statistic: Pearson's chi-square.
        df: Arms less one.
        pvalue: Probability of sizes at least this far from plan if assignment works as planned.
        expected: Units expected in each arm, in the order given.
    """

    statistic: float
    df: int
    pvalue: float
    expected: tuple[float, ...]


def sample_ratio_test(counts: Sequence[int], shares: Sequence[float]) -> SampleRatio:
    """Test whether units fell into the arms in the planned shares.

    A mismatch means that units were lost or added by something that depends on the arm: no effect computed from
    them can be trusted. The approximation is good where every arm expects five units or more.

    Args:
        counts: Units observed in each arm, two arms or more.
        shares: Planned share of each arm, above 0, in the same order; any scale, (1, 1, 2) is (25, 25, 50) %.

    Raises:
        InputError: Fewer than two arms, lengths that differ, a count that is negative or not whole, a share that
            is not above 0 and finite, or no units at all.

    References:
        Pearson (1900), https://doi.org/10.1080/14786440009463897;
        Fabijan et al. (2019), Diagnosing sample ratio mismatch, https://doi.org/10.1145/3292500.3330722

    Examples:
        >>> answer = sample_ratio_test([21307, 21387, 21306], [1, 1, 1])
        >>> round(answer.statistic, 3), answer.df, round(answer.pvalue, 3)
        (0.203, 2, 0.904)
    """
    _check_arms(counts, shares)
    units, total = int(sum(counts)), math.fsum(shares)
    expected = tuple(units * float(share) / total for share in shares)
    statistic = math.fsum((count - plan) ** 2 / plan for count, plan in zip(counts, expected, strict=True))
    df = len(expected) - 1
    return SampleRatio(statistic=statistic, df=df, pvalue=chi_square_pvalue(statistic, df), expected=expected)


def _check_arms(counts: Sequence[int], shares: Sequence[float]) -> None:
    if len(counts) < 2 or len(counts) != len(shares):  # noqa: PLR2004 -- a ratio needs two arms
        raise InputError(
            f"{len(counts)} counts and {len(shares)} shares; needed: one of each for two arms or more",
            hint="list the same arms in both",
        )
    if any(not 0 <= count < math.inf or count != count // 1 for count in counts) or not sum(counts) > 0:
        raise InputError(
            f"the arms' counts are {list(counts)}; needed: whole numbers, zero or more, not all zero",
            hint="count the units of each arm",
        )
    if any(not 0 < share < math.inf for share in shares):
        raise InputError(
            f"the planned shares are {list(shares)}; each must be above 0 and finite",
            hint="leave out arms that were not planned to get units",
        )
