"""CR2 variances and Satterthwaite's degrees of freedom of means over whole clusters, in closed form.

With few or unequal clusters the usual cluster-robust variance (CR1, t with clusters less one) is too small and its
degrees of freedom too many. CR2 multiplies each cluster's residuals so that the variance is unbiased under a working
model, and the degrees of freedom follow from the same model. The working model here is *exchangeable*: two units of a
cluster correlate by ``rho``, estimated from the data; the identity (``rho = 0``) is too kind to unequal clusters.

For a mean all of it depends on a cluster's size alone. With ``w_g = n_g / N``, ``v_g = n_g (1 - rho + rho n_g)`` (the
working variance of a cluster's total) and ``V = sum of v_g``, the centred total ``u_g = t_g - n_g mean`` has the
working covariance ``delta_gh v_g - w_g v_h - w_h v_g + w_g w_h V``, and its CR2 multiplier is ``sqrt(v_g / var(u_g))``.

References:
    Bell and McCaffrey (2002), Bias reduction in standard errors for linear regression with multi-stage samples,
    https://www150.statcan.gc.ca/n1/en/catalogue/12-001-X20020029058
    Imbens and Kolesar (2016), https://doi.org/10.1162/REST_a_00552
    Pustejovsky and Tipton (2018), https://doi.org/10.1080/07350015.2016.1247004
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from incrementality.errors import TooFewClusters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = [
    "FEWEST_DEGREES_OF_FREEDOM",
    "FEWEST_EFFECTIVE_CLUSTERS",
    "ClusterDegrees",
    "RobustSums",
    "check_clusters",
    "cluster_degrees",
    "pooled_degrees_of_freedom",
    "robust_sums",
]

FEWEST_EFFECTIVE_CLUSTERS = 8.0  # in each arm, equal ones
FEWEST_DEGREES_OF_FREEDOM = 4.0  # below, Satterthwaite's approximation does not hold
_FEW_CLUSTERS = 20.0


class RobustSums(NamedTuple):
    """A CR2 variance and its first two moments under the working model.

    Attributes:
        variance: The CR2 variance, in the metric's unit squared.
        expected: Its expectation under a working model of variance 1.
        spread: Half its variance under that model: ``expected**2 / spread`` are Satterthwaite's degrees of freedom.
    """

    variance: FloatArray
    expected: FloatArray
    spread: FloatArray


def robust_sums(size: FloatArray, count: FloatArray, squares: FloatArray, rho: FloatArray | float) -> RobustSums:
    """Return the CR2 variance of a mean, with what its degrees of freedom need.

    Args:
        size: Units in a cluster, shape (..., S).
        count: Clusters of that size, shape (..., S); ones where each entry is one cluster.
        squares: Sum of squares of their centred totals, shape (..., S).
        rho: The working correlation of two units of a cluster, shape (...).

    Returns:
        Arrays of shape (...).

    Examples:
        >>> import numpy as np
        >>> sums = robust_sums(np.array([10.0]), np.array([20.0]), np.array([400.0]), 0.0)
        >>> round(float(sums.variance), 6), round(float(sums.expected**2 / sums.spread), 6)
        (0.010526, 19.0)
    """
    rho = np.asarray(rho)[..., None]
    n = (count * size).sum(-1, keepdims=True)
    w, v = size / n, size * (1 - rho + rho * size)
    total = (count * v).sum(-1, keepdims=True)
    outside = w * (w * total - 2 * v)  # what centring takes from a total's variance
    multiplier = v / (v + outside)
    squared = n[..., 0] ** 2
    weighted = count * multiplier
    ww, wv, vv = ((weighted * part).sum(-1) for part in (w * w, w * v, v * v))
    total = total[..., 0]
    spread = 2 * ww * vv + 2 * wv**2 + (total * ww) ** 2 - 4 * total * ww * wv
    spread += (count * multiplier**2 * v * (v + 2 * outside)).sum(-1)
    return RobustSums((multiplier * squares).sum(-1) / squared, total / squared, spread / squared**2)


def pooled_degrees_of_freedom(parts: Sequence[RobustSums]) -> float:
    """Return Satterthwaite's degrees of freedom of a sum of independent CR2 variances.

    Examples:
        >>> import numpy as np
        >>> arm = robust_sums(np.array([10.0]), np.array([20.0]), np.array([400.0]), 0.0)
        >>> round(pooled_degrees_of_freedom([arm, arm]), 6)
        38.0
    """
    return float(sum(part.expected for part in parts) ** 2 / sum(part.spread for part in parts))


class ClusterDegrees(NamedTuple):
    """An arm's degrees of freedom: ``per_cluster`` times its clusters, less ``lost``."""

    per_cluster: float
    lost: float


def cluster_degrees(size: FloatArray, share: FloatArray, rho: float) -> ClusterDegrees:
    """Return how an arm's degrees of freedom grow with its clusters, for a plan: a line, as they very nearly are.

    Args:
        size: Sizes of clusters, shape (S,).
        share: How often each occurs, adding up to 1, shape (S,).
        rho: The working correlation of two units of a cluster.

    Examples:
        >>> degrees = cluster_degrees(np.array([10.0]), np.ones(1), 0.1)
        >>> round(degrees.per_cluster, 6), round(degrees.lost, 6)
        (1.0, 1.0)
    """
    few = max(_FEW_CLUSTERS, 4 * float(size.max() / (size @ share)))
    at = []
    for clusters in (few, 10 * few):
        sums = robust_sums(size, share * clusters, np.zeros(len(size)), rho)
        at.append(pooled_degrees_of_freedom([sums]))
    slope = (at[1] - at[0]) / (9 * few)
    return ClusterDegrees(min(slope, 1.0), slope * few - at[0])


def check_clusters(effective: Sequence[float], df: float) -> None:
    """Refuse to state an interval from too few clusters.

    Args:
        effective: Effective clusters of each arm.
        df: Satterthwaite's degrees of freedom of the comparison.

    Raises:
        TooFewClusters: Fewer than 8 effective clusters in an arm, or fewer than 4 degrees of freedom.
    """
    if min(effective) < FEWEST_EFFECTIVE_CLUSTERS:
        raise TooFewClusters(
            f"an arm's clusters tell as much as {min(effective):.1f} equal ones; an interval needs at least "
            f"{FEWEST_EFFECTIVE_CLUSTERS:.0f}",
            hint="randomise more clusters, nearer in size, or half of them to each arm",
        )
    if not df >= FEWEST_DEGREES_OF_FREEDOM:
        raise TooFewClusters(
            f"the comparison has {df:.1f} degrees of freedom, since a few large clusters decide it; an interval needs "
            f"at least {FEWEST_DEGREES_OF_FREEDOM:.0f}",
            hint="randomise more clusters, nearer in size, or half of them to each arm",
        )
