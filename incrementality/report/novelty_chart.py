"""Effects by days since entry as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality import formatting as fmt
from incrementality.report.chart import Chart, Group, Mark, Panel, Row

if TYPE_CHECKING:
    from incrementality.lift.answers import NoveltyPoint
    from incrementality.lift.readout import Readout

__all__ = ["novelty_chart"]


def novelty_chart(readout: Readout) -> Chart | None:
    """Return primary effects by days since entry, and at twice the window where the data reaches it."""
    if not readout.novelty:
        return None
    metrics = dict.fromkeys(point.metric for point in readout.novelty)
    return Chart(
        key="novelty",
        title="Effect by days since entry",
        subtitle=f"{fmt.level(readout.novelty[0].alpha)} intervals, unadjusted",
        panels=tuple(_panel([p for p in readout.novelty if p.metric == metric]) for metric in metrics),
        caption="The effects of the periods add up to that at the end of the window. Twice the window: the units that "
        "were followed so long, at its end and at its double.",
        muted=readout.grade == "do not use",
    )


def _panel(points: list[NoveltyPoint]) -> Panel:
    kind, unit = points[0].kind, points[0].unit
    headings = dict.fromkeys((point.arm, point.what) for point in points)
    groups = tuple(
        Group(
            heading=f"{points[0].metric} \N{MIDDLE DOT} {arm}" + ("" if what == "period" else f", {what}"),
            rows=tuple(_row(p) for p in points if (p.arm, p.what) == (arm, what)),
        )
        for arm, what in headings
    )
    return Panel(
        groups=groups,
        axis=f"difference to the control, in {fmt.difference_unit(kind=kind, unit=unit)}",
        tick=lambda x: fmt.tick(fmt.difference_number(x, kind=kind, unit=unit)),
        reference=0.0,
    )


def _row(point: NoveltyPoint) -> Row:
    bounds = (point.effect, point.ci_lower, point.ci_upper)
    size, low, high = (fmt.difference_number(x, kind=point.kind, unit=point.unit) for x in bounds)
    mark = Mark(point=bounds[0], low=bounds[1], high=bounds[2], clear=not bounds[1] <= 0 <= bounds[2])
    label = f"day {point.from_day} to {point.to_day}"
    return Row(label=label, value=f"{size} ({fmt.interval(low, high)})", marks=(mark,))
