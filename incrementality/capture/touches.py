"""The rules of touches: which account each belongs to, and which opportunity it was for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.accounts import with_account
from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from incrementality.capture.clerk import Clerk
    from incrementality.capture.drafts import Draft

__all__ = ["take_in_touches", "touch_opportunities"]

_OPEN = (
    "(o.created_at IS NULL OR o.created_at <= t.occurred_at) AND (o.closed_at IS NULL OR o.closed_at >= t.occurred_at)"
)
_LOGGED = """
SELECT t.touch_id, t.opportunity_id, 'logged' AS basis
FROM touches AS t JOIN deals AS o ON o.opportunity_id = t.opportunity_id
"""
_REST = """
SELECT t.touch_id, t.account_id, t.contact_id, t.occurred_at
FROM touches AS t LEFT JOIN deals AS o ON o.opportunity_id = t.opportunity_id
WHERE o.opportunity_id IS NULL
"""
_BY_ROLE = """
SELECT DISTINCT t.touch_id, o.opportunity_id, 'contact_role' AS basis
FROM rest AS t JOIN parts AS p ON p.contact_id = t.contact_id JOIN deals AS o ON o.opportunity_id = p.opportunity_id
WHERE $was_open
"""
_OPEN_THEN = """
SELECT t.touch_id, o.opportunity_id, 'open_then' AS basis
FROM rest AS t JOIN deals AS o ON o.account_id = t.account_id
WHERE $was_open
"""
_OPEN_THEN_WITHOUT_ROLE = """
SELECT t.touch_id, o.opportunity_id, 'open_then' AS basis
FROM rest AS t JOIN deals AS o ON o.account_id = t.account_id
WHERE $was_open AND NOT EXISTS (
    SELECT 1 FROM parts AS p JOIN deals AS o ON o.opportunity_id = p.opportunity_id
    WHERE p.contact_id = t.contact_id AND $was_open)
"""


def take_in_touches(clerk: Clerk) -> None:
    """Take in the touches.

    The account is the one that the row names, else that of the person, else that of the opportunity. A touch
    without any of them, or of an account that the table of accounts does not list, is refused as an orphan.
    """
    draft = clerk.drafted("touchpoints")
    if draft is None:
        return
    draft = with_account(clerk, _resolved(clerk, draft), orphan=True)
    if "logged_at" in draft.columns:
        early = parse("$l < $t", l=column("logged_at"), t=column("occurred_at"))
        draft = draft.flagging("logged_before_it_happened", early)
    clerk.take_in(draft)


def _resolved(clerk: Clerk, draft: Draft) -> Draft:
    """The touches with the account of their person or opportunity where they name none."""
    accounts = [column("account_id")] if "account_id" in draft.columns else []
    if "contact_id" in draft.columns and "account_id" in _columns(clerk, "contacts"):
        draft = _owned(clerk, draft, "contacts", "contact_id", "contact_account")
        if accounts:
            elsewhere = parse("$a <> contact_account", a=column("account_id"))
            draft = draft.flagging("contact_of_other_account", elsewhere)
        accounts.append(column("contact_account"))
    if "opportunity_id" in draft.columns and "opportunities" in clerk.clean:
        draft = _owned(clerk, draft, "opportunities", "opportunity_id", "opportunity_account")
        accounts.append(column("opportunity_account"))
    if not accounts:
        return draft.changed({"account_id": parse("CAST(NULL AS TEXT)")})
    if len(accounts) == 1 and "account_id" in draft.columns:
        return draft
    value = exp.Coalesce(this=accounts[0], expressions=accounts[1:])
    return draft.changed({"account_id": value})


def _owned(clerk: Clerk, draft: Draft, table: str, key: str, helper: str) -> Draft:
    on = parse("$a = $b", a=column(key, of=table), b=column(key, of="d"))
    return draft.beside(clerk.clean[table].name, table, on, {helper: "account_id"})


def _columns(clerk: Clerk, table: str) -> tuple[str, ...]:
    return clerk.staged[table].columns if table in clerk.staged else ()


def touch_opportunities(clerk: Clerk) -> exp.Expression:
    """Return which opportunity each touch was for: ``touch_id``, ``opportunity_id`` and ``basis``.

    The opportunity on which the touch was logged counts (``logged``); else those in which its person plays a part and
    that were open then (``contact_role``); else every opportunity of the account that was open then (``open_then``).
    """
    rest = parse(_REST, touches=clerk.clean["touchpoints"].name, deals=clerk.clean["opportunities"].name)
    places = {
        "touches": clerk.clean["touchpoints"].name,
        "deals": clerk.clean["opportunities"].name,
        "rest": exp.Subquery(this=rest),
        "was_open": parse(_OPEN),
    }
    logged, by_account = parse(_LOGGED, **places), parse(_OPEN_THEN, **places)
    if "contact_roles" not in clerk.clean:
        return exp.Union(this=logged, expression=by_account, distinct=False)
    places["parts"] = clerk.clean["contact_roles"].name
    by_role = parse(_BY_ROLE, **places)
    by_account = parse(_OPEN_THEN_WITHOUT_ROLE, **places)
    first = exp.Union(this=logged, expression=by_role, distinct=False)
    return exp.Union(this=first, expression=by_account, distinct=False)
