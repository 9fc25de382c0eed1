"""Effects within segments in the light of the other values: the largest of several is pulled back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.formatting import difference, difference_number, interval, level
from incrementality.lift.answers import SegmentEffect
from incrementality.stats import pooled_arm_variance, shrink_effects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.lift.sample import MetricSample

__all__ = ["shrink_segments"]

_FEWEST = 2


def shrink_segments(
    estimates: Sequence[LiftEstimate], cells: Mapping[str, MetricSample], control: str
) -> list[SegmentEffect]:
    """Return the effects of each arm in the values of one segment, shrunk towards their mean.

    Weights come from the variance of both arms of a cell together: mean and variance of a small skewed control are
    too small together.

    Args:
        estimates: One metric's comparisons within the segment.
        cells: The metric in each value.
        control: The control arm.

    References:
        Efron and Morris (1975), Data analysis using Stein's estimator, https://doi.org/10.2307/2285814;
        see ``incrementality.stats.shrink_effects``.
    """
    found: list[SegmentEffect] = []
    for arm in dict.fromkeys(e.arm for e in estimates):
        own = [(e, _variance(cells[e.segment[1]], arm, control)) for e in estimates if e.arm == arm and e.segment]
        found += _shrunk([(e, variance) for e, variance in own if variance > 0])
    return found


def _variance(cell: MetricSample, arm: str, control: str) -> float:
    return pooled_arm_variance(cell.arm(arm), cell.arm(control), *cell.metric.columns)


def _shrunk(own: Sequence[tuple[LiftEstimate, float]]) -> list[SegmentEffect]:
    if len(own) < _FEWEST:
        return []
    answer = shrink_effects([e.effect for e, _ in own], [variance for _, variance in own], alpha=own[0][0].alpha)
    return [
        _effect(e, effect, (bounds.lower, bounds.upper))
        for (e, _), effect, bounds in zip(own, answer.effects, answer.intervals, strict=True)
    ]


def _effect(e: LiftEstimate, effect: float, bounds: tuple[float, float]) -> SegmentEffect:
    segment, value = e.segment or ("", "")
    low, high = (difference_number(x, kind=e.kind, unit=e.unit) for x in bounds)
    raw, told = (difference(x, kind=e.kind, unit=e.unit) for x in (e.effect, effect))
    return SegmentEffect(
        segment=segment,
        value=value,
        metric=e.metric,
        arm=e.arm,
        effect=effect,
        ci_lower=bounds[0],
        ci_upper=bounds[1],
        sentence=f"{e.arm} on {e.metric} where {segment} is {value}: {told} ({level(e.alpha)} interval "
        f"{interval(low, high)}), pulled from {raw} towards the other values.",
    )
