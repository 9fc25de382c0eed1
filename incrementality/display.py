"""The mixin by which answers print themselves: a dict, a frame, text and HTML from one method.

An answer implements ``to_dicts`` once; everything else comes from here.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["DisplayMixin", "format_number"]

_SIGNIFICANT_DIGITS = 4
_LARGE = 1e5
_SMALL = 1e-3


def format_number(value: object) -> str:
    """Return a value as a person would write it in a table.

    Examples:
        >>> [format_number(value) for value in (None, True, 21306, 0.0765902, 1234567.0)]
        ['-', 'yes', '21,306', '0.07659', '1,234,567']
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return _format_float(value) if isinstance(value, float) else str(value)


def _format_float(value: float) -> str:
    if abs(value) >= _LARGE:
        return f"{value:,.0f}"
    if value != 0 and abs(value) < _SMALL:
        return f"{value:.2e}"
    return f"{value:.{_SIGNIFICANT_DIGITS}g}"


class DisplayMixin:
    """Answers that print themselves; implement ``to_dicts``."""

    _shown: tuple[str, ...] = ()

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return the answer as rows, one dictionary a row."""
        raise NotImplementedError

    def to_frame(self) -> pd.DataFrame:
        """Return the answer as a pandas frame, one row a dictionary."""
        import pandas as pd

        return pd.DataFrame.from_records(list(self.to_dicts()))

    def to_text(self) -> str:
        """Return the answer as an aligned text table."""
        header, rows = self._cells()
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]
        ]
        return "\n".join(line.rstrip() for line in lines)

    def to_html(self) -> str:
        """Return the answer as an HTML table; every cell is escaped."""
        header, rows = self._cells()
        head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        return self.to_text()

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        dicts = self.to_dicts()
        names: Sequence[str] = self._shown or (tuple(dicts[0]) if dicts else ())
        return list(names), [[format_number(row.get(name)) for name in names] for row in dicts]
