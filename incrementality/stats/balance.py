"""Balance of covariates between two arms: standardised differences, and one test of all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from incrementality.stats.distributions import chi_square_pvalue, normal_two_sided_pvalue
from incrementality.stats.moments import mean_covariance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.stats.moments import Moments

    FloatArray = NDArray[np.float64]

__all__ = ["Balance", "compare_covariates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How far an arm's covariates lie from the control's.

    Attributes:
        columns: The covariates; length p.
        differences: Arm minus control in standard deviations of the two arms, shape (p,).
        pvalues: Two-sided p-value of each difference, shape (p,).
        joint_pvalue: Of all differences together; ``None`` where there are too few units for the test.
    """

    columns: tuple[str, ...]
    differences: FloatArray
    pvalues: FloatArray
    joint_pvalue: float | None


def compare_covariates(pairs: Sequence[tuple[Moments, Moments]], columns: Sequence[str]) -> Balance:
    """Compare an arm with the control, within strata where there are any.

    Args:
        pairs: (arm, control) of each stratum; one pair where units were randomised all together.
        columns: Covariates that are linearly independent.

    References:
        Austin (2009), Balance diagnostics, https://doi.org/10.1002/sim.3697;
        Hansen and Bowers (2008), Covariate balance in simple, stratified and clustered comparative studies,
        https://doi.org/10.1214/08-STS254

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> arm, control = moments_of_rows({"age": [30, 40, 50, 60]}), moments_of_rows({"age": [31, 40, 49, 60]})
        >>> compare_covariates([(arm, control)], ["age"]).differences.round(3).tolist()
        [0.0]
    """
    total = sum(float(arm.n.sum() + control.n.sum()) for arm, control in pairs)
    p = len(columns)
    distance, covariance, spread = np.zeros(p), np.zeros((p, p)), np.zeros(p)
    for arm, control in pairs:
        share = float(arm.n.sum() + control.n.sum()) / total
        k = arm.indices(columns)
        distance += share * (arm.means() - control.means())[k]
        covariance += share**2 * (mean_covariance(arm, columns) + mean_covariance(control, columns))
        spread += share * (np.diag(arm.covariance())[k] + np.diag(control.covariance())[k]) / 2
    z = distance / np.sqrt(np.diag(covariance))
    return Balance(
        columns=tuple(columns),
        differences=distance / np.sqrt(spread),
        pvalues=np.array([normal_two_sided_pvalue(float(value)) for value in z]),
        joint_pvalue=_joint_pvalue(distance, covariance, _units(pairs)),
    )


def _units(pairs: Sequence[tuple[Moments, Moments]]) -> float:
    sides = [side for pair in pairs for side in pair]
    counts = [side.clusters.count if side.clusters is not None else side.n for side in sides]
    return float(sum(count.sum() for count in counts)) - len(sides)


def _joint_pvalue(distance: FloatArray, covariance: FloatArray, df: float) -> float | None:
    """Hotelling's T squared, referred to F; the chi-square it tends to needs no correction above 1e6."""
    p = len(distance)
    if p == 0 or df - p + 1 < p:
        return None
    scale = np.sqrt(np.diag(covariance))
    standardised = distance / scale
    statistic = float(standardised @ np.linalg.pinv(covariance / np.outer(scale, scale)) @ standardised)
    if df > 1e6:  # noqa: PLR2004 - named in the docstring
        return chi_square_pvalue(statistic, p)
    return float(special.fdtrc(p, df - p + 1, statistic * (df - p + 1) / (p * df)))
