"""The mean of a column or the ratio of two, with its variance, from moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.comparison import MeanEstimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.stats.moments import Moments

    FloatArray = NDArray[np.float64]

__all__ = ["estimate_mean", "mean_covariance"]

_FEWEST = 2


def estimate_mean(moments: Moments, numerator: str, denominator: str | None = None) -> MeanEstimate:
    """Return the mean of a column, or the ratio of two, in all units of the moments, with its variance.

    The ratio is linearised (delta method): its variance is that of ``(y - R x) / mean(x)``. Where the moments
    hold clusters, the variance is that of cluster totals, with clusters minus one degrees of freedom. Several
    groups are taken together as one sample: strata are averaged by ``adjust_mean`` on their indicators, not here.

    Args:
        moments: Moments of one arm (several groups are taken together).
        numerator: The column that is averaged, or the ratio's numerator.
        denominator: The ratio's denominator; default: one for each unit.

    Returns:
        Value, variance of the value, degrees of freedom.

    Raises:
        InputError: Fewer than two units (clusters), a column that is missing in some rows, or a denominator that
            sums to zero.

    References:
        Deng, Knoblich and Lu (2018), Applying the Delta Method in Metric Analytics,
        https://doi.org/10.1145/3219819.3219919

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> moments = moments_of_rows({"orders": [1, 0, 2, 1], "sessions": [2, 1, 3, 2]})
        >>> estimate_mean(moments, "orders", "sessions").value
        0.5
    """
    units = float(moments.clusters.count.sum() if moments.clusters else moments.n.sum())
    if units < _FEWEST:
        raise InputError(f"{units:.0f} units are too few for a variance", hint="an arm needs at least two units")
    columns = [numerator] if denominator is None else [numerator, denominator]
    mean = moments.means()[moments.complete_indices(columns)]
    if denominator is not None and mean[1] == 0:
        raise InputError(
            f"the denominator {denominator!r} sums to zero in an arm",
            hint="check the column, or choose another denominator",
        )
    below = 1.0 if denominator is None else float(mean[1])
    value = float(mean[0]) if denominator is None else float(mean[0] / mean[1])
    weights = np.array([1.0] if denominator is None else [1.0, -value]) / below
    variance = float(weights @ mean_covariance(moments, columns) @ weights)
    return MeanEstimate(value=value, variance=max(variance, 0.0), df=units - 1)


def mean_covariance(moments: Moments, columns: Sequence[str]) -> FloatArray:
    """Return the covariance matrix of the columns' means over all units, shape (K, K).

    From units ``S / n``; with clusters from their totals around the mean, ``G / (G - 1) sum of u_g u_g' / n^2``
    with ``u_g = t_g - m n_g``, since whole clusters were randomised. That is CR1 of the regression on a constant:
    the factor ``G / (G - 1)`` alone, no ``(n - 1) / (n - k)``.

    Raises:
        InputError: A column is missing in some rows.

    References:
        Cameron and Miller (2015), A practitioner's guide to cluster-robust inference, section II.B,
        https://doi.org/10.3368/jhr.50.2.317

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> moments = moments_of_rows({"y": [1.0, 2.0, 6.0]})
        >>> mean_covariance(moments, ["y"]).round(3).tolist()
        [[2.333]]
    """
    k = moments.complete_indices(columns)
    n = moments.n.sum()
    if moments.clusters is None:
        return np.asarray(moments.covariance()[np.ix_(k, k)] / n)
    c, m = moments.clusters, moments.shifted_means()[k]
    cross = np.outer(m, c.ns.sum(0)[k])
    squares = c.ss.sum(0)[np.ix_(k, k)] - cross - cross.T + np.outer(m, m) * c.nn.sum()
    count = c.count.sum()
    return np.asarray(squares * count / (count - 1) / n**2)
