"""The rules of opportunities: who started a deal, when that was written down, and what was edited after the close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.accounts import with_account
from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from incrementality.capture.clerk import Clerk
    from incrementality.capture.drafts import Draft

__all__ = ["take_in_opportunities", "won_deals"]

_LATE = "24"


def take_in_opportunities(clerk: Clerk) -> None:
    """Take in the opportunities.

    The close of an open deal is a forecast and is left out. A source that was written down after the close is refused
    as a source: the deal's source is then unknown. One written down later than 24 hours after the creation, or one
    that changed before the close, is flagged; the first one counts.
    """
    draft = clerk.drafted("opportunities")
    if draft is None:
        return
    draft = with_account(clerk, draft)
    if "created_at" in draft.columns:
        draft = draft.refusing("future", clerk.later("created_at"))
    clerk.take_in(_sources(_closes(clerk, draft)))


def _closes(clerk: Clerk, draft: Draft) -> Draft:
    has = set(draft.columns)
    if {"closed_at", "outcome"} <= has:
        ended = parse("CASE WHEN $o <> 'open' THEN $t END", o=column("outcome"), t=column("closed_at"))
        draft = draft.changed({"closed_at": ended})
        missing = parse("$o = 'won' AND $t IS NULL", o=column("outcome"), t=column("closed_at"))
        draft = draft.flagging("won_without_close", missing)
    if "closed_at" in has:
        draft = draft.refusing("future", clerk.later("closed_at"))
    if {"closed_at", "created_at"} <= has:
        draft = draft.flagging("closed_before_created", _after("created_at", "closed_at"))
    if {"closed_at", "edited_at"} <= has:
        draft = draft.flagging("edited_after_close", _after("edited_at", "closed_at"))
    return draft


def _sources(draft: Draft) -> Draft:
    has = set(draft.columns)
    if "creation_source" not in has:
        return draft
    after = _after("source_logged_at", "closed_at") if {"source_logged_at", "closed_at"} <= has else exp.false()
    late = parse("COALESCE($after AND $s IS NOT NULL, FALSE)", after=after, s=column("creation_source"))
    draft = draft.helped({"stated_source": column("creation_source"), "too_late": late})
    values = {"creation_source": parse("CASE WHEN too_late THEN 'unknown' ELSE stated_source END")}
    if "creation_trigger" in has:
        values["creation_trigger"] = parse("CASE WHEN NOT too_late THEN $t END", t=column("creation_trigger"))
    draft = draft.changed(values).flagging("source_after_close", parse("too_late"))
    if {"source_logged_at", "created_at"} <= has:
        hours = exp.Interval(this=exp.Literal.string(_LATE), unit=exp.var("HOUR"))
        tardy = parse("$t > $c + $h", t=column("source_logged_at"), c=column("created_at"), h=hours)
        draft = draft.flagging("source_late", parse("$tardy AND NOT too_late", tardy=tardy))
    if "source_at_close" in has:
        draft = draft.flagging("source_overwritten", parse("stated_source <> $b", b=column("source_at_close")))
    draft = draft.flagging("source_missing", parse("stated_source IS NULL"))
    return draft.flagging("source_unknown", parse("stated_source = 'unknown'"))


def _after(later: str, earlier: str) -> exp.Expression:
    return parse("$a > $b", a=column(later), b=column(earlier))


def won_deals(clerk: Clerk) -> exp.Expression:
    """Return won opportunities as revenue events: the amount that the CRM states, at the close."""
    has = set(clerk.staged["opportunities"].columns)
    won = parse("$o = 'won' AND $t IS NOT NULL", o=column("outcome"), t=column("closed_at"))
    if "outcome" not in has:
        won = parse("$t IS NOT NULL", t=column("closed_at"))
    return parse("SELECT * FROM deals WHERE $won", deals=clerk.clean["opportunities"].name, won=won)
