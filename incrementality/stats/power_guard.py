"""The small-holdout guard: when the usual t test of revenue is not to be trusted, read from data without arms."""

from __future__ import annotations

import math
from dataclasses import dataclass

from incrementality.errors import InputError

__all__ = ["SmallHoldout", "small_holdout_guard"]

_FEWEST_PAYERS = 100
_FEWEST_PAYERS_LOPSIDED = 400
_LARGEST_SKEWNESS = 0.2
_LOPSIDED = 0.2


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


def small_holdout_guard(*, n_smaller: float, share_smaller: float, payer_share: float, skewness: float) -> SmallHoldout:
    """Return whether heavy, zero-inflated values and a small arm make Welch's t test reject too often.

    It fires below 100 payers in the smaller arm, where the mean of that arm is skewed by more than 0.2, or where the
    split goes beyond 80/20 with fewer than 400 payers. It reads the pooled history only, never an arm.

    Args:
        n_smaller: Units in the smaller arm (clusters, where those are randomised).
        share_smaller: That arm's share of the units compared, above 0 and at most 0.5.
        payer_share: Share of units with a value other than zero, from 0 to 1.
        skewness: Skewness of the units' values.

    Raises:
        InputError: A value is outside its range.

    References:
        Johnson (1978), Modified t tests and confidence intervals for asymmetrical populations,
        https://doi.org/10.1080/01621459.1978.10480051; Chung and Romano (2013), Exact and asymptotically robust
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
    reasons = []
    if payers < _FEWEST_PAYERS:
        reasons.append(f"{payers:,.0f} payers are expected in the smaller arm, fewer than {_FEWEST_PAYERS}")
    if skewed > _LARGEST_SKEWNESS:
        reasons.append(f"the smaller arm's mean is skewed by {skewed:.2f}, more than {_LARGEST_SKEWNESS}")
    if share_smaller < _LOPSIDED and _FEWEST_PAYERS <= payers < _FEWEST_PAYERS_LOPSIDED:
        reasons.append(f"the split goes beyond 80/20 with {payers:,.0f} payers, fewer than {_FEWEST_PAYERS_LOPSIDED}")
    return SmallHoldout(fires=bool(reasons), reasons=tuple(reasons), payers=payers, skewness=skewed)
