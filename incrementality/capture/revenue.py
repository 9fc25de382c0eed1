"""Revenue events: read or made of won deals, brought to what was invoiced and kept, and reconciled to the cent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.accounts import first_contact, with_account
from incrementality.capture.billing import Billing, take_in_billing
from incrementality.capture.deals import won_deals
from incrementality.capture.drafts import Draft
from incrementality.display import DisplayMixin
from incrementality.tables import COMPANY_TABLES
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from incrementality.capture.clerk import Clerk
    from incrementality.capture.intake import TableIntake
    from incrementality.capture.settling import Staged

__all__ = ["Revenue", "take_in_revenue"]

_TABLE = "revenue_events"
_FROM_DEALS = {
    "event_id": "opportunity_id",
    "account_id": "account_id",
    "kind": "kind",
    "occurred_at": "closed_at",
    "amount": "amount",
    "currency": "currency",
    "opportunity_id": "opportunity_id",
}


@dataclass(frozen=True, slots=True)
class Revenue(DisplayMixin):
    """Where every minor unit of revenue went: stated + rebilled = kept + refunded + quarantined.

    Attributes:
        currency: The currency; "" where no table says one.
        stated: What the rows say, all rows whose amount can be read.
        rebilled: What invoice lines say less what the rows of their events say.
        refunded: What was given back of the events that are kept.
        quarantined: The amounts of refused rows by reason, before refunds.
        kept: What is to be credited.

    Examples:
        >>> revenue = Revenue("EUR", stated=1000, rebilled=-50, refunded=30, quarantined={"duplicate": 200}, kept=720)
        >>> revenue.reconciles, revenue.set_aside
        (True, 200)
    """

    currency: str
    stated: int
    rebilled: int
    refunded: int
    quarantined: dict[str, int]
    kept: int

    @property
    def set_aside(self) -> int:
        """All that is quarantined."""
        return sum(self.quarantined.values())

    @property
    def reconciles(self) -> bool:
        """Whether it adds up, to the minor unit."""
        return self.stated + self.rebilled == self.kept + self.refunded + self.set_aside

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row for each part."""
        parts = {"stated": self.stated, "rebilled": self.rebilled, "refunded": -self.refunded}
        aside = {f"quarantined: {reason}": -amount for reason, amount in sorted(self.quarantined.items())}
        return tuple({"part": part, "amount": amount} for part, amount in {**parts, **aside, "kept": self.kept}.items())


def take_in_revenue(clerk: Clerk) -> Revenue:
    """Take in the revenue events with the invoices and refunds that belong to them.

    An event with invoice lines is worth their sum; refunds are taken off. One whose refunds exceed it is refused and
    its money quarantined.
    """
    draft = clerk.drafted(_TABLE)
    if draft is None:
        draft = _from_deals(clerk)
    events = clerk.stage(_flagged(clerk, with_account(clerk, draft)))
    billing = take_in_billing(clerk, events)
    netted = _netted(clerk, events, billing)
    clerk.staged[_TABLE] = netted
    clerk.settle(netted)
    return _reconciled(clerk, netted, clerk.intakes[_TABLE])


def _from_deals(clerk: Clerk) -> Draft:
    """Won opportunities as events; one that does not say its kind counts as new business."""
    deals = clerk.staged["opportunities"]
    table = COMPANY_TABLES[_TABLE]
    given = {ours: theirs for ours, theirs in _FROM_DEALS.items() if theirs in deals.columns}
    query = exp.Select().from_(exp.Subquery(this=won_deals(clerk), alias=_alias("o")), copy=False)
    query.set("expressions", [*(named(column(theirs), ours) for ours, theirs in given.items()), _no_problem()])
    columns = tuple(one.name for one in table.columns if one.name in given)
    draft = Draft(table, query, columns)
    blank = column("kind") if "kind" in given else parse("CAST(NULL AS TEXT)")
    draft = draft.helped({"stated_kind": blank})
    draft = draft.changed({"kind": exp.Coalesce(this=blank, expressions=[literal("new")])})
    draft = draft.flagging("kind_assumed", parse("stated_kind IS NULL"))
    amount = column("amount") if "amount" in given else parse("CAST(NULL AS BIGINT)")
    return draft.changed({"amount": amount}).refusing("no_amount", parse("$a IS NULL", a=column("amount")))


