"""After a test has stopped: a p-value and an estimate that allow for the looks, by the stagewise ordering.

A test that stops early stops on a high; its plain estimate is too large. The stagewise ordering ranks what could have
been seen: stopping earlier is more extreme, and at one look the larger statistic is. It needs only the looks that
took place, so it does not matter when later ones were planned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.stats.boundary_crossing import Walk
from incrementality.stats.comparison import Interval
from incrementality.stats.roots import reaching_root

if TYPE_CHECKING:
    from incrementality.stats.sequential import GroupSequentialBounds

__all__ = ["StoppedEstimate", "after_stopping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedEstimate:
    """What a stopped test says.

    Attributes:
        effect: The median-unbiased estimate, in the metric's unit: as often above the truth as below it.
        raw_effect: The plain estimate at the look that stopped the test.
        interval: The ``1 - alpha`` interval; upper end infinite for a one-sided test.
        pvalue: Probability of a result at least as extreme without an effect, over both sides where there are two.
        looks: Looks that took place.
    """

    effect: float
    raw_effect: float
    interval: Interval
    pvalue: float
    looks: int


def after_stopping(effect: float, standard_error: float, bounds: GroupSequentialBounds) -> StoppedEstimate:
    """Return the p-value, median-unbiased estimate and interval of a test that ended at the last look of the bounds.

    The p-value is at most ``alpha`` where a bound was crossed. Use it as well for a test that ended without crossing
    one, at its last look or because it was given up for reasons other than its effect.

    Args:
        effect: Estimate at the last look, in the metric's unit.
        standard_error: Its standard error, in the metric's unit.
        bounds: The bounds of the looks that took place, none after the last one.

    Raises:
        InputError: The effect is not finite, or the standard error is not above 0 and finite.

    References:
        Tsiatis, Rosner and Mehta (1984), Exact confidence intervals following a group sequential test,
        https://doi.org/10.2307/2530924;
        Kim (1989), Point estimation following group sequential tests, Biometrics 45, 613-617

    Examples:
        >>> from incrementality.stats.sequential import group_sequential_bounds
        >>> answer = after_stopping(3.0, 1.0, group_sequential_bounds([0.4, 0.7]))
        >>> round(answer.effect, 3), round(answer.interval.lower, 3), round(answer.pvalue, 4)
        (2.984, 1.008, 0.0032)
    """
    if not math.isfinite(effect) or not 0 < standard_error < math.inf:
        raise InputError(
            f"the effect is {effect} and its standard error {standard_error}; needed: finite, the latter above 0",
            hint="give each arm at least two units whose values differ",
        )
    z = effect / standard_error
    unit = standard_error * math.sqrt(bounds.times[-1])
    share = bounds.alpha / bounds.sides

    def quantile(probability: float) -> float:
        """Return the effect under which a result this extreme or more has a given probability."""
        start = z / math.sqrt(bounds.times[-1])
        return unit * reaching_root(lambda drift: _as_extreme(bounds, z, drift) - probability, start, 1.0)

    above, below = _as_extreme(bounds, z, 0.0), _as_extreme(bounds, -z, 0.0)
    return StoppedEstimate(
        effect=quantile(0.5),
        raw_effect=effect,
        interval=Interval(lower=quantile(share), upper=math.inf if bounds.sides == 1 else quantile(1 - share)),
        pvalue=above if bounds.sides == 1 else min(1.0, 2 * min(above, below)),
        looks=len(bounds.times),
    )


def _as_extreme(bounds: GroupSequentialBounds, z: float, drift: float) -> float:
    """Return the probability of stopping above at an earlier look, or of at least ``z`` at the last one."""
    walk, found = Walk.start(drift), 0.0
    for k, time in enumerate(bounds.times[:-1]):
        found += walk.beyond(time, bounds.critical[k])
        walk = walk.step(time, bounds.lower[k], bounds.critical[k], following=bounds.times[k + 1])
    return found + walk.beyond(bounds.times[-1], z)
