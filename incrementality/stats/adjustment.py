"""Covariate adjustment by Lin's fully interacted regression, from moments and one pass over residuals.

Regressing the outcome on covariates within each arm and predicting at the covariates' mean over all units is
the fully interacted regression of Lin (2013). Effects and slopes follow from the moments. The robust variance
of an arm's adjusted mean is one sum over its units,

    V = sum of c_i^2 e_i^2 / (1 - h_i)^power        (power 1: HC2, 2: HC3)

with the residual ``e_i``, the leverage ``h_i`` and the weight ``c_i`` of unit i in the prediction. This module
works out the numbers that those three need; whoever holds the rows (an engine, or numpy) forms the sum.

References:
    Lin (2013), Agnostic notes on regression adjustments to experimental data, https://doi.org/10.1214/12-AOAS583
    MacKinnon and White (1985), Some heteroskedasticity-consistent covariance matrix estimators,
    https://doi.org/10.1016/0304-4076(85)90158-7
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.comparison import MeanEstimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from incrementality.stats.moments import Moments

    FloatArray = NDArray[np.float64]

__all__ = [
    "AdjustedMean",
    "adjust_mean",
    "independent_covariates",
    "residual_sum",
    "robust_estimate",
    "small_sample_power",
]

_UNITS_PER_PARAMETER = 50
_COLLINEAR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedMean:
    """One arm's adjusted mean, and the numbers that its robust variance needs from the rows.

    With ``x`` the covariates of a unit and ``y`` its outcome columns (one, or numerator and denominator):
    residual ``e = weights'(y - outcome_means) - slopes'(x - means)``; leverage
    ``h = 1/n + |root (x - means)|^2``; weight in the prediction ``c = 1/n + pull'(x - means)``.

    Attributes:
        value: The adjusted mean (or ratio).
        n: Units of the arm.
        outcomes: Outcome columns, length m.
        weights: Their weights in the linearised outcome, shape (m,).
        outcome_means: Their means in the arm, shape (m,).
        covariates: Covariates, length p.
        means: Their means in the arm, shape (p,).
        slopes: Slopes of the linearised outcome, shape (p,).
        root: Lower triangular, ``root' root`` is the inverse of the covariates' scatter, shape (p, p).
        pull: Scatter's inverse times the distance of the target's mean from the arm's, shape (p,).
    """

    value: float
    n: float
    outcomes: tuple[str, ...]
    weights: FloatArray
    outcome_means: FloatArray
    covariates: tuple[str, ...]
    means: FloatArray
    slopes: FloatArray
    root: FloatArray
    pull: FloatArray


def independent_covariates(moments: Moments, covariates: Sequence[str]) -> tuple[str, ...]:
    """Return the covariates that vary and are not linear combinations of earlier ones, in any arm.

    Args:
        moments: Moments with one group an arm (or arm and stratum).
        covariates: Candidates in order; the first of two equal ones is kept.
    """
    arms = sorted({group[:1] for group in moments.groups})
    kept: list[str] = []
    for candidate in covariates:
        if all(_adds_rank(moments.select(arm), kept, candidate) for arm in arms):
            kept.append(candidate)
    return tuple(kept)


def _adds_rank(arm: Moments, kept: list[str], candidate: str) -> bool:
    k = arm.indices([*kept, candidate])
    scatter = arm.scatter()[np.ix_(k, k)]
    own = scatter[-1, -1]
    size = arm.products.sum(0)[k[-1], k[-1]]
    if not own > _COLLINEAR * max(size, 1e-300):
        return False
    if not kept:
        return True
    inner, cross = scatter[:-1, :-1], scatter[:-1, -1]
    scale = np.sqrt(np.diag(inner))
    explained = np.linalg.solve(inner / np.outer(scale, scale), cross / scale) @ (cross / scale)
    return bool(own - explained > _COLLINEAR * own)


def adjust_mean(
    arm: Moments,
    *,
    outcomes: Sequence[str],
    covariates: Sequence[str],
    target: Mapping[str, float],
) -> AdjustedMean:
    """Return the arm's mean predicted at the target's covariates.

    A ratio is adjusted as the ratio of the adjusted numerator and denominator, and linearised.

    Args:
        arm: Moments of one arm.
        outcomes: One column (a mean), or numerator and denominator (a ratio).
        covariates: Covariates that are linearly independent in the arm.
        target: Mean of each covariate in the population that the estimate is about.

    Raises:
        InputError: Not more units than parameters.
    """
    n, p = float(arm.n.sum()), len(covariates)
    if n <= p + 1:
        raise InputError(f"{n:.0f} units cannot carry {p} covariates", hint="declare fewer covariates")
    y, x = arm.indices(outcomes), arm.indices(covariates)
    scatter, mean = arm.scatter(), arm.means()
    distance = np.array([target[name] for name in covariates]) - mean[x]
    root = _inverse_root(scatter[np.ix_(x, x)])
    inverse = root.T @ root
    slopes = inverse @ scatter[np.ix_(x, y)]
    predicted = mean[y] + distance @ slopes
    value, weights = _linearised(predicted)
    return AdjustedMean(
        value=value,
        n=n,
        outcomes=tuple(outcomes),
        weights=weights,
        outcome_means=mean[y],
        covariates=tuple(covariates),
        means=mean[x],
        slopes=slopes @ weights,
        root=root,
        pull=inverse @ distance,
    )


def _inverse_root(scatter: FloatArray) -> FloatArray:
    """Lower triangular ``L`` with ``L' L`` the inverse of the scatter; columns are scaled first."""
    if scatter.size == 0:
        return np.zeros((0, 0))
    scale = np.sqrt(np.diag(scatter))
    return np.asarray(np.linalg.inv(np.linalg.cholesky(scatter / np.outer(scale, scale))) / scale)


