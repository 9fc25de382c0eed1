"""Telemetry becomes touches at milestones; raw events, page views and log-ins never do.

An account reaches a milestone at every moment that its rule names; of these at most one within any ``apart_days`` (7)
becomes a touch: the first, then the first at least 7 days after it, and so on.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.identity_rows import all_of
from incrementality.capture.milestone_counts import Milestones, take_census
from incrementality.capture.milestone_queries import MICROSECONDS_A_DAY, reached
from incrementality.cohorts.sql_engine import hash_of
from incrementality.errors import ColumnNotFound
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incrementality.capture.milestone_counts import Census
    from incrementality.taxonomy import MilestoneRule
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["milestones"]

_COLUMNS = (
    *("touch_id", "account_id", "contact_id", "function", "type", "stage", "channel", "campaign", "journey"),
    *("variant", "direction", "actor", "outcome", "topic", "opportunity_id", "source_system", "occurred_at"),
)
_CHAINED = """
SELECT $milestone AS milestone, account_id, contact_id, occurred_at, at_us,
    min(at_us) OVER (PARTITION BY account_id) AS first_us,
    min(at_us) OVER (PARTITION BY account_id ORDER BY at_us
        RANGE BETWEEN $apart FOLLOWING AND UNBOUNDED FOLLOWING) AS next_us
FROM moments AS m
"""
_NO_MOMENTS = """
SELECT CAST(NULL AS TEXT) AS milestone, account_id, CAST(NULL AS TEXT) AS contact_id, occurred_at,
    CAST(NULL AS BIGINT) AS at_us, CAST(NULL AS BIGINT) AS first_us, CAST(NULL AS BIGINT) AS next_us
FROM telemetry WHERE FALSE
"""
_FIRST = "SELECT milestone, account_id, at_us FROM moments WHERE at_us = first_us"
_STEPS = "SELECT milestone, account_id, at_us, next_us FROM moments WHERE NOT next_us IS NULL"
_REACHED = """
SELECT k.milestone, k.account_id, k.at_us FROM kept AS k
UNION ALL SELECT s.milestone, s.account_id, s.next_us AS at_us
FROM kept AS k JOIN steps AS s ON s.milestone = k.milestone AND s.account_id = k.account_id AND s.at_us = k.at_us
"""
_DOUBLED = """
SELECT s.milestone, s.account_id, s.at_us, t.next_us FROM steps AS s JOIN steps AS t
    ON t.milestone = s.milestone AND t.account_id = s.account_id AND t.at_us = s.next_us
"""
_TOUCHES = """
SELECT m.milestone, m.account_id, m.contact_id, m.occurred_at, m.at_us
FROM moments AS m JOIN kept AS k
    ON k.milestone = m.milestone AND k.account_id = m.account_id AND k.at_us = m.at_us
