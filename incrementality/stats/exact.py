"""Two conversion rates with few events: exact unconditional tests, and the intervals that invert them.

Under a hypothesis about the two shares one of them remains unknown. A tail is the largest probability, over that
share, of a table at least as extreme as the one seen. Following Berger and Boos the largest is taken over shares that
the data do not exclude at a level ``gamma``, which is added. That also keeps counts small where arms are large: no
table beyond a probability of 1e-13 is visited, and what is left out is added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from incrementality.errors import InputError
from incrementality.stats.comparison import Comparison, Interval
from incrementality.stats.exact_orders import difference_score, fisher_order, ratio_score
from incrementality.stats.permutation_inversion import Tails, inverted_interval
from incrementality.stats.proportions import compare_proportions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    Order = Callable[[FloatArray, FloatArray], FloatArray]

__all__ = ["ExactOrder", "compare_proportions_exactly", "exact_tails"]

ExactOrder = Literal["score", "fisher"]

_GAMMA = 1e-6
_LEFT_OUT = 1e-13
_TIE = 1e-7
_FEWEST_POINTS = 64
_ROUNDS = 7
_FINE = 9
_EDGE = 1e-9
_LARGEST_LOG_RATIO = math.log(1e6)


@dataclass(frozen=True, slots=True)
class _Null:
    """A hypothesis: the treatment's share is ``factor`` times the control's plus ``difference``."""

    factor: float
    difference: float

    def turned(self) -> _Null:
        """Return it with the arms exchanged."""
        return _Null(1 / self.factor, -self.difference / self.factor)


@dataclass(frozen=True, slots=True)
class _Table:
    x1: int
    n1: int
    x0: int
    n0: int

    def turned(self) -> _Table:
        return _Table(self.x0, self.n0, self.x1, self.n1)


def compare_proportions_exactly(
    events_treatment: int, n_treatment: int, events_control: int, n_control: int, *, alpha: float = 0.05
) -> Comparison:
    """Compare two shares by the exact unconditional score test, with its inverted intervals.

    It is Barnard's test with the pooled score as order, one-sided tails doubled, and the intervals of Chan and Zhang:
    the exact counterpart of ``compare_proportions``, for arms with fewer than 10 events. It never errs more often than
    it says. Both intervals hold 0 exactly when the p-value is above alpha. The relative effect is ``None`` where the
    control has no events; its upper bound may be infinite.

    Args:
        events_treatment: Units with the event in the treatment arm.
        n_treatment: Units in the treatment arm, at least 2.
        events_control: Units with the event in the control arm.
        n_control: Units in the control arm, at least 2.
        alpha: Error rate of the intervals, half in each tail.

    Raises:
        InputError: As in ``compare_proportions``.

    References:
        Suissa and Shuster (1985), Exact unconditional sample sizes for the 2 x 2 binomial trial,
        https://doi.org/10.2307/2981892; Berger and Boos (1994), https://doi.org/10.1080/01621459.1994.10476836;
        Chan and Zhang (1999), Test-based exact confidence intervals for the difference of two binomial proportions,
        https://doi.org/10.1111/j.0006-341X.1999.01202.x

    Examples:
        >>> answer = compare_proportions_exactly(60, 9500, 1, 500)
        >>> round(answer.effect, 5), round(answer.pvalue, 3)
        (0.00432, 0.292)
    """
    asymptotic = compare_proportions(events_treatment, n_treatment, events_control, n_control, alpha=alpha)
    table = _Table(int(events_treatment), int(n_treatment), int(events_control), int(n_control))
    none = _tails(table, _Null(1.0, 0.0), "score", _GAMMA)
    step = asymptotic.standard_error or 1 / min(table.n1, table.n0)
    return Comparison(
        effect=asymptotic.effect,
        standard_error=asymptotic.standard_error,
        df=math.inf,
        pvalue=none.pvalue,
        effect_interval=_difference_interval(table, none, asymptotic.effect, step, alpha),
        rel_effect=asymptotic.rel_effect,
        rel_interval=_lift_interval(table, none, alpha) if table.x0 else None,
    )


def exact_tails(
    events_treatment: int,
    n_treatment: int,
    events_control: int,
    n_control: int,
    *,
    difference: float = 0.0,
    order: ExactOrder = "score",
    gamma: float = _GAMMA,
) -> Tails:
    """Return both tails of an exact unconditional test of two shares.

    Args:
        events_treatment: Units with the event in the treatment arm.
        n_treatment: Units in the treatment arm.
        events_control: Units with the event in the control arm.
        n_control: Units in the control arm.
        difference: The difference of the shares that is tested, treatment less control.
        order: What makes a table extreme: the score (Barnard's test), or Fisher's conditional p-value (Boschloo's),
            which knows no difference but 0.
        gamma: Level at which the data exclude values of the unknown share; 0 takes the largest over all shares, which
            is slow for arms above some thousand units.

    Raises:
        InputError: Impossible counts, a difference of 1 or more, or one other than 0 with Fisher's order.

    References:
        Barnard (1945), https://doi.org/10.1038/156177a0; Boschloo (1970), Raised conditional level of significance for
        the 2 x 2-table, https://doi.org/10.1111/j.1467-9574.1970.tb00104.x

    Examples:
        >>> tails = exact_tails(7, 15, 12, 15, order="fisher", gamma=0)
        >>> round(tails.lower, 4), round(tails.pvalue, 4)
        (0.0341, 0.0682)
    """
    compare_proportions(events_treatment, n_treatment, events_control, n_control)
    if not -1 < difference < 1 or (order == "fisher" and difference) or not 0 <= gamma < 1:
        raise InputError(
            f"a difference of {difference} is asked of order {order!r} with gamma {gamma}; "
            "allowed: above -1 and below 1, 0 with 'fisher', gamma from 0 to 1",
            hint="test other differences by the score",
        )
    table = _Table(int(events_treatment), int(n_treatment), int(events_control), int(n_control))
    return _tails(table, _Null(1.0, difference), order, gamma)


def _difference_interval(table: _Table, none: Tails, effect: float, step: float, alpha: float) -> Interval:
    def null(difference: float) -> _Null:
        return _Null(1.0, min(max(difference, _EDGE - 1), 1 - _EDGE))

    found = _inverted(table, null, none, effect, step=step, reach=1.0, alpha=alpha)
    return Interval(lower=max(found.lower, -1.0), upper=min(found.upper, 1.0))


def _lift_interval(table: _Table, none: Tails, alpha: float) -> Interval:
    def null(log_ratio: float) -> _Null:
        return _Null(math.exp(log_ratio), 0.0)

    near = math.log((table.x1 + 0.5) / (table.n1 + 0.5) * (table.n0 + 0.5) / (table.x0 + 0.5))
    step = math.sqrt(1 / (table.x1 + 0.5) + 1 / (table.x0 + 0.5))
    found = _inverted(table, null, none, near, step=step, reach=_LARGEST_LOG_RATIO, alpha=alpha)
    return Interval(lower=math.expm1(found.lower), upper=math.expm1(found.upper))


def _inverted(
    table: _Table,
    null: Callable[[float], _Null],
    none: Tails,
    estimate: float,
    *,
    step: float,
    reach: float,
    alpha: float,
) -> Interval:
    """Return the interval of a parameter; ``none`` are the tails at its zero, the same for every parameter."""

    def lower(value: float) -> float:
        return _upper_tail(table.turned(), null(value).turned(), "score", _GAMMA) if value else none.lower

    def upper(value: float) -> float:
        return _upper_tail(table, null(value), "score", _GAMMA) if value else none.upper

    return inverted_interval(lower, upper, estimate, step=step, reach=reach, alpha=alpha)


def _tails(table: _Table, null: _Null, order: ExactOrder, gamma: float) -> Tails:
    return Tails(
        lower=_upper_tail(table.turned(), null.turned(), order, gamma), upper=_upper_tail(table, null, order, gamma)
    )


def _upper_tail(table: _Table, null: _Null, order: ExactOrder, gamma: float) -> float:
    """Return the largest probability of tables in which the treatment does at least as well."""
    low, high = _shares(table, null, gamma)
    if low > high:
        return gamma
    x0 = np.arange(*_counts_within(table.n0, low, high), dtype=float)
    least = _least_extreme(_ordered(table, null, order), table, x0)

    def probability(p0: FloatArray) -> FloatArray:
        p1 = np.clip(null.factor * p0 + null.difference, 0.0, 1.0)[:, None]
        weight = _binomial(x0, table.n0, p0[:, None])
        above = np.where(least == 0, 1.0, special.bdtrc(np.maximum(least - 1, 0), table.n1, p1))
        return np.asarray((weight * np.where(least > table.n1, 0.0, above)).sum(1))

    return float(min(_largest(probability, low, high, table) + gamma + _LEFT_OUT * (gamma > 0), 1.0))


def _shares(table: _Table, null: _Null, gamma: float) -> tuple[float, float]:
    """Return the control's shares that the hypothesis allows and neither arm excludes at ``gamma / 2``."""
    low0, high0 = _clopper_pearson(table.x0, table.n0, gamma / 2)
    low1, high1 = _clopper_pearson(table.x1, table.n1, gamma / 2)
    bounds = [(share - null.difference) / null.factor for share in (low1, high1)]
    return max(low0, bounds[0]), min(high0, bounds[1])


def _clopper_pearson(x: int, n: int, level: float) -> tuple[float, float]:
    if level == 0:
        return 0.0, 1.0
    low = 0.0 if x == 0 else float(special.betaincinv(x, n - x + 1, level / 2))
    high = 1.0 if x == n else float(special.betaincinv(x + 1, n - x, 1 - level / 2))
    return low, high


def _counts_within(n: int, low: float, high: float) -> tuple[int, int]:
    """Return the range of counts outside of which less than 1e-13 lies, whatever the share between the two."""
    counts = np.arange(n + 1) if n <= _FEWEST_POINTS else None
    if counts is not None:
        return 0, n + 1
    first, last = _quantile(n, low, _LEFT_OUT / 2), _quantile(n, high, 1 - _LEFT_OUT / 2)
    return max(first, 0), min(last + 1, n + 1)


def _quantile(n: int, p: float, probability: float) -> int:
    """Return the smallest count at or below which at least ``probability`` lies."""
    below, above = -1, n
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if special.bdtr(middle, n, p) >= probability else (middle, above)
    return above


def _binomial(x: FloatArray, n: int, p: FloatArray) -> FloatArray:
    logs = special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)
    return np.asarray(np.exp(logs + special.xlogy(x, p) + special.xlog1py(n - x, -p)))


def _ordered(table: _Table, null: _Null, order: ExactOrder) -> Order:
    if order == "fisher":
        return lambda x1, x0: fisher_order(x1, table.n1, x0, table.n0)
    if null.difference:
        return lambda x1, x0: difference_score(x1, table.n1, x0, table.n0, null.difference)
    return lambda x1, x0: ratio_score(x1, table.n1, x0, table.n0, null.factor)


def _least_extreme(order: Order, table: _Table, x0: FloatArray) -> FloatArray:
    """Return for each count of the control the least count of the treatment that is as extreme as the table seen.

    The order rises with the treatment's count, so halving finds it; ``n1 + 1`` where none is.
    """
    seen = float(order(np.array([float(table.x1)]), np.array([float(table.x0)]))[0])
    limit = seen - _TIE * max(abs(seen), 1e-300) if math.isfinite(seen) else seen
    below, above = np.full(len(x0), -1.0), np.full(len(x0), table.n1 + 1.0)
    while (above - below).max() > 1:
        middle = np.floor((below + above) / 2)
        reached = order(np.clip(middle, 0, table.n1), x0) >= limit
        open_ = above - below > 1
        above, below = np.where(open_ & reached, middle, above), np.where(open_ & ~reached, middle, below)
    return above


def _largest(probability: Callable[[FloatArray], FloatArray], low: float, high: float, table: _Table) -> float:
    """Return the largest value between two shares: on a grid even in the arcsine scale, then finer near its top."""
    first, last = (math.asin(math.sqrt(min(max(share, 0.0), 1.0))) for share in (low, high))
    points = max(_FEWEST_POINTS, math.ceil(8 * (last - first) * math.sqrt(table.n1 + table.n0)))
    grid = np.linspace(first, last, points)
    best = 0.0
    for _ in range(_ROUNDS):
        values = probability(np.sin(grid) ** 2)
        top = int(values.argmax())
        best = max(best, float(values[top]))
        grid = np.linspace(grid[max(top - 1, 0)], grid[min(top + 1, len(grid) - 1)], _FINE)
    return best
