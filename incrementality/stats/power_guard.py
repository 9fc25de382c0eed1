"""The small-holdout guard: when the usual t test of revenue is not to be trusted, read from data without arms."""

from __future__ import annotations

import math
from dataclasses import dataclass

from incrementality.errors import InputError

__all__ = ["SmallHoldout", "pooled_small_holdout", "skewness_of_sums", "small_holdout_guard"]

_FEWEST_PAYERS = 100
_FEWEST_PAYERS_LOPSIDED = 400
_LARGEST_SKEWNESS = 0.2
_LARGEST_SKEWNESS_OF_DIFFERENCE = 0.08  # at 0.12 a tail of 2.5 % errs by a further 1 %
_LOPSIDED = 0.2
_MINORITY = 0.5
_ROUNDING = 1e-12  # of the mean square: a variance below is nothing but rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallHoldout:
    """Whether a comparison needs the studentised permutation test.

    Attributes:
        fires: Whether any reason holds.
        reasons: Each reason in words; empty where none holds.
        payers: Expected units with a value other than zero in the smaller arm.
        skewness: Skewness of the mean of the smaller arm: the units' skewness divided by the root of their number.
    """

    fires: bool
    reasons: tuple[str, ...]
    payers: float
    skewness: float

    @property
    def sentence(self) -> str:
        """The rule's answer in words."""
        if self.fires:
            return f"Tested by permutation, since {'; '.join(self.reasons)}."
        seen = f"{self.payers:,.0f} payers are expected in the smaller arm, whose mean is skewed by {self.skewness:.2f}"
        return f"A permutation test is not needed: {seen}."


def small_holdout_guard(*, n_smaller: float, share_smaller: float, payer_share: float, skewness: float) -> SmallHoldout:
    """Return whether heavy, zero-inflated values and a small arm make Welch's t test reject too often.

    It fires below 100 payers in the smaller arm, where the mean of that arm is skewed by more than 0.2, where the
    difference of unequal arms is skewed by more than 0.08, or where the split goes beyond 80/20 with fewer than 400
    payers. Where more than half of the units have a value, payers are no minority whose luck decides, and skewness
    alone counts. It reads the pooled history only, never an arm.

    In arms of ``n1`` and ``n2`` units of skewness ``k`` the difference of the means is skewed by
    ``A = k |n1 - n2| / sqrt(n1 n2 (n1 + n2))``, and by Edgeworth's expansion each tail of Welch's test is off by
    ``A / 6 (2 z^2 + 1) phi(z)``: 8.5 % of ``A`` at ``z = 1.96``. In equal arms the skewness cancels.

    Args:
        n_smaller: Units in the smaller arm (clusters, where those are randomised).
        share_smaller: That arm's share of the units compared, above 0 and at most 0.5.
        payer_share: Share of units with a value other than zero, from 0 to 1.
        skewness: Skewness of the units' values.

    Raises:
        InputError: A value is outside its range.

    References:
        Johnson (1978), Modified t tests and confidence intervals for asymmetrical populations,
        https://doi.org/10.1080/01621459.1978.10480051; Hall (1992), The bootstrap and Edgeworth expansion, section 2.6,
        https://doi.org/10.1007/978-1-4612-4384-7; Chung and Romano (2013), Exact and asymptotically robust
        permutation tests, https://doi.org/10.1214/13-AOS1090

    Examples:
        >>> guard = small_holdout_guard(n_smaller=500, share_smaller=0.05, payer_share=0.03, skewness=12.0)
        >>> guard.fires, guard.reasons[0]
        (True, '15 payers are expected in the smaller arm, fewer than 100')
    """
    if not n_smaller > 0 or not 0 < share_smaller <= 0.5 + 1e-9 or not 0 <= payer_share <= 1:
        raise InputError(
            f"the smaller arm has {n_smaller} units, a share of {share_smaller} and {payer_share} payers; "
            "allowed: above 0, above 0 to 0.5, 0 to 1",
            hint="give the smaller of the two arms",
        )
    payers, skewed = n_smaller * payer_share, abs(skewness) / math.sqrt(n_smaller)
    apart = skewed * max(1 - 2 * share_smaller, 0.0) / math.sqrt(1 - share_smaller)
    reasons = []
    few = payer_share <= _MINORITY
    if few and payers < _FEWEST_PAYERS:
        reasons.append(f"{payers:,.0f} payers are expected in the smaller arm, fewer than {_FEWEST_PAYERS}")
    if skewed > _LARGEST_SKEWNESS:
        reasons.append(f"the smaller arm's mean is skewed by {skewed:.2f}, more than {_LARGEST_SKEWNESS}")
    if few and share_smaller < _LOPSIDED and _FEWEST_PAYERS <= payers < _FEWEST_PAYERS_LOPSIDED:
        reasons.append(f"the split goes beyond 80/20 with {payers:,.0f} payers, fewer than {_FEWEST_PAYERS_LOPSIDED}")
    if not reasons and apart > _LARGEST_SKEWNESS_OF_DIFFERENCE:
        reasons.append(
            f"the arms' difference is skewed by {apart:.3f}, more than {_LARGEST_SKEWNESS_OF_DIFFERENCE}, so unequal "
            "are they"
        )
    return SmallHoldout(fires=bool(reasons), reasons=tuple(reasons), payers=payers, skewness=skewed)


def pooled_small_holdout(sizes: tuple[float, float], *, payers: float, skewness: float) -> SmallHoldout:
    """Return the rule's answer for the two arms of an experiment, from what both arms together show.

    It reads the arms' sizes, never who paid in which of them: a rule that did would choose the test by its outcome.

    Args:
        sizes: Units in each arm (clusters, where those were randomised).
        payers: Units with a value other than zero, both arms together.
        skewness: Skewness of the values of both arms together; ``skewness_of_sums`` gives it.

    Raises:
        InputError: An arm is empty, or there are more payers than units.

    Examples:
        >>> pooled_small_holdout((9500, 500), payers=300, skewness=2.0).sentence
        'Tested by permutation, since 15 payers are expected in the smaller arm, fewer than 100.'
        >>> pooled_small_holdout((50_000, 50_000), payers=5000, skewness=9.0).sentence
        'A permutation test is not needed: 2,500 payers are expected in the smaller arm, whose mean is skewed by 0.04.'
    """
    smaller, total = min(sizes), sum(sizes)
    if not smaller > 0 or not 0 <= payers <= total:
        raise InputError(
            f"the arms hold {sizes} units, of which {payers} pay; allowed: arms that are not empty, payers among them",
            hint="count the units of both arms, and those with a value other than zero",
        )
    return small_holdout_guard(
        n_smaller=smaller, share_smaller=smaller / total, payer_share=payers / total, skewness=skewness
    )


def skewness_of_sums(n: float, first: float, second: float, third: float) -> float:
    """Return the skewness of n values from the sums of their first three powers; 0 where all are equal.

    Args:
        n: Values, above 0.
        first: Sum of the values, or of the values less a number near their mean.
        second: Sum of their squares.
        third: Sum of their cubes.

    Raises:
        InputError: ``n`` is not above 0.

    Examples:
        >>> round(skewness_of_sums(4, 1.0, 1.0, 1.0), 4)
        1.1547
    """
    if not n > 0:
        raise InputError(f"skewness of {n} values was asked for", hint="count the units before")
    mean, square, cube = first / n, second / n, third / n
    variance = square - mean * mean
    if variance <= _ROUNDING * square:
        return 0.0
    return float((cube - 3 * mean * square + 2 * mean**3) / variance**1.5)
