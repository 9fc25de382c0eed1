"""What makes one table of two binomial counts more extreme than another, for many tables at a time.

Every order rises with the treatment's count and falls with the control's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["difference_score", "fisher_order", "ratio_score"]

_STEPS = 60
_TOLERANCE = 1e-12  # of the larger of the two answers


def difference_score(x1: FloatArray, n1: int, x0: FloatArray, n0: int, difference: float) -> FloatArray:
    """Return the score statistic of a difference of the shares, in standard errors, shape (m,).

    References:
        Farrington and Manning (1990), https://doi.org/10.1002/sim.4780091208

    Examples:
        >>> difference_score(np.array([7.0]), 34, np.array([1.0]), 34, 0.0).round(4).tolist()
        [2.2583]
    """
    p0 = _share_given_difference(x1, n1, x0, n0, difference)
    p1 = np.clip(p0 + difference, 0.0, 1.0)
    return _standardised(x1 / n1 - x0 / n0 - difference, p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)


def ratio_score(x1: FloatArray, n1: int, x0: FloatArray, n0: int, ratio: float) -> FloatArray:
    """Return the score statistic of a ratio of the shares, in standard errors, shape (m,).

    References:
        Koopman (1984), https://doi.org/10.2307/2531405

    Examples:
        >>> ratio_score(np.array([7.0]), 34, np.array([1.0]), 34, 1.0).round(4).tolist()
        [2.2583]
    """
    u, v = ratio * (n1 + x0), n0 + x1
    root = np.sqrt((u - v) ** 2 + 4 * ratio * (n1 - x1) * (n0 - x0))
    p0 = np.minimum(2 * (x1 + x0) / (u + v + root), 1.0)
    p1 = np.minimum(ratio * p0, 1.0)
    return _standardised(x1 / n1 - ratio * x0 / n0, p1 * (1 - p1) / n1 + ratio**2 * p0 * (1 - p0) / n0)


def fisher_order(x1: FloatArray, n1: int, x0: FloatArray, n0: int) -> FloatArray:
    """Return minus Fisher's one-sided p-value: of at most ``x0`` events in the control given all events, shape (m,).

    References:
        Fisher (1935), The logic of inductive inference, https://doi.org/10.2307/2342435

    Examples:
        >>> fisher_order(np.array([3.0, 2.0]), 3, np.array([0.0, 1.0]), 3).round(6).tolist()
        [-0.05, -0.5]
    """
    events = (x1 + x0)[:, None]
    counts = np.arange(x0.max() + 1)
    possible = (counts <= x0[:, None]) & (events - counts <= n1)
    other = np.where(possible, events - counts, 0.0)
    logs = _log_choose(n0, counts) + _log_choose(n1, other) - _log_choose(n0 + n1, events)
    return np.asarray(-np.where(possible, np.exp(np.minimum(logs, 0.0)), 0.0).sum(1))


def _log_choose(n: int, k: FloatArray) -> FloatArray:
    return np.asarray(special.gammaln(n + 1.0) - special.gammaln(k + 1) - special.gammaln(n - k + 1))


def _standardised(distance: FloatArray, variance: FloatArray) -> FloatArray:
    without = np.where(distance == 0, 0.0, np.copysign(np.inf, distance))
    return np.divide(distance, np.sqrt(variance), out=without, where=variance > 0)


def _share_given_difference(x1: FloatArray, n1: int, x0: FloatArray, n0: int, difference: float) -> FloatArray:
    """Return the control's most likely share: Newton steps on the score, kept between the arms' own answers.

    The score times ``p0 q0 p1 q1`` is a cubic without poles; where it is zero at an end of the range, its slope there
    tells whether the likelihood falls from that end on.
    """
    ends = [
        np.clip(share, max(0.0, -difference), min(1.0, 1 - difference)) for share in (x0 / n0, x1 / n1 - difference)
    ]
    low, high = np.minimum(*ends), np.maximum(*ends)
    for end, sign in ((low, -1), (high, 1)):
        value, slope = _score_cubic(x1, n1, x0, n0, p0=end, difference=difference)
        stays = (value == 0) & (slope <= 0) if sign < 0 else (value == 0) & (slope <= 0) & (high > low)
        low, high = (low, np.where(stays, low, high)) if sign < 0 else (np.where(stays, high, low), high)
    width = _TOLERANCE * high
    p = np.clip((x1 + x0 - n1 * difference) / (n1 + n0), low, high)
    for _ in range(_STEPS):
        value, slope = _score_cubic(x1, n1, x0, n0, p0=p, difference=difference)
        low, high = np.where(value > 0, p, low), np.where(value > 0, high, p)
        newton = p - np.divide(value, slope, out=np.full_like(p, np.inf), where=slope < 0)
        moved = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
        done = bool((np.abs(moved - p) <= width).all())
        p = moved
        if done:
            break
    return p


def _score_cubic(
    x1: FloatArray, n1: int, x0: FloatArray, n0: int, *, p0: FloatArray, difference: float
) -> tuple[FloatArray, FloatArray]:
    """Return the score of the control's share times ``p0 q0 p1 q1``, and its slope."""
    p1 = np.clip(p0 + difference, 0.0, 1.0)
    both, other = p1 * (1 - p1), p0 * (1 - p0)
    left0, left1 = x0 - n0 * p0, x1 - n1 * p1
    slope = left0 * (1 - 2 * p1) - n0 * both + left1 * (1 - 2 * p0) - n1 * other
    return left0 * both + left1 * other, slope
