"""The power of a t test, accurate in far tails."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from incrementality.stats.distributions import two_sided_critical_value
from incrementality.stats.quadrature import legendre

__all__ = ["t_test_power"]

_LARGE_DF = 1e6
_POINTS = 160


def t_test_power(shift: float, *, df: float, alpha: float = 0.05, scale: float = 1.0) -> float:
    """Return the power of a two-sided t test from how far the truth lies from zero.

    The noncentral t distribution is integrated over the estimated standard error, ``E Phi(shift - c s)``: this stays
    a number in far tails, where direct series give none.

    Args:
        shift: True effect divided by its true standard error.
        df: Degrees of freedom; infinite where the variance is known.
        alpha: Two-sided error rate.
        scale: Standard error that the test uses divided by the true one.

    Raises:
        InputError: ``alpha`` is not between 0 and 1, or ``df`` is not above 0.

    References:
        NIST Engineering Statistics Handbook, 1.3.6.7; Owen (1968), A survey of properties and applications of the
        noncentral t-distribution, https://doi.org/10.1080/00401706.1968.10490590

    Examples:
        >>> round(t_test_power(2.8016, df=float("inf")), 4), round(t_test_power(2.8016, df=20), 4)
        (0.8, 0.7596)
    """
    critical = two_sided_critical_value(alpha, df) * scale
    if df > _LARGE_DF:
        return float(special.ndtr(shift - critical) + special.ndtr(-shift - critical))
    spread = 10 / math.sqrt(2 * df)
    low, high = max(0.0, 1 - spread), 1 + spread
    nodes, node_weights = legendre(_POINTS)
    s = (high - low) / 2 * nodes + (high + low) / 2
    log_density = (df - 1) * np.log(s) - df * (s * s - 1) / 2
    weights = node_weights * np.exp(log_density - log_density.max())
    seen = special.ndtr(shift - critical * s) + special.ndtr(-shift - critical * s)
    return float(seen @ weights / weights.sum())
