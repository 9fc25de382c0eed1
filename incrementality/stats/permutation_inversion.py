"""From a permutation test of any hypothesis to its tails, and from the tails to an interval.

A hypothesis is a pair ``(a, t)``: on the units that were treated, ``a y - t x`` is what they would have had in the
control. ``(1, 0)`` is no effect; ``(1, t)`` an effect of ``t``; ``(1 / (1 + lift), 0)`` a lift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.stats.comparison import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = [
    "TIE",
    "Tails",
    "additive_interval",
    "inverted_interval",
    "scale_interval",
    "studentised",
    "tails_of_statistics",
]

TIE = 1e-9  # statistics nearer than this, relative to them where they are above 1, are equal
_HALVINGS = 30
_FURTHEST = 1e4  # first steps to where a bound is called infinite
_LARGEST_LOG_LIFT = math.log(1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tails:
    """How far out the observed statistic lies among the permuted ones.

    Attributes:
        lower: Share of statistics at most as large, the observed one included: at least 1 / (B + 1).
        upper: Share of statistics at least as large.
    """

    lower: float
    upper: float

    @property
    def pvalue(self) -> float:
        """Twice the smaller tail, at most 1."""
        return min(1.0, 2 * min(self.lower, self.upper))


def studentised(difference: FloatArray, error: FloatArray) -> FloatArray:
    """Return the statistic; without any spread, 0 for equal arms and infinite otherwise.

    Examples:
        >>> import numpy as np
        >>> studentised(np.array([3.0, 0.0, -1.0]), np.array([2.0, 0.0, 0.0])).tolist()
        [1.5, 0.0, -inf]
    """
    without = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
    return np.divide(difference, error, out=without, where=error > 0)


def tails_of_statistics(statistics: FloatArray) -> Tails:
    """Return the tails of the first statistic among all of them; ties count to both.

    References:
        Phipson and Smyth (2010), Permutation p-values should never be zero, https://doi.org/10.2202/1544-6115.1585

    Examples:
        >>> import numpy as np
        >>> tails_of_statistics(np.array([2.0, 1.0, 0.0, 2.0]))
        Tails(lower=1.0, upper=0.5)
    """
    observed, permuted = float(statistics[0]), statistics[1:]
    tie = TIE * max(1.0, abs(observed)) if math.isfinite(observed) else 0.0
    return Tails(
        lower=(1 + int(np.count_nonzero(permuted <= observed + tie))) / len(statistics),
        upper=(1 + int(np.count_nonzero(permuted >= observed - tie))) / len(statistics),
    )


def additive_interval(
    tails: Callable[[float, float], Tails], effect: float, standard_error: float, alpha: float
) -> Interval:
    """Return the effects that neither tail rejects; it holds 0 exactly when the p-value of no effect is above alpha.

    A bound is infinite where no effect, however large, is rejected: the arms are too small for that.

    Examples:
        >>> from scipy import special
        >>> def normal(a, t):
        ...     z = (3.0 - t) / 2.0
        ...     return Tails(lower=float(special.ndtr(z)), upper=float(special.ndtr(-z)))
        >>> interval = additive_interval(normal, 3.0, 2.0, 0.05)
        >>> round(interval.lower, 3), round(interval.upper, 3)
        (-0.92, 6.92)
    """
    step = standard_error or abs(effect) or 1.0
    reach = abs(effect) + _FURTHEST * step
    lower, upper = (lambda value: tails(1.0, value).lower), (lambda value: tails(1.0, value).upper)
    return inverted_interval(lower, upper, effect, step=step, reach=reach, alpha=alpha)


def scale_interval(
    tails: Callable[[float, float], Tails], lift: float, relative_error: float, shift: float, alpha: float
) -> Interval:
    """Return the lifts that neither tail rejects; it holds 0 exactly when ``additive_interval`` does.

    Args:
        tails: The tails of a hypothesis about values less their shift.
        lift: The estimate, above -1.
        relative_error: About its standard error; it only sets where the search starts.
        shift: What was taken from the values for each unit of the denominator.
        alpha: Error rate.

    Examples:
        >>> from scipy import special
        >>> def normal(a, t):
        ...     z = (15.0 * a - 10.0) / 2.0
        ...     return Tails(lower=float(special.ndtr(z)), upper=float(special.ndtr(-z)))
        >>> interval = scale_interval(normal, 0.5, 0.3, 0.0, 0.05)
        >>> round(interval.lower, 3), round(interval.upper, 3)
        (0.078, 1.467)
    """

    def of_log(log_lift: float) -> Tails:
        a = math.exp(-log_lift)
        return tails(a, (1 - a) * shift)

    step = min(max(relative_error / (1 + lift), 1e-6), 1.0)
    lower, upper = (lambda value: of_log(value).lower), (lambda value: of_log(value).upper)
    found = inverted_interval(lower, upper, math.log1p(lift), step=step, reach=_LARGEST_LOG_LIFT, alpha=alpha)
    return Interval(lower=math.expm1(found.lower), upper=math.expm1(found.upper))


def inverted_interval(
    lower_tail: Callable[[float], float],
    upper_tail: Callable[[float], float],
    estimate: float,
    *,
    step: float,
    reach: float,
    alpha: float,
) -> Interval:
    """Return the values around an estimate that neither tail rejects at half of alpha.

    It holds 0 exactly when neither tail of 0 is at most ``alpha / 2``.

    Args:
        lower_tail: The lower tail of the hypothesis of each value; it falls as the value rises.
        upper_tail: The upper tail; it rises with the value.
        estimate: Where the search starts.
        step: How far it first goes.
        reach: The largest value either way; a bound beyond is infinite.
        alpha: Error rate.

    Examples:
        >>> from scipy import special
        >>> found = inverted_interval(lambda v: special.ndtr(-v), special.ndtr, 0.0, step=1.0, reach=100.0, alpha=0.05)
        >>> round(found.upper, 4)
        1.96
    """
    half = alpha / 2
    lower = _bound(lambda value: upper_tail(value) <= half, estimate, -step, -reach)
    upper = _bound(lambda value: lower_tail(value) <= half, estimate, step, reach)
    if lower > 0:
        return Interval(lower=lower, upper=max(lower, upper))
    return Interval(lower=min(lower, upper), upper=upper)


def _bound(rejected: Callable[[float], bool], estimate: float, step: float, reach: float) -> float:
    """Return where rejection begins on the way to ``reach``: beyond 0 exactly when 0 is not rejected."""
    near, far = sorted((0.0, estimate), reverse=step < 0)
    if rejected(0.0):
        inside, outside = _first(lambda value: not rejected(value), near, -step, -reach), 0.0
    elif rejected(far):
        inside, outside = near, far
    else:
        inside, outside = far, _first(rejected, far + step, step, reach)
    if math.isinf(outside) or math.isinf(inside):
        return outside if math.isinf(outside) else inside
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if rejected(middle) else (middle, outside)
    return inside


def _first(holds: Callable[[float], bool], start: float, step: float, reach: float) -> float:
    """Return the first of ``start``, a step on, three steps on, ... where it holds; infinite beyond ``reach``."""
    value, walked = start, 0.0
    while not holds(value):
        if value == reach:
            return math.copysign(math.inf, reach)
        walked = 2 * walked + step
        value = (min if reach > 0 else max)(start + walked, reach)
    return value
