"""The value of every input at each t0, in SQL: what ``values.value_at`` is for one unit.

A state is joined by the interval in which it holds, a look-back by the events before t0: one join for each table (and
filter, for states), whatever the number of inputs. A look-back of a given length meets only the blocks of time, as long
as itself, in which its events can lie: so its cost does not grow with the length of the history.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.cohorts.operands import Attribute, Count, OperandRecord, Since, SinceLast, Sum, Until
from incrementality.cohorts.sql_triggers import collapsed
from incrementality.cohorts.values import MICROSECOND, micros
from incrementality.errors import ColumnTypeError
from incrementality.warehouse.sql import literal, named, parse, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from incrementality.cohorts.rule import EligibilityRule
    from incrementality.cohorts.sql_tables import CleanTable

__all__ = ["input_kind", "inputs_at"]

_StateOperand = Attribute | Since | Until
_EventOperand = Count | Sum | SinceLast


def input_kind(operand: OperandRecord, tables: Mapping[str, CleanTable]) -> str:
    """Return ``text``, ``number``, ``time`` or ``duration``: what kind of value an input is."""
    if isinstance(operand, Attribute):
        return tables[operand.table].kinds[operand.column]
    return operand.kind


def inputs_at(
    rule: EligibilityRule, tables: Mapping[str, CleanTable], *, since: datetime, until: datetime
) -> exp.Select:
    """Return the query of ``unit_id, t0, i_0, i_1, ..., account_id, stratum`` over the CTE ``fired``.

    ``i_k`` is the k-th of the rule's inputs.

    Args:
        rule: The rule.
        tables: Its tables, whose usable rows are CTEs.
        since: No firing lies before it.
        until: No firing lies at it or later.
    """
    query = parse("SELECT c.unit_id, c.t0 FROM fired AS c")
    assert isinstance(query, exp.Select)  # noqa: S101 - for the type checker
    found: dict[OperandRecord, exp.Expression] = {}
    every = (*rule.inputs, *rule.labels)
    states: dict[object, list[_StateOperand]] = {}
    events: dict[str, list[_EventOperand]] = {}
    for operand in dict.fromkeys(every):
        if isinstance(operand, (Attribute, Since, Until)):
            states.setdefault((operand.table, operand.where), []).append(operand)
        else:
            events.setdefault(operand.table, []).append(operand)
    for k, operands in enumerate(states.values()):
        query = _join_state(query, f"h_{k}", tables[operands[0].table], operands, micros(until))
        found |= {operand: _held(operand, tables[operand.table], f"h_{k}") for operand in operands}
    for k, looks in enumerate(events.values()):
        query = _join_events(query, f"e_{k}", tables[looks[0].table], looks, micros(since))
        found |= {operand: _looked(operand, i, f"e_{k}") for i, operand in enumerate(looks)}
    for i, operand in enumerate(rule.inputs):
        query.append("expressions", named(found[operand], f"i_{i}"))
    for label, name in ((rule.account, "account_id"), (rule.stratum, "stratum")):
        value = exp.null() if label is None else found[label]
        query.append("expressions", named(parse("CAST($x AS TEXT)", x=value), name))
    return query


def _join_state(
    query: exp.Select, alias: str, rows: CleanTable, operands: list[_StateOperand], until: int
) -> exp.Select:
    """Join the row that holds at t0: each holds from its instant to the unit's next."""
    columns = tuple(dict.fromkeys(operand.column for operand in operands))
    asked = parse("unit_id IN (SELECT unit_id FROM fired) AND at_us < $until", until=literal(until))
    where = exp.And(this=rows.test(operands[0].where), expression=asked)
    periods = parse(
        "SELECT *, lead(at_us) OVER (PARTITION BY unit_id ORDER BY at_us) AS ends FROM known",
        known=_derived(collapsed(rows, where, columns), "known"),
    )
    on = parse(
        "$s.unit_id = c.unit_id AND $s.at_us <= c.t0 AND ($s.ends IS NULL OR c.t0 < $s.ends)".replace("$s", alias)
    )
    return query.join(_derived(periods, alias), on=on, join_type="left", copy=False)


def _held(operand: _StateOperand, rows: CleanTable, alias: str) -> exp.Expression:
    value = rows.value(operand.column, of=alias)
    if isinstance(operand, Attribute):
        return value
    if rows.kinds[operand.column] != "time":
        raise ColumnTypeError(
            f"{operand.path!r} holds values of type {rows.kinds[operand.column]}, no times",
            hint="name a column of times",
        )
    return parse("c.t0 - $v" if isinstance(operand, Since) else "$v - c.t0", v=value)


