"""When a rule's trigger fires, in SQL: what ``firing.firings`` is for one unit."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.cohorts.sql_tables import is_one_of
from incrementality.cohorts.triggers import EventTrigger, ScheduleTrigger, StateTrigger, ThresholdTrigger
from incrementality.cohorts.values import micros
from incrementality.errors import ColumnTypeError
from incrementality.warehouse.sql import literal, named, parse, table

if TYPE_CHECKING:
    from datetime import datetime

    from incrementality.cohorts.rule import EligibilityRule
    from incrementality.cohorts.sql_tables import CleanTable

__all__ = ["collapsed", "fired"]


def fired(rule: EligibilityRule, rows: CleanTable, *, since: datetime, until: datetime) -> exp.Expression:
    """Return the query of ``unit_id, t0``: every firing in ``[since, until)``, each once.

    Args:
        rule: The rule.
        rows: The trigger's table, whose usable rows are a CTE.
        since: The first moment that counts.
        until: The first moment that no longer counts.
    """
    trigger = rule.trigger
    bounds = {"low": literal(micros(since)), "high": literal(micros(until))}
    places = {"rows": table(rows.cte), "test": rows.test(trigger.where)}
    if isinstance(trigger, EventTrigger):
        return parse(
            "SELECT DISTINCT unit_id, at_us AS t0 FROM rows WHERE at_us >= $low AND at_us < $high AND ($test)",
            **bounds, **places,
        )  # fmt: skip
    if isinstance(trigger, ScheduleTrigger):
        return parse(
            "SELECT k.unit_id, t.t0 FROM (SELECT unit_id, min(at_us) AS known FROM rows WHERE $test GROUP BY unit_id) "
            "AS k JOIN ticks AS t ON k.known <= t.t0",
            ticks=_ticks([micros(tick) for tick in trigger.ticks(since, until)]), **places,
        )  # fmt: skip
    return _changes(trigger, rows, bounds)


def collapsed(rows: CleanTable, where: exp.Expression, columns: tuple[str, ...]) -> exp.Expression:
    """Return one row for each unit and instant; an instant with two values of a column, or an empty one, has none."""
    query = parse(
        "SELECT unit_id, at_us FROM rows WHERE $test GROUP BY unit_id, at_us", rows=table(rows.cte), test=where
    )
    for name in columns:
        only = parse(
            "CASE WHEN min($v) = max($v) AND count($v) = count(*) THEN min($v) END",
            v=rows.value(name),
        )
        query.append("expressions", named(only, f"v_{rows.columns.index(name)}"))
    return query


def _ticks(times: list[int]) -> exp.Expression:
    """A table of the schedule's moments; an empty schedule has no row."""
    rows = [parse("SELECT $t AS t0", t=parse("CAST($t AS BIGINT)", t=literal(time))) for time in times]
    if not rows:
        rows = [parse("SELECT CAST(NULL AS BIGINT) AS t0")]
    union = reduce(lambda left, right: exp.Union(this=left, expression=right, distinct=False), rows)
    return exp.Subquery(this=union)


def _changes(
    trigger: StateTrigger | ThresholdTrigger, rows: CleanTable, bounds: dict[str, exp.Expression]
) -> exp.Expression:
    """Rows on the trigger's side whose predecessor was on the other side; rows on no side are passed over."""
    value, kind = rows.value(trigger.column), rows.kinds[trigger.column]
    came: exp.Expression = exp.true()
    if isinstance(trigger, StateTrigger) and trigger.from_ is not None:
        came = is_one_of(exp.column("came_from"), kind, trigger.from_, trigger.path)
    return parse(
        "SELECT unit_id, at_us AS t0 FROM (SELECT unit_id, at_us, side, "
        "lag(side) OVER (PARTITION BY unit_id ORDER BY at_us) AS side_before, "
        "lag(held) OVER (PARTITION BY unit_id ORDER BY at_us) AS came_from "
        "FROM (SELECT unit_id, at_us, $v AS held, $side AS side FROM known WHERE NOT $v IS NULL) AS s "
        "WHERE NOT side IS NULL) AS w "
        "WHERE side = 1 AND side_before = 0 AND ($came) AND at_us >= $low AND at_us < $high",
        v=value,
        side=_side(trigger, value, kind),
        came=came,
        known=exp.Subquery(
            this=collapsed(rows, rows.test(trigger.where), (trigger.column,)),
            alias=exp.TableAlias(this=exp.to_identifier("known")),
        ),
        **bounds,
    )


def _side(trigger: StateTrigger | ThresholdTrigger, value: exp.Expression, kind: str) -> exp.Expression:
    if isinstance(trigger, StateTrigger):
        inside = is_one_of(value.copy(), kind, trigger.to, trigger.path)
        return parse("CASE WHEN $inside THEN 1 ELSE 0 END", inside=inside)
    if kind != "number":
        raise ColumnTypeError(f"{trigger.path!r} holds values of type {kind}", hint="name a column of numbers")
    places = {"v": value, "level": literal(trigger.level), "rearm": literal(trigger.rearmed_at)}
    if trigger.above is not None:
        return parse("CASE WHEN $v >= $level THEN 1 WHEN $v < $rearm THEN 0 END", **places)
    return parse("CASE WHEN $v <= $level THEN 1 WHEN $v > $rearm THEN 0 END", **places)
