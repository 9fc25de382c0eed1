"""From decisions and event tables to the unit table: one row a unit, each column summed over its own window.

The windows are half-open and relative to the decision: outcomes in ``[t0, t0 + window)``, covariates in
``[t0 - lookback, t0)``, all in UTC. Each event table meets the decisions once; all its columns are sums of that pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from incrementality.cohorts.sql_engine import instant
from incrementality.cohorts.values import MICROSECOND, micros
from incrementality.errors import InputError, SourceNotFound, did_you_mean
from incrementality.experiment.events import LookBack
from incrementality.outcomes.event_rows import event_rows
from incrementality.outcomes.population import longest_window
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from incrementality.experiment import Experiment
    from incrementality.experiment.events import FromEvents
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["DECIDED_COLUMNS", "EventUnits", "event_tables", "units_from_events"]

DECIDED_COLUMNS = {
    "unit_id": "TEXT",
    "decision_id": "TEXT",
    "arm": "TEXT",
    "p_arm": "DOUBLE",
    "t0_us": "BIGINT",
    "eligible": "BOOLEAN",
    "account_id": "TEXT",
    "stratum": "TEXT",
    "channel": "TEXT",
    "rule_version": "TEXT",
    "basis": "TEXT",
}
_AROUND = ("before", "inside", "after")


@dataclass(frozen=True, slots=True)
class EventUnits:
    """A unit table that was made of events.

    Attributes:
        relation: One row a decided unit: what was decided, its arm, and a column for each outcome and covariate.
        events: For each table its rows by use: in the longest window, before t0, after it, of units without a
            decision, and those refused by reason.
    """

    relation: Relation
    events: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Column:
    """One column: events of a table in ``[t0 + start, t0 + end)``, in microseconds."""

    name: str
    events: FromEvents
    start: int
    end: int
    how: Literal["any", "count", "sum"]


def event_tables(experiment: Experiment) -> tuple[str, ...]:
    """Return the event tables that an experiment's columns are made of, each once."""
    return tuple(dict.fromkeys(column.events.table for column in _columns(experiment)))


def units_from_events(
    warehouse: Warehouse, decided: Relation, tables: Mapping[str, Relation], experiment: Experiment, *, name: str
) -> EventUnits:
    """Make the unit table of an experiment that is read out from its decision log.

    Args:
        warehouse: The engine that holds all tables.
        decided: One row a unit, with ``DECIDED_COLUMNS``; ``t0_us`` in microseconds since 1970.
        tables: The event tables, by the names that the experiment uses.
        experiment: Says of which events each metric, covariate and the delivery are made.
        name: How the unit table is called in the engine; a name serves once.

    Raises:
        SourceNotFound: An event table is not among those given.
        InputError: The experiment states no data cut, or a column of an event table cannot be used.
    """
    if experiment.data.data_cut is None:
        raise InputError(
            "a readout from events needs 'data.data_cut'", hint="write up to when the outcomes have arrived"
        )
    cut, made, counts = micros(experiment.data.data_cut), [], {}
    for k, (table, columns) in enumerate(_by_table(experiment).items()):
        if table not in tables:
            raise SourceNotFound(
                f"the events of {table!r} are not among the tables: {', '.join(tables) or 'none'}."
                f"{did_you_mean(table, tables)}",
                hint="name the table under 'sources'",
            )
        found = event_rows(warehouse, tables[table], [c.events for c in columns], name=table, data_cut=cut)
        window = longest_window(experiment) // MICROSECOND
        summed = warehouse.materialise(f"{name}_events_{k}", _summed(decided, found.rows, columns, window))
        made.append((summed, columns))
        counts[table] = {"rows": found.read, **_around(warehouse, summed, found.read, found.refused)}
    return EventUnits(warehouse.materialise(name, _joined(decided, made, warehouse.dialect)), counts)


