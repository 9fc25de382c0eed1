"""Covariate adjustment where whole clusters were randomised: CR2 with an exchangeable working model.

As in ``clusters``, with Lin's regression in place of the mean. Each arm's regression is turned so that its design has
orthonormal columns: ``X X' = H`` and ``X'X = I``. Then everything about a cluster happens in the span of its rows of
``X``, and needs its cross products only, never its rows: with ``X_g = U F`` (``U`` orthonormal, from the eigenvectors
of ``X_g'X_g``), the working covariance ``Phi``, the covariance of the residuals

    M = Phi - F F' Phi - Phi F F' + F Omega F',      Omega = sum over clusters of X'Phi X,

and the multiplier ``A = S (S M S)^(-1/2) S`` with ``S = Phi^(1/2)`` are matrices of the design's rank.

References:
    Pustejovsky and Tipton (2018), Small-sample methods for cluster-robust variance estimation and hypothesis testing
    in fixed effects models, https://doi.org/10.1080/07350015.2016.1247004
    Lin (2013), https://doi.org/10.1214/12-AOAS583
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.stats.cluster_variance import RobustSums, check_clusters, pooled_degrees_of_freedom
from incrementality.stats.clusters import (
    ClusteredMean,
    ClusteredPair,
    WorkingModel,
    effective_clusters,
    intraclass_correlation,
)
from incrementality.stats.comparison import MeanEstimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from incrementality.stats.adjustment import AdjustedMean

    FloatArray = NDArray[np.float64]

__all__ = ["AdjustedClusters", "ClusterProducts", "adjusted_cluster_means", "adjusted_clusters"]

_CHUNK = 4_000_000  # numbers worked on at a time
_RANK = 1e-10  # a direction with a smaller share of a cluster's design is rounding
_FITTED = 1e-9  # a residual with a smaller share of its variance left is fitted exactly


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterProducts:
    """Each cluster's sums in one arm.

    Attributes:
        columns: The columns' names, length K.
        shift: The shift ``c`` of each column, shape (K,).
        size: Units of each cluster, shape (G,).
        totals: Sum of ``y - c``, shape (G, K).
        products: Sums of ``(y - c)(x - d)`` by the pair's positions, each of shape (G,).
    """

    columns: tuple[str, ...]
    shift: FloatArray
    size: FloatArray
    totals: FloatArray
    products: dict[tuple[int, int], FloatArray]

    def product(self, j: int, k: int, center: FloatArray) -> FloatArray:
        """Return the sums of the products of two columns around a center, shape (G,)."""
        c, d = center[j] - self.shift[j], center[k] - self.shift[k]
        raw = self.products[j, k] if (j, k) in self.products else self.products[k, j]
        return np.asarray(raw - c * self.totals[:, k] - d * self.totals[:, j] + c * d * self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedClusters:
    """One arm's adjusted mean and its clusters, in the coordinates in which the design is orthonormal.

    Attributes:
        value: The adjusted mean.
        size: Units of each cluster, shape (G,).
        design: ``X_g'X_g``, shape (G, p, p); the intercept comes first.
        ones: ``X_g'1``, shape (G, p).
        scores: ``X_g'e_g`` with the residuals ``e``, shape (G, p).
        target: Weights of the coefficients in the prediction, shape (p,).
        residuals: The residuals by size of the cluster, for the intra-class correlation.
    """

    value: float
    size: FloatArray
    design: FloatArray
    ones: FloatArray
    scores: FloatArray
    target: FloatArray
    residuals: ClusteredMean


def adjusted_clusters(adjusted: AdjustedMean, clusters: ClusterProducts, residual_squares: float) -> AdjustedClusters:
    """Return an arm's clusters around its adjusted mean.

    Args:
        adjusted: The arm's adjusted mean.
        clusters: Its clusters, with the products of covariates among themselves and with the outcomes.
        residual_squares: Sum of squares of the arm's residuals.
    """
    x = [clusters.columns.index(name) for name in adjusted.covariates]
    y = [clusters.columns.index(name) for name in adjusted.outcomes]
    center = np.zeros(len(clusters.columns))
    center[[*x, *y]] = [*adjusted.means, *adjusted.outcome_means]
    size = clusters.size
    sums = clusters.totals - size[:, None] * (center - clusters.shift)
    cross = np.empty((len(size), len(x), len(x)))
    for a, j in enumerate(x):
        for b, k in enumerate(x):
            cross[:, a, b] = clusters.product(j, k, center)
    with_outcome = np.empty((len(size), len(x)))
    for a, j in enumerate(x):
        with_outcome[:, a] = _with_outcomes(clusters, j, y, center) @ adjusted.weights
    residual = sums[:, y] @ adjusted.weights - sums[:, x] @ adjusted.slopes
    return _turned(
        adjusted,
        size,
        _bordered(size, sums[:, x], cross),
        np.column_stack([residual, with_outcome - cross @ adjusted.slopes]),
        ClusteredMean(
            value=adjusted.value, size=size, count=np.ones(len(size)), squares=residual**2, units=residual_squares
        ),
    )


def _with_outcomes(clusters: ClusterProducts, j: int, y: Sequence[int], center: FloatArray) -> FloatArray:
    """Return the products of a covariate with each outcome column, shape (G, m)."""
    return np.column_stack([clusters.product(j, k, center) for k in y])


def _bordered(size: FloatArray, sums: FloatArray, cross: FloatArray) -> FloatArray:
    """``X_g'X_g`` with the intercept first."""
    p = sums.shape[1] + 1
    full = np.empty((len(size), p, p))
    full[:, 0, 0] = size
    full[:, 0, 1:] = full[:, 1:, 0] = sums
    full[:, 1:, 1:] = cross
    return full


