"""What the audit reads off deals: who started them and when that was written down, edits, reasons, billing."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.audit.counting import Fault, read_faults
from incrementality.taxonomy import EXPANSION_TRIGGERS, default_taxonomy
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.capture.audit.counting import Readings
    from incrementality.capture.company import Company

__all__ = ["billing_readings", "deal_readings", "expansion_readings"]

_NUMBERS = count(1)
_STATED = "creation_source IS NOT NULL AND creation_source <> 'unknown'"
_LATE = f"({_STATED}) AND source_logged_at > created_at + INTERVAL '24' HOUR"
_AFTER_CLOSE = "creation_source = 'unknown' AND coalesce(source_logged_at > closed_at, FALSE)"
_OPENED = {
    "capture_rate": f"NOT (({_STATED}) AND NOT coalesce({_LATE}, FALSE))",
    "source_missing": "creation_source IS NULL",
    "source_unknown": "creation_source = 'unknown' AND NOT coalesce(source_logged_at > closed_at, FALSE)",
    "source_late": _LATE,
    "source_after_close": _AFTER_CLOSE,
    "source_overwritten": f"({_STATED}) AND source_at_close <> creation_source",
    "partner_sourced": "creation_source = 'partner'",
}
_WITH_TRIGGER = "kind = 'expansion' AND creation_source IN ('csm', 'sales', 'plg', 'customer', 'customer_executive')"
_LINES = """
SELECT l.issued_at AS at, l.amount AS amount, l.kind AS kind, m.event_id IS NULL AS unmatched
FROM lines AS l JOIN matches AS m ON m.line_id = l.line_id
"""
_EXPANSIONS = """
SELECT e.occurred_at AS at, e.amount AS amount,
  coalesce(o.creation_source IN ('csm', 'sales') AND e.event_id IN (SELECT event_id FROM moved), FALSE) AS moved_first,
  coalesce(o.creation_source = 'csm' AND NOT o.opportunity_id IN (SELECT opportunity_id FROM met), FALSE) AS by_default
FROM events AS e JOIN deals AS o ON o.opportunity_id = e.opportunity_id
WHERE e.kind = 'expansion'
"""
_MOVED = """
SELECT DISTINCT e.event_id
FROM events AS e JOIN deals AS o ON o.opportunity_id = e.opportunity_id
JOIN touches AS t ON t.account_id = e.account_id AND t.occurred_at < o.created_at
  AND t.occurred_at >= e.occurred_at - INTERVAL '90' DAY
WHERE e.kind = 'expansion' AND ((t.function = 'product' AND $is_trigger) OR t.function = 'customer')
"""
_MET = """
SELECT DISTINCT o.opportunity_id
FROM deals AS o JOIN touches AS t ON t.account_id = o.account_id AND t.occurred_at <= o.created_at
  AND t.occurred_at >= o.created_at - INTERVAL '90' DAY
WHERE t.function = 'cs' AND $two_way
"""


def deal_readings(company: Company) -> dict[str, Readings]:
    """Return the metrics of deals: sources by the quarter of creation, edits and reasons by that of the close."""
    deals = company.tables["opportunities"]
    opened = {name: Fault(parse(test)) for name, test in _OPENED.items()}
    opened["trigger_missing"] = Fault(parse("creation_trigger IS NULL"), among=parse(_WITH_TRIGGER))
    closed = {
        "edited_after_close": Fault(parse("edited_at > closed_at"), among=parse("closed_at IS NOT NULL")),
        "loss_reasons": Fault(parse("reason IS NULL"), among=parse("outcome = 'lost'")),
    }
    found = read_faults(company.warehouse, deals, opened, at="created_at", money="amount")
    return found | read_faults(company.warehouse, deals, closed, at="closed_at", money="amount")


def billing_readings(company: Company) -> dict[str, Readings]:
    """Return what billing knows and no revenue event does, by the quarter of the invoice; amounts before refunds."""
    query = parse(_LINES, lines=company.tables["invoices"].name, matches=company.tables["invoice_events"].name)
    lines = company.warehouse.view(f"audit_lines_{next(_NUMBERS)}", query)
    unmatched = parse("unmatched")
    faults = {
        "billing_unmatched": Fault(unmatched),
        "never_logged": Fault(unmatched, among=parse("coalesce(kind, 'expansion') = 'expansion'")),
    }
    return read_faults(company.warehouse, lines, faults, at="at", money="amount")


def expansion_readings(company: Company) -> dict[str, Readings]:
    """Return expansions whose recorded source looks like a habit rather than what happened."""
    number, engine = next(_NUMBERS), company.warehouse
    places = {
        "events": company.tables["revenue_events"].name,
        "deals": company.tables["opportunities"].name,
        "touches": company.tables["touchpoints"].name,
    }
    moved = engine.materialise(
        f"audit_moved_{number}", parse(_MOVED, **places, is_trigger=_among("type", sorted(EXPANSION_TRIGGERS)))
    )
    two_way = _among("outcome", sorted(default_taxonomy().meaningful_outcomes))
    met = engine.materialise(f"audit_met_{number}", parse(_MET, **places, two_way=two_way))
    query = parse(_EXPANSIONS, moved=moved.name, met=met.name, events=places["events"], deals=places["deals"])
    rows = engine.view(f"audit_expansions_{number}", query)
    faults = {"credited_to_last_human": Fault(parse("moved_first")), "cs_by_default": Fault(parse("by_default"))}
    return read_faults(engine, rows, faults, at="at", money="amount")


def _among(name: str, words: Sequence[str]) -> exp.Expression:
    return exp.In(this=column(name, of="t"), expressions=[literal(word) for word in words])
