"""The figure of a watched test: the effect by date, with intervals that hold on all dates together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from incrementality import formatting as fmt
from incrementality.report.chart import Chart, Group, Mark, Panel, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.lift import CumulativeEffect, LookReading, Readout, SummaryReadout

__all__ = ["cumulative_chart"]


def cumulative_chart(readout: Readout | SummaryReadout) -> Chart | None:
    """Return the effects on primary metrics by date; ``None`` where the readout holds none."""
    either: Any = readout
    watched: LookReading | SummaryReadout | None = getattr(either, "look", either)
    found = _effects(readout)
    if watched is None or not found:
        return None
    sequence = watched.kind == "confidence sequence"
    metrics = dict.fromkeys(effect.metric for effect in found)
    last = max(effect.n_control + effect.n_treatment for effect in found)
    where = "on any day" if sequence else "at every look"
    return Chart(
        key="cumulative",
        title="The effect as the data came in",
        subtitle=f"n = {fmt.count(last)} at the last date, {fmt.level(watched.alpha)} intervals that hold {where}",
        panels=tuple(_panel([effect for effect in found if effect.metric == metric]) for metric in metrics),
        caption=_caption(sequence=sequence, sides=watched.sides),
        muted=getattr(readout, "grade", "") == "do not use",
    )


def _effects(readout: Readout | SummaryReadout) -> tuple[CumulativeEffect, ...]:
    found: tuple[CumulativeEffect, ...] = getattr(readout, "cumulative", getattr(readout, "effects", ()))
    return found


def _caption(*, sequence: bool, sides: int) -> str:
    told = "Each line counts all units that were complete by its date, without adjustment. "
    if sequence:
        told += "Bar: the confidence sequence; it may be read on any day. Without a bar, it had not started."
    else:
        told += "Bar: the interval of a look that was taken. Without a bar, that date was not looked at."
    return told + (" Filled dot: the bar leaves out 0." if sides > 1 else " The bar is open on the good side.")


def _panel(effects: Sequence[CumulativeEffect]) -> Panel:
    kind, unit, metric = effects[0].kind, effects[0].unit, effects[0].metric
    arms = dict.fromkeys(effect.arm for effect in effects)
    return Panel(
        groups=tuple(
            Group(
                heading=f"{metric} \N{MIDDLE DOT} {arm}",
                rows=tuple(_row(effect) for effect in effects if effect.arm == arm),
            )
            for arm in arms
        ),
        axis=f"difference to the control, in {fmt.difference_unit(kind=kind, unit=unit)}",
        tick=lambda x: fmt.tick(fmt.difference_number(x, kind=kind, unit=unit)),
        reference=0.0,
    )


def _row(e: CumulativeEffect) -> Row:
    label = e.on if e.look is None else f"{e.on}, look {e.look}"
    value = fmt.difference_number(e.effect, kind=e.kind, unit=e.unit)
    if e.lower is None and e.upper is None:
        return Row(label=label, value=value, marks=(Mark(point=e.effect),))
    low = -math.inf if e.lower is None else e.lower
    high = math.inf if e.upper is None else e.upper
    bounds = fmt.interval(*(fmt.difference_number(x, kind=e.kind, unit=e.unit) for x in (low, high)))
    mark = Mark(point=e.effect, low=low, high=high, clear=not low <= 0 <= high)
    return Row(label=label, value=f"{value} ({bounds})", marks=(mark,))
