"""The tables of a company that attribution reads: touches, deals, money, people, costs, usage.

Only touches, and revenue events or won opportunities, are needed; every other table says what its absence costs.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from incrementality.tables.contract import ColumnContract as Column, TableContract as Table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMPANY_TABLES"]

_TOUCHPOINTS = Table(
    "touchpoints",
    "touch_id",
    "one contact of the company with a customer, or one milestone of usage",
    "",
    (
        Column("occurred_at", "time", "when it happened", required=True),
        Column("touch_id", "id", "its id; without one it is made from what the row says"),
        Column("account_id", "id", "the account; or contact_id with a table of contacts"),
        Column("contact_id", "id", "the person, or an identifier of them that the identities know"),
        Column("function", "label", "who did it: marketing, sdr, ae, presales, cs, product ..."),
        Column("type", "label", "what it was: webinar, demo, quarterly_review ..."),
        Column("stage", "label", "where in the lifecycle: awareness ... advocacy"),
        Column("channel", "label", "by which channel: email, phone, paid_search ..."),
        Column("campaign", "label", "the campaign's name"),
        Column("journey", "label", "the CRM journey that it belongs to"),
        Column("variant", "label", "offer, version or content"),
        Column("direction", "label", "inbound, outbound or automatic"),
        Column("actor", "id", "the person or system of the company that acted"),
        Column("outcome", "label", "attempted, connected, scheduled, held, registered, attended, sent, replied ..."),
        Column("topic", "label", "what it was about"),
        Column("opportunity_id", "id", "the opportunity that it was logged on"),
        Column("source_system", "label", "the system that logged it"),
        Column("url", "text", "the address that was visited, with its UTM fields"),
        Column("logged_at", "time", "when it was written down"),
    ),
)
_REVENUE_EVENTS = Table(
    "revenue_events",
    "event_id",
    "one amount won, renewed, expanded or saved, to be credited once",
    "won opportunities are credited with the amount that the CRM states, not with what was invoiced",
    (
        Column("account_id", "id", "the account that pays", required=True),
        Column("kind", "label", "new, expansion, renewal, saved, purchase ...; lists are extensible", required=True),
        Column("occurred_at", "time", "the close: when it was won", required=True),
        Column("amount", "money", "what it is worth", required=True),
        Column("event_id", "id", "its id; without one it is made from what the row says"),
        Column("currency", "label", "the currency of the amount; one for a whole analysis"),
        Column("basis", "label", "what the amount is: invoiced, acv, arr_change or pipeline (estimated)"),
        Column("opportunity_id", "id", "the opportunity that it closed"),
        Column("invoice_id", "id", "the invoice whose line it is"),
        Column("renewal_at", "time", "when the running contract ends"),
        Column("flagged_at", "time", "when a dated rule saw the account at risk"),
        Column("loss_at", "time", "when the loss would have taken effect"),
        Column("at_risk", "money", "the revenue at risk when it was flagged"),
    ),
)
_OPPORTUNITIES = Table(
    "opportunities",
    "opportunity_id",
    "one deal, open or ended",
    "who started an expansion is unknown, so 40/40/20 has no source; no velocity, no under-engaged deals",
    (
        Column("opportunity_id", "id", "its id", required=True),
        Column("account_id", "id", "the account", required=True),
        Column("kind", "label", "new, expansion, renewal ..."),
        Column("created_at", "time", "when it was opened"),
        Column("closed_at", "time", "when it was won or lost"),
        Column("outcome", "label", "won, lost or open"),
        Column("amount", "money", "what it is worth, as the CRM says"),
        Column("currency", "label", "the currency of the amount"),
        Column("creation_source", "label", "csm, sales, plg, customer, customer_executive, partner or unknown"),
        Column("creation_trigger", "label", "quarterly_review, renewal_negotiation, usage_limit_approached ..."),
        Column("source_logged_at", "time", "when the creation source was written down"),
        Column("source_at_close", "label", "the creation source as it stood at the close"),
        Column("edited_at", "time", "when it was last changed"),
        Column("closer", "id", "the person who converted it; empty where nobody did"),
        Column("closer_function", "label", "that person's function"),
        Column("self_serve", "flag", "whether the customer bought without talking to anyone"),
        Column("renewal_of", "id", "the renewal with which it was won"),
        Column("reason", "text", "why it was won, lost or rejected"),
        Column("competitor", "text", "who else was in it"),
        Column("objection", "text", "what stood against it"),
    ),
)
_STAGES = Table(
    "stages",
    "",
    "one step that a deal or a lead took",
    "only the close can be the conversion; no cycle by stage, no update latency",
    (
        Column("step", "label", "lead, mql, sal, sql, opportunity, proposal, won, activation ...", required=True),
        Column("occurred_at", "time", "when it was reached", required=True),
        Column("account_id", "id", "the account"),
        Column("contact_id", "id", "the person, for steps of leads"),
        Column("opportunity_id", "id", "the opportunity, for steps of deals"),
        Column("logged_at", "time", "when it was written down"),
        Column("reason", "text", "why it was rejected"),
    ),
)
_ACCOUNTS = Table(
    "accounts",
    "account_id",
    "one customer or prospect",
    "no segments: no windows, weights or tables by segment; no acquisition cohorts",
    (
        Column("account_id", "id", "its id", required=True),
        Column("segment", "label", "the segment; windows of 'enterprise' differ"),
        Column("region", "label", "the region"),
        Column("created_at", "time", "when it entered the CRM"),
        Column("customer_since", "time", "its first close"),
        Column("acquisition_channel", "label", "the channel that brought it"),
        Column("seats", "number", "seats paid for"),
        Column("test", "flag", "whether it is one of our own test accounts"),
    ),
)
_CONTACTS = Table(
    "contacts",
    "contact_id",
    "one person at an account",
    "touches must name the account; no table by contact, no linkage of leads",
    (
        Column("contact_id", "id", "its id", required=True),
        Column("account_id", "id", "the account; empty while it is a lead of none"),
        Column("email", "id", "the e-mail address, or its hash"),
        Column("phone", "id", "the phone number, or its hash"),
        Column("customer_number", "id", "the number that billing uses"),
        Column("app_id", "id", "the id that the product uses"),
        Column("role", "label", "the role in the deal: champion, executive, user ..."),
        Column("created_at", "time", "when the contact entered the CRM"),
    ),
)
_CONTACT_ROLES = Table(
    "contact_roles",
    "",
    "the part that one person plays in one deal",
    "a touch counts for every deal of its account that was open then, unless it was logged on one",
    (
        Column("contact_id", "id", "the person", required=True),
        Column("opportunity_id", "id", "the deal", required=True),
        Column("role", "label", "the part: champion, decision maker, user ..."),
    ),
)
_IDENTITIES = Table(
    "identities",
    "",
    "two identifiers that belong to one person",
    "identifiers are joined only where a contact's own row holds both",
    (
        Column("left_kind", "label", "the kind of the one: email, phone, customer_number, app_id, hash", required=True),
        Column("left_value", "id", "the one identifier", required=True),
        Column("right_kind", "label", "the kind of the other", required=True),
        Column("right_value", "id", "the other identifier", required=True),
        Column("score", "number", "1 for a link that is known; below 1 a guess, which is off by default"),
        Column("observed_at", "time", "when the link was seen"),
    ),
)
_CAMPAIGNS = Table(
    "campaigns",
    "campaign",
    "one campaign by its registered name",
    "names are checked against the naming rule alone, not against a register",
    (
        Column("campaign", "label", "its name", required=True),
        Column("channel", "label", "its channel"),
        Column("audience", "label", "whom it addresses"),
        Column("journey", "label", "its journey"),
        Column("offer", "label", "what it offers"),
        Column("version", "label", "its version"),
        Column("started_at", "time", "when it started"),
        Column("ended_at", "time", "when it ended"),
    ),
)
_INVOICES = Table(
    "invoices",
    "line_id",
    "one line of an invoice",
    "amounts are as the CRM states them; expansions that only billing knows stay unseen",
    (
        Column("line_id", "id", "its id", required=True),
        Column("account_id", "id", "the account that pays", required=True),
        Column("amount", "money", "what was invoiced", required=True),
        Column("issued_at", "time", "when it was issued", required=True),
        Column("invoice_id", "id", "the invoice"),
        Column("event_id", "id", "the revenue event that it belongs to"),
        Column("kind", "label", "new, expansion, renewal ..."),
        Column("currency", "label", "the currency of the amount"),
    ),
)
_REFUNDS = Table(
    "refunds",
    "refund_id",
    "money given back",
    "amounts are gross of refunds and returns",
    (
        Column("refund_id", "id", "its id", required=True),
        Column("amount", "money", "what was given back, as a positive amount", required=True),
        Column("refunded_at", "time", "when it was given back", required=True),
        Column("line_id", "id", "the invoice line that it takes back"),
        Column("event_id", "id", "or the revenue event"),
        Column("currency", "label", "the currency of the amount"),
    ),
)
_COSTS = Table(
    "costs",
    "",
    "what a function cost in a period",
    "no ratios of revenue to cost, no ROI, no cost per lead or customer",
    (
        Column("function", "label", "the function", required=True),
        Column("period", "label", "the quarter or month: 2026Q1, 2026-03", required=True),
        Column("amount", "money", "what it cost", required=True),
        Column("category", "label", "salaries, media, tools ..."),
        Column("currency", "label", "the currency of the amount"),
        Column("kind", "label", "the kind of revenue event that it served, where it served one"),
        Column("journey", "label", "the journey that it served"),
        Column("channel", "label", "the channel that it served"),
        Column("rule", "label", "how it is allocated: direct, time, touches or fixed"),
        Column("share", "number", "the share that the rule 'fixed' gives, from 0 to 1"),
        Column("note", "text", "a footnote"),
    ),
)
_USAGE = Table(
    "usage",
    "",
    "how much one account used the product on one day",
    "usage weights are 1: time decay x usage is time decay",
    (
        Column("account_id", "id", "the account", required=True),
        Column("day", "day", "the day", required=True),
        Column("usage", "number", "how much: sessions, events, hours; one measure throughout", required=True),
    ),
)
_TELEMETRY = Table(
    "telemetry",
    "",
    "one raw event of the product; becomes a touch only at a milestone",
    "product earns credit only from touches that other systems logged",
    (
        Column("account_id", "id", "the account", required=True),
        Column("occurred_at", "time", "when it happened", required=True),
        Column("name", "label", "what happened: login, page_view, export, seat_share ...", required=True),
        Column("value", "number", "the measure's new value, for thresholds and health scores"),
        Column("contact_id", "id", "the person"),
    ),
)
_SIGNALS = Table(
    "signals",
    "",
    "one negative signal",
    "no negative signals beside revenue",
    (
        Column("occurred_at", "time", "when it came", required=True),
        Column("signal", "label", "unsubscribe, complaint, opt_out, bounce ...", required=True),
        Column("account_id", "id", "the account"),
        Column("contact_id", "id", "the person"),
        Column("function", "label", "the function whose message it answered"),
        Column("journey", "label", "the journey"),
        Column("channel", "label", "the channel"),
    ),
)

COMPANY_TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            _TOUCHPOINTS,
            _REVENUE_EVENTS,
            _OPPORTUNITIES,
            _STAGES,
            _ACCOUNTS,
            _CONTACTS,
            _CONTACT_ROLES,
            _IDENTITIES,
            _CAMPAIGNS,
            _INVOICES,
            _REFUNDS,
            _COSTS,
            _USAGE,
            _TELEMETRY,
            _SIGNALS,
        )
    }
)