def _columns(experiment: Experiment) -> Iterator[_Column]:
    for metric in experiment.metrics:
        parts = (metric.from_, metric.over)
        end = (metric.window or timedelta(0)) // MICROSECOND
        for name, events in zip(metric.reads, parts, strict=False):
            if events is not None:
                yield _Column(name, events, 0, end, "any" if metric.kind == "conversion" else _how(events))
    if experiment.data.deliveries is not None:
        yield _Column("delivered", experiment.data.deliveries, 0, longest_window(experiment) // MICROSECOND, "any")
    for covariate in experiment.data.covariates:
        if isinstance(covariate.from_, LookBack):
            start = -(covariate.from_.lookback // MICROSECOND)
            yield _Column(covariate.column, covariate.from_, start, 0, _how(covariate.from_))


def _how(events: FromEvents) -> Literal["count", "sum"]:
    return "count" if events.column is None else "sum"


def _by_table(experiment: Experiment) -> dict[str, list[_Column]]:
    found: dict[str, list[_Column]] = {}
    for made in _distinct(_columns(experiment)):
        columns = found.setdefault(made.events.table, [])
        columns.append(made)
        if _identity(columns[0].events) != _identity(made.events):
            raise InputError(
                f"the events of {made.events.table!r} are read with two columns of unit, time or time zone",
                hint="name the same in every 'from', or name the table twice under 'sources'",
            )
    return found


def _distinct(columns: Iterable[_Column]) -> Iterable[_Column]:
    known: dict[str, _Column] = {}
    for made in columns:
        if known.setdefault(made.name, made) != made:
            raise InputError(
                f"two columns called {made.name!r} are made of different events or windows",
                hint="give each its own name: column, numerator or denominator",
            )
    return known.values()


def _identity(events: FromEvents) -> tuple[str, str, str | None]:
    return events.unit, events.at, events.time_zone


def _summed(decided: Relation, rows: exp.Expression, columns: Sequence[_Column], window: int) -> exp.Expression:
    """One row a unit that has events: each column's sum, and where its events lie around the longest window."""
    query = parse(
        "SELECT 1 FROM decided AS u JOIN events AS e ON e.unit_id = u.unit_id GROUP BY u.unit_id",
        decided=decided.name,
        events=exp.Subquery(this=rows),
    )
    before, after = _since(0, "<"), _since(window, ">=")
    tests = (before, parse("NOT ($b) AND NOT ($a)", b=before, a=after), after)
    around = [named(_count(test), f"n_{where}") for where, test in zip(_AROUND, tests, strict=True)]
    summed = [named(_sum_of(made, i), f"y_{i}") for i, made in enumerate(columns)]
    query.set("expressions", [named(parse("u.unit_id"), "unit_id"), *summed, *around])
    return query


def _since(offset: int, comparison: Literal["<", ">="]) -> exp.Expression:
    text = "e.at_us < u.t0_us + $offset" if comparison == "<" else "e.at_us >= u.t0_us + $offset"
    return parse(text, offset=literal(offset))


def _count(test: exp.Expression) -> exp.Expression:
    return parse("count(CASE WHEN $test THEN 1 END)", test=test)


def _sum_of(made: _Column, i: int) -> exp.Expression:
    """The column's value; missing where an amount inside its window is missing."""
    inside = parse(
        "$since AND $until AND $passes = 1",
        since=_since(made.start, ">="),
        until=_since(made.end, "<"),
        passes=exp.column(f"f_{i}", table="e"),
    )
    if made.how != "sum":
        counted = _count(inside)
        return parse("CASE WHEN $n > 0 THEN 1 ELSE 0 END", n=counted) if made.how == "any" else counted
    return parse(
        "CASE WHEN $missing = 0 THEN sum(CASE WHEN $inside THEN $amount ELSE 0e0 END) END",
        missing=_count(parse("$inside AND $a IS NULL", inside=inside, a=exp.column(f"a_{i}", table="e"))),
        inside=inside,
        amount=exp.column(f"a_{i}", table="e"),
    )


def _around(warehouse: Warehouse, summed: Relation, read: int, refused: dict[str, int]) -> dict[str, int]:
    query = parse("SELECT 1 FROM summed", summed=summed.name)
    query.set("expressions", [parse("coalesce(sum($n), 0)", n=exp.column(f"n_{where}")) for where in _AROUND])
    before, inside, after = (int(n) for n in warehouse.row(query))
    strangers = read - sum(refused.values()) - before - inside - after
    counts = {"in the window": inside, "before t0": before, "after the window": after, "unit not decided": strangers}
    return counts | {reason: n for reason, n in refused.items() if n}


def _joined(decided: Relation, made: Sequence[tuple[Relation, Sequence[_Column]]], dialect: str) -> exp.Expression:
    """Every decided unit with its sums; a unit without events has 0."""
    known = [name for name in DECIDED_COLUMNS if name != "t0_us"]
    columns = [named(column(name, of="u"), name) for name in known]
    columns.append(named(instant(parse("u.t0_us"), dialect), "t0"))
    query = exp.select().from_(exp.alias_(decided.name.copy(), "u", table=True))
    for k, (summed, parts) in enumerate(made):
        source, alias = exp.alias_(summed.name.copy(), f"s{k}", table=True), f"s{k}"
        query = query.join(source, on=_same_unit(alias), join_type="left")
        for i, part in enumerate(parts):
            value = parse(
                "CASE WHEN $u IS NULL THEN 0 ELSE $y END",
                u=exp.column("unit_id", table=alias),
                y=exp.column(f"y_{i}", table=alias),
            )
            columns.append(named(value, part.name))
    return query.select(*columns)


def _same_unit(alias: str) -> exp.Expression:
    return exp.EQ(this=exp.column("unit_id", table="u"), expression=exp.column("unit_id", table=alias))
