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

import math
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
_COLLINEAR = 1e-9  # share of a column's scatter that earlier columns must leave
_ROUNDING = 1e-12  # a spread below this share of the level is rounding
_TINY = 1e-300
_LONE = 1.5  # between one unit and two
_FULL = 1e-9  # a unit whose leverage is this near one is fitted exactly


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

    An indicator that a single unit of an arm carries (or lacks) is left out too: the regression would fit that
    unit exactly, and say nothing of how far it may be off.

    Args:
        moments: Moments with one group an arm (or arm and stratum).
        covariates: Candidates in order; the first of two equal ones is kept.

    Raises:
        InputError: A covariate is missing in some rows.

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> moments = moments_of_rows({"seats": [1, 2, 4, 9], "users": [2, 4, 8, 18], "region": [3, 3, 3, 3]})
        >>> independent_covariates(moments, ["seats", "users", "region"])
        ('seats',)
    """
    arms = sorted({group[:1] for group in moments.groups})
    kept: list[str] = []
    for candidate in covariates:
        if all(_adds_rank(moments.select(arm), kept, candidate) for arm in arms):
            kept.append(candidate)
    return tuple(kept)


def _adds_rank(arm: Moments, kept: list[str], candidate: str) -> bool:
    k = arm.complete_indices([*kept, candidate])
    scatter = arm.scatter()[np.ix_(k, k)]
    own = scatter[-1, -1]
    if not _varies(arm, k[-1], own) or _is_lone_indicator(arm, k[-1]):
        return False
    if not kept:
        return True
    inner, cross = scatter[:-1, :-1], scatter[:-1, -1]
    scale = np.sqrt(np.diag(inner))
    explained = np.linalg.solve(inner / np.outer(scale, scale), cross / scale) @ (cross / scale)
    return bool(own - explained > _COLLINEAR * own)


def _varies(arm: Moments, k: int, own: float) -> bool:
    """Whether a column's scatter is more than the rounding of its squares, or of its values."""
    size, level = float(arm.products.sum(0)[k, k]), float(arm.means()[k])
    return bool(own > max(_COLLINEAR * size, arm.n.sum() * (_ROUNDING * level) ** 2, _TINY))


def _is_lone_indicator(arm: Moments, k: int) -> bool:
    """Whether a column of zeros and ones has a single one, or a single zero."""
    n, c, s = float(arm.n.sum()), float(arm.shift[k]), float(arm.sums.sum(0)[k])
    ones = s + n * c
    squares = float(arm.products.sum(0)[k, k]) + 2 * c * s + n * c * c
    return abs(squares - ones) < _LONE * _COLLINEAR * n and min(ones, n - ones) < _LONE


def adjust_mean(
    arm: Moments,
    *,
    outcomes: Sequence[str],
    covariates: Sequence[str],
    target: Mapping[str, float],
) -> AdjustedMean:
    """Return the arm's mean predicted at the target's covariates.

    A ratio is adjusted as the ratio of the adjusted numerator and denominator, and linearised. Indicators of
    strata among the covariates give the post-stratified mean ``sum of w_s mean_s``, with HC2 and no other
    covariate exactly ``sum of w_s^2 s_s^2 / n_s`` as its variance.

    Args:
        arm: Moments of one arm.
        outcomes: One column (a mean), or numerator and denominator (a ratio).
        covariates: Covariates that are linearly independent in the arm.
        target: Mean of each covariate in the population that the estimate is about.

    Raises:
        InputError: Not more units than parameters, covariates that depend on each other or do not vary, a column
            that is missing in some rows, or an adjusted denominator of zero.

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> rows = {"spend": np.array([1.0, 2.0, 4.0, 5.0]), "before": np.array([1.0, 2.0, 3.0, 4.0])}
        >>> arm = moments_of_rows(rows)
        >>> adjusted = adjust_mean(arm, outcomes=["spend"], covariates=["before"], target={"before": 3.0})
        >>> estimate = robust_estimate(adjusted, residual_sum(adjusted, rows, power=1))
        >>> round(estimate.value, 3), round(estimate.variance, 3), estimate.df
        (3.7, 0.022, 2.0)
    """
    n, p = float(arm.n.sum()), len(covariates)
    if n <= p + 1:
        raise InputError(f"{n:.0f} units cannot carry {p} covariates", hint="declare fewer covariates")
    y, x = arm.complete_indices(outcomes), arm.complete_indices(covariates)
    scatter, mean = arm.scatter(), arm.means()
    distance = np.array([target[name] for name in covariates]) - mean[x]
    root = _inverse_root(scatter[np.ix_(x, x)], covariates)
    inverse = root.T @ root
    slopes = inverse @ scatter[np.ix_(x, y)]
    predicted = mean[y] + distance @ slopes
    value, weights = _linearised(predicted, outcomes)
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


