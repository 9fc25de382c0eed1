"""How much room text takes in a figure, without a font at hand: the browser brings its own."""

from __future__ import annotations

from unicodedata import category, east_asian_width

__all__ = ["clean", "measure", "wrap"]

_GLYPH = 0.6  # mean width of a glyph in its font size; wide scripts and emoji count twice


def clean(text: str) -> str:
    """Return text on one line without the control characters that no SVG may hold."""
    return "".join(" " if c in "\t\r\n" else c for c in text if c in "\t\r\n" or category(c) not in {"Cc", "Cs", "Cn"})


def measure(text: str, size: float) -> float:
    """Return about how wide text stands at a font size, in the unit of the size."""
    return sum(2.0 if east_asian_width(c) in "WF" else 1.0 for c in text) * _GLYPH * size


def wrap(text: str, room: float, size: float, *, lines: int) -> list[str]:
    """Return text broken into at most so many lines; what does not fit ends in an ellipsis."""
    found = [""]
    for word in clean(text).split(" "):
        for piece in _pieces(word, room, size):
            longer = f"{found[-1]} {piece}" if found[-1] else piece
            if measure(longer, size) <= room:
                found[-1] = longer
            else:
                found.append(piece)
    if len(found) <= lines:
        return found
    return [*found[: lines - 1], f"{found[lines - 1][: max(1, int(room / size / _GLYPH) - 1)]}\N{HORIZONTAL ELLIPSIS}"]


def _pieces(word: str, room: float, size: float) -> list[str]:
    width = max(1, int(room / (2 * size * _GLYPH)))
    return [word] if measure(word, size) <= room else [word[i : i + width] for i in range(0, len(word), width)]
