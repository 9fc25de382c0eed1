"""What is not known of the prior itself: a grid over which every answer is averaged."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import log
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["HyperGrid", "HyperPoint"]

_SCALES = tuple(float(s) for s in np.exp(np.linspace(log(0.06), log(0.8), 9)))
_MIXES = ((1 / 3, 1 / 3, 1 / 3), (0.6, 0.2, 0.2), (0.2, 0.6, 0.2), (0.2, 0.2, 0.6), (0.45, 0.45, 0.1))


@dataclass(frozen=True, slots=True)
class HyperPoint:
    """One point of the grid.

    Attributes:
        scale: How far cells differ from the common share of credit that is caused, s.
        function: Share of that variance that functions have in common.
        journey: Share that journeys have in common.
        cell: Share of each cell's own.
        redundancy: rho: how much two cells on the same units take from one another; negative: they help.
    """

    scale: float
    function: float
    journey: float
    cell: float
    redundancy: float


@dataclass(frozen=True, slots=True)
class HyperGrid:
    """The grid and its prior.

    Attributes:
        level: Prior mean of kappa, the share of credit that is caused over all cells.
        level_sd: Its standard deviation, so that totals may be zero or negative.
        scales: Values of s; a grid equally spaced in log s.
        median_scale: Median of the log-normal prior of s.
        log_sd: Standard deviation of log s.
        mixes: Shares of function, journey and cell in the variance; each adds up to one.
        redundancies: Values of rho, equally likely a priori.
        drift: q: standard deviation of the random walk of a cell's effect in a quarter, relative to s.

    Raises:
        InputError: A value is out of range.

    Examples:
        >>> len(list(HyperGrid().points()))
        135
    """

    level: float = 0.3
    level_sd: float = 0.5
    scales: tuple[float, ...] = _SCALES
    median_scale: float = 0.25
    log_sd: float = 0.5
    mixes: tuple[tuple[float, float, float], ...] = _MIXES
    redundancies: tuple[float, ...] = (-0.5, 0.0, 0.5)
    drift: float = 0.10

    def __post_init__(self) -> None:
        if min(self.scales) <= 0 or self.level_sd <= 0 or self.log_sd <= 0 or self.drift < 0:
            raise InputError("scales and standard deviations are positive, the drift is not negative")
        if any(min(mix) < 0 or abs(sum(mix) - 1) > 1e-9 for mix in self.mixes):  # noqa: PLR2004 - dust of decimals
            raise InputError("each mix holds three shares of the variance that add up to one")

    def points(self) -> Iterator[HyperPoint]:
        """Yield the grid, rho outermost, then s, then the mixes."""
        for rho, s, mix in product(self.redundancies, self.scales, self.mixes):
            yield HyperPoint(s, *mix, rho)

    def log_prior(self) -> FloatArray:
        """Return the log of each point's prior weight, in the order of ``points``; weights add up to one.

        The density of log s is Normal; points are equally spaced in it, so no Jacobian is needed.
        """
        middle = log(self.median_scale)
        logs = np.array([-0.5 * ((log(point.scale) - middle) / self.log_sd) ** 2 for point in self.points()])
        return np.asarray(logs - np.log(np.exp(logs).sum()))
