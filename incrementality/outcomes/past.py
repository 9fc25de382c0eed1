"""What happened to units before anybody was assigned: their outcomes, how many there are, how many come each week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from incrementality.errors import EmptyTable, InputError, InvalidUnitId, ValueNotAllowed
from incrementality.outcomes.population import MOMENT
from incrementality.tables import GROUP, OUTCOME, UNIT_ID, check_columns
from incrementality.warehouse.sql import column, literal, not_nan, number_of, parse

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from incrementality.metrics import MetricKind
    from incrementality.warehouse import Locator, Relation, Warehouse

__all__ = ["PastColumns", "PastUnits", "past_units"]

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastColumns:
    """Which column of a history is what, and how far to look back.

    Attributes:
        kind: The metric's kind.
        unit: The unit's id.
        outcome: The metric, or the ratio's numerator.
        denominator: The ratio's denominator.
        t0: The moment a unit became eligible; ``None`` for a list of those who are there, one row a unit.
        cluster: The group that will be randomised.
        window: How long outcomes count from ``t0`` on: units whose window was still open are left out.
        weeks: How far to look back from the end.
        until: The day before which outcomes are complete; default: the day after the last ``t0``.
    """

    kind: MetricKind
    unit: str
    outcome: str
    denominator: str | None = None
    t0: str | None = None
    cluster: str | None = None
    window: timedelta = timedelta(0)
    weeks: int = 26
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PastUnits:
    """The units of a history, each with its first entry.

    Attributes:
        values: The metric, or the ratio's numerator, of the units that count, shape (n,).
        denominator: The ratio's denominator, shape (n,).
        clusters: The group of each unit as text, shape (n,).
        too_recent: Units left out because their window was still open.
        missing: Units left out because an outcome or the group is empty.
        here_now: Units that are eligible now: all of a list; of a history in which units come back, those of its last
            seven days; none of a history in which each unit enters once.
        arrivals_per_week: Units that became eligible for the first time, a week; 0 for a list.
        weeks: Weeks that the history covers, at most those asked for; ``None`` for a list.
    """

    values: NDArray[np.float64]
    denominator: NDArray[np.float64] | None
    clusters: NDArray[np.object_] | None
    too_recent: int
    missing: int
    here_now: int
    arrivals_per_week: float
    weeks: float | None


@dataclass(frozen=True, slots=True)
class _Span:
    """The moments between which entries count; ``first`` is that of the whole history."""

    first: datetime
    start: datetime
    end: datetime


def past_units(warehouse: Warehouse, locator: Locator, columns: PastColumns) -> PastUnits:
    """Return the units of a history; each counts once, by its first entry in the weeks looked back on.

    Args:
        warehouse: The engine.
        locator: Where the history lies.
        columns: Which column is what.

    Raises:
        ColumnNotFound: A column is missing.
        ColumnTypeError: A column has a type that its part does not allow.
        InvalidUnitId: An id is missing.
        ValueNotAllowed: A conversion holds anything but 0 and 1.
        EmptyTable: No unit is left whose outcome is complete.
        InputError: A list without ``t0`` names a unit twice.
    """
    source = locator.path.name if locator.path is not None else locator.written
    relation = _opened(warehouse, locator, columns, source)
    span = None if columns.t0 is None else _span(warehouse, relation, columns, source)
    entries = _entries(relation, columns, span)
    rows, units, nameless = _counts(warehouse, entries)
    if nameless:
        raise InvalidUnitId(
            f"column {columns.unit!r} of {source} is empty in {nameless:,} rows", hint="export the history with its ids"
        )
    if span is None and rows > units:
        raise InputError(
            f"{source} has {rows:,} rows for {units:,} units and no t0 says which of them came first",
            hint="name the column with the moment of eligibility: t0",
        )
    _check_conversion(warehouse, entries, columns, source)
    too_recent, missing, found = _outcomes(warehouse, entries, columns, span)
    if not len(found):
        raise EmptyTable(
            f"{source} holds no unit whose outcome is complete: {too_recent:,} are too recent, {missing:,} are empty",
            hint="look further back (weeks), or name the day before which outcomes are complete (until)",
        )
    here_now, arrivals, weeks = (units, 0.0, None) if span is None else _traffic(warehouse, relation, columns, span)
    return PastUnits(
        values=found[:, 0].astype(float),
        denominator=None if columns.denominator is None else found[:, 1].astype(float),
        clusters=None if columns.cluster is None else found[:, 2],
        too_recent=too_recent,
        missing=missing,
        here_now=here_now,
        arrivals_per_week=arrivals,
        weeks=weeks,
    )


def _opened(warehouse: Warehouse, locator: Locator, columns: PastColumns, source: str) -> Relation:
    parts = [(columns.unit, UNIT_ID), (columns.outcome, OUTCOME)]
    parts += [(columns.denominator, OUTCOME)] if columns.denominator is not None else []
    parts += [(columns.t0, MOMENT)] if columns.t0 is not None else []
    parts += [(columns.cluster, GROUP)] if columns.cluster is not None else []
    relation = warehouse.open(locator, columns=tuple(dict.fromkeys(name for name, _ in parts)))
    if relation.columns.get(columns.unit) in {"float", "decimal"}:
        raise InvalidUnitId(f"column {columns.unit!r} of {source} is the unit id and holds decimals", hint=UNIT_ID.hint)
    check_columns(parts, relation.columns, source=source)
    return relation


def _t0(columns: PastColumns) -> exp.Expression:
    return parse("CAST($t AS TIMESTAMP)", t=column(columns.t0 or ""))


def _moment(value: datetime) -> exp.Expression:
    return parse("CAST($moment AS TIMESTAMP)", moment=literal(value.isoformat(sep=" ")))


def _span(warehouse: Warehouse, relation: Relation, columns: PastColumns, source: str) -> _Span:
    """Return the weeks looked back on: they end with the day of the last entry, or before ``until``."""
    query = parse("SELECT min($t), max($t) FROM source", t=_t0(columns), source=relation.name)
    first, last = warehouse.row(query)
    if first is None:
        raise EmptyTable(f"column {columns.t0!r} of {source} holds no moment", hint="check the export")
    until = columns.until or last.date() + _DAY
    end = datetime.combine(until, time())
    first = datetime.combine(first.date(), time())
    if end <= first:
        raise EmptyTable(
            f"{source} begins on {first.date()}, not before {until}", hint="name a later day (until), or leave it out"
        )
    return _Span(first, max(first, end - columns.weeks * _WEEK), end)


def _entries(relation: Relation, columns: PastColumns, span: _Span | None) -> exp.Expression:
    """Return the rows that count, their number within the unit first: u, t, y, x, g, r."""
    y = _number(relation, columns.outcome)
    x = parse("1e0") if columns.denominator is None else _number(relation, columns.denominator)
    g = parse("''") if columns.cluster is None else parse("CAST($g AS VARCHAR)", g=column(columns.cluster))
    t = parse("CAST('2000-01-01' AS TIMESTAMP)") if span is None else _t0(columns)
    where = (
        parse("TRUE")
        if span is None
        else parse("$t >= $a AND $t < $b", t=t, a=_moment(span.start), b=_moment(span.end))
    )
    return parse(
        "SELECT u, t, y, x, g, row_number() OVER (PARTITION BY u ORDER BY t, y, x, g) AS r FROM "
        "(SELECT $u AS u, $t AS t, $y AS y, $x AS x, $g AS g FROM source WHERE $where) AS rows_of_units",
        u=column(columns.unit),
        t=t,
        y=y,
        x=x,
        g=g,
        source=relation.name,
        where=where,
    )


def _number(relation: Relation, name: str) -> exp.Expression:
    return not_nan(number_of(name, relation.columns[name]))


def _over(query: str, entries: exp.Expression, **places: exp.Expression) -> exp.Expression:
    """Return a query over the entries, which it calls ``entries``."""
    return parse(query, entries=exp.Subquery(this=entries), **places)


def _counts(warehouse: Warehouse, entries: exp.Expression) -> tuple[int, int, int]:
    query = _over("SELECT count(*), count(DISTINCT u), count(*) - count(u) FROM entries AS e", entries)
    rows, units, nameless = warehouse.row(query)
    return int(rows), int(units), int(nameless)


def _check_conversion(warehouse: Warehouse, entries: exp.Expression, columns: PastColumns, source: str) -> None:
    if columns.kind != "conversion":
        return
    query = _over("SELECT count(*), min(y), max(y) FROM entries AS e WHERE NOT y IN (0e0, 1e0)", entries)
    wrong, low, high = warehouse.row(query)
    if wrong:
        raise ValueNotAllowed(
            f"column {columns.outcome!r} of {source} holds {wrong:,} values besides 0 and 1, from {low:g} to {high:g}",
            hint="a conversion is 0 or 1; call the metric a mean, or name another column",
        )


def _outcomes(
    warehouse: Warehouse, entries: exp.Expression, columns: PastColumns, span: _Span | None
) -> tuple[int, int, NDArray[np.object_]]:
    """Return the units too recent, those with something missing, and y, x, g of the others, shape (n, 3)."""
    latest = parse("TRUE") if span is None else parse("t <= $latest", latest=_moment(span.end - columns.window))
    whole = parse("NOT (y IS NULL OR x IS NULL OR g IS NULL)")
    query = _over(
        "SELECT sum(CASE WHEN $latest THEN 0 ELSE 1 END), sum(CASE WHEN $latest AND NOT $whole THEN 1 ELSE 0 END) "
        "FROM entries AS e WHERE r = 1",
        entries,
        latest=latest,
        whole=whole,
    )
    too_recent, missing = warehouse.row(query)
    query = _over(
        "SELECT y, x, g, count(*) FROM entries AS e WHERE r = 1 AND $latest AND $whole "
        "GROUP BY y, x, g ORDER BY y, x, g",
        entries,
        latest=latest,
        whole=whole,
    )
    found = warehouse.query(query)
    distinct = np.empty((len(found), 3), dtype=object)
    for place, row in enumerate(found):
        distinct[place] = row[:3]
    times = np.array([int(row[3]) for row in found], dtype=int)
    return int(too_recent or 0), int(missing or 0), np.repeat(distinct, times, axis=0)


def _traffic(warehouse: Warehouse, relation: Relation, columns: PastColumns, span: _Span) -> tuple[int, float, float]:
    """Return the units here now, those that arrive a week, and the weeks covered.

    Where units come back, whoever was there in the first seven days of the whole history did not arrive then.
    """
    places = {"t": _t0(columns), "u": column(columns.unit), "end": _moment(span.end), "source": relation.name}
    query = parse(
        "SELECT count(*), count(DISTINCT $u), count(DISTINCT CASE WHEN $t >= $recent THEN $u END) FROM source "
        "WHERE $t >= $start AND $t < $end",
        start=_moment(span.start),
        recent=_moment(span.end - _WEEK),
        **places,
    )
    rows, units, recent = warehouse.row(query)
    come_back = rows > units
    start = max(span.start, span.first + _WEEK) if come_back else span.start
    query = parse(
        "SELECT count(*) FROM (SELECT $u AS u, min($t) AS t FROM source WHERE $t < $end GROUP BY $u) AS firsts "
        "WHERE t >= $start",
        start=_moment(start),
        **places,
    )
    weeks = max((span.end - start) / _WEEK, 1.0)
    return int(recent) if come_back else 0, int(warehouse.row(query)[0]) / weeks, (span.end - span.start) / _WEEK
