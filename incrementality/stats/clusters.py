"""Whole clusters randomised, units analysed: means and ratios compared by CR2 with Satterthwaite's test.

``cluster_variance`` says how the variance and its degrees of freedom are formed; here the moments of two arms become
the numbers that it needs, and the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.cluster_variance import (
    RobustSums,
    check_clusters,
    pooled_degrees_of_freedom,
    robust_sums,
)
from incrementality.stats.comparison import Comparison, MeanEstimate, compare_means

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.stats.moments import Moments

    FloatArray = NDArray[np.float64]

__all__ = [
    "ClusteredMean",
    "ClusteredPair",
    "WorkingModel",
    "cluster_covariance",
    "cluster_estimate",
    "cluster_mean",
    "cluster_means",
    "effective_clusters",
    "intraclass_correlation",
]

_FEWEST = 2
_MOST_CORRELATED = 0.999  # beyond, the working covariance can no longer be inverted

WorkingModel = Literal["exchangeable", "identity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteredMean:
    """One arm's mean or ratio, linearised: its units' influence values by size of their cluster.

    Attributes:
        value: The mean or ratio, in the metric's unit.
        size: Units in a cluster, shape (S,).
        count: Clusters of that size, shape (S,).
        squares: Sum of squares of those clusters' totals of the centred influence values, shape (S,).
        units: Sum of squares of the units' centred influence values.

    Many experiments at once, as simulations have them, are arrays of one more dimension: shape (..., S), and
    ``units`` of shape (...).
    """

    value: float
    size: FloatArray
    count: FloatArray
    squares: FloatArray
    units: float | FloatArray


def cluster_mean(moments: Moments, columns: Sequence[str]) -> ClusteredMean:
    """Return the mean of a column or the ratio of two, by size of the cluster.

    Args:
        moments: Moments of one arm by cluster; several groups are taken together.
        columns: One column, or a ratio's numerator and denominator.

    Raises:
        InputError: Fewer than two clusters, no clusters at all, a column that is missing in some rows, or a
            denominator that sums to zero.

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> moments = moments_of_rows({"y": [1.0, 2.0, 6.0]}, clusters=["a", "a", "b"])
        >>> arm = cluster_mean(moments, ["y"])
        >>> arm.value, arm.size.tolist(), arm.squares.tolist()
        (3.0, [1.0, 2.0], [9.0, 9.0])
    """
    if moments.clusters is None:
        raise InputError("the moments hold no clusters", hint="reduce them with the column of the clusters")
    if (clusters := float(moments.clusters.count.sum())) < _FEWEST:
        raise InputError(f"{clusters:.0f} clusters are too few for a variance", hint="an arm needs at least two")
    k = moments.complete_indices(columns)
    value, weights = _linearised(moments.means()[k], columns)
    center, sizes = moments.shifted_means()[k], moments.clusters.sizes
    totals, level = sizes.totals[:, k] @ weights, sizes.size * float(center @ weights)
    products = np.einsum("sjk,j,k->s", sizes.products[:, k][:, :, k], weights, weights)
    squares = products - 2 * level * totals + level**2 * sizes.count
    return ClusteredMean(
        value=value,
        size=sizes.size,
        count=sizes.count,
        squares=np.fmax(squares, 0.0),
        units=max(float(weights @ moments.scatter()[np.ix_(k, k)] @ weights), 0.0),
    )


def _linearised(mean: FloatArray, columns: Sequence[str]) -> tuple[float, FloatArray]:
    if len(columns) == 1:
        return float(mean[0]), np.array([1.0])
    if mean[1] == 0:
        raise InputError(
            f"the denominator {columns[1]!r} sums to zero in an arm",
            hint="check the column, or choose another denominator",
        )
    ratio = float(mean[0] / mean[1])
    return ratio, np.array([1.0, -ratio]) / float(mean[1])


def cluster_covariance(moments: Moments, columns: Sequence[str], rho: float) -> RobustSums:
    """Return the CR2 covariance matrix of several columns' means under one working model, and what its df need.

    Args:
        moments: Moments of one arm by cluster, with the products of all pairs of these columns.
        columns: Columns, K of them.
        rho: The working correlation of two units of a cluster, the same for all columns.

    Returns:
        ``variance`` of shape (K, K); ``expected`` and ``spread`` depend on the clusters' sizes alone.

    Raises:
        InputError: No clusters, or a column that is missing in some rows.

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> moments = moments_of_rows({"y": [1.0, 2.0, 6.0, 7.0], "d": [0, 1, 1, 1]}, clusters=list("aabb"))
        >>> cluster_covariance(moments, ["y", "d"], 0.5).variance.tolist()
        [[6.25, 0.625], [0.625, 0.0625]]
    """
    if moments.clusters is None:
        raise InputError("the moments hold no clusters", hint="reduce them with the column of the clusters")
    k = moments.complete_indices(columns)
    m, sizes = moments.shifted_means()[k], moments.clusters.sizes
    cross = sizes.size[:, None, None] * (sizes.totals[:, k, None] * m)
    level = (sizes.size**2 * sizes.count)[:, None, None] * np.outer(m, m)
    squares = sizes.products[:, k][:, :, k] - cross - np.swapaxes(cross, 1, 2) + level
    return robust_sums(sizes.size, sizes.count, np.moveaxis(squares, 0, -1), rho)


def intraclass_correlation(arms: Sequence[ClusteredMean]) -> FloatArray:
    """Return the correlation of two units of one cluster, pooled over arms: the analysis-of-variance estimator.

    Args:
        arms: The arms, each centred at its own mean; with arrays of shape (..., S) the answer has shape (...).

    Returns:
        Between 0 (none, and where an estimate is negative) and 0.999.

    References:
        Donner and Koval (1980), The estimation of intraclass correlation in the analysis of family data,
        https://doi.org/10.2307/2530491

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> rows = {"y": [1.0, 2.0, 6.0, 7.0]}
        >>> arm = cluster_mean(moments_of_rows(rows, clusters=list("aabb")), ["y"])
        >>> round(float(intraclass_correlation([arm])), 3)
        0.961
    """
    n = [(arm.size * arm.count).sum(-1) for arm in arms]
    typical = sum(n) - sum((arm.size**2 * arm.count).sum(-1) / total for arm, total in zip(arms, n, strict=True))
    clusters = sum(arm.count.sum(-1) for arm in arms)
    between = sum((arm.squares / arm.size).sum(-1) for arm in arms)
    within = np.fmax(sum(arm.units for arm in arms) - between, 0.0)
    single, single_arms = np.asarray(sum(n) - clusters), np.asarray(clusters - len(arms))
    mean_within = within / np.fmax(single, 1.0)
    spread = single_arms * (between / np.fmax(single_arms, 1.0) - mean_within) / np.fmax(typical, 1e-300)
    total = spread + mean_within
    known = (single > 0) & (single_arms > 0) & (total > 0)
    share = np.divide(spread, total, out=np.zeros_like(total), where=known)
    return np.asarray(np.clip(share, 0.0, _MOST_CORRELATED))


def cluster_estimate(arm: ClusteredMean, rho: float) -> MeanEstimate:
    """Return an arm's mean with its CR2 variance and Satterthwaite's degrees of freedom.

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> moments = moments_of_rows({"y": [1.0, 2.0, 6.0, 7.0]}, clusters=list("aabb"))
        >>> answer = cluster_estimate(cluster_mean(moments, ["y"]), 0.5)
        >>> answer.value, answer.variance, round(answer.df, 6)
        (4.0, 6.25, 1.0)
    """
    sums = robust_sums(arm.size, arm.count, arm.squares, rho)
    return MeanEstimate(value=arm.value, variance=float(sums.variance), df=pooled_degrees_of_freedom([sums]))


class ClusteredPair(NamedTuple):
    """Two arms' means with their CR2 variances, and the degrees of freedom of their difference."""

    treatment: MeanEstimate
    control: MeanEstimate
    df: float

    def compare(self, *, alpha: float = 0.05) -> Comparison:
        """Return the difference, and the relative effect by Fieller, with the same degrees of freedom."""
        return compare_means(self.treatment, self.control, alpha=alpha, df=self.df)