def _no_problem() -> exp.Expression:
    return named(parse("CAST(NULL AS TEXT)"), "problem")


def _flagged(clerk: Clerk, draft: Draft) -> Draft:
    met = first_contact(clerk)
    if met is None:
        return draft
    on = parse("$a = $b", a=column("met_account", of="met"), b=column("account_id", of="d"))
    known = clerk.helper("first_contacts", met)
    draft = draft.beside(known.name, "met", on, {"met_at": "met_at"})
    return draft.flagging("before_first_contact", parse("$t < met_at", t=column("occurred_at")))


def _netted(clerk: Clerk, events: Staged, billing: Billing) -> Staged:
    """The events with ``stated``, ``gross`` (what was invoiced, else stated) and what is left of it after refunds."""
    query = exp.Select().from_(exp.alias_(events.rows.name, "e", table=True), copy=False)
    totals: dict[str, exp.Expression] = {}
    for name, sums in (("invoiced", billing.invoiced), ("refunded", billing.refunded)):
        totals[name] = parse("CAST(NULL AS BIGINT)")
        if sums is not None:
            on = parse("$a = $b", a=column("matched_event", of=name), b=column("event_id", of="e"))
            query = query.join(exp.alias_(sums.name, name, table=True), on=on, join_type="left", copy=False)
            totals[name] = parse("CAST($t AS BIGINT)", t=column("total", of=name))
    gross = parse("COALESCE($i, $a)", i=totals["invoiced"], a=column("amount", of="e"))
    refunds = parse("COALESCE($r, 0)", r=totals["refunded"])
    over = parse("$e IS NULL AND $r > 0 AND $r > $g", e=column("refused", of="e"), r=refunds, g=gross)
    basis = column("basis", of="e") if "basis" in events.columns else parse("CAST(NULL AS TEXT)")
    values = {
        "amount": parse(
            "CASE WHEN $over OR NOT $e IS NULL THEN $g ELSE $g - $r END",
            over=over,
            e=column("refused", of="e"),
            g=gross,
            r=refunds,
        ),
        "basis": parse("CASE WHEN NOT $i IS NULL THEN 'invoiced' ELSE $b END", i=totals["invoiced"], b=basis),
    }
    columns = tuple(one.name for one in events.draft.table.columns if one.name in {*events.columns, "basis"})
    refused = parse("CASE WHEN $over THEN 'refund_exceeds_revenue' ELSE $e END", over=over, e=column("refused", of="e"))
    kept = [named(values[one], one) if one in values else column(one, of="e") for one in columns]
    extra = {"stated": column("amount", of="e"), "gross": gross, "refused": refused, "flags": column("flags", of="e")}
    query.set("expressions", [*kept, *(named(value, one) for one, value in extra.items())])
    rows = clerk.warehouse.materialise(f"{clerk.prefix}_netted_events", query)
    return replace(events, rows=rows, columns=columns)


def _reconciled(clerk: Clerk, events: Staged, intake: TableIntake) -> Revenue:
    query = parse(
        "SELECT sum(stated), sum(gross - stated), sum(CASE WHEN refused IS NULL THEN gross - amount ELSE 0 END) "
        "FROM events",
        events=events.rows.name,
    )  # fmt: skip
    stated, rebilled, refunded = (int(value or 0) for value in clerk.warehouse.row(query))
    quarantined = {one.name: one.money for one in intake.refused if one.money}
    return Revenue(clerk.manner.currency.code, stated, rebilled, refunded, quarantined, intake.money_kept or 0)


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name))
