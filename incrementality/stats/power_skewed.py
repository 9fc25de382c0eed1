"""The power of a t test whose mean and estimated variance go together, as those of few skewed clusters do."""

from __future__ import annotations

import numpy as np
from scipy import special

from incrementality.stats.distributions import two_sided_critical_value
from incrementality.stats.quadrature import legendre

__all__ = ["skewed_t_power"]

_POINTS = 320
_WIDE = 8.0
_LARGEST_SKEWNESS = 0.9
_LEAST_LEFT = 0.15  # of the variance's own noise, once the mean is known
_SMALLEST_VARIANCE = 0.05


def skewed_t_power(shift: float, *, df: float, skewness: float, noise: float, alpha: float = 0.05) -> float:
    """Return the power of a two-sided t test from how far the truth lies from zero.

    With ``z`` the standardised error of the estimate, of third cumulant ``skewness`` (Cornish and Fisher's first term),
    and ``q`` the estimated variance over the true one: the covariance of z and q is that third cumulant too, since both
    come from the same units. Given z, q is taken as a gamma variable of mean ``1 + skewness z`` and of the variance
    that is left; the power is integrated over z. Without skewness it is the noncentral t.

    Args:
        shift: True effect divided by its true standard error.
        df: Degrees of freedom of the critical value.
        skewness: Third cumulant of the estimate's error in units of its standard error.
        noise: Variance of q: ``2 / df`` for normal values, more where tails are heavy.
        alpha: Two-sided error rate.

    References:
        Hall (1987), Edgeworth expansion for Student's t statistic under minimal moment conditions,
        https://doi.org/10.1214/aop/1176992073; Cornish and Fisher (1938), https://doi.org/10.2307/1400905

    Examples:
        >>> round(skewed_t_power(2.8016, df=20, skewness=0.0, noise=0.1), 3)
        0.76
        >>> round(skewed_t_power(2.8016, df=20, skewness=-0.3, noise=0.2), 3)
        0.723
    """
    c = float(np.clip(skewness, -_LARGEST_SKEWNESS, _LARGEST_SKEWNESS))
    shape = 1 / max(noise - c * c, _LEAST_LEFT * noise)
    nodes, weights = legendre(_POINTS)
    x = _WIDE * nodes
    density = weights * np.exp(-x * x / 2)
    z = x + c / 6 * (x * x - 1)
    mean = np.fmax(1 + c * z, _SMALLEST_VARIANCE)
    critical = two_sided_critical_value(alpha, df)
    seen = sum(
        special.gammainc(shape, shape / mean * (np.fmax(side * (shift + z), 0.0) / critical) ** 2) for side in (1, -1)
    )
    return float(seen @ density / density.sum())
