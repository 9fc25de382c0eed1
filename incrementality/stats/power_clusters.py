"""Experiments on whole clusters drawn from a history, each tested by CR2 as the readout will test it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from incrementality.stats.cluster_variance import (
    FEWEST_DEGREES_OF_FREEDOM,
    FEWEST_EFFECTIVE_CLUSTERS,
    robust_sums,
)
from incrementality.stats.clusters import ClusteredMean, intraclass_correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["ClusterHistory", "ClusterStatistics", "cluster_history", "cluster_statistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterHistory:
    """Each cluster's sums over its units: of y (the numerator), x (the denominator) and their products.

    Attributes:
        size: Units, shape (G,).
        y: Sum of y.
        x: Sum of x.
        yy: Sum of ``y^2``.
        xy: Sum of ``x y``.
        xx: Sum of ``x^2``.
        binary: Whether each unit has y of 0 or 1 and x of 1.
    """

    size: FloatArray
    y: FloatArray
    x: FloatArray
    yy: FloatArray
    xy: FloatArray
    xx: FloatArray
    binary: bool


class ClusterStatistics(NamedTuple):
    """Of many experiments: t, its degrees of freedom, whether the readout would answer; shape (R,)."""

    t: FloatArray
    df: FloatArray
    answered: NDArray[np.bool_]


def cluster_history(y: FloatArray, x: FloatArray, clusters: NDArray[np.object_], *, binary: bool) -> ClusterHistory:
    """Return the sums of each cluster of a history.

    Args:
        y: The metric, or the ratio's numerator, shape (n,).
        x: The ratio's denominator, or ones, shape (n,).
        clusters: The cluster of each unit, shape (n,).
        binary: Whether y is 0 or 1 and x is 1.

    Examples:
        >>> history = cluster_history(np.array([1.0, 2.0, 5.0]), np.ones(3), np.array(list("aab")), binary=False)
        >>> history.size.tolist(), history.y.tolist(), history.yy.tolist()
        ([2.0, 1.0], [3.0, 5.0], [5.0, 25.0])
    """
    _, code = np.unique(clusters, return_inverse=True)
    parts = {"size": np.ones(len(y)), "y": y, "x": x, "yy": y * y, "xy": x * y, "xx": x * x}
    sums = {name: np.bincount(code, weights=part).astype(float) for name, part in parts.items()}
    return ClusterHistory(**sums, binary=binary)


def cluster_statistics(
    history: ClusterHistory,
    sizes: tuple[int, int],
    effect: float,
    replications: int,
    rng: np.random.Generator,
) -> ClusterStatistics:
    """Draw experiments and return what CR2 says about each.

    Args:
        history: The clusters drawn from.
        sizes: Clusters in control and treatment arm.
        effect: Effect relative to the mean, planted in the treatment arm.
        replications: Experiments.
        rng: Random numbers.
    """
    (r0, control), (r1, treatment) = (
        _drawn(history, n, e, replications, rng) for n, e in zip(sizes, (0.0, effect), strict=True)
    )
    rho = intraclass_correlation([treatment, control])
    v1, v0 = (robust_sums(arm.size, arm.count, arm.squares, rho) for arm in (treatment, control))
    df = (v1.expected + v0.expected) ** 2 / (v1.spread + v0.spread)
    error = np.sqrt(v1.variance + v0.variance)
    t = np.divide(r1 - r0, error, out=np.zeros_like(error), where=error > 0)
    effective = np.fmin(*(arm.size.sum(1) ** 2 / (arm.size**2).sum(1) for arm in (treatment, control)))
    return ClusterStatistics(t, df, (effective >= FEWEST_EFFECTIVE_CLUSTERS) & (df >= FEWEST_DEGREES_OF_FREEDOM))


def _drawn(
    history: ClusterHistory, clusters: int, effect: float, replications: int, rng: np.random.Generator
) -> tuple[FloatArray, ClusteredMean]:
    """Means (ratios) of an arm, and its clusters with the influence values of their units."""
    at = rng.integers(0, len(history.size), (replications, clusters))
    size, x, xx = history.size[at], history.x[at], history.xx[at]
    y, yy, xy = _treated(history, at, effect, rng)
    below = x.sum(1, keepdims=True)
    ratio, scale = y.sum(1, keepdims=True) / below, size.sum(1, keepdims=True) / below
    units = ((yy - 2 * ratio * xy + ratio**2 * xx) * scale**2).sum(1)
    squares = ((y - ratio * x) * scale) ** 2
    arm = ClusteredMean(value=0.0, size=size, count=np.ones(size.shape), squares=squares, units=np.fmax(units, 0.0))
    return ratio[:, 0], arm


def _treated(
    history: ClusterHistory, at: NDArray[np.int64], effect: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    y, yy, xy = history.y[at], history.yy[at], history.xy[at]
    if not history.binary:
        return y * (1 + effect), yy * (1 + effect) ** 2, xy * (1 + effect)
    rate = float(history.y.sum() / history.size.sum())
    if effect >= 0:
        turned = rng.binomial((history.size[at] - y).astype(int), rate * effect / (1 - rate))
        y = y + turned
    else:
        y = rng.binomial(y.astype(int), 1 + effect).astype(float)
    return y, y, y
