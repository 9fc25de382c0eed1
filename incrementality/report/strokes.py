"""Lines, markers and words in pixels of a page, by which every figure is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import PathPatch
from matplotlib.transforms import Affine2D

from incrementality.report.lettering import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = [
    "ACCENT", "GRID", "INK", "LEFT", "MUTED", "RIGHT", "SERIES", "TEXT", "TRACK", "WIDTH",
    "line", "marker", "polyline", "text",
]  # fmt: skip

WIDTH = 360.0
LEFT, RIGHT = 14.0, 346.0
INK, MUTED, ACCENT, GRID, TRACK = "#17202c", "#4a5666", "#1a56a8", "#dfe4ea", "#eef1f5"
SERIES = ("#1a56a8", "#b0490c", "#0b6e54", "#7b3694", "#17202c", "#9a6700", "#a3195b", "#4a5666")
TEXT = 12.0
_SHAPES = ("o", "D", "^", "s", "v", "p", "P", "X")


def line(
    start: tuple[float, float], end: tuple[float, float], color: str, width: float,
    *, z: float = 0.5, dotted: bool = False,
) -> Line2D:  # fmt: skip
    """Return a straight line between two points, in pixels of the page."""
    return polyline([start[0], end[0]], [start[1], end[1]], color, width, z=z, dotted=dotted)


def polyline(
    x: Sequence[float], y: Sequence[float], color: str, width: float, *, z: float = 0.5, dotted: bool = False
) -> Line2D:
    """Return a line through points, in pixels of the page."""
    drawn = Line2D(list(x), list(y), color=color, linewidth=width, linestyle="solid", marker="")
    drawn.set(zorder=z, clip_on=False, solid_capstyle="butt", dash_capstyle="butt")
    if dotted:
        drawn.set_linestyle((0, (2.0, 1.5)))
    return drawn


def marker(axes: Axes, x: float, y: float, series: int) -> None:
    """Draw the marker of a series, which its shape tells as well as its colour."""
    style = MarkerStyle(_SHAPES[series % len(_SHAPES)])
    place = Affine2D().scale(8.5, -8.5).translate(x, y)
    path = style.get_path().transformed(style.get_transform() + place)
    color = SERIES[series % len(SERIES)]
    axes.add_patch(PathPatch(path, facecolor=color, edgecolor="#ffffff", linewidth=0.8, zorder=4, clip_on=False))


def text(
    axes: Axes, x: float, y: float, words: str,
    *, size: float = TEXT, color: str = INK, weight: str = "normal", align: str = "left",
) -> None:  # fmt: skip
    """Write words that start, end or are centred at a point of their baseline."""
    axes.text(
        x, y, clean(words), fontsize=size, color=color, fontweight=weight, horizontalalignment=align,
        verticalalignment="baseline", parse_math=False, clip_on=False, zorder=6,
    )  # fmt: skip
