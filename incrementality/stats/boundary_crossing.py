"""How probable it is that a Brownian motion leaves its bounds at each of several looks, by numerical integration.

``S(t)`` is the effect so far times the information so far: a Brownian motion in information time, with the effect as
its drift; ``Z = S / sqrt(t)`` is the test statistic. Between looks its density is carried on Gauss-Legendre nodes,
spaced by the step to the next look, so that unequal looks are as exact as equal ones.

References:
    Armitage, McPherson and Rowe (1969), Repeated significance tests on accumulating data,
    https://doi.org/10.2307/2343787
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from incrementality.errors import InputError
from incrementality.stats.quadrature import legendre

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["Crossing", "Walk", "check_times", "crossing_probabilities"]

_REACH = 9.0  # standard deviations beyond which the motion is never found
_POINTS = 12
_PANEL = 3.0  # standard deviations of a step that one panel of nodes spans
_SMALLEST_STEP = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Where a Brownian motion leaves its bounds.

    Attributes:
        upper: Probability of leaving above for the first time at each look, shape (K,).
        lower: Probability of leaving below for the first time at each look, shape (K,).
        inside: Probability of staying inside at every look.
    """

    upper: FloatArray
    lower: FloatArray
    inside: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A Brownian motion that has stayed inside its bounds so far.

    Attributes:
        time: Information time so far.
        drift: Drift for each unit of information time.
        x: Values of the motion, shape (N,).
        mass: Probability of each, shape (N,); its sum is the probability of having stayed inside.
    """

    time: float
    drift: float
    x: FloatArray
    mass: FloatArray

    @classmethod
    def start(cls, drift: float = 0.0) -> Walk:
        """Return the motion before the first look.

        Examples:
            >>> walk = Walk.start().step(0.5, -2.0, 2.0, following=1.0)
            >>> round(walk.beyond(1.0, 1.96), 4)
            0.017
        """
        return cls(time=0.0, drift=drift, x=np.zeros(1), mass=np.ones(1))

    def beyond(self, time: float, bound: float) -> float:
        """Return the probability of having stayed inside and being above a bound, in standard errors, at a time."""
        reached = self.x + self.drift * (time - self.time) - bound * math.sqrt(time)
        return float(self.mass @ special.ndtr(reached / math.sqrt(time - self.time)))

    def below(self, time: float, bound: float) -> float:
        """Return the probability of having stayed inside and being below a bound, in standard errors, at a time."""
        short = bound * math.sqrt(time) - self.x - self.drift * (time - self.time)
        return float(self.mass @ special.ndtr(short / math.sqrt(time - self.time)))

    def step(self, time: float, lower: float, upper: float, *, following: float) -> Walk:
        """Return the motion that is inside two bounds, in standard errors, at a time; the look after it follows."""
        deviation = math.sqrt(time - self.time)
        x, weights = _nodes(
            max(lower * math.sqrt(time), self.drift * time - _REACH * math.sqrt(time)),
            min(upper * math.sqrt(time), self.drift * time + _REACH * math.sqrt(time)),
            _PANEL * min(deviation, math.sqrt(following - time)),
        )
        steps = (x[:, None] - self.x[None, :] - self.drift * (time - self.time)) / deviation
        density = np.exp(-steps * steps / 2) @ self.mass / (deviation * math.sqrt(2 * math.pi))
        return Walk(time=time, drift=self.drift, x=x, mass=weights * density)


def _nodes(low: float, high: float, panel: float) -> tuple[FloatArray, FloatArray]:
    if not low < high:
        return np.zeros(0), np.zeros(0)
    panels = math.ceil((high - low) / panel)
    nodes, weights = legendre(_POINTS)
    half = (high - low) / panels / 2
    centres = low + half * (2 * np.arange(panels) + 1)
    return (centres[:, None] + half * nodes).ravel(), np.tile(half * weights, panels)


def crossing_probabilities(
    times: Sequence[float], upper: Sequence[float], lower: Sequence[float], *, drift: float = 0.0
) -> Crossing:
    """Return the probability of leaving the bounds for the first time at each look.

    Args:
        times: Information at each look, rising; only ratios matter without a drift. Length K.
        upper: Upper bound of the test statistic at each look, in standard errors; may be infinite. Length K.
        lower: Lower bound, below the upper one; may be minus infinity. Length K.
        drift: Mean of the test statistic at information 1; at information ``t`` it is ``drift * sqrt(t)``.

    Raises:
        InputError: The times do not rise by 0.1 % at least, lengths differ, or a lower bound is above an upper one.

    References:
        Jennison and Turnbull (2000), Group Sequential Methods with Applications to Clinical Trials, chapter 19,
        https://doi.org/10.1201/9780367805326

    Examples:
        Two looks at 1.96 err more often than one:

        >>> two = crossing_probabilities([0.5, 1.0], [1.96, 1.96], [-1.96, -1.96])
        >>> round(1 - two.inside, 3)
        0.083
    """
    check_times(times)
    if not len(times) == len(upper) == len(lower) or not all(b < a for a, b in zip(upper, lower, strict=True)):
        raise InputError(
            f"{len(times)} looks, {len(upper)} upper and {len(lower)} lower bounds; needed: one of each for each look, "
            "the lower below the upper",
            hint="use infinity where a side has no bound",
        )
    walk, above, under = Walk.start(drift), [], []
    for k, time in enumerate(times):
        above.append(walk.beyond(time, upper[k]))
        under.append(walk.below(time, lower[k]))
        if k + 1 < len(times):
            walk = walk.step(time, lower[k], upper[k], following=times[k + 1])
    crossed = math.fsum(above) + math.fsum(under)
    return Crossing(upper=np.array(above), lower=np.array(under), inside=max(0.0, 1.0 - crossed))


def check_times(times: Sequence[float]) -> None:
    """Refuse information that does not rise from look to look.

    Raises:
        InputError: There is no look, a time is not above 0 and finite, or a step is under 0.1 % of the information.

    Examples:
        >>> check_times([0.25, 1.0])
    """
    before = [0.0, *times]
    rises = all(time - last >= _SMALLEST_STEP * time > 0 for last, time in zip(before, times, strict=False))
    if not times or not rises or math.isinf(times[-1]):
        raise InputError(
            f"the information at the looks is {list(times)}; it must be above 0 and rise by 0.1 % at least each time",
            hint="list the looks in order, and join looks at the same data",
        )
