"""The two arms of a plan: the variance under treatment, and the degrees of freedom of their comparison."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.power_noncentral import t_test_power
from incrementality.stats.power_skewed import skewed_t_power

if TYPE_CHECKING:
    from incrementality.stats.power_outcome import Outcome

__all__ = ["Variance", "cluster_power", "degrees_of_freedom", "treated_variance"]

_KNOWN_VARIANCE = 1e-3  # noise of the estimated variance below which skewness moves nothing

Variance = Literal["null", "unequal", "score"]


def treated_variance(outcome: Outcome, effect: float, variance: Variance) -> float:
    """Return what the variance of a treated mean is divided into by its units: clusters and covariates counted.

    Args:
        outcome: What is known about the metric.
        effect: True effect in the metric's unit.
        variance: As in ``power_of_effect``.

    Raises:
        InputError: The effect leaves the range of a share, or ``"score"`` is asked for a metric that is none.

    Examples:
        >>> from incrementality.stats import outcome_of_mean
        >>> treated_variance(outcome_of_mean(10.0, 3.0), 10.0, "unequal")
        36.0
    """
    treated, factor = outcome.mean + effect, outcome.variance_factor
    if outcome.binary and not 0 <= treated <= 1:
        raise InputError(
            f"an effect of {effect} takes the share {outcome.mean} to {treated}; allowed: 0 to 1",
            hint="give a smaller effect",
        )
    if variance == "null":
        return factor * outcome.variance
    if outcome.binary:
        return treated * (1 - treated) * (1 - outcome.r_squared) * _treated_design_effect(outcome, treated)
    if variance == "score":
        raise InputError("variance='score' is for conversions", hint="use 'null' or 'unequal' for means and ratios")
    return factor * outcome.variance * ((treated / outcome.mean) ** 2 if outcome.mean else 1.0)


def _treated_design_effect(outcome: Outcome, treated: float) -> float:
    """Turning a random part of the outcomes shrinks the correlation within clusters by the ratio of the odds."""
    odds = [share / (1 - share) if share < 1 else math.inf for share in (outcome.mean, treated)]
    return 1 + (outcome.design_effect - 1) * (min(odds) / max(odds))


def degrees_of_freedom(outcome: Outcome, a: float, b: float, *, n_control: float, n_treatment: float) -> float:
    """Return Satterthwaite's degrees of freedom: Welch's, or for whole clusters those of the working model.

    Args:
        outcome: What is known about the metric.
        a: Variance of the treated mean.
        b: Variance of the control mean.
        n_control: Units in the control.
        n_treatment: Units in the treatment arm.

    References:
        Pustejovsky and Tipton (2018), https://doi.org/10.1080/07350015.2016.1247004

    Examples:
        >>> from incrementality.stats import outcome_of_mean
        >>> degrees_of_freedom(outcome_of_mean(10.0, 3.0), 1.0, 1.0, n_control=11, n_treatment=11)
        20.0
    """
    units = outcome.units_per_cluster
    if outcome.binary and units == 1:
        return math.inf
    if units > 1:
        a, b = 1 / n_treatment, 1 / n_control
    d1, d0 = (max(outcome.df_per_cluster * n / units - outcome.df_lost, 1.0) for n in (n_treatment, n_control))
    return (a + b) ** 2 / (a * a / d1 + b * b / d0) if a + b else math.inf


def cluster_power(
    outcome: Outcome, effect: float, a: float, b: float, *, n_control: float, n_treatment: float, alpha: float
) -> float:
    """Return the power of CR2 with Satterthwaite's degrees of freedom where totals of clusters are skewed.

    An arm of G clusters whose totals have skewness g and excess kurtosis k adds ``g V^(3/2) / sqrt(G)`` to the third
    cumulant of the difference, and ``V^2 (2 / df + k / G)`` to the variance of its estimated variance.

    Args:
        outcome: What is known about the metric.
        effect: True effect in the metric's unit.
        a: Variance of the treated mean.
        b: Variance of the control mean.
        n_control: Units in the control.
        n_treatment: Units in the treatment arm.
        alpha: Two-sided error rate.

    Examples:
        >>> from incrementality.stats import clustered_outcome, outcome_of_mean
        >>> outcome = clustered_outcome(outcome_of_mean(10.0, 3.0), icc=0.1, mean_size=10)
        >>> round(cluster_power(outcome, 1.4, 0.1, 0.1, n_control=200, n_treatment=200, alpha=0.05), 3)
        0.862
    """
    clusters, variance = np.array([n_treatment, n_control]) / outcome.units_per_cluster, np.array([a, b])
    sigma = math.sqrt(a + b)
    own = np.fmax(outcome.df_per_cluster * clusters - outcome.df_lost, 1.0)
    skewness = float(np.array([1.0, -1.0]) @ (variance**1.5 / np.sqrt(clusters))) * outcome.skewness / sigma**3
    noise = float(variance**2 @ (2 / own + max(outcome.kurtosis, 0.0) / clusters)) / sigma**4
    df = degrees_of_freedom(outcome, a, b, n_control=n_control, n_treatment=n_treatment)
    if noise < _KNOWN_VARIANCE:
        return t_test_power(effect / sigma, df=df, alpha=alpha)
    direction = math.copysign(1.0, effect)
    return skewed_t_power(abs(effect) / sigma, df=df, skewness=direction * skewness, noise=noise, alpha=alpha)
