"""Draws a chart with matplotlib, which is loaded only when a figure is asked for.

One unit of the axes is one pixel of a page 360 wide, so that text stays legible on a phone. Nothing is clipped and
no markers are shared, hence the SVG holds neither ids nor references, and several of them live in one page.
"""

from __future__ import annotations

import warnings
from io import StringIO
from math import isfinite
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator

from incrementality.report.chart import CurvePanel, describe
from incrementality.report.curve_drawing import draw_curves
from incrementality.report.lettering import clean, measure, wrap
from incrementality.report.strokes import (
    ACCENT,
    GRID,
    LEFT,
    MUTED,
    RIGHT,
    TEXT,
    TRACK,
    WIDTH,
    line,
    marker,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

    from incrementality.report.chart import Chart, Group, Mark, Panel, Row

__all__ = ["ChartFigure", "draw", "to_svg"]

_HEADING, _TITLE = 12.5, 15.0
_HALO = "paint-order: stroke; stroke: #ffffff; stroke-width: 3px; stroke-linejoin: round"  # text over grid lines
_RC: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "path.effects": [],
    "path.sketch": None,
    "svg.fonttype": "none",
    "svg.hashsalt": "incrementality",
    "text.usetex": False,
}


class ChartFigure(Figure):
    """A figure that knows its chart and shows itself in a notebook."""

    chart: Chart

    def _repr_svg_(self) -> str:
        return to_svg(self)


def draw(chart: Chart) -> ChartFigure:
    """Return the figure of a chart."""
    with mpl.rc_context(_RC):
        figure = ChartFigure(dpi=72, facecolor="none")
        figure.chart = chart
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        y = _draw_head(axes, chart)
        for panel in chart.panels:
            if isinstance(panel, CurvePanel):
                y = draw_curves(axes, panel, y + 12)
            else:
                y = _draw_panel(axes, panel, y + 12, muted=chart.muted)
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(y + 6, 0)
        figure.set_size_inches(WIDTH / 72, (y + 6) / 72)
    return figure


def to_svg(figure: ChartFigure) -> str:
    """Return a figure as an SVG element that says in words what it shows; the same bytes for the same chart."""
    buffer = StringIO()
    with mpl.rc_context(_RC), warnings.catch_warnings():
        # the browser brings its own fonts, so a glyph missing from ours only makes a measured width approximate
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - markup that was written two lines above
    return ET.tostring(_inline(root, figure.chart), encoding="unicode")


def _inline(root: ET.Element, chart: Chart) -> ET.Element:
    view = root.get("viewBox", "")
    texts = [("title", chart.title), ("desc", describe(chart))]
    for element in list(root):
        if element.tag.endswith(("metadata", "defs")):
            root.remove(element)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib.pop("id", None)
        element.tail = None
        if element.tag == "text":
            element.set("style", f"{element.get('style', '')}; {_HALO}")
    root.attrib.clear()
    root.attrib.update({"xmlns": "http://www.w3.org/2000/svg", "viewBox": view, "role": "img", "class": "chart"})
    root.set("aria-label", clean(chart.title))
    for place, (tag, written) in enumerate(texts):
        element = ET.Element(tag)
        element.text = clean(written)
        root.insert(place, element)
    return root


def _draw_head(axes: Axes, chart: Chart) -> float:
    y = 2.0
    for words in wrap(chart.title, RIGHT, _TITLE * 1.06, lines=3):
        y += 19
        text(axes, 0, y, words, size=_TITLE, weight="bold")
    for words in wrap(chart.subtitle, WIDTH, TEXT, lines=4):
        y += 17
        text(axes, 0, y, words, color=MUTED)
    if chart.muted:
        y += 18
        text(axes, 0, y, "Do not use for decisions: a check failed.", weight="bold")
    return _draw_key(axes, chart.series, y)


def _draw_key(axes: Axes, series: tuple[str, ...], y: float) -> float:
    x = 0.0
    for number, name in enumerate(series):
        label = wrap(name, WIDTH - 40, TEXT, lines=1)[0]
        if x and x + 18 + measure(label, TEXT) > WIDTH:
            x = 0.0
        y += 20 if not x else 0
        marker(axes, x + 6, y - 4, number)
        text(axes, x + 17, y, label)
        x += 34 + measure(label, TEXT)
    return y


def _draw_panel(axes: Axes, panel: Panel, top: float, *, muted: bool) -> float:
    scale = _Scale(panel)
    layout: list[tuple[float, Row]] = []
    y = top
    for group in panel.groups:
        y = _draw_group(axes, group, y, layout, by_series=panel.limit is not None)
    for middle, row in layout:
        _draw_track(axes, panel, middle, scale)
        _draw_marks(axes, row, middle, scale, muted=muted)
    return _draw_axis(axes, panel, scale, y)


