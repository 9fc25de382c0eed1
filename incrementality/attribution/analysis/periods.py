"""A quarter's part of journeys and ledgers."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.labels import SHOWN_BESIDE
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from incrementality.attribution.analysis.quarters import Quarter
    from incrementality.attribution.journeys import Journeys
    from incrementality.attribution.ledger import CreditLedger

__all__ = ["inside_quarter", "journeys_of_quarter", "ledger_of_quarter"]

_NUMBERS = count(1)


def inside_quarter(name: str, quarter: Quarter) -> exp.Expression:
    """Return whether a time lies in a quarter, as an expression.

    Examples:
        >>> from incrementality.attribution.analysis.quarters import Quarter
        >>> print(inside_quarter("event_at", Quarter(2026, 1)).sql("duckdb")[:41])
        ("event_at" >= CAST('2026-01-01 00:00:00'
    """
    ends = {
        key: parse("CAST($at AS TIMESTAMP)", at=literal(at.isoformat(sep=" ")))
        for key, at in (("first", quarter.first), ("after", quarter.after))
    }
    return exp.Paren(this=parse("$t >= $first AND $t < $after", t=column(name), **ends))


def journeys_of_quarter(journeys: Journeys, quarter: Quarter) -> Journeys:
    """Return the journeys of the events of a quarter, without kinds that only label money of another kind."""
    number = next(_NUMBERS)
    beside = exp.Not(this=exp.In(this=column("kind"), expressions=[literal(kind) for kind in SHOWN_BESIDE]))
    rows = parse("SELECT * FROM rows AS r", rows=exp.Subquery(this=journeys.rows()))
    rows.set("where", exp.Where(this=exp.And(this=inside_quarter("event_at", quarter), expression=beside)))
    kept = journeys.warehouse.materialise(f"quarter_journeys_{number}", rows)
    events = parse("SELECT * FROM source", source=journeys.events.name)
    at = inside_quarter("occurred_at", quarter)
    events.set("where", exp.Where(this=exp.And(this=at, expression=beside.copy())))
    relation = journeys.warehouse.materialise(f"quarter_events_{number}", events)
    return replace(journeys, events=relation, kept=kept.name)


def ledger_of_quarter(ledger: CreditLedger, quarter: Quarter) -> CreditLedger:
    """Return the part of a ledger whose events lie in a quarter; its revenue is that of these events."""
    rows = parse("SELECT * FROM source", source=ledger.rows.name)
    rows.set("where", exp.Where(this=inside_quarter("event_at", quarter)))
    relation = ledger.warehouse.materialise(f"quarter_ledger_{next(_NUMBERS)}", rows)
    sums = parse(
        "SELECT model, sum(CASE WHEN kind IN ($beside) THEN 0 ELSE credit END), "
        "sum(CASE WHEN kind IN ($beside) THEN credit ELSE 0 END) FROM source GROUP BY 1",
        source=relation.name,
        beside=literal(SHOWN_BESIDE[0]),
    )
    found = {model: (int(plain), int(label)) for model, plain, label in ledger.warehouse.query(sums)}
    revenue, beside = ({model: found.get(model, (0, 0))[k] for model in ledger.models} for k in (0, 1))
    return replace(ledger, rows=relation, revenue=revenue, beside=beside)
