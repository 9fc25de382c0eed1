"""What power needs to know about a metric: mean, variance of a unit, clusters, what covariates explain."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from incrementality.errors import InputError
from incrementality.stats.cluster_variance import cluster_degrees
from incrementality.stats.clusters import cluster_mean, intraclass_correlation
from incrementality.stats.means import estimate_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from incrementality.stats.moments import Moments

    FloatArray = NDArray[np.float64]

__all__ = [
    "Outcome",
    "adjusted_outcome",
    "clustered_outcome",
    "effective_sample_size",
    "outcome_of_mean",
    "outcome_of_moments",
    "outcome_of_rate",
]

_PARTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A metric as power sees it, before anything is done to anybody.

    Attributes:
        mean: The mean without treatment: a share, money or a ratio for each unit, in the metric's unit.
        variance: Variance of one unit's value (of a ratio: of its linearised value), in the metric's unit squared.
        binary: Whether each unit has the event or not, so that the variance follows from the share.
        design_effect: By how much clusters raise the variance of a mean; 1 where units are randomised.
        units_per_cluster: Units for each randomised cluster; 1 where units are randomised.
        r_squared: Share of the variance that covariates measured before assignment explain.
        df_per_cluster: Degrees of freedom that each cluster adds to its arm; below 1 where sizes are unequal.
        df_lost: What is taken from them once for each arm.
        effective_share: How many equal clusters one of them is worth, up to 1.
        skewness: Skewness of clusters' totals of the linearised values; read for clusters only.
        kurtosis: Their excess kurtosis.

    Raises:
        InputError: The mean or variance is not finite, or a part is outside its range.

    Examples:
        >>> Outcome(mean=12.5, variance=900.0).variance_factor
        1.0
    """

    mean: float
    variance: float
    binary: bool = False
    design_effect: float = 1.0
    units_per_cluster: float = 1.0
    r_squared: float = 0.0
    df_per_cluster: float = 1.0
    df_lost: float = 1.0
    effective_share: float = 1.0
    skewness: float = 0.0
    kurtosis: float = 0.0

    def __post_init__(self) -> None:
        _check("mean", self.mean, "any finite number", ok=math.isfinite(self.mean))
        _check("variance", self.variance, "above 0", ok=0 < self.variance < math.inf)
        _check("design effect", self.design_effect, "above 0", ok=0 < self.design_effect < math.inf)
        _check(
            "units for each cluster", self.units_per_cluster, "at least 1", ok=1 <= self.units_per_cluster < math.inf
        )
        _check("df for each cluster", self.df_per_cluster, "above 0 to 1", ok=0 < self.df_per_cluster <= 1 + 1e-9)
        _check("R squared", self.r_squared, "from 0 to below 1", ok=0 <= self.r_squared < 1)

    @property
    def variance_factor(self) -> float:
        """What the variance of a mean is multiplied by: clusters raise it, covariates lower it."""
        return self.design_effect * (1 - self.r_squared)


def outcome_of_rate(rate: float) -> Outcome:
    """Return the outcome of a conversion with a given share.

    Args:
        rate: Share of units with the event without treatment, above 0 and below 1.

    Raises:
        InputError: The rate is not strictly between 0 and 1.

    Examples:
        >>> round(outcome_of_rate(0.05).variance, 6)
        0.0475
    """
    _check("conversion rate", rate, "above 0 and below 1, e.g. 0.05 for 5 %", ok=0 < rate < 1)
    return Outcome(mean=rate, variance=rate * (1 - rate), binary=True)


def outcome_of_mean(mean: float, sd: float) -> Outcome:
    """Return the outcome of a mean or of revenue for each unit.

    Args:
        mean: Mean over all units, those with nothing included, in the metric's unit.
        sd: Standard deviation over all units, in the metric's unit, above 0.

    Raises:
        InputError: The mean is not finite, or the standard deviation is not above 0.

    Examples:
        >>> outcome_of_mean(1.05, 15.0).variance
        225.0
    """
    _check("standard deviation", sd, "above 0", ok=0 < sd < math.inf)
    return Outcome(mean=mean, variance=sd * sd)