def cluster_means(
    pairs: Sequence[tuple[Moments, Moments]],
    columns: Sequence[str],
    *,
    shares: Sequence[float] | None = None,
    working: WorkingModel = "exchangeable",
) -> ClusteredPair:
    """Return the means (or ratios) of two arms whose clusters were randomised whole: CR2, Satterthwaite.

    It is the regression of units on the arm, or within strata on arm and stratum. The intra-class correlation of the
    working model is estimated from the two arms together.

    Args:
        pairs: (treatment, control) of each stratum; one pair where clusters were randomised all together.
        columns: One column, or a ratio's numerator and denominator.
        shares: Each stratum's weight, adding up to 1; default: its share of the two arms' units.
        working: ``"identity"`` takes units of a cluster as unrelated in the working model: for checks against other
            implementations.

    Raises:
        TooFewClusters: An arm has fewer than 8 effective clusters, or the degrees of freedom are below 4.
        InputError: As in ``cluster_mean``.

    Examples:
        >>> import numpy as np
        >>> from incrementality.stats.moments import moments_of_rows
        >>> account, rng = np.repeat(np.arange(20), 5), np.random.default_rng(1)
        >>> y = 10 + rng.normal(size=20)[account] + rng.normal(size=100)
        >>> treatment = moments_of_rows({"y": y[:50] + 4}, clusters=account[:50])
        >>> control = moments_of_rows({"y": y[50:]}, clusters=account[50:])
        >>> answer = cluster_means([(treatment, control)], ["y"]).compare()
        >>> round(answer.effect, 2), round(answer.standard_error, 2), round(answer.df, 1)
        (4.27, 0.26, 18.0)
    """
    units = np.array([float(t.n.sum() + c.n.sum()) for t, c in pairs])
    weights = units / units.sum() if shares is None else np.array(shares)
    sides = [[cluster_mean(pair[k], columns) for pair in pairs] for k in (0, 1)]
    rho = 0.0 if working == "identity" else float(intraclass_correlation([arm for side in sides for arm in side]))
    sums = [_scaled(side, weights, rho) for side in sides]
    df = pooled_degrees_of_freedom([part for side in sums for part in side])
    check_clusters([effective_clusters(side) for side in sides], df)
    return ClusteredPair(_weighted(sides[0], sums[0], weights), _weighted(sides[1], sums[1], weights), df)


def _scaled(arms: Sequence[ClusteredMean], weights: FloatArray, rho: float) -> list[RobustSums]:
    found = [robust_sums(arm.size, arm.count, arm.squares, rho) for arm in arms]
    return [
        RobustSums(part.variance * w**2, part.expected * w**2, part.spread * w**4)
        for part, w in zip(found, weights, strict=True)
    ]


def _weighted(arms: Sequence[ClusteredMean], sums: Sequence[RobustSums], weights: FloatArray) -> MeanEstimate:
    return MeanEstimate(
        value=float(weights @ [arm.value for arm in arms]),
        variance=float(sum(part.variance for part in sums)),
        df=pooled_degrees_of_freedom(sums),
    )


def effective_clusters(arms: Sequence[ClusteredMean]) -> float:
    """Return how many equal clusters tell as much as those of an arm's strata: one over the squared shares of units.

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> effective_clusters([cluster_mean(moments_of_rows({"y": [1.0, 2.0, 6.0]}, clusters=list("aab")), ["y"])])
        1.8
    """
    units = sum(float(arm.size @ arm.count) for arm in arms)
    return units**2 / sum(float(arm.size**2 @ arm.count) for arm in arms)
