"""Counting faults quarter by quarter, many metrics of one table in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.capture.audit.metrics import Reading
from incrementality.capture.audit.quarters import quarter_name, quarter_of
from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from sqlglot import exp

    from incrementality.warehouse import Relation, Warehouse

__all__ = ["Fault", "Readings", "medians_by_quarter", "read_faults", "together"]

_MEDIAN = """
SELECT quarter, avg(CAST(measured AS DOUBLE)), max(n) FROM (
  SELECT quarter, measured, row_number() OVER (PARTITION BY quarter ORDER BY measured) AS place,
    count(*) OVER (PARTITION BY quarter) AS n
  FROM (SELECT $quarter AS quarter, measured FROM measures WHERE NOT measured IS NULL) AS m
) AS r WHERE 2 * place BETWEEN n AND n + 2 GROUP BY quarter
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is looked for in the rows of a table.

    Attributes:
        test: Whether a row is at fault.
        among: Which rows are looked at; all where it is ``None``.

    Examples:
        >>> Fault(parse("reason IS NULL"), among=parse("outcome = 'lost'")).among is None
        False
    """

    test: exp.Expression
    among: exp.Expression | None = None


@dataclass(frozen=True, slots=True)
class Readings:
    """What a metric was: quarter by quarter, and of all quarters together."""

    by_quarter: tuple[Reading, ...]
    total: Reading


def read_faults(
    warehouse: Warehouse, rows: Relation, faults: Mapping[str, Fault], *, at: str, money: str | None = None
) -> dict[str, Readings]:
    """Count faults by the quarter of a time, in one query; rows without that time make a quarter "".

    Args:
        warehouse: The engine.
        rows: The rows.
        faults: What is looked for, by metric.
        at: The column of times.
        money: The column of amounts in minor units; none where rows have no amount.

    Examples:
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     deals = engine.materialise("deals", parse(
        ...         "SELECT CAST('2026-02-01' AS TIMESTAMP) AS closed_at, 500 AS amount, NULL AS reason"))
        ...     read_faults(engine, deals, {"without": Fault(parse("reason IS NULL"))}, at="closed_at", money="amount")
        {'without': Readings(by_quarter=(Reading(quarter='2026Q1', at_fault=1, of=1, money=500, middle=None),), ...)}
    """
    query = parse("SELECT 1 FROM source GROUP BY 1", source=rows.name)
    shown = [quarter_of(at)]
    worth = parse("0") if money is None else parse("coalesce($m, 0)", m=column(money))
    for fault in faults.values():
        among = parse("TRUE") if fault.among is None else fault.among
        both = parse("$a AND $t", a=_bracketed(among), t=_bracketed(fault.test))
        shown += [
            parse("sum(CASE WHEN $a THEN 1 ELSE 0 END)", a=among),
            parse("sum(CASE WHEN $b THEN 1 ELSE 0 END)", b=both),
            parse("sum(CASE WHEN $b THEN $w ELSE 0 END)", b=both, w=worth),
        ]
    query.set("expressions", shown)
    found = sorted(warehouse.query(query), key=lambda row: (row[0] is not None, row[0] or 0))
    return {name: _read(found, 1 + 3 * k) for k, name in enumerate(faults)}


def _bracketed(test: exp.Expression) -> exp.Expression:
    return parse("($t)", t=test)


def _read(rows: list[tuple[Any, ...]], place: int) -> Readings:
    readings = tuple(
        Reading("" if quarter is None else quarter_name(int(quarter)), *map(int, (at_fault, of, money)))
        for quarter, of, at_fault, money in ((row[0], *row[place : place + 3]) for row in rows)
    )
    return together(one for one in readings if one.of)


def together(readings: Iterable[Reading]) -> Readings:
    """Return readings with their sum.

    Examples:
        >>> together([Reading("2026Q1", 1, 2, 10), Reading("2026Q2", 0, 3)]).total
        Reading(quarter='', at_fault=1, of=5, money=10, middle=None)
    """
    kept = tuple(readings)
    sums = [sum(getattr(one, name) for one in kept) for name in ("at_fault", "of", "money")]
    return Readings(kept, Reading("", *sums))


def medians_by_quarter(warehouse: Warehouse, measures: Relation) -> Readings:
    """Return the median of the column ``measured`` by the quarter of ``at``; the whole has the median of all rows.

    Args:
        warehouse: The engine.
        measures: Rows with ``at`` and ``measured``; where nothing was measured a row is left out.

    Examples:
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     rows = engine.materialise("measures", parse(
        ...         "SELECT CAST('2026-02-01' AS TIMESTAMP) AS at, unnest([4, 1, 2, 9]) AS measured"))
        ...     medians_by_quarter(engine, rows).by_quarter[0].middle
        3.0
    """
    quarterly = parse(_MEDIAN, measures=measures.name, quarter=quarter_of("at"))
    every = parse(_MEDIAN, measures=measures.name, quarter=parse("0"))
    found = sorted(warehouse.query(quarterly), key=lambda row: (row[0] is not None, row[0] or 0))
    readings = tuple(
        Reading("" if quarter is None else quarter_name(int(quarter)), 0, int(n), middle=float(middle))
        for quarter, middle, n in found
    )
    whole = [Reading("", 0, int(n), middle=float(middle)) for _, middle, n in warehouse.query(every)]
    return Readings(readings, whole[0] if whole else Reading("", 0, 0))
