"""What each of several experiments says in the light of the others: winners are pulled back, with honest intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from incrementality.stats.comparison import Interval
from incrementality.stats.distributions import normal_quantile
from incrementality.stats.meta import checked_effects
from incrementality.stats.quadrature import legendre
from incrementality.stats.roots import increasing_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["ShrunkEffects", "shrink_effects"]

_POINTS = 160
_REACH = 12.0
_SCALE = 3.0  # typical standard errors below which half of the prior of tau lies


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrunkEffects:
    """Posterior of the true effects of k experiments.

    Attributes:
        effects: Posterior mean of each experiment's true effect, in the effects' unit; length k.
        standard_errors: Posterior standard deviations; length k.
        intervals: Equal-tailed ``1 - alpha`` intervals; length k.
        next_interval: Where the true effect of a further experiment of this kind lies with probability ``1 - alpha``.
        mean: Posterior mean of the mean effect.
        tau: Posterior mean of the standard deviation of true effects between experiments.
    """

    effects: tuple[float, ...]
    standard_errors: tuple[float, ...]
    intervals: tuple[Interval, ...]
    next_interval: Interval
    mean: float
    tau: float


def shrink_effects(effects: Sequence[float], variances: Sequence[float], *, alpha: float = 0.05) -> ShrunkEffects:
    """Return each experiment's effect shrunk towards their mean, as far as the effects allow.

    The largest of several estimates is too large: it was lucky as well as good. With true effects normal around their
    mean, each posterior is normal given the standard deviation tau between experiments; tau is integrated out under
    DuMouchel's prior with a median of three typical standard errors, so intervals carry its uncertainty and a change
    of currency changes nothing. The mean has a flat prior. Simulated at fixed values of tau, 95 % intervals cover 92
    to 99 % (the next experiment 91 to 100 %): most where the effects hardly differ.

    Args:
        effects: One effect an experiment, two or more, all in one unit.
        variances: Their variances, above 0, in the same order; from ``pooled_arm_variance``, not from each arm.
        alpha: Error rate of the intervals.

    Raises:
        InputError: As for ``pool_effects``, or ``alpha`` is not between 0 and 1.

    References:
        Efron and Morris (1975), Data analysis using Stein's estimator, https://doi.org/10.2307/2285814;
        DuMouchel (1994), Hierarchical Bayes linear models for meta-analysis, Technical Report 27, National Institute of
        Statistical Sciences;
        Gelman et al. (2013), Bayesian Data Analysis, section 5.4, https://doi.org/10.1201/b16018

    Examples:
        >>> shrunk = shrink_effects([0.8, 1.5, 0.1, 1.1, 2.4], [0.09, 0.25, 0.16, 0.04, 0.36])
        >>> [round(effect, 2) for effect in shrunk.effects]
        [0.88, 1.28, 0.5, 1.08, 1.65]
    """
    y, v = checked_effects(effects, variances)
    tau, weight = _posterior_of_tau(y, v)
    precision = 1 / (v[:, None] + tau**2)
    means = (precision * y[:, None]).sum(0) / precision.sum(0)
    pull = v[:, None] * precision
    centre = y[:, None] + pull * (means - y[:, None])
    spread = np.sqrt((1 - pull) * v[:, None] + pull**2 / precision.sum(0))
    found = centre @ weight
    errors = np.sqrt((spread**2 + (centre - found[:, None]) ** 2) @ weight)
    return ShrunkEffects(
        effects=tuple(found.tolist()),
        standard_errors=tuple(errors.tolist()),
        intervals=tuple(_interval(*part, weight, alpha) for part in zip(centre, spread, strict=True)),
        next_interval=_interval(means, np.sqrt(tau**2 + 1 / precision.sum(0)), weight, alpha),
        mean=float(means @ weight),
        tau=float(tau @ weight),
    )


def _posterior_of_tau(y: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return values of tau and their posterior weights, each of shape (M,).

    The prior ``s / (s + tau)^2`` is uniform in ``tau / (s + tau)``: Gauss-Legendre nodes there need no prior weight.
    """
    nodes, weights = legendre(_POINTS)
    share = (1 + nodes) / 2
    tau = _SCALE * math.sqrt(len(v) / float((1 / v).sum())) * share / (1 - share)
    precision = 1 / (v[:, None] + tau**2)
    total = precision.sum(0)
    mean = (precision * y[:, None]).sum(0) / total
    squares = (precision * (y[:, None] - mean) ** 2).sum(0)
    log_density = (np.log(precision).sum(0) - np.log(total) - squares) / 2
    weights = weights * np.exp(log_density - log_density.max())
    return tau, weights / weights.sum()


def _interval(centre: FloatArray, spread: FloatArray, weight: FloatArray, alpha: float) -> Interval:
    """Return the equal-tailed interval of a mixture of normal distributions."""
    reach = max(_REACH, 2 - normal_quantile(alpha / 2)) * spread
    low, high = float((centre - reach).min()), float((centre + reach).max())
    unit = high - low

    def quantile(probability: float) -> float:
        return low + unit * increasing_root(
            lambda u: float(weight @ special.ndtr((low + unit * u - centre) / spread)) - probability, 0.0, 1.0
        )

    return Interval(lower=quantile(alpha / 2), upper=quantile(1 - alpha / 2))
