"""Assembles the page of an attribution: what the template needs, already in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from incrementality.attribution.analysis.result import AUDIENCES
from incrementality.report.attribution_cells import attribution_cell, column_title, is_number_column
from incrementality.report.environment import page_environment
from incrementality.report.stacked_bars import Bar, stacked_bars

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from incrementality.attribution.analysis import AnswerTable, AttributionResult

__all__ = ["render_attribution"]

_OPEN = ("reconciliation", "functions", "kinds", "roles", "matrix", "influence", "comparison", "steps", "velocity")
_PLACES = {
    "revenue": ("reconciliation",),
    "functions": ("functions", "intervals", "kinds", "channels"),
    "models": ("comparison",),
    "expansions": ("roles", "matrix", "paths", "budget"),
    "influence": ("influence", "views"),
    "trend": ("trend",),
    "costs": ("costs", "steps", "unit_costs"),
    "deals": ("velocity", "engagement", "back_test", "cohorts", "signals"),
    "made": ("specification", "revenue", "intake"),
}
_EARLY = {"functions": ("revenue_credited", "share", "change_vs_previous_quarter")}
_TOTALS = {"total", "each event once"}
_LEADING = "leading"
_GLOSSARY = (
    ("Credited", "Revenue split among those who touched it, by a stated rule. Columns of credit add up to 100 %."),
    ("Influenced", "Revenue of the events that somebody touched. It overlaps, so it is never added up."),
    ("Unknown", "Credit whose function or source nobody recorded."),
    ("Unallocated", "Revenue without a touch in its window, or without one that weighs."),
    ("Quarantined", "Revenue that was set aside before anything was credited: duplicates, refunds above the amount."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TableView:
    key: str
    title: str
    note: str
    head: tuple[str, ...]
    right: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[bool, ...]
    opened: bool


def render_attribution(result: AttributionResult) -> str:
    """Return an attribution as one self-contained HTML page.

    The page needs no network and no script. The same record gives the same bytes.

    Args:
        result: The record to render.

    Examples:
        >>> from incrementality.attribution.analysis import AnswerTable, AttributionResult
        >>> page = render_attribution(AttributionResult(company="Acme", period="2026Q1", currency="EUR",
        ...     as_of="2026-04-30", sentence="Nothing yet.",
        ...     tables=(AnswerTable("functions", "Credit", ({"function": "ae", "share": 1.0},)),)))
        >>> "Acme" in page, page.count("<script")
        (True, 0)
    """
    return page_environment().get_template("attribution.html.j2").render(_view(result))


def _view(result: AttributionResult) -> dict[str, Any]:
    known = {table.key: table for table in result.tables}
    views = {key: _table_view(table) for key, table in known.items()}
    return {
        "result": result,
        "facts": tuple(_facts(result, known)),
        "places": {place: tuple(views[key] for key in keys if key in views) for place, keys in _PLACES.items()},
        "models_picture": _models_picture(result, known),
        "trend_picture": _trend_picture(result, known),
        "matrix": _heat(known.get("matrix")),
        "audiences": tuple(
            (audience, tuple(views[key] for key in keys if key in views)) for audience, keys in AUDIENCES.items()
        ),
        "glossary": _GLOSSARY,
        "manifest": tuple(_flat(result.manifest)),
    }


def _table_view(table: AnswerTable) -> _TableView:
    names = _names(table)
    return _TableView(
        key=table.key,
        title=table.title,
        note=table.note,
        head=tuple(column_title(name) for name in names),
        right=tuple(is_number_column(table.rows, name) for name in names),
        rows=tuple(tuple(attribution_cell(table.key, name, row.get(name)) for name in names) for row in table.rows),
        total=tuple(str(next(iter(row.values()), "")) in _TOTALS for row in table.rows),
        opened=table.key in _OPEN,
    )


def _names(table: AnswerTable) -> tuple[str, ...]:
    """Return a table's columns; what most readers look for comes right after the first one."""
    names = list(dict.fromkeys(name for row in table.rows for name in row))
    early = [name for name in _EARLY.get(table.key, ()) if name in names]
    return (*names[:1], *early, *(name for name in names[1:] if name not in early))


def _facts(result: AttributionResult, known: dict[str, AnswerTable]) -> Iterator[tuple[str, str]]:
    rows = known["reconciliation"].rows if "reconciliation" in known else ()
    leading = next((row for row in rows if row["model"] == _LEADING), None)
    if leading is not None:
        parts = {name: attribution_cell("reconciliation", name, leading[name]) for name in leading}
        yield (
            "Everything on record adds up",
            (
                f"Revenue in {result.currency} {parts['revenue_in']} = credited {parts['credited']} + unknown "
                f"{parts['unknown']} + unallocated {parts['unallocated']} + quarantined {parts['quarantined']}."
            ),
        )
    if "influence" in known:
        once = known["influence"].rows[-1]
        amount = attribution_cell("influence", "influenced", once["influenced"])
        yield (
            "Credited is not influenced",
            (
                f"{result.currency} {amount} of the quarter's revenue was touched by anyone. Who "
                "influenced it overlaps, and is shown apart from credit."
            ),
        )


def _models_picture(result: AttributionResult, known: dict[str, AnswerTable]) -> str:
    if "comparison" not in known:
        return ""
    rows = known["comparison"].rows
    models = [name for name in rows[0] if name not in ("function", "best_rank", "worst_rank")]
    bars = tuple(
        Bar(
            f"{column_title(model)}{', counts for nothing' if model in result.withheld else ''}",
            "",
            {str(row["function"]): _share(row[model]) for row in rows},
            muted=model in result.withheld,
        )
        for model in models
    )
    return stacked_bars(f"Credit by function and model, {result.period}", bars, order=_functions(known))


def _trend_picture(result: AttributionResult, known: dict[str, AnswerTable]) -> str:
    if "trend" not in known:
        return ""
    bars = tuple(
        Bar(quarter, f"{result.currency} {whole:,.0f}", shares) for quarter, whole, shares in _quarters(known["trend"])
    )
    return stacked_bars("Credit by function and quarter", bars, order=_functions(known))


def _functions(known: dict[str, AnswerTable]) -> tuple[str, ...]:
    """Return the functions in the order of their table, which all pictures follow."""
    rows = known["functions"].rows if "functions" in known else ()
    return tuple(str(row["function"]) for row in rows if row["function"] not in _TOTALS)


def _quarters(trend: AnswerTable) -> Iterator[tuple[str, float, dict[str, float]]]:
    for quarter in dict.fromkeys(str(row["quarter"]) for row in trend.rows):
        mine = [row for row in trend.rows if row["quarter"] == quarter]
        whole = sum(_share(row["revenue_credited"]) for row in mine)
        yield quarter, whole, {str(row["function"]): _share(row["share"]) for row in mine}


def _heat(matrix: AnswerTable | None) -> tuple[tuple[float, ...], ...]:
    """Return how dark each cell of the matrix is, from 0 to 1."""
    if matrix is None:
        return ()
    values = [[_share(value) for name, value in row.items() if name != "source"] for row in matrix.rows]
    most = max((value for row in values for value in row), default=0.0)
    return tuple(tuple(round(max(value, 0.0) / most, 3) if most else 0.0 for value in row) for row in values)


def _share(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _flat(content: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key} / ")
        else:
            yield f"{prefix}{key}", str(value)
