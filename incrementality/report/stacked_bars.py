"""Stacked bars as one SVG element: each bar is a whole, its parts are shares; the same bytes for the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from incrementality.report.lettering import measure

__all__ = ["Bar", "stacked_bars"]

_WIDTH, _BAR, _STEP, _TEXT = 360.0, 18.0, 46.0, 12.0
_COLOURS = (
    "#1a56a8", "#0b6b47", "#c2410c", "#7c3aed", "#b8860b", "#0e7490", "#be185d", "#4d7c0f", "#6b4f3a", "#3b82c4",
    "#9d174d", "#5b6b2f",
)  # fmt: skip
_GREY = {"unknown": "#8b95a3", "unallocated": "#c3cad3"}
_SMALL = 0.0005


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        label: What it is.
        value: Its whole in words.
        shares: The share of each part, by name; they add up to one.
        muted: Whether it counts for nothing and is drawn pale.
    """

    label: str
    value: str
    shares: dict[str, float]
    muted: bool = False


def stacked_bars(title: str, bars: tuple[Bar, ...], *, order: tuple[str, ...] = ()) -> str:
    """Return bars as an SVG element that says in words what it shows.

    Args:
        title: What it shows.
        bars: The bars, from top to bottom; parts keep one order and one colour in all of them.
        order: Which parts come first, so that several pictures agree on colours; default: by the first bar's shares.

    Examples:
        >>> picture = stacked_bars("Credit", (Bar("linear", "EUR 10", {"ae": 0.25, "cs": 0.75}),))
        >>> picture.startswith("<svg"), "linear: cs 75.0 %, ae 25.0 %" in picture, picture.count("<rect")
        (True, True, 4)
    """
    names = _parts(bars, order)
    coloured = dict.fromkeys([*order, *names])
    colours = {name: _GREY.get(name) or _COLOURS[k % len(_COLOURS)] for k, name in enumerate(coloured)}
    key, y = _key(names, colours)
    drawn = "".join(_drawn(bar, names, colours, y + _STEP * k) for k, bar in enumerate(bars))
    height = y + _STEP * len(bars)
    words = "; ".join(_in_words(bar) for bar in bars)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="img" class="chart" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title><desc>{escape(words)}.</desc>{key}{drawn}</svg>'
    )


def _parts(bars: tuple[Bar, ...], order: tuple[str, ...]) -> list[str]:
    """Return all parts, by the order and the first bar's shares; what is unknown or unallocated comes last."""
    names = {name for bar in bars for name, share in bar.shares.items() if share > _SMALL}
    first = bars[0].shares if bars else {}
    place = {name: k for k, name in enumerate(order)}

    def rank(name: str) -> tuple[bool, bool, int, float, str]:
        return name in _GREY, name == "unallocated", place.get(name, len(place)), -first.get(name, 0.0), name

    return sorted(names, key=rank)


def _key(names: list[str], colours: dict[str, str]) -> tuple[str, float]:
    x, y, drawn = 0.0, 14.0, []
    for name in names:
        shown = _shown(name)
        room = 16 + measure(shown, _TEXT) + 14
        if x and x + room - 14 > _WIDTH:
            x, y = 0.0, y + 20
        drawn.append(f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="11" height="11" rx="2" fill="{colours[name]}"/>')
        drawn.append(_written(x + 16, y, shown, "start"))
        x += room
    return "".join(drawn), y + 24


def _drawn(bar: Bar, names: list[str], colours: dict[str, str], y: float) -> str:
    parts = [_written(0, y, bar.label, "start"), _written(_WIDTH, y, bar.value, "end")]
    x = 0.0
    for name in names:
        width = _WIDTH * max(bar.shares.get(name, 0.0), 0.0)
        if width > 0:
            pale = ' opacity="0.35"' if bar.muted else ""
            title = f"<title>{escape(_shown(name))} {100 * bar.shares[name]:.1f} %</title>"
            place = f'x="{x:.2f}" y="{y + 6:.1f}" width="{width:.2f}" height="{_BAR:.0f}"'
            parts.append(f'<rect {place} fill="{colours[name]}"{pale}>{title}</rect>')
        x += width
    return "".join(parts)


def _written(x: float, y: float, text: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{_TEXT:.0f}" fill="#17202c">{escape(text)}</text>'


def _in_words(bar: Bar) -> str:
    parts = sorted(bar.shares.items(), key=lambda item: (-item[1], item[0]))
    return f"{bar.label}: " + ", ".join(f"{name} {100 * share:.1f} %" for name, share in parts if share > _SMALL)


def _shown(name: str) -> str:
    return {"cs": "CS", "sdr": "SDR", "ae": "AE"}.get(name, name.replace("_", " "))
