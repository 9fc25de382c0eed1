"""A mixture of Normals, one for each point of the grid: means, intervals and probabilities without sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from incrementality.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["Mixture"]

_HALVINGS = 80
_FAR = 12.0
_LIGHT = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """k numbers, each a mixture of the same c Normals' weights.

    Attributes:
        weights: Shape (c,); they add up to one.
        means: Shape (c, k).
        sds: Standard deviations; shape (c, k).

    Examples:
        >>> pair = Mixture(np.array([0.5, 0.5]), np.array([[-1.0], [1.0]]), np.array([[0.1], [0.1]]))
        >>> pair.mean.tolist(), pair.below(0.0).tolist()
        ([0.0], [0.5])
    """

    weights: FloatArray
    means: FloatArray
    sds: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Means; shape (k,)."""
        return np.asarray(self.weights @ self.means)

    @property
    def variance(self) -> FloatArray:
        """Variances, within and between the Normals; shape (k,)."""
        return np.asarray(self.weights @ (self.sds**2 + (self.means - self.mean) ** 2))

    @property
    def sd(self) -> FloatArray:
        """Standard deviations; shape (k,)."""
        return np.sqrt(self.variance)

    def below(self, value: FloatArray | float) -> FloatArray:
        """Return the probability of lying below a value; shape (k,)."""
        return np.asarray(self.weights @ ndtr((value - self.means) / np.maximum(self.sds, 1e-300)))

    def quantile(self, probability: float) -> FloatArray:
        """Return quantiles by halving a bracket until it is as fine as floats; shape (k,).

        Raises:
            InputError: The probability is not between 0 and 1.
        """
        if not 0 < probability < 1:
            raise InputError(f"{probability:g} is no probability between 0 and 1")
        heavy = Mixture(*self._heavy())
        low, high = (heavy.means - _FAR * heavy.sds).min(axis=0), (heavy.means + _FAR * heavy.sds).max(axis=0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            under = heavy.below(middle) < probability
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return np.asarray((low + high) / 2)

    def interval(self, level: float = 0.9) -> tuple[FloatArray, FloatArray]:
        """Return equal-tailed intervals; two arrays of shape (k,)."""
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)

    def _heavy(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        kept = self.weights > _LIGHT * self.weights.max()
        return self.weights[kept] / self.weights[kept].sum(), self.means[kept], self.sds[kept]