"""


def milestones(warehouse: Warehouse, telemetry: Relation, rules: Iterable[MilestoneRule]) -> Milestones:
    """Turn telemetry into touches.

    The first event of an account is the first in the data: telemetry that begins late makes late first uses. A
    threshold counts only where the value before it is known and lay below.

    Args:
        warehouse: The engine.
        telemetry: Clean telemetry: ``account_id``, ``occurred_at`` (UTC, without zone), ``name`` and, where there are,
            ``value`` and ``contact_id``.
        rules: The milestones, as ``Taxonomy.milestones`` holds them.

    Raises:
        ColumnNotFound: A column that is needed is missing.

    Examples:
        >>> from incrementality.taxonomy import MilestoneRule
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     days = "(VALUES ('2026-01-01'), ('2026-01-05'), ('2026-01-08'), ('2026-01-09')) AS d(day)"
        ...     telemetry = engine.materialise("telemetry", parse(
        ...         f"SELECT 'a' AS account_id, CAST(day AS TIMESTAMP) AS occurred_at, 'export' AS name FROM {days}"))
        ...     found = milestones(engine, telemetry, [MilestoneRule(name="exported", kind="workflow", event="Export")])
        >>> found.sentence
        '4 raw events of the product became 2 touches, at 1 milestones.'
        >>> print(found)
            name      kind   event  raw  refused  reached  touches
        exported  workflow  Export    4        0        4        2
    """
    listed = tuple(rules)
    _check(telemetry)
    census = take_census(warehouse, telemetry)
    name = f"incrementality_milestones_{secrets.token_hex(4)}"
    moments = warehouse.materialise(f"{name}_moments", _moments(listed, telemetry, census, warehouse.dialect))
    kept = _kept(warehouse, moments, name)
    touches = warehouse.materialise(name, _touches(listed, moments, kept, warehouse.dialect))
    found = _found(warehouse, listed, moments, kept)
    counts = tuple(census.count(rule, *found) for rule, found in zip(listed, found, strict=True))
    return Milestones(touches, census.raw, sum(count.touches for count in counts), counts)


def _check(telemetry: Relation) -> None:
    missing = [name for name in ("account_id", "occurred_at", "name") if name not in telemetry.columns]
    if missing:
        raise ColumnNotFound(
            f"the table telemetry has no column {missing[0]!r}; it has: {', '.join(telemetry.columns)}",
            hint="map the column under sources.telemetry.columns",
        )


def _moments(
    rules: Sequence[MilestoneRule],
    telemetry: Relation,
    census: Census,
    dialect: str,
) -> exp.Expression:
    queries = [
        parse(
            _CHAINED,
            milestone=literal(rule.name),
            apart=literal(round(rule.apart_days * MICROSECONDS_A_DAY)),
            moments=exp.Subquery(this=reached(rule, telemetry, census.spellings(rule), dialect)),
        )
        for rule in rules
    ]
    return all_of(queries) if queries else parse(_NO_MOMENTS, telemetry=telemetry.name)


def _kept(warehouse: Warehouse, moments: Relation, name: str) -> Relation:
    """Return the moments that become touches: each account's first, and all that steps of at least 7 days lead to.

    The steps are doubled from round to round, so that a chain of n touches takes log2(n) rounds.
    """
    kept = warehouse.materialise(f"{name}_kept", parse(_FIRST, moments=moments.name))
    steps = warehouse.materialise(f"{name}_steps", parse(_STEPS, moments=moments.name))
    number = 0
    while warehouse.query(parse("SELECT 1 AS one FROM steps LIMIT 1", steps=steps.name)):
        number += 1
        kept = warehouse.materialise(f"{name}_kept_{number}", parse(_REACHED, kept=kept.name, steps=steps.name))
        steps = warehouse.materialise(f"{name}_steps_{number}", parse(_DOUBLED, steps=steps.name))
    return kept


def _touches(rules: Sequence[MilestoneRule], moments: Relation, kept: Relation, dialect: str) -> exp.Expression:
    """Return the touches by the canonical columns; what telemetry does not say is null."""
    said: dict[str, exp.Expression] = {
        "touch_id": _touch_id(dialect),
        **{name: column(name) for name in ("account_id", "contact_id", "occurred_at")},
        **{name: _by_rule(rules, name) for name in ("function", "type", "stage")},
        "channel": literal("in_app"),
        "direction": literal("automatic"),
        "outcome": literal("app_event"),
        "topic": column("milestone"),
        "source_system": literal("telemetry"),
    }
    query = parse("SELECT 1 FROM r AS r", r=exp.Subquery(this=parse(_TOUCHES, moments=moments.name, kept=kept.name)))
    nothing = parse("CAST(NULL AS TEXT)")
    query.set("expressions", [named(said.get(name, nothing.copy()), name) for name in _COLUMNS])
    return query


def _touch_id(dialect: str) -> exp.Expression:
    text = parse("milestone || '/' || CAST(account_id AS TEXT) || '/' || CAST(at_us AS TEXT)")
    return parse("'m_' || substr($digest, 1, 16)", digest=hash_of(text, dialect))


def _by_rule(rules: Sequence[MilestoneRule], attribute: str) -> exp.Expression:
    if not rules:
        return parse("CAST(NULL AS TEXT)")
    cases = exp.Case()
    for rule in rules:
        meant = literal(str(getattr(rule, attribute)))
        cases = cases.when(exp.EQ(this=column("milestone"), expression=literal(rule.name)), meant)
    return cases


def _found(
    warehouse: Warehouse, rules: Sequence[MilestoneRule], moments: Relation, kept: Relation
) -> list[tuple[int, int]]:
    """Return for each rule how many moments there are, and how many became touches."""
    count = "SELECT milestone, count(*) AS n FROM source GROUP BY milestone"
    reached_at, became = (dict(warehouse.query(parse(count, source=rows.name))) for rows in (moments, kept))
    return [(int(reached_at.get(rule.name, 0)), int(became.get(rule.name, 0))) for rule in rules]
