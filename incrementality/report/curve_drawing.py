"""Draws shares that fall over time as step lines, each with the marker of its series at its end and on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from incrementality import formatting as fmt
from incrementality.report.lettering import wrap
from incrementality.report.strokes import GRID, MUTED, RIGHT, SERIES, TEXT, WIDTH, line, marker, polyline, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from incrementality.report.chart import Curve, CurvePanel

__all__ = ["draw_curves"]

_EDGE, _HEIGHT = 46.0, 170.0
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_MARKS = 4


def draw_curves(axes: Axes, panel: CurvePanel, top: float) -> float:
    """Draw a panel of curves below a height, and return where it ends."""
    y = top + 6
    for words in wrap(panel.heading, WIDTH, TEXT * 1.06, lines=3):
        y += 17
        text(axes, 0, y, words, weight="bold")
    for words in wrap(panel.upright, WIDTH, TEXT, lines=2):
        y += 17
        text(axes, 0, y, words, color=MUTED)
    y += 14
    longest = max(curve.x[-1] for curve in panel.curves)
    _draw_grid(axes, longest, y)
    for curve in panel.curves:
        _draw_curve(axes, curve, longest, y)
    y += _HEIGHT + 15
    for words in wrap(panel.axis, WIDTH, TEXT, lines=2):
        y += 16
        text(axes, WIDTH / 2, y, words, color=MUTED, align="center")
    for curve in panel.curves:
        y += 18
        marker(axes, 6, y - 4, curve.series)
        text(axes, 17, y, wrap(f"{curve.label}: {curve.value}", WIDTH - 20, TEXT, lines=1)[0])
    return y + 4


def _draw_grid(axes: Axes, longest: float, top: float) -> None:
    for share in _SHARES:
        height = _up(share, top)
        axes.add_line(line((_EDGE, height), (RIGHT, height), GRID, 1.0))
        text(axes, _EDGE - 5, height + 4, fmt.tick(fmt.share(share)), color=MUTED, align="right")
    for day in MaxNLocator(nbins=4, steps=[1, 2, 2.5, 3, 5, 10]).tick_values(0.0, longest):
        if 0 <= day <= longest:
            text(axes, _across(float(day), longest), top + _HEIGHT + 15, f"{day:g}", color=MUTED, align="center")


def _draw_curve(axes: Axes, curve: Curve, longest: float, top: float) -> None:
    x, y = [_across(curve.x[0], longest)], [_up(curve.y[0], top)]
    for day, share in zip(curve.x[1:], curve.y[1:], strict=True):
        x += [_across(day, longest)] * 2
        y += [y[-1], _up(share, top)]
    axes.add_line(polyline(x, y, SERIES[curve.series % len(SERIES)], 2.2, z=3))
    for step in range(1, _MARKS + 1):
        place = (len(curve.x) - 1) * step // _MARKS
        marker(axes, _across(curve.x[place], longest), _up(curve.y[place], top), curve.series)


def _across(day: float, longest: float) -> float:
    return _EDGE + day / longest * (RIGHT - _EDGE)


def _up(share: float, top: float) -> float:
    return top + (1 - share) * _HEIGHT
