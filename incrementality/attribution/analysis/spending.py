"""What functions and channels cost in a quarter, by what it served, and what a lead and a customer cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.attribution.analysis.quarters import quarter_of
from incrementality.attribution.answers.cost_allocation import CostAllocation, CostRow, allocate_costs
from incrementality.attribution.answers.unit_costs import ChannelReturn, UnitCosts
from incrementality.attribution.labels import UNALLOCATED, label_of
from incrementality.attribution.specification import LEADING
from incrementality.errors import InputError
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.attribution.analysis.cube import CreditCube
    from incrementality.attribution.analysis.quarters import Quarter
    from incrementality.attribution.answers.cost_allocation import AllocatedCost
    from incrementality.attribution.journeys import Journeys
    from incrementality.capture import Company

__all__ = ["CostLine", "allocated_costs", "cost_lines", "costs_by_channel", "unit_costs"]

_SERVED = ("kind", "journey", "channel")
_COLUMNS = ("function", "period", "amount", "category", *_SERVED, "rule", "share", "note")
_TOUCHES = "SELECT coalesce(function, 'unknown') AS who, $label AS label, count(*) FROM source GROUP BY 1, 2"
_STEPS = """
SELECT step, count(*) FROM (
  SELECT step, $subject AS subject, min(occurred_at) AS occurred_at FROM stages WHERE $wanted GROUP BY 1, 2
) AS s WHERE occurred_at >= $first AND occurred_at < $after GROUP BY 1
"""
_NEW = "new"
_WANTED = ("mql", "opportunity")


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of the table of costs.

    Attributes:
        quarter: Its quarter; its period as written where that is none.
        dimension: What it served: ``kind``, ``journey``, ``channel``, or "".
        cost: The line; one whose rule cannot be used is not allocated, and its note says why.
    """

    quarter: str
    dimension: str
    cost: CostRow


def cost_lines(company: Company) -> tuple[CostLine, ...]:
    """Return every line of the company's costs; none where there is no such table."""
    table = company.tables.get("costs")
    if table is None:
        return ()
    query = parse("SELECT 1 FROM source", source=table.name)
    query.set("expressions", [named(column(name), name) for name in _COLUMNS])
    return tuple(
        _line(dict(zip(_COLUMNS, row, strict=True))) for row in sorted(company.warehouse.query(query), key=str)
    )


def _line(row: Mapping[str, object]) -> CostLine:
    text = {name: "" if row[name] is None else str(row[name]) for name in _COLUMNS}
    dimension = next((name for name in _SERVED if text[name]), "")
    served = text[dimension] if dimension else ""
    function, period, amount = text["function"] or "unknown", text["period"], int(text["amount"])
    share = None if row["share"] is None else float(text["share"])
    try:
        cost = CostRow(function, period, amount, text["category"], served, text["rule"], share, text["note"])
    except InputError as error:
        cost, dimension = CostRow(function, period, amount, text["category"], note=error.message), ""
    return CostLine(quarter_of(period), dimension, cost)


def allocated_costs(
    lines: tuple[CostLine, ...], journeys: Journeys, quarter: Quarter, *, currency: str
) -> CostAllocation:
    """Return the costs of a quarter by what they served.

    A line that is split by touches is split over the kinds of event that the function touched, or, where it names a
    journey or channel, by the function's touches on that and on others.

    Args:
        lines: All lines.
        journeys: The journeys of the quarter.
        quarter: The quarter.
        currency: The currency of all amounts.
    """
    parts: list[AllocatedCost] = []
    for dimension in dict.fromkeys(line.dimension for line in lines):
        mine = [line.cost for line in lines if line.dimension == dimension and line.quarter == quarter.name]
        parts += allocate_costs(mine, _touches(journeys, dimension or "kind"), currency=currency).rows
    return CostAllocation(tuple(parts), currency)


def _touches(journeys: Journeys, dimension: str) -> dict[tuple[str, str], int]:
    assert journeys.kept is not None  # noqa: S101 - journeys of a quarter are stored
    label = column("kind") if dimension == "kind" else label_of(dimension)
    rows = journeys.warehouse.query(parse(_TOUCHES, source=journeys.kept, label=label))
    return {(str(function), str(served)): int(n) for function, served, n in rows}


def costs_by_channel(lines: tuple[CostLine, ...]) -> dict[tuple[str, str], int]:
    """Return what served each channel alone in each quarter, in minor units."""
    found: defaultdict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        if line.dimension == "channel":
            found[line.cost.served, line.quarter] += line.cost.amount
    return dict(found)


def unit_costs(
    company: Company,
    cube: CreditCube,
    quarter: Quarter,
    *,
    lines: tuple[CostLine, ...],
    allocation: CostAllocation,
    customers: int,
    scale: float,
    insufficient: str = "",
) -> UnitCosts:
    """Return what a qualified lead, an opportunity and a customer cost, and how channels' credit compares with cost.

    The cost is what served new business: lines that say so, and the part that touches on it give.
    """
    channels = costs_by_channel(lines)
    credit = cube.sums("channel", quarter=quarter.name, model=LEADING)
    names = sorted({*credit, *(channel for channel, of in channels if of == quarter.name)} - {UNALLOCATED})
    returns = tuple(
        ChannelReturn(name, credit.get(name, 0.0) / scale, _scaled(channels.get((name, quarter.name)), scale))
        for name in sorted(names, key=lambda name: (-credit.get(name, 0.0), name))
    )
    steps = {**_steps(company, quarter), "customer": customers}
    cost = allocation.served(_NEW) / scale
    return UnitCosts(cost, steps if lines else {}, returns, allocation.currency, insufficient)


def _scaled(amount: int | None, scale: float) -> float | None:
    return None if amount is None else amount / scale


def _steps(company: Company, quarter: Quarter) -> dict[str, int]:
    """Return how many reached a step for the first time in the quarter."""
    stages = company.tables.get("stages")
    found: dict[str, int] = {}
    if stages is not None:
        keys = [
            f"CAST({key} AS TEXT)" for key in ("opportunity_id", "contact_id", "account_id") if key in stages.columns
        ]
        ends = {
            key: parse("CAST($at AS TIMESTAMP)", at=literal(at.isoformat(sep=" ")))
            for key, at in (("first", quarter.first), ("after", quarter.after))
        }
        wanted = parse("step IN ($a, $b)", a=literal(_WANTED[0]), b=literal(_WANTED[1]))
        subject = parse(f"coalesce({', '.join(keys)})")
        query = parse(_STEPS, stages=stages.name, subject=subject, wanted=wanted, **ends)
        found = {str(step): int(n) for step, n in company.warehouse.query(query)}
    return {step: found[step] for step in _WANTED if step in found}
