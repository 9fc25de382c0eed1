"""What looking several times costs: O'Brien and Fleming's boundary and how many more units it needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.quadrature import legendre

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["look_inflation", "obrien_fleming_bound"]

_MOST_LOOKS = 100
_POINTS = 240


def obrien_fleming_bound(looks: int, *, alpha: float = 0.05) -> float:
    """Return the critical value of the last of several equally spaced looks.

    Look ``k`` of ``K`` stops where ``|z|`` reaches ``bound * sqrt(K / k)``: early looks need far stronger evidence.

    Args:
        looks: Number of looks, from 1 to 100, the last one included.
        alpha: Two-sided error rate over all looks.

    Raises:
        InputError: The number of looks or ``alpha`` is outside its range.

    References:
        O'Brien and Fleming (1979), A multiple testing procedure for clinical trials,
        https://doi.org/10.2307/2530245

    Examples:
        >>> round(obrien_fleming_bound(1), 3), round(obrien_fleming_bound(5), 3)
        (1.96, 2.04)
    """
    if not 1 <= looks <= _MOST_LOOKS:
        raise InputError(f"{looks} looks; allowed: 1 to {_MOST_LOOKS}", hint="one look a week is usually enough")
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha}; allowed: above 0 and below 1", hint="0.05 is usual")
    return _root(lambda bound: alpha - _stopped(bound, looks, 0.0), 0.01, 9.0)


def look_inflation(looks: int, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return by how much several looks raise the number of units that one look would need.

    Args:
        looks: Number of equally spaced looks, from 1 to 100, the last one included.
        alpha: Two-sided error rate over all looks.
        power: Probability of stopping for a true effect at any look.

    Returns:
        A factor of at least 1: the units at the last look divided by those of a single look.

    Raises:
        InputError: A value is outside its range.

    References:
        Jennison and Turnbull (2000), Group Sequential Methods with Applications to Clinical Trials, table 2.4,
        https://doi.org/10.1201/9780367805326

    Examples:
        >>> round(look_inflation(1), 3), round(look_inflation(5), 3)
        (1.0, 1.028)
    """
    if not alpha < power < 1:
        raise InputError(f"the power is {power}; allowed: above alpha ({alpha}) and below 1", hint="0.8 is usual")
    several, one = (_drift(k, alpha, power) for k in (looks, 1))
    return max(1.0, (several / one) ** 2)


def _drift(looks: int, alpha: float, power: float) -> float:
    """Return the true effect, in standard errors of the last look, that is seen with the wanted power."""
    bound = obrien_fleming_bound(looks, alpha=alpha)
    return _root(lambda drift: _stopped(bound, looks, drift) - power, 0.0, 20.0)


def _stopped(bound: float, looks: int, drift: float) -> float:
    """Return the probability that a Brownian motion with drift is beyond ``bound`` at any of equally spaced times."""
    nodes, node_weights = legendre(_POINTS)
    x, weights = bound * nodes, bound * node_weights
    sd = math.sqrt(1 / looks)
    density = _normal_density(x, drift / looks, sd)
    step = _normal_density(x[:, None] - x[None, :], drift / looks, sd) * weights[None, :]
    for _ in range(looks - 1):
        density = step @ density
    return 1.0 - float(weights @ density)


def _normal_density(x: np.ndarray, mean: float, sd: float) -> np.ndarray:
    return np.asarray(np.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi)))


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
