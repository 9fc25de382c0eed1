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
        ([0.165], 0.823)
    """
    kept = [pair for pair in pairs if min(_randomised(side) for side in pair) >= _FEWEST]
    if not kept:
        raise InputError("no stratum has two units in both arms", hint="compare arms that were both assigned units")
    total = sum(_rows(pair) for pair in kept)
    distance, covariance, spread = (sum(parts) for parts in zip(*(_within(*p, columns, total) for p in kept), strict=True))
    error = np.sqrt(np.diag(covariance))
    df = sum(_randomised(arm) + _randomised(control) - 2 for arm, control in kept)
    return Balance(
        columns=tuple(columns),
        differences=_ratio(distance, np.sqrt(spread)),
        pvalues=np.array([t_two_sided_pvalue(float(t), df) for t in _ratio(distance, error)]),
        joint_pvalue=_joint_pvalue(distance, covariance, df),
    )


def _randomised(side: Moments) -> float:
    return float(side.n.sum() if side.clusters is None else side.clusters.count.sum())


def _rows(pair: tuple[Moments, Moments]) -> float:
    return float(pair[0].n.sum() + pair[1].n.sum())


def _within(
    arm: Moments, control: Moments, columns: Sequence[str], total: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One stratum's part of the difference, of its covariance and of the mean variance of both arms."""
    k = arm.complete_indices(columns)
    share = _rows((arm, control)) / total
    g, n = (np.array([of(side) for side in (arm, control)]) for of in (_randomised, lambda side: float(side.n.sum())))
    squares = sum(
        mean_covariance(side, columns) * n[i] ** 2 * (g[i] - 1) / g[i] for i, side in enumerate((arm, control))
    )
    pooled = squares / (g.sum() - 2)
    spread = (np.diag(arm.covariance())[k] + np.diag(control.covariance())[k]) / 2
    return share * (arm.means() - control.means())[k], share**2 * pooled * (g / n**2).sum(), share * spread