def outcome_of_moments(moments: Moments, numerator: str, denominator: str | None = None) -> Outcome:
    """Return the outcome of a column, or of the ratio of two, as its history shows it.

    A ratio is linearised (delta method). Where the moments hold clusters, the design effect is the variance of the
    mean by clusters divided by that by units: unequal sizes and the correlation within clusters are both in it.

    Args:
        moments: Moments of the history; several groups are taken together.
        numerator: The column that is averaged, or the ratio's numerator.
        denominator: The ratio's denominator; default: one for each unit.

    Raises:
        InputError: Fewer than two units, a column with missing rows, or no variation.

    References:
        Deng, Knoblich and Lu (2018), Applying the Delta Method in Metric Analytics,
        https://doi.org/10.1145/3219819.3219919

    Examples:
        >>> from incrementality.stats import moments_of_rows
        >>> history = moments_of_rows({"y": [1.0, 1.0, 5.0, 5.0]}, clusters=["a", "a", "b", "b"])
        >>> outcome = outcome_of_moments(history, "y")
        >>> outcome.mean, round(outcome.variance, 3), round(outcome.design_effect, 3), outcome.units_per_cluster
        (3.0, 5.333, 3.0, 2.0)
    """
    n = float(moments.n.sum())
    plain = estimate_mean(replace(moments, clusters=None), numerator, denominator)
    if moments.clusters is None:
        return Outcome(mean=plain.value, variance=plain.variance * n)
    by_cluster = estimate_mean(moments, numerator, denominator)
    _check("variance between clusters", by_cluster.variance, "above 0", ok=min(by_cluster.variance, plain.variance) > 0)
    outcome = Outcome(
        mean=plain.value,
        variance=plain.variance * n,
        design_effect=by_cluster.variance / plain.variance,
        units_per_cluster=n / float(moments.clusters.count.sum()),
    )
    arm = cluster_mean(moments, [numerator] if denominator is None else [numerator, denominator])
    return _with_sizes(outcome, arm.size, arm.count / arm.count.sum(), float(intraclass_correlation([arm])))


def _with_sizes(outcome: Outcome, size: FloatArray, share: FloatArray, rho: float) -> Outcome:
    degrees, mean = cluster_degrees(size, share, rho), float(size @ share)
    return replace(
        outcome,
        df_per_cluster=degrees.per_cluster,
        df_lost=degrees.lost,
        effective_share=mean**2 / float(size**2 @ share),
    )


def clustered_outcome(outcome: Outcome, *, icc: float, mean_size: float, size_cv: float = 0.0) -> Outcome:
    """Return the outcome where whole clusters, such as accounts, are randomised.

    The design effect is ``1 + (mean_size (1 + size_cv^2) - 1) icc``; sizes are taken to be gamma distributed.

    Args:
        outcome: The outcome with units randomised.
        icc: Intra-class correlation: the share of the variance that lies between clusters, from 0 to 1.
        mean_size: Mean number of units in a cluster, at least 1.
        size_cv: Standard deviation of the clusters' sizes divided by their mean.

    Raises:
        InputError: A value is outside its range.

    References:
        Eldridge, Ashby and Kerry (2006), Sample size for cluster randomized trials: effect of coefficient of
        variation of cluster size, https://doi.org/10.1093/ije/dyl129

    Examples:
        >>> round(clustered_outcome(outcome_of_rate(0.1), icc=0.05, mean_size=20, size_cv=0.5).design_effect, 3)
        2.2
    """
    _check("intra-class correlation", icc, "from 0 to 1", ok=0 <= icc <= 1)
    _check("mean cluster size", mean_size, "at least 1", ok=1 <= mean_size < math.inf)
    _check("coefficient of variation of sizes", size_cv, "0 or more", ok=0 <= size_cv < math.inf)
    effect = 1 + (mean_size * (1 + size_cv * size_cv) - 1) * icc
    size, share = _gamma_sizes(mean_size, size_cv)
    return _with_sizes(replace(outcome, design_effect=effect, units_per_cluster=mean_size), size, share, icc)


def _gamma_sizes(mean: float, cv: float) -> tuple[FloatArray, FloatArray]:
    """Sizes at the middle of equally likely parts of a gamma distribution."""
    if cv == 0:
        return np.array([mean]), np.ones(1)
    shape = 1 / (cv * cv)
    middle = (np.arange(_PARTS) + 0.5) / _PARTS
    return np.fmax(special.gammaincinv(shape, middle) * mean / shape, 1e-3), np.full(_PARTS, 1 / _PARTS)


def adjusted_outcome(outcome: Outcome, r_squared: float) -> Outcome:
    """Return the outcome after adjustment for covariates that explain a share of its variance.

    Args:
        outcome: The outcome without adjustment.
        r_squared: Share of the variance explained, from 0 to below 1, measured on earlier data.

    Raises:
        InputError: ``r_squared`` is outside its range.

    References:
        Deng, Xu, Kohavi and Walker (2013), Improving the sensitivity of online controlled experiments by utilizing
        pre-experiment data, https://doi.org/10.1145/2433396.2433413

    Examples:
        >>> round(adjusted_outcome(outcome_of_rate(0.1), 0.36).variance_factor, 2)
        0.64
    """
    return replace(outcome, r_squared=r_squared)


def effective_sample_size(outcome: Outcome, n: float) -> float:
    """Return how many independent, unadjusted units would tell as much as ``n`` units do.

    Examples:
        >>> outcome = clustered_outcome(outcome_of_rate(0.1), icc=0.05, mean_size=21)
        >>> effective_sample_size(outcome, 4200)
        2100.0
    """
    _check("number of units", n, "0 or more", ok=0 <= n < math.inf)
    return n / outcome.variance_factor


def _check(what: str, value: float, allowed: str, *, ok: bool) -> None:
    if not ok:
        raise InputError(f"the {what} is {value}; allowed: {allowed}", hint="look at the metric's history")
