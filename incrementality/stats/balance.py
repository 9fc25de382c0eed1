"""Balance of covariates between two arms: standardised differences, and one test of all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from incrementality.errors import InputError
from incrementality.stats.distributions import t_two_sided_pvalue
from incrementality.stats.means import mean_covariance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.stats.moments import Moments

    FloatArray = NDArray[np.float64]

__all__ = ["Balance", "compare_covariates"]

_FEWEST = 2
_NEGLIGIBLE = 1e-9  # a variance, or an eigenvalue of a correlation matrix, below this is rounding
_ROUNDING = 1e-12  # a spread or distance below this share of the level is rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How far an arm's covariates lie from the control's.

    Attributes:
        columns: The covariates; length p.
        differences: Arm minus control in standard deviations (root of both arms' mean variance), shape (p,).
        pvalues: Two-sided p-value of each difference, shape (p,).
        joint_pvalue: Of all differences together; ``None`` where there are too few units for the test.
    """

    columns: tuple[str, ...]
    differences: FloatArray
    pvalues: FloatArray
    joint_pvalue: float | None


def compare_covariates(pairs: Sequence[tuple[Moments, Moments]], columns: Sequence[str]) -> Balance:
    """Compare an arm with the control, within strata where there are any.

    Chance alone, the hypothesis that is tested, gives both arms one covariance matrix, so it is pooled: a small
    control then does not make the test err. Where whole clusters were randomised it is that of their totals.
    Differences are weighted by the stratum's units; strata with fewer than two units (clusters) on a side are
    left out.

    Args:
        pairs: (arm, control) of each stratum; one pair where units were randomised all together.
        columns: Covariates; those that do not vary within strata, or depend on others there, are harmless.

    Raises:
        InputError: No stratum has two units (clusters) on both sides, or a covariate is missing in some rows.

    References:
        Austin (2009), Balance diagnostics, https://doi.org/10.1002/sim.3697;
        Hansen and Bowers (2008), Covariate balance in simple, stratified and clustered comparative studies,
        https://doi.org/10.1214/08-STS254

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> arm, control = moments_of_rows({"age": [30, 40, 50, 70]}), moments_of_rows({"age": [31, 40, 49, 60]})
        >>> balance = compare_covariates([(arm, control)], ["age"])
        >>> balance.differences.round(3).tolist(), round(balance.joint_pvalue, 3)
        ([0.167], 0.821)
    """
    kept = [pair for pair in pairs if min(_randomised(side) for side in pair) >= _FEWEST]
    if not kept:
        raise InputError("no stratum has two units in both arms", hint="compare arms to which units were assigned")
    units = np.array([float(arm.n.sum() + control.n.sum()) for arm, control in kept])
    share = (units / units.sum())[:, None]
    strata = [_compare_stratum(arm, control, columns) for arm, control in kept]
    distance = np.sum(share * [stratum.distance for stratum in strata], axis=0)
    spread = np.sum(share * [stratum.spread for stratum in strata], axis=0)
    covariance = np.sum(share[:, :, None] ** 2 * [stratum.covariance for stratum in strata], axis=0)
    covariance = np.where(_rounded(covariance, spread, float(units.sum())), 0.0, covariance)
    t, df = _in_units_of(np.sqrt(np.diag(covariance)), distance), sum(stratum.df for stratum in strata)
    return Balance(
        columns=tuple(columns),
        differences=_in_units_of(np.sqrt(spread), distance),
        pvalues=np.array([t_two_sided_pvalue(float(value), df) for value in t]),
        joint_pvalue=_joint_pvalue(t, covariance, df),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stratum:
    """Arm minus control in one stratum: ``distance`` of means, its ``covariance``, the units' variance ``spread``."""

    distance: FloatArray
    covariance: FloatArray
    spread: FloatArray
    df: float


def _randomised(side: Moments) -> float:
    return float(side.n.sum() if side.clusters is None else side.clusters.count.sum())


def _compare_stratum(arm: Moments, control: Moments, columns: Sequence[str]) -> _Stratum:
    k, sides = arm.complete_indices(columns), (arm, control)
    means = np.array([side.means()[k] for side in sides])
    g, n = np.array([_randomised(side) for side in sides]), np.array([float(side.n.sum()) for side in sides])
    squares = [mean_covariance(side, columns) for side in sides] * (n**2 * (g - 1) / g)[:, None, None]
    pooled = squares.sum(0) / (g.sum() - 2)
    distance, level = means[0] - means[1], np.abs(means).max(0)
    return _Stratum(
        distance=np.where(np.abs(distance) <= _ROUNDING * level, 0.0, distance),
        covariance=pooled * (g / n**2).sum(),
        spread=np.mean([_variances(side)[k] for side in sides], axis=0),
        df=float(g.sum() - 2),
    )


def _variances(side: Moments) -> FloatArray:
    """Variances of the units; zero where they are no more than rounding."""
    variance, size = np.diag(side.covariance()), np.diag(side.products.sum(0)) / side.n.sum()
    rounding = np.fmax(_NEGLIGIBLE * size, (_ROUNDING * side.means()) ** 2)
    return np.where(variance <= rounding, 0.0, variance)


def _rounded(covariance: FloatArray, spread: FloatArray, units: float) -> NDArray[np.bool_]:
    """Whether a row or column belongs to a covariate whose mean cannot differ but by rounding."""
    still = (spread == 0) | (np.diag(covariance) * units <= _NEGLIGIBLE * spread)
    return np.asarray(still[:, None] | still[None, :])


def _in_units_of(scale: FloatArray, distance: FloatArray) -> FloatArray:
    """Distance over scale; where nothing varies, zero for no distance and infinity for any."""
    without = np.where(distance == 0, 0.0, np.copysign(np.inf, distance))
    return np.asarray(np.where(scale > 0, distance / np.where(scale > 0, scale, 1.0), without))


def _joint_pvalue(t: FloatArray, covariance: FloatArray, df: float) -> float | None:
    """Hotelling's T squared referred to F, in as many dimensions as the covariates vary in."""
    if np.isinf(t).any():
        return 0.0
    varying = np.diag(covariance) > 0
    scale = np.sqrt(np.diag(covariance)[varying])
    values, vectors = np.linalg.eigh(covariance[np.ix_(varying, varying)] / np.outer(scale, scale))
    kept = values > _NEGLIGIBLE
    rank = int(kept.sum())
    if rank == 0 or df - rank + 1 < rank:
        return None
    statistic = float(((t[varying] @ vectors[:, kept]) ** 2 / values[kept]).sum())
    return float(special.fdtrc(rank, df - rank + 1, statistic * (df - rank + 1) / (rank * df)))
