"""What functions did and were credited in a quarter: the function table, and the same by kind of event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.attribution.answers.function_table import FunctionRow, FunctionTable
from incrementality.attribution.labels import SHOWN_BESIDE, UNALLOCATED, UNKNOWN, label_of
from incrementality.attribution.specification import LEADING
from incrementality.errors import InputError
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.attribution.analysis.cube import CreditCube
    from incrementality.attribution.analysis.quarters import Quarter
    from incrementality.attribution.journeys import Journeys

__all__ = ["deals_of", "effort_by", "function_table", "kind_rows", "trend_rows"]

_EFFORT = "SELECT $label AS label, count(*), count(DISTINCT event_id) FROM source GROUP BY 1 ORDER BY 1"
_LAST = (UNKNOWN, UNALLOCATED)


def effort_by(journeys: Journeys, by: str) -> dict[str, tuple[int, int]]:
    """Return for each value of a label its touches in windows, one for each event that they count for, and events.

    Args:
        journeys: The journeys, stored once.
        by: The label.
    """
    assert journeys.kept is not None  # noqa: S101 - journeys of a quarter are stored
    rows = journeys.warehouse.query(parse(_EFFORT, source=journeys.kept, label=label_of(by)))
    return {str(label): (int(touches), int(events)) for label, touches, events in rows}


def deals_of(journeys: Journeys) -> int:
    """Return how many events there are."""
    (found,) = journeys.warehouse.row(parse("SELECT count(*) FROM source", source=journeys.events.name))
    return int(found)


def function_table(
    journeys: Journeys,
    cube: CreditCube,
    quarter: Quarter,
    *,
    costs: Mapping[str, float],
    scale: float,
    currency: str,
    insufficient: str = "",
) -> FunctionTable:
    """Return the function table of a quarter by the leading model.

    Args:
        journeys: The journeys of the quarter.
        cube: The ledger in sums.
        quarter: The quarter.
        costs: What each function cost in it, in currency units.
        scale: How many units of the ledger are one unit of the table: 100 for cents.
        currency: The currency, or ``deals``.
        insufficient: Why ratios to cost are withheld; "" where they are not.

    Raises:
        InputError: No event closed in the quarter.
    """
    deals = deals_of(journeys)
    if not deals:
        known = cube.values("quarter")
        raise InputError(
            f"no revenue event closed in {quarter.name}, so there is nothing to credit",
            hint=f"name a quarter with events: {', '.join(known[-8:]) or 'there is none'}",
        )
    effort = effort_by(journeys, "function")
    credit = cube.sums("function", quarter=quarter.name, model=LEADING)
    before = cube.sums("function", quarter=quarter.previous.name, model=LEADING)
    has_before = quarter.previous.name in cube.values("quarter")
    names = _in_order({*effort, *credit, *costs}, credit)
    rows = [
        FunctionRow(
            name,
            *effort.get(name, (0, 0)),
            credit.get(name, 0.0) / scale,
            costs.get(name),
            before.get(name, 0.0) / scale if has_before else None,
        )
        for name in names
    ]
    return FunctionTable(tuple(rows), deals, currency, LEADING, quarter.name, insufficient)


def kind_rows(cube: CreditCube, quarter: Quarter, scale: float) -> tuple[dict[str, object], ...]:
    """Return one row a function with its credit of each kind of event, and a total; saved stands beside renewals."""
    kinds = sorted(cube.values("kind"), key=lambda kind: (kind in SHOWN_BESIDE, kind))
    credit = {kind: cube.sums("function", quarter=quarter.name, model=LEADING, kind=kind) for kind in kinds}
    kinds = [kind for kind in kinds if credit[kind]]
    every = cube.sums("function", quarter=quarter.name, model=LEADING)
    names = _in_order({name for kind in kinds for name in credit[kind]}, every)
    rows = [{kind: credit[kind].get(name, 0.0) / scale for kind in kinds} for name in names]
    total = {kind: sum(credit[kind].values()) / scale for kind in kinds}
    return tuple(
        {"function": name, **{_beside(kind): amount for kind, amount in row.items()}}
        for name, row in zip([*names, "total"], [*rows, total], strict=True)
    )


def _beside(kind: str) -> str:
    return f"{kind} (beside)" if kind in SHOWN_BESIDE else kind


def trend_rows(cube: CreditCube, until: Quarter, scale: float) -> tuple[dict[str, object], ...]:
    """Return credit of the leading model by quarter and function, up to a quarter."""
    found: list[dict[str, object]] = []
    for name in cube.values("quarter"):
        if name <= until.name:
            credit = cube.sums("function", quarter=name, model=LEADING)
            whole = sum(credit.values())
            found += [
                {
                    "quarter": name,
                    "function": function,
                    "revenue_credited": credit[function] / scale,
                    "share": credit[function] / whole if whole else None,
                }
                for function in _in_order(credit, {})
            ]
    return tuple(found)


def _in_order(names: Sequence[str] | set[str] | Mapping[str, float], credit: Mapping[str, float]) -> list[str]:
    """Return names by credit, the largest first; what is unknown or unallocated comes last."""
    return sorted(names, key=lambda name: (name in _LAST, name == UNALLOCATED, -credit.get(name, 0.0), name))
