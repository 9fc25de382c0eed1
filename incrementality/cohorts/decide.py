"""From rules and input tables to the decision log of both arms.

One query a rule decides every firing in the engine. Where no cap and no second entry is allowed for, the first entry
follows by one more window function. Caps, priority and re-entry after a time depend on which earlier decisions
entered: then the eligible firings, and only they, pass through ``sequence`` in Python and come back by decision id.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.cohorts.decisions import DECISION_COLUMNS, Basis, Decisions, Refused
from incrementality.cohorts.refusals import refuse_arm_columns, refuse_message_table
from incrementality.cohorts.sequence import is_sequential
from incrementality.cohorts.shadow import first_entries, sequential_entries
from incrementality.cohorts.sql_engine import instant
from incrementality.cohorts.sql_tables import CleanTable, check_usable, clean_table
from incrementality.cohorts.sql_triggers import fired
from incrementality.cohorts.sql_values import inputs_at
from incrementality.cohorts.sql_verdict import judged
from incrementality.cohorts.values import micros
from incrementality.errors import InputError, SourceNotFound, did_you_mean
from incrementality.warehouse.sql import named, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from incrementality.cohorts.rule import EligibilityRule
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["decide", "reconstruct"]


def decide(
    rules: Mapping[str, EligibilityRule],
    relations: Mapping[str, Relation],
    *,
    warehouse: Warehouse,
    since: datetime,
    until: datetime,
    data_cut: datetime,
    name: str = "decisions",
    earlier: Relation | None = None,
) -> Decisions:
    """Decide every firing in ``[since, until)``, for both arms, without reading any arm.

    Run it when the triggers fire, and freeze what it returns: what was known then is what counts.

    Args:
        rules: The rule of each experiment; those decided together share caps with ``across`` and priorities.
        relations: The input tables in the engine, by the names that the rules use.
        warehouse: The engine.
        since: Firings count from here on.
        until: Firings no longer count from here on; not after ``data_cut``.
        data_cut: Rows at or after it lie in the future and are refused and counted.
        name: How the log's temporary table is called; a name serves once.
        earlier: Entries on record from before the period, with ``unit_id``, ``experiment_id``, ``entry_no``,
            ``would_send_channel`` and ``t0_us`` (microseconds): they stand, count as entries and use up caps.

    Raises:
        InputError: The period is empty or reaches past the data, or a time has no zone.
        SourceNotFound: A rule's table is not among the relations.
        ReadsOwnJourney: A relation's own name says that it holds arms or messages.
        ColumnNotFound: A column is missing.
        ColumnTypeError: A column has a type that its use does not allow.
        EmptyTable: All rows of a table are faulty.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from incrementality.cohorts import parse_rule
        >>> from incrementality.warehouse import connect
        >>> rule = parse_rule({"journey": "j", "purpose": "marketing", "tables": {"logins": {"kind": "events"}},
        ...                    "trigger": {"event": "logins"}, "window": "7d"})
        >>> with connect() as warehouse:
        ...     logins = warehouse.materialise("logins", parse(
        ...         "SELECT 'a' AS unit_id, CAST('2026-01-02 00:00:00+00' AS TIMESTAMPTZ) AS occurred_at"))
        ...     start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
        ...     tables = {"logins": logins}
        ...     decide({"x": rule}, tables, warehouse=warehouse, since=start, until=end, data_cut=end).to_dicts()
        ({'experiment_id': 'x', 'status': 'eligible', 'reasons': '', 'n': 1},)
    """
    period = _Period(since, until, data_cut)
    return _decided(rules, relations, warehouse, period, name=name, basis="logged", earlier=earlier)


def reconstruct(
    rules: Mapping[str, EligibilityRule],
    relations: Mapping[str, Relation],
    *,
    warehouse: Warehouse,
    since: datetime,
    until: datetime,
    data_cut: datetime,
    name: str = "decisions",
    earlier: Relation | None = None,
) -> Decisions:
    """Rebuild the decisions of a past period by the same rule, where no log was written at the time.

    The answer is marked ``reconstructed``: rows that arrived late or were corrected since are in it, which the
    decision at the time could not know. Arguments and errors are those of ``decide``.
    """
    period = _Period(since, until, data_cut)
    return _decided(rules, relations, warehouse, period, name=name, basis="reconstructed", earlier=earlier)


class _Period:
    def __init__(self, since: datetime, until: datetime, data_cut: datetime) -> None:
        self.since, self.until, self.data_cut = since, until, data_cut
        if not micros(since) < micros(until) <= micros(data_cut):
            raise InputError(
                f"the period from {since.isoformat()} to {until.isoformat()} with data up to {data_cut.isoformat()} "
                "is empty or reaches past the data",
                hint="give since < until <= data_cut",
            )


def _decided(
    rules: Mapping[str, EligibilityRule],
    relations: Mapping[str, Relation],
    warehouse: Warehouse,
    period: _Period,
    *,
    name: str,
    basis: Basis,
    earlier: Relation | None,
) -> Decisions:
    if not rules:
        raise InputError("there is no rule to decide by", hint="give the rule of at least one experiment")
    tables = {name: _cleaned(rule, relations, warehouse, period) for name, rule in rules.items()}
    refused = tuple(
        _refused(name, clean, warehouse) for name, found in tables.items() for clean in found.values()
    )  # fmt: skip
    queries = [
        _query(experiment, rule, tables[experiment], period, warehouse=warehouse, fired_name=f"{name}_fired_{k}")
        for k, (experiment, rule) in enumerate(rules.items())
    ]
    if any(is_sequential(rule) for rule in rules.values()):
        base = warehouse.materialise(f"{name}_judged", _union(queries))
        log = sequential_entries(base, rules, warehouse=warehouse, name=f"{name}_entries", earlier=earlier)
    else:
        log = first_entries(_union(queries), earlier)
    relation = warehouse.materialise(name, _finished(log, warehouse.dialect))
    return Decisions(
        warehouse=warehouse,
        relation=relation,
        rules=dict(rules),
        refused=refused,
        since=period.since,
        until=period.until,
        data_cut=period.data_cut,
        basis=basis,
    )


def _cleaned(
    rule: EligibilityRule, relations: Mapping[str, Relation], warehouse: Warehouse, period: _Period
) -> dict[str, CleanTable]:
    for name in rule.tables:
        if name not in relations:
            raise SourceNotFound(
                f"the rule of {rule.journey!r} reads the table {name!r}, which is not among those given: "
                f"{', '.join(relations) or 'none'}.{did_you_mean(name, relations)}",
                hint="open the table in the warehouse and hand in its relation",
            )
        _refuse_by_name(rule, name, relations[name])
    cut, whole = micros(period.data_cut), _are_whole(rule, relations)
    return {
        name: clean_table(warehouse, rule, name, relations[name], data_cut=cut, whole_ids=whole) for name in rule.tables
    }


def _are_whole(rule: EligibilityRule, relations: Mapping[str, Relation]) -> bool:
    """Whether the ids of every table are whole numbers: they become texts only in the log then."""
    return all(relations[name].columns.get(spec.unit) == "integer" for name, spec in rule.tables.items())


def _refuse_by_name(rule: EligibilityRule, name: str, relation: Relation) -> None:
    """A table of arms stays one under whatever name the rule reads it."""
    named_in_engine = {relation.name.name: f"{name} ({relation.name.name})"}
    refuse_arm_columns(named_in_engine)
    if rule.tables[name].journey is None:
        refuse_message_table(named_in_engine)


def _refused(experiment_id: str, clean: CleanTable, warehouse: Warehouse) -> Refused:
    rows, *counts = warehouse.row(clean.refusals)
    reasons = dict(zip(clean.reasons, counts, strict=True))
    check_usable(clean.name, rows, reasons)
    return Refused(experiment_id, clean.name, rows, reasons)


def _query(
    experiment_id: str,
    rule: EligibilityRule,
    tables: Mapping[str, CleanTable],
    period: _Period,
    *,
    warehouse: Warehouse,
    fired_name: str,
) -> exp.Expression:
    """The query that decides every firing of a rule, but for re-entry, caps and priority.

    The firings are stored first, so that the engine knows how few they are and lets the events meet them.
    """
    ends = {"since": period.since, "until": period.until}
    trigger = tables[rule.trigger.table]
    firings = warehouse.materialise(fired_name, _reading([trigger], fired(rule, trigger, **ends), warehouse.dialect))
    inputs = _reading(tables.values(), inputs_at(rule, tables, **ends), warehouse.dialect)
    inputs = inputs.with_("fired", as_=parse("SELECT * FROM stored", stored=firings.name), copy=False)
    return judged(experiment_id, rule, inputs, tables, warehouse.dialect)


def _reading(tables: Iterable[CleanTable], query: exp.Expression, dialect: str) -> exp.Select:
    """A query with the usable rows of the tables that it reads."""
    assert isinstance(query, exp.Select)  # noqa: S101 - for the type checker
    stored = None if dialect == "spark" else False  # Spark never stores them; the others would, being asked twice
    for clean in tables:
        name = exp.to_identifier(clean.cte, quoted=True)
        query = query.with_(name, as_=clean.rows, materialized=stored, copy=False)
    return query


def _union(queries: list[exp.Expression]) -> exp.Expression:
    return reduce(lambda left, right: exp.Union(this=left, expression=right, distinct=False), queries)


def _finished(log: exp.Expression, dialect: str) -> exp.Expression:
    """The log's columns: a candidate that the shadow refuses is ineligible and would not be sent."""
    enters = parse("'' = shadow_reasons")
    columns = {name: exp.column(name) for name in DECISION_COLUMNS}
    made = {
        "t0": instant(exp.column("t0"), dialect),
        "entry_no": parse("CASE WHEN eligible AND $enters THEN entry END", enters=enters),
        "eligible": parse("CASE WHEN $enters THEN eligible ELSE FALSE END", enters=enters),
        "reasons": parse("CASE WHEN $enters THEN reasons ELSE shadow_reasons END", enters=enters),
        "would_send_channel": parse("CASE WHEN $enters THEN would_send_channel END", enters=enters),
    }
    query = parse("SELECT 1 FROM log", log=exp.Subquery(this=log, alias=exp.TableAlias(this=exp.to_identifier("log"))))
    query.set("expressions", [named(made.get(name, node), name) for name, node in columns.items()])
    return query
