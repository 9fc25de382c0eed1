"""Cells of attribution's tables as people read them: amounts, shares, ratios; and what columns are called."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["attribution_cell", "column_title", "is_number_column"]

_SHARES = frozenset(
    {"share", "share_lower", "share_upper", "win_rate", "change_vs_previous_quarter", "percentile", "roi"}
)
_AMOUNTS = frozenset(
    {
        "acquisition_cost", "amount", "assist", "assisted", "average_amount", "blended", "both", "closed", "cost",
        "cost_per", "credit", "credited", "difference", "direct", "either", "influenced", "lower", "pipeline",
        "quarantined", "revenue_credited", "revenue_in", "revenue_per_1000", "sourced", "unallocated", "unknown",
        "upper", "value", "velocity_per_day", "view_through",
    }
)  # fmt: skip
_USUAL: Mapping[str, str] = MappingProxyType(
    {"comparison": "share", "roles": "share", "paths": "share", "matrix": "amount", "kinds": "amount"}
)
_EXACT = frozenset({"reconciliation", "revenue"})  # their rows add up before the reader's eyes
_RANKS = frozenset({"best_rank", "worst_rank"})
_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "cs": "CS",
        "sdr": "SDR",
        "ae": "AE",
        "mql": "MQL",
        "revenue_credited": "credited",
        "change_vs_previous_quarter": "change vs previous quarter",
        "average_per_deal": "touches per event",
        "touchpoints": "touches",
        "deals_touched": "events touched",
        "revenue_to_cost": "credit / cost",
        "roi": "(credit - cost) / cost",
        "revenue_per_1000": "credit per 1,000",
        "cost_per": "cost each",
        "velocity_per_day": "velocity a day",
        "value_to_cost": "value / cost",
        "signals_per_1000_touches": "signals per 1,000 touches",
    }
)
_LARGE = 1000


def attribution_cell(table: str, name: str, value: object) -> str:
    """Return a cell as text.

    Args:
        table: The table's key.
        name: The column.
        value: What stands there.

    Examples:
        >>> attribution_cell("functions", "revenue_credited", 12345.6), attribution_cell("roles", "source", 0.5)
        ('12,346', '50.0 %')
        >>> attribution_cell("cohorts", "censored", True), attribution_cell("functions", "cost", None)
        ('yes', 'not known')
    """
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return _word(str(value)) if name in _FUNCTION_COLUMNS else str(value)
    return _number("exact" if table in _EXACT else _kind(table, name), value)


_FUNCTION_COLUMNS = frozenset({"function", "source", "team", "step"})


def _kind(table: str, name: str) -> str:
    if name in _RANKS:
        return "count"
    usual = _USUAL.get(table)
    if usual is not None:
        return usual
    return "share" if name in _SHARES else "amount" if name in _AMOUNTS else "other"


def _number(kind: str, value: float) -> str:
    if kind == "share":
        return f"{100 * value:.1f} %".replace("-", "\N{MINUS SIGN}")
    if kind == "exact" and isinstance(value, float):
        return f"{value:,.2f}".replace("-", "\N{MINUS SIGN}")
    if kind == "amount" or isinstance(value, int):
        return f"{value:,.0f}".replace("-", "\N{MINUS SIGN}")
    text = f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:,.2f}"
    return text.replace("-", "\N{MINUS SIGN}")


def column_title(name: str) -> str:
    """Return what a column is called.

    Examples:
        >>> column_title("revenue_to_cost"), column_title("last_non_direct")
        ('credit / cost', 'last non direct')
    """
    return _TITLES.get(name, name.replace("_", " "))


def _word(name: str) -> str:
    short = {"cs": "CS", "sdr": "SDR", "ae": "AE", "mql": "MQL"}
    return short.get(name, name.replace("_", " "))


def is_number_column(rows: tuple[dict[str, object], ...], name: str) -> bool:
    """Return whether a column holds numbers, so that it is set flush right.

    Examples:
        >>> is_number_column(({"function": "ae", "share": None}, {"function": "cs", "share": 0.5}), "share")
        True
    """
    values = [row.get(name) for row in rows]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    texts = [value for value in values if isinstance(value, str) and value != "insufficient data"]
    return bool(numbers) and not texts
