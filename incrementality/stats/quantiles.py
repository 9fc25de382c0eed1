"""Quantiles of two arms compared, with order-statistic intervals.

A quantile says what a mean cannot: whether the middle of the customers moved, or only the largest. Nothing is assumed
of the distribution; ties make intervals longer, never too short. Where more than the asked share of units are zero,
the quantile is zero in both arms and no effect can be seen there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from incrementality.errors import InputError
from incrementality.stats.comparison import Interval
from incrementality.stats.distributions import two_sided_critical_value

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

__all__ = [
    "QuantileEffect",
    "QuantileEstimate",
    "compare_quantiles",
    "estimate_quantile",
]

_FEWEST_ACCOUNTS = 8
_SMALLEST_PVALUE = 1e-15
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileEstimate:
    """A quantile of one arm.

    Attributes:
        probability: Share of units at or below it.
        value: The order statistic at that share, in the metric's unit.
        interval: The ``1 - alpha`` order-statistic interval.
    """

    probability: float
    value: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileEffect:
    """The difference of one quantile between two arms.

    Attributes:
        probability: Share of units at or below the quantile.
        treatment: The quantile in the treatment arm, in the metric's unit.
        control: The quantile in the control.
        effect: Treatment minus control.
        interval: The ``1 - alpha`` interval of ``effect``.
        pvalue: Two-sided p-value of no difference; at most ``alpha`` exactly where the interval excludes zero.
    """

    probability: float
    treatment: float
    control: float
    effect: float
    interval: Interval
    pvalue: float


@dataclass(frozen=True, slots=True)
class _Arm:
    """Sorted values, the wanted share, and for accounts the standard error of the share at or below the quantile."""

    values: FloatArray
    probability: float
    share_error: float | None
    df: float

    @property
    def value(self) -> float:
        return float(self.values[math.ceil(len(self.values) * self.probability - _ROUNDING) - 1])

    def limits(self, alpha: float) -> tuple[float, float]:
        """Return the order-statistic interval; infinite where no order statistic is far enough out."""
        n = len(self.values)
        if self.share_error is None:
            low, high = _binomial_ranks(n, self.probability, alpha / 2)
        else:
            margin = n * two_sided_critical_value(alpha, self.df) * self.share_error
            low, high = math.floor(n * self.probability - margin), math.floor(n * self.probability + margin) + 1
        return (
            float(self.values[low - 1]) if low >= 1 else -math.inf,
            float(self.values[high - 1]) if high <= n else math.inf,
        )


def _binomial_ranks(n: int, probability: float, tail: float) -> tuple[int, int]:
    """Return the ranks between which the quantile lies, each end missed with at most the tail's probability.

    The number of units at or below the true quantile is binomial; the upper rank is the lower one of the negated
    values.
    """
    return _binomial_quantile(n, probability, tail), n + 1 - _binomial_quantile(n, 1 - probability, tail)


def _binomial_quantile(n: int, probability: float, share: float) -> int:
    """Return the smallest number that a binomial variable stays at or below with at least the given probability."""
    found = max(0, math.floor(special.bdtrik(share, n, probability)))
    return found if special.bdtr(found, n, probability) >= share else found + 1


def estimate_quantile(
    values: ArrayLike, probability: float, *, alpha: float = 0.05, accounts: ArrayLike | None = None
) -> QuantileEstimate:
    """Return a quantile of one arm with its order-statistic interval.

    For independent units the ranks are those of the exact binomial interval. For accounts they are Woodruff's: the
    share at or below the quantile has a standard error from its totals by account, and the interval of that share is
    read off the order statistics.

    Args:
        values: The units' values, shape (n,).
        probability: Share of units at or below the quantile, above 0 and below 1; 0.5 is the median.
        alpha: Error rate of the interval.
        accounts: The account of each unit, shape (n,), where whole accounts were randomised; eight or more.

    Raises:
        InputError: A value is missing, a share is outside its range, there are fewer than eight accounts, or too few
            units for an interval of that quantile.

    References:
        Thompson (1936), On confidence ranges for the median, https://doi.org/10.1214/aoms/1177732502;
        Woodruff (1952), Confidence intervals for medians and other position measures,
        https://doi.org/10.1080/01621459.1952.10483443

    Examples:
        >>> estimate_quantile(range(1, 101), 0.5)
        QuantileEstimate(probability=0.5, value=50.0, interval=Interval(lower=40.0, upper=61.0))
    """
    arm = _arm(values, probability, accounts)
    return QuantileEstimate(probability=probability, value=arm.value, interval=_bounded(arm, alpha))


def compare_quantiles(
    treatment: ArrayLike,
    control: ArrayLike,
    probability: float,
    *,
    alpha: float = 0.05,
    accounts: tuple[ArrayLike, ArrayLike] | None = None,
) -> QuantileEffect:
    """Compare one quantile of two arms.

    Each arm's order-statistic limits are recovered as its errors below and above, which add as squares (MOVER), so
    the interval is as lopsided as the data are. The p-value is the smallest error rate whose interval excludes zero.

    Args:
        treatment: The treatment arm's values, shape (n1,).
        control: The control's values, shape (n0,).
        probability: Share of units at or below the quantile, above 0 and below 1.
        alpha: Error rate of the interval.
        accounts: The accounts of the treatment arm's and of the control's units, where those were randomised.

    Raises:
        InputError: As for ``estimate_quantile``, in either arm.

    References:
        Zou and Donner (2008), Construction of confidence limits about effect measures,
        https://doi.org/10.1002/sim.3095

    Examples:
        >>> answer = compare_quantiles(range(30, 130), range(1, 101), 0.5)
        >>> answer.effect, round(answer.interval.lower, 2), round(answer.pvalue, 4)
        (29.0, 14.13, 0.0001)
    """
    rows = accounts or (None, None)
    one, two = (_arm(y, probability, ids) for y, ids in zip((treatment, control), rows, strict=True))
    for arm in (one, two):
        _bounded(arm, alpha)
    return QuantileEffect(
        probability=probability,
        treatment=one.value,
        control=two.value,
        effect=one.value - two.value,
        interval=_difference(one, two, alpha),
        pvalue=_pvalue(one, two),
    )


def _difference(one: _Arm, two: _Arm, alpha: float) -> Interval:
    (low_one, high_one), (low_two, high_two) = one.limits(alpha), two.limits(alpha)
    effect = one.value - two.value
    return Interval(
        lower=effect - math.hypot(one.value - low_one, high_two - two.value),
        upper=effect + math.hypot(high_one - one.value, two.value - low_two),
    )


def _pvalue(one: _Arm, two: _Arm) -> float:
    """Return the smallest error rate whose interval excludes zero, found by halving its logarithm."""
    low, high = math.log(_SMALLEST_PVALUE), math.log1p(-_ROUNDING)
    if 0.0 in _difference(one, two, math.exp(high)):
        return 1.0
    while high - low > _ROUNDING:
        middle = (low + high) / 2
        low, high = (middle, high) if 0.0 in _difference(one, two, math.exp(middle)) else (low, middle)
    return math.exp(high)


def _arm(values: ArrayLike, probability: float, accounts: ArrayLike | None) -> _Arm:
    y = np.asarray(values, dtype=float)
    if not 0 < probability < 1:
        raise InputError(f"the share is {probability}; allowed: above 0 and below 1", hint="0.5 is the median")
    if y.ndim != 1 or not len(y) or not np.isfinite(y).all():
        raise InputError(
            f"{int((~np.isfinite(y)).sum())} of {y.size} values are missing or infinite",
            hint="leave those rows out, or fill the column in",
        )
    arm = _Arm(np.sort(y), probability, None, math.inf)
    if accounts is None:
        return arm
    ids = np.asarray(accounts)
    _, code = np.unique(ids, return_inverse=True)
    count = int(code.max()) + 1
    if ids.shape != y.shape or count < _FEWEST_ACCOUNTS:
        raise InputError(
            f"{ids.size} accounts, {count} of them distinct, for {len(y)} units; needed: one each, "
            f"{_FEWEST_ACCOUNTS} distinct ones in each arm",
            hint="randomise more accounts, or compare means",
        )
    below = (y <= arm.value).astype(float)
    totals = np.bincount(code, weights=below - below.mean())
    error = math.sqrt(float(totals @ totals) * count / (count - 1)) / len(y)
    return _Arm(arm.values, probability, error, count - 1)


def _bounded(arm: _Arm, alpha: float) -> Interval:
    low, high = arm.limits(alpha)
    if math.isinf(low) or math.isinf(high):
        raise InputError(
            f"{len(arm.values)} units are too few for an interval of the {arm.probability:.0%} quantile",
            hint="ask for a quantile nearer the median, or wait for more units",
        )
    return Interval(lower=low, upper=high)
