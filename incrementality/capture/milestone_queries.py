"""When an account reached a milestone: one query for each kind of rule, over raw telemetry.

Each answers with account_id, contact_id, occurred_at, at_us: every moment at which the milestone was reached, thinned
later. Of several people at one moment the first id stands for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.cohorts.sql_engine import micros_of
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.taxonomy import MilestoneRule
    from incrementality.warehouse import Relation

__all__ = ["MICROSECONDS_A_DAY", "reached"]

MICROSECONDS_A_DAY = 86_400_000_000

_EVENTS = """
SELECT account_id, $contact AS contact_id, occurred_at, $micros AS at_us, $value AS value
FROM telemetry WHERE $named AND NOT account_id IS NULL AND NOT occurred_at IS NULL AND $measured
"""
_ONCE = """
SELECT account_id, min(contact_id) AS contact_id, min(occurred_at) AS occurred_at, at_us
FROM events AS e WHERE $condition GROUP BY account_id, at_us
"""
_FIRST = """
SELECT e.account_id, e.contact_id, e.occurred_at, e.at_us, f.first_us
FROM events AS e JOIN (SELECT account_id, min(at_us) AS first_us FROM events AS g GROUP BY account_id) AS f
    ON f.account_id = e.account_id
"""
_CROSSED = """
SELECT account_id, contact_id, occurred_at, at_us, value,
    lag(value) OVER (PARTITION BY account_id ORDER BY at_us, value) AS before
FROM events AS e
"""
_ABOVE = """
SELECT account_id, contact_id, occurred_at, at_us, value - min(value) OVER (
    PARTITION BY account_id ORDER BY at_us RANGE BETWEEN $back PRECEDING AND CURRENT ROW) AS value
FROM events AS e
"""
_ROUNDING = 1e-12  # 70.3 - 60.3 is a rise by 10


def reached(rule: MilestoneRule, telemetry: Relation, names: Sequence[str], dialect: str) -> exp.Expression:
    """Return the query of the moments at which accounts reached a milestone.

    Args:
        rule: The milestone.
        telemetry: The raw events.
        names: The event's name, in each of its spellings.
        dialect: The engine's name.

    Examples:
        >>> from incrementality.taxonomy import MilestoneRule
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     telemetry = engine.materialise("telemetry", parse(
        ...         "SELECT 'a' AS account_id, TIMESTAMP '2026-01-05' AS occurred_at, 'export' AS name"))
        ...     query = reached(MilestoneRule(name="x", event="export"), telemetry, ["export"], engine.dialect)
        ...     engine.row(query)[0]
        'a'
    """
    events = _events(rule, telemetry, names, dialect)
    if rule.kind == "workflow":
        return _once(events, exp.true())
    if rule.kind == "first_use":
        return _once(parse(_FIRST, events=exp.Subquery(this=events)), parse("at_us = first_us"))
    if rule.kind == "rise":
        back = literal(round(rule.within_days * MICROSECONDS_A_DAY))
        events = parse(_ABOVE, events=exp.Subquery(this=events), back=back)
    least = rule.up_by * (1 - _ROUNDING) if rule.kind == "rise" else rule.at_least
    crossed = parse(_CROSSED, events=exp.Subquery(this=events))
    return _once(crossed, parse("value >= $least AND before < $least", least=literal(float(least))))


def _events(rule: MilestoneRule, telemetry: Relation, names: Sequence[str], dialect: str) -> exp.Expression:
    measured = rule.kind in {"threshold", "rise"}
    there = "value" in telemetry.columns
    value = column("value") if there else parse("CAST(NULL AS DOUBLE)")
    contact = column("contact_id") if "contact_id" in telemetry.columns else parse("CAST(NULL AS TEXT)")
    return parse(
        _EVENTS,
        telemetry=telemetry.name,
        contact=contact,
        micros=micros_of(column("occurred_at"), dialect, kind="naive"),
        value=parse("CAST($v AS DOUBLE)", v=value),
        named=exp.In(this=column("name"), expressions=[literal(name) for name in names]) if names else exp.false(),
        measured=_is_number(value) if measured else exp.true(),
    )


def _is_number(value: exp.Expression) -> exp.Expression:
    return parse("(NOT $v IS NULL AND NOT isnan(CAST($v AS DOUBLE)))", v=value)


def _once(events: exp.Expression, condition: exp.Expression) -> exp.Expression:
    return parse(_ONCE, events=exp.Subquery(this=events), condition=condition)