def _draw_track(axes: Axes, panel: Panel, y: float, scale: _Scale) -> None:
    """Draw the row's own piece of the grid, so that no line runs through the labels."""
    axes.add_line(line((LEFT, y), (RIGHT, y), TRACK, 1.5))
    top, bottom = y - 8, y + 8
    for value in scale.ticks:
        axes.add_line(line((scale(value), top), (scale(value), bottom), GRID, 1.0))
    if panel.reference is not None:
        axes.add_line(line((scale(panel.reference), top), (scale(panel.reference), bottom), MUTED, 1.4))
    if panel.limit is not None:
        for bound in (-panel.limit, panel.limit):
            axes.add_line(line((scale(bound), top), (scale(bound), bottom), MUTED, 1.4, dotted=True))


def _draw_group(axes: Axes, group: Group, y: float, layout: list[tuple[float, Row]], *, by_series: bool) -> float:
    y += 6
    for words in wrap(group.heading, WIDTH, _HEADING * 1.06, lines=3) if group.heading else ():
        y += 17
        text(axes, 0, y, words, size=_HEADING, weight="bold")
    for row in group.rows:
        if not row.marks:
            y += 19
            text(axes, 0, y, wrap(row.label, WIDTH, TEXT, lines=1)[0], color=MUTED)
            continue
        value = "" if by_series else row.value
        room = WIDTH - measure(value, TEXT) - 10 if value else WIDTH
        beside = measure(row.label, TEXT) <= room
        for words in wrap(row.label, room if beside else WIDTH, TEXT, lines=2):
            y += 17
            text(axes, 0, y, words)
        y += 0 if beside else 16
        if value:
            text(axes, WIDTH, y, value, align="right")
        layout.append((y + 13, row))
        y += 22
    return y


def _draw_marks(axes: Axes, row: Row, y: float, scale: _Scale, *, muted: bool) -> None:
    others = len(row.marks) - 1
    step = min(5.0, 16.0 / others) if others else 0.0
    for place, mark in enumerate(row.marks):
        if mark.low is None or mark.high is None:
            marker(axes, scale(mark.point), y + step * (place - others / 2), mark.series)
        else:
            _draw_interval(axes, mark, y, scale, ACCENT if mark.clear and not muted else MUTED)


def _draw_interval(axes: Axes, mark: Mark, y: float, scale: _Scale, color: str) -> None:
    low, high = scale(mark.low or 0.0), scale(mark.high or 0.0)
    axes.add_line(line((low, y), (high, y), color, 3.2, z=3))
    if isfinite(mark.point):
        fill = color if mark.clear else "#ffffff"
        dot = Ellipse((scale(mark.point), y), 10, 10, facecolor=fill, edgecolor=color, linewidth=2)
        dot.set(zorder=4, clip_on=False)
        axes.add_patch(dot)


def _draw_axis(axes: Axes, panel: Panel, scale: _Scale, y: float) -> float:
    last = float("-inf")
    for value in scale.ticks:
        label = panel.tick(value)
        half = measure(label, TEXT) / 2
        x = min(max(scale(value), half), WIDTH - half)
        if x - half > last:
            text(axes, x, y + 15, label, color=MUTED, align="center")
            last = x + half + 6
    for words in wrap(panel.axis, WIDTH, TEXT, lines=2):
        y += 16
        text(axes, WIDTH / 2, y + 15, words, color=MUTED, align="center")
    return y + 18


class _Scale:
    """Maps the numbers of a panel to pixels; what is not finite stands at the edge."""

    def __init__(self, panel: Panel) -> None:
        values = list(_finite(panel)) or [0.0, 1.0]
        low, high = min(values), max(values)
        if panel.reference is None and 0 < low < 0.6 * high:
            low = 0.0
        if low == high:
            low, high = low - 1.0, high + 1.0
        margin = 0.04 * (high - low)
        low, high = low if low == 0 else low - margin, high if high == 0 else high + margin
        self._low, self._high = low, high
        ticks = MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        self.ticks = [0.0 if abs(tick) < 1e-9 * (high - low) else float(tick) for tick in ticks if low <= tick <= high]

    def __call__(self, value: float) -> float:
        value = min(max(value, self._low), self._high)
        return LEFT + (value - self._low) / (self._high - self._low) * (RIGHT - LEFT)


def _finite(panel: Panel) -> Iterable[float]:
    marks = [mark for group in panel.groups for row in group.rows for mark in row.marks]
    values = [value for mark in marks for value in (mark.point, mark.low, mark.high)]
    limits = [panel.reference, panel.limit, -panel.limit if panel.limit else None]
    return (value for value in [*values, *limits] if value is not None and isfinite(value))
