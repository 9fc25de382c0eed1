"""Gauss-Legendre nodes on [-1, 1], worked out on first use: they cost more than everything else that is imported."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["legendre"]


@cache
def legendre(points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights, each of shape (points,).

    Examples:
        >>> nodes, weights = legendre(5)
        >>> round(float(weights @ nodes**4), 12)
        0.4
    """
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return nodes, weights