def _linearised(predicted: FloatArray) -> tuple[float, FloatArray]:
    if len(predicted) == 1:
        return float(predicted[0]), np.array([1.0])
    ratio = float(predicted[0] / predicted[1])
    return ratio, np.array([1.0, -ratio]) / predicted[1]


def small_sample_power(n: float, covariates: int) -> int:
    """Return 2 (HC3) below 50 units a parameter, else 1 (HC2)."""
    return 2 if n / (covariates + 1) < _UNITS_PER_PARAMETER else 1


def residual_sum(
    adjusted: AdjustedMean, columns: Mapping[str, FloatArray], *, power: int, clusters: NDArray[np.object_] | None = None
) -> float:
    """Return the sum behind the robust variance, from the arm's rows.

    Without clusters ``sum of c^2 e^2 / (1 - h)^power``; with clusters the sum of squares of their totals of ``c e``.
    """
    x = np.column_stack([columns[name] for name in adjusted.covariates]) if adjusted.covariates else None
    z = np.zeros((len(columns[adjusted.outcomes[0]]), 0)) if x is None else x - adjusted.means
    y = np.column_stack([columns[name] for name in adjusted.outcomes]) - adjusted.outcome_means
    e = y @ adjusted.weights - z @ adjusted.slopes
    c = 1 / adjusted.n + z @ adjusted.pull
    if clusters is not None:
        _, code = np.unique(clusters, return_inverse=True)
        return float((np.bincount(code, weights=c * e) ** 2).sum())
    h = 1 / adjusted.n + ((z @ adjusted.root.T) ** 2).sum(1)
    return float((c**2 * e**2 / (1 - h) ** power).sum())


def robust_estimate(adjusted: AdjustedMean, residuals: float, *, clusters: float | None = None) -> MeanEstimate:
    """Return the adjusted mean with its variance.

    Args:
        adjusted: The arm's adjusted mean.
        residuals: The sum of ``residual_sum``, from rows or from an engine.
        clusters: Number of clusters, where the sum is over clusters (CR1: times ``G / (G - 1)``).
    """
    if clusters is None:
        return MeanEstimate(value=adjusted.value, variance=residuals, df=adjusted.n - len(adjusted.covariates) - 1)
    return MeanEstimate(value=adjusted.value, variance=residuals * clusters / (clusters - 1), df=clusters - 1)
