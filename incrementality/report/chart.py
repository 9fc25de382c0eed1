"""A figure as plain records: a chart holds panels, panels hold groups of rows, rows hold marks.

The drawing and its description in words, for people who do not see it, come from the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Chart", "Curve", "CurvePanel", "Group", "Mark", "Panel", "Row", "describe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point, with the ends of its interval where it has one; ``clear`` where the interval leaves out no effect."""

    point: float
    low: float | None = None
    high: float | None = None
    series: int = 0
    clear: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A labelled line of a panel and its numbers in words."""

    label: str
    value: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows under one heading."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Groups that share one axis; ``reference`` is where nothing differs, ``limit`` a bound on both sides of it."""

    groups: tuple[Group, ...]
    axis: str
    tick: Callable[[float], str]
    reference: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A share that only falls, by time: a step line, and its end in words."""

    label: str
    value: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    series: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePanel:
    """Step lines over one axis of time; their shares run from 0 to 1."""

    heading: str
    curves: tuple[Curve, ...]
    axis: str
    upright: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One figure: title, subtitle (n, unit, interval level), panels, the names of the series, how to read it."""

    key: str
    title: str
    subtitle: str
    panels: tuple[Panel | CurvePanel, ...]
    series: tuple[str, ...] = ()
    caption: str = ""
    muted: bool = False


def describe(chart: Chart) -> str:
    """Return a chart in words: what it shows and every row with its numbers."""
    rows = [
        f"{group.heading + ', ' if group.heading else ''}{row.label}: {row.value}"
        for panel in chart.panels
        if isinstance(panel, Panel)
        for group in panel.groups
        for row in group.rows
        if row.marks
    ]
    rows += [
        f"{panel.heading}, {curve.label}: {curve.value}"
        for panel in chart.panels
        if isinstance(panel, CurvePanel)
        for curve in panel.curves
    ]
    return f"{chart.subtitle}. " + "; ".join(rows) + "."