def _join_events(query: exp.Select, alias: str, rows: CleanTable, looks: list[_EventOperand], since: int) -> exp.Select:
    """Join what the events before t0 add up to, one row for each firing that has any."""
    summary = parse(
        "SELECT c.unit_id, c.t0 FROM firings AS c JOIN events AS e ON $on GROUP BY c.unit_id, c.t0",
        **_sides(rows, _longest(looks)), on=_within(rows, looks, since),
    )  # fmt: skip
    for i, operand in enumerate(looks):
        test = exp.And(this=rows.test(operand.where, of="e"), expression=_after_start(operand))
        for name, aggregate in _aggregates(operand).items():
            node = parse(aggregate, test=test, x=_summed(operand, rows))
            summary.append("expressions", named(node, f"{name}_{i}"))
    on = parse(f"{alias}.unit_id = c.unit_id AND {alias}.t0 = c.t0")
    return query.join(_derived(summary, alias), on=on, join_type="left", copy=False)


def _longest(looks: list[_EventOperand]) -> int | None:
    """The longest look-back in microseconds; None if one has no end."""
    lengths = [operand.within // MICROSECOND for operand in looks if operand.within is not None]
    return max(lengths) if len(lengths) == len(looks) else None


def _sides(rows: CleanTable, longest: int | None) -> dict[str, exp.Expression]:
    """Firings and events; with the blocks of time to look into and those that events lie in, if look-backs end."""
    if longest is None:
        return {"firings": table("fired"), "events": table(rows.cte)}
    firings = "SELECT unit_id, t0, t0 // $w - back AS block FROM fired CROSS JOIN steps"
    events = "SELECT *, at_us // $w AS block FROM rows"
    steps = _derived(parse("SELECT 0 AS back UNION ALL SELECT 1 AS back"), "steps")
    return {
        "firings": exp.Subquery(this=parse(firings, w=literal(longest), steps=steps)),
        "events": exp.Subquery(this=parse(events, w=literal(longest), rows=table(rows.cte))),
    }


def _within(rows: CleanTable, looks: list[_EventOperand], since: int) -> exp.Expression:
    """Events of the unit before t0 that any of the look-backs may need; none is older than the period allows."""
    longest = _longest(looks)
    tests = [parse("e.unit_id = c.unit_id AND e.at_us < c.t0")]
    if longest is not None:
        tests.append(parse("e.block = c.block AND e.at_us >= c.t0 - $w", w=literal(longest)))
        tests.append(parse("e.at_us >= $first", first=literal(since - longest)))
    filters = list(dict.fromkeys(operand.where for operand in looks))
    if all(filters):
        options: list[exp.Expression] = [exp.Paren(this=rows.test(where, of="e")) for where in filters]
        either = reduce(lambda left, right: exp.Or(this=left, expression=right), options)
        tests.append(exp.Paren(this=either))
    return reduce(lambda left, right: exp.And(this=left, expression=right), tests)


def _after_start(operand: _EventOperand) -> exp.Expression:
    if operand.within is None:
        return exp.true()
    return parse("e.at_us >= c.t0 - $w", w=literal(operand.within // MICROSECOND))


def _aggregates(operand: _EventOperand) -> dict[str, str]:
    if isinstance(operand, Count):
        return {"n": "count(CASE WHEN $test THEN 1 END)"}
    if isinstance(operand, SinceLast):
        return {"last": "max(CASE WHEN $test THEN e.at_us END)"}
    return {
        "total": "sum(CASE WHEN $test THEN $x END)",
        "empty": "count(CASE WHEN ($test) AND $x IS NULL THEN 1 END)",
    }


def _summed(operand: _EventOperand, rows: CleanTable) -> exp.Expression:
    return rows.amount(operand.column, of="e") if isinstance(operand, Sum) else exp.null()


def _looked(operand: _EventOperand, i: int, alias: str) -> exp.Expression:
    if isinstance(operand, Count):
        return parse(f"CAST(coalesce({alias}.n_{i}, 0) AS DOUBLE)")
    if isinstance(operand, SinceLast):
        return parse(f"c.t0 - {alias}.last_{i}")
    return parse(
        f"CASE WHEN coalesce({alias}.empty_{i}, 0) = 0 THEN CAST(coalesce({alias}.total_{i}, 0) AS DOUBLE) END"
    )


def _derived(rows: exp.Expression, alias: str) -> exp.Subquery:
    return exp.Subquery(this=rows, alias=exp.TableAlias(this=exp.to_identifier(alias)))
