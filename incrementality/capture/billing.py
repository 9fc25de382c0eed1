"""What was invoiced and given back: lines and refunds matched to revenue events, and the amount that is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.accounts import with_account
from incrementality.warehouse.sql import column, named, parse

if TYPE_CHECKING:
    from incrementality.capture.clerk import Clerk
    from incrementality.capture.drafts import Draft
    from incrementality.capture.settling import Staged
    from incrementality.warehouse import Relation

__all__ = ["Billing", "line_events", "take_in_billing"]

_LINES = """
SELECT l.*, CASE WHEN own.event_id IS NOT NULL THEN own.event_id WHEN l.stated_event IS NULL THEN other.event_id END
    AS matched_event
FROM lines AS l
LEFT JOIN events AS own ON own.event_id = l.stated_event
LEFT JOIN invoiced AS other ON other.invoice_id = l.stated_invoice AND (other.kind = l.stated_kind OR (
    l.stated_kind IS NULL AND other.alone))
"""
_INVOICED = """
SELECT invoice_id, kind, min(event_id) AS event_id, count(*) = 1 AND min(of_invoice) = 1 AS alone
FROM (SELECT invoice_id, kind, event_id, count(*) OVER (PARTITION BY invoice_id) AS of_invoice FROM events
    WHERE invoice_id IS NOT NULL) AS e
GROUP BY invoice_id, kind HAVING count(*) = 1
"""
_SUMS = "SELECT matched_event, sum(amount) AS total FROM rows WHERE matched_event IS NOT NULL GROUP BY matched_event"


@dataclass(frozen=True, slots=True)
class Billing:
    """What billing says about revenue events.

    Attributes:
        invoiced: ``matched_event`` and ``total``, the sum of its lines; ``None`` without a table of invoices.
        refunded: ``matched_event`` and ``total``, the sum of its refunds; ``None`` without a table of refunds.
    """

    invoiced: Relation | None = None
    refunded: Relation | None = None


def take_in_billing(clerk: Clerk, events: Staged) -> Billing:
    """Take in invoice lines and refunds, each matched to at most one revenue event.

    A line belongs to the event that it names, else to the one of its invoice and kind, else to the only event of its
    invoice. A refund belongs to the event of its line, else to the one that it names. What belongs to none is flagged:
    revenue that billing knows and nobody logged.

    Args:
        clerk: Whoever takes the tables in.
        events: The revenue events.
    """
    kept = parse("SELECT * FROM events WHERE refused IS NULL", events=events.rows.name)
    query = exp.Select().from_(exp.Subquery(this=kept, alias=exp.TableAlias(this=exp.to_identifier("k"))), copy=False)
    wanted = [
        column(name) if name in events.columns else named(parse("CAST(NULL AS TEXT)"), name)
        for name in ("event_id", "invoice_id", "kind")
    ]
    query.set("expressions", wanted)
    known = clerk.helper("billed_events", query)
    return Billing(_invoices(clerk, known), _refunds(clerk, known))


def _invoices(clerk: Clerk, events: Relation) -> Relation | None:
    draft = clerk.drafted("invoices")
    if draft is None:
        return None
    names = {"stated_event": "event_id", "stated_invoice": "invoice_id", "stated_kind": "kind"}
    draft = draft.helped({ours: _text_or_null(draft, name) for ours, name in names.items()})
    invoiced = clerk.helper("invoiced_events", parse(_INVOICED, events=events.name))
    rows = parse(_LINES, lines=exp.Subquery(this=draft.rows), events=events.name, invoiced=invoiced.name)
    draft = replace(draft, rows=rows, helpers=(*draft.helpers, "matched_event"))
    draft = with_account(clerk, draft).flagging("billing_only", parse("matched_event IS NULL"))
    return _matched(clerk, draft)


def _refunds(clerk: Clerk, events: Relation) -> Relation | None:
    draft = clerk.drafted("refunds")
    if draft is None:
        return None
    draft = draft.refusing("negative_refund", parse("$a < 0", a=column("amount")))
    sources: list[exp.Expression] = []
    if "line_id" in draft.columns and "invoices_matched" in clerk.helpers:
        on = parse("$a = $b", a=column("line_id", of="l"), b=column("line_id", of="d"))
        lines = clerk.helpers["invoices_matched"]
        draft = draft.beside(lines.name, "l", on, {"line_event": "matched_event"})
        sources.append(column("line_event"))
    if "event_id" in draft.columns:
        on = parse("$a = $b", a=column("event_id", of="e"), b=column("event_id", of="d"))
        draft = draft.beside(events.name, "e", on, {"named_event": "event_id"})
        sources.append(column("named_event"))
    matched = exp.Coalesce(this=sources[0], expressions=sources[1:]) if sources else parse("CAST(NULL AS TEXT)")
    draft = draft.helped({"matched_event": matched})
    return _matched(clerk, draft.flagging("refund_of_nothing", parse("matched_event IS NULL")))


def _text_or_null(draft: Draft, name: str) -> exp.Expression:
    return column(name) if name in draft.columns else parse("CAST(NULL AS TEXT)")


def line_events(clerk: Clerk) -> exp.Expression:
    """Return which revenue event each clean invoice line belongs to: ``line_id`` and ``event_id``, empty for none."""
    matched = clerk.helpers["invoices_matched"].name
    return parse("SELECT $key, matched_event AS event_id FROM rows", key=column("line_id"), rows=matched)


def _matched(clerk: Clerk, draft: Draft) -> Relation:
    """Settle a table and return the sums of its rows by revenue event."""
    table = draft.table
    staged = clerk.stage(replace(draft, carried=("matched_event",)))
    clerk.settle(staged)
    rows = parse(
        "SELECT $key, matched_event, amount FROM rows WHERE refused IS NULL",
        key=column(table.key), rows=staged.rows.name,
    )  # fmt: skip
    matched = clerk.helper(f"{table.name}_matched", rows)
    return clerk.helper(f"{table.name}_sums", parse(_SUMS, rows=matched.name))