def _turned(
    adjusted: AdjustedMean, size: FloatArray, design: FloatArray, scores: FloatArray, residuals: ClusteredMean
) -> AdjustedClusters:
    p = len(adjusted.covariates) + 1
    root = np.zeros((p, p))
    root[0, 0] = adjusted.n**-0.5
    root[1:, 1:] = adjusted.root
    weights = np.concatenate([[1 / adjusted.n], adjusted.pull])
    return AdjustedClusters(
        value=adjusted.value,
        size=size,
        design=root @ design @ root.T,
        ones=design[:, :, 0] @ root.T,
        scores=scores @ root.T,
        target=np.linalg.solve(root.T, weights),
        residuals=residuals,
    )


def adjusted_cluster_means(
    treatment: AdjustedClusters, control: AdjustedClusters, *, working: WorkingModel = "exchangeable"
) -> ClusteredPair:
    """Return two arms' adjusted means where clusters were randomised whole: CR2, Satterthwaite.

    Args:
        treatment: The treatment arm.
        control: The control.
        working: As in ``cluster_means``.

    Raises:
        TooFewClusters: An arm has fewer than 8 effective clusters, or the degrees of freedom are below 4.

    Examples:
        >>> from incrementality.stats import adjust_mean, moments_of_rows
        >>> size, y = np.full(20, 5.0), np.random.default_rng(1).normal(size=(20, 5))
        >>> fit = adjust_mean(moments_of_rows({"y": y.ravel()}), outcomes=["y"], covariates=[], target={})
        >>> sums = ClusterProducts(
        ...     columns=("y",), shift=np.zeros(1), size=size, totals=y.sum(1, keepdims=True), products={}
        ... )
        >>> arm = adjusted_clusters(fit, sums, residual_squares=float(((y - y.mean()) ** 2).sum()))
        >>> round(adjusted_cluster_means(arm, arm).df, 1)
        38.0
    """
    arms = (treatment, control)
    rho = 0.0 if working == "identity" else float(intraclass_correlation([arm.residuals for arm in arms]))
    sums = [_adjusted_sums(arm, rho) for arm in arms]
    df = pooled_degrees_of_freedom(sums)
    check_clusters([effective_clusters([arm.residuals]) for arm in arms], df)
    means = [
        MeanEstimate(value=arm.value, variance=float(part.variance), df=pooled_degrees_of_freedom([part]))
        for arm, part in zip(arms, sums, strict=True)
    ]
    return ClusteredPair(means[0], means[1], df)