def _inverse_root(scatter: FloatArray, covariates: Sequence[str]) -> FloatArray:
    """Lower triangular ``L`` with ``L' L`` the inverse of the scatter; columns are scaled first."""
    scale = np.sqrt(np.fmax(np.diag(scatter), _TINY))
    try:
        return np.asarray(np.linalg.inv(np.linalg.cholesky(scatter / np.outer(scale, scale))) / scale)
    except np.linalg.LinAlgError as error:
        raise InputError(
            f"the covariates {', '.join(map(repr, covariates))} are constant or depend on each other in an arm",
            hint="pass those that independent_covariates keeps",
        ) from error


def _linearised(predicted: FloatArray, outcomes: Sequence[str]) -> tuple[float, FloatArray]:
    if len(predicted) == 1:
        return float(predicted[0]), np.array([1.0])
    if predicted[1] == 0:
        raise InputError(
            f"the adjusted denominator {outcomes[1]!r} is zero in an arm",
            hint="check the column, or choose another denominator",
        )
    ratio = float(predicted[0] / predicted[1])
    return ratio, np.array([1.0, -ratio]) / predicted[1]


def small_sample_power(n: float, covariates: int) -> int:
    """Return 2 (HC3) below 50 units a parameter, else 1 (HC2)."""
    return 2 if n / (covariates + 1) < _UNITS_PER_PARAMETER else 1


def residual_sum(
    adjusted: AdjustedMean,
    columns: Mapping[str, FloatArray],
    *,
    power: int,
    clusters: NDArray[np.object_] | None = None,
) -> float:
    """Return the sum behind the robust variance, from the arm's rows.

    Without clusters ``sum of c^2 e^2 / (1 - h)^power``; with clusters the sum of squares of their totals of ``c e``.

    Args:
        adjusted: The arm's adjusted mean.
        columns: The arm's rows: its outcome and covariate columns, each of shape (n,).
        power: 1 for HC2, 2 for HC3; without meaning for clusters.
        clusters: The cluster of each row, shape (n,), where whole clusters were randomised.

    Returns:
        The sum; NaN where the covariates fit a unit exactly (leverage 1), since its residual then says nothing.
    """
    z = _columns(columns, adjusted.covariates, len(columns[adjusted.outcomes[0]])) - adjusted.means
    y = _columns(columns, adjusted.outcomes) - adjusted.outcome_means
    scores = (1 / adjusted.n + z @ adjusted.pull) * (y @ adjusted.weights - z @ adjusted.slopes)
    if clusters is not None:
        _, code = np.unique(clusters, return_inverse=True)
        return float((np.bincount(code, weights=scores) ** 2).sum())
    keep = 1 - 1 / adjusted.n - ((z @ adjusted.root.T) ** 2).sum(1)
    if (keep < _FULL).any():
        return float("nan")
    return float((scores**2 / keep**power).sum())


def _columns(columns: Mapping[str, FloatArray], names: Sequence[str], rows: int = 0) -> FloatArray:
    return np.column_stack([np.asarray(columns[name], float) for name in names]) if names else np.zeros((rows, 0))


def robust_estimate(adjusted: AdjustedMean, residuals: float, *, clusters: float | None = None) -> MeanEstimate:
    """Return the adjusted mean with its variance.

    Args:
        adjusted: The arm's adjusted mean.
        residuals: The sum of ``residual_sum``, from rows or from an engine.
        clusters: Number of clusters, where the sum is over clusters. The variance is then CR1 with the factor
            ``G / (G - 1)`` alone, no ``(n - 1) / (n - k)``.

    Raises:
        InputError: Fewer than two clusters, or a unit that the covariates fit exactly (the sum is NaN).
    """
    if math.isnan(residuals):
        raise InputError(
            f"a unit is fitted exactly by the covariates {', '.join(map(repr, adjusted.covariates))}",
            hint="join rare categories, or declare fewer covariates",
        )
    if clusters is not None and not clusters > 1:
        raise InputError(f"{clusters:.0f} clusters are too few for a variance", hint="an arm needs at least two")
    if clusters is None:
        return MeanEstimate(value=adjusted.value, variance=residuals, df=adjusted.n - len(adjusted.covariates) - 1)
    return MeanEstimate(value=adjusted.value, variance=residuals * clusters / (clusters - 1), df=clusters - 1)