def _adjusted_sums(arm: AdjustedClusters, rho: float) -> RobustSums:
    p = len(arm.target)
    omega = (1 - rho) * np.eye(p) + rho * (arm.ones.T @ arm.ones)
    pairs, variance, expected, own = np.zeros((2 * p, 2 * p)), 0.0, 0.0, 0.0
    between = np.block([[omega, -np.eye(p)], [-np.eye(p), np.zeros((p, p))]])
    for part in _chunks(arm):
        score, left, both = _weights(arm, part, rho, omega)
        within = np.einsum("gi,ij,gj->g", both, between, both)
        pairs += both.T @ both
        variance, expected = variance + float(score @ score), expected + float(left.sum())
        own += float((left**2 - within**2).sum())
    spread = float(np.trace(between @ pairs @ between @ pairs)) + own
    return RobustSums(np.asarray(variance), np.asarray(expected), np.asarray(spread))


def _chunks(arm: AdjustedClusters) -> Iterator[slice]:
    step = max(1, _CHUNK // len(arm.target) ** 2)
    return (slice(start, start + step) for start in range(0, len(arm.size), step))


def _weights(
    arm: AdjustedClusters, part: slice, rho: float, omega: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Each cluster's score ``f'e``, its working variance ``f'M f``, and ``[X'f, X'Phi f]`` with ``f = A X target``."""
    values, vectors = np.linalg.eigh(arm.design[part])
    kept = values > _RANK * values[:, -1:]
    scale = np.sqrt(np.where(kept, values, 0.0))
    back = np.divide(1.0, scale, out=np.zeros_like(scale), where=kept)
    design = scale[:, :, None] * vectors.transpose(0, 2, 1)
    turned = vectors.transpose(0, 2, 1) * back[:, :, None]
    ones = (turned @ arm.ones[part, :, None])[..., 0]
    phi = _exchangeable(ones, arm.size[part], rho, power=1.0)
    hat = design @ design.transpose(0, 2, 1)
    left = phi - hat @ phi - phi @ hat + design @ omega @ design.transpose(0, 2, 1)
    root = _exchangeable(ones, arm.size[part], rho, power=0.5)
    f = _adjusted(root, left, (design @ arm.target)[..., None])
    residual = turned @ arm.scores[part, :, None]
    both = np.concatenate([design.transpose(0, 2, 1) @ f, design.transpose(0, 2, 1) @ (phi @ f)], axis=1)[..., 0]
    transposed = f.transpose(0, 2, 1)
    return (transposed @ residual)[:, 0, 0], (transposed @ left @ f)[:, 0, 0], both


def _exchangeable(ones: FloatArray, size: FloatArray, rho: float, *, power: float) -> FloatArray:
    """``Phi^power`` of each cluster: ``1 - rho`` everywhere, ``1 - rho + rho n`` along its ones."""
    within, along = (1 - rho) ** power, (1 - rho + rho * size) ** power
    spread = ((along - within) / size)[:, None, None] * ones[:, :, None] * ones[:, None, :]
    return np.asarray(within * np.eye(ones.shape[1]) + spread)


def _adjusted(root: FloatArray, left: FloatArray, vectors: FloatArray) -> FloatArray:
    """``S (S M S)^(-1/2) S`` times vectors; directions that are fitted exactly are left out (Moore-Penrose)."""
    values, turn = np.linalg.eigh(root @ left @ root)
    kept = values > _FITTED * values[:, -1:]
    inverse = np.divide(1.0, np.sqrt(np.where(kept, values, 1.0)), out=np.zeros_like(values), where=kept)
    return np.asarray(root @ (turn @ (inverse[:, :, None] * (turn.transpose(0, 2, 1) @ (root @ vectors)))))
