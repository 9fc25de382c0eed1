"""The rules of touches: which account each belongs to, and which opportunity it was for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.accounts import with_account
from incrementality.capture.identified import identify_touches
from incrementality.capture.identity import resolve_identities
from incrementality.capture.milestones import milestones
from incrementality.capture.reading import Reading
from incrementality.tables import COMPANY_TABLES
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from incrementality.capture.clerk import Clerk
    from incrementality.capture.drafts import Draft
    from incrementality.capture.identified import TouchIdentities
    from incrementality.capture.identity import Identities
    from incrementality.capture.milestone_counts import Milestones
    from incrementality.warehouse import Relation

__all__ = ["People", "take_in_milestones", "take_in_touches", "touch_opportunities"]

_TOUCH_COLUMNS = frozenset(one.name for one in COMPANY_TABLES["touchpoints"].columns)
_IDENTIFIERS = ("email", "phone", "customer_number", "app_id")
_IDENTITY_PROBLEMS = ("identity_conflict", "identity_ambiguous", "identity_unknown")
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


@dataclass(frozen=True, slots=True)
class People:
    """Who is who, and whose the touches are; ``None`` where no table of contacts holds identifiers."""

    identities: Identities | None = None
    touches: TouchIdentities | None = None


def take_in_milestones(clerk: Clerk) -> Milestones | None:
    """Take in telemetry and turn it into touches at milestones; ``None`` without telemetry."""
    draft = clerk.drafted("telemetry")
    if draft is None:
        return None
    clerk.take_in(with_account(clerk, draft))
    return milestones(clerk.warehouse, clerk.clean["telemetry"], clerk.manner.taxonomy.milestones)


def take_in_touches(clerk: Clerk, reached: Milestones | None = None, *, guesses: bool = False) -> People:
    """Take in the touches.

    The account is the one that the row names, else that of the person, else that of the opportunity. A touch
    without any of them, or of an account that the table of accounts does not list, is refused as an orphan. One that is
    dated before its account entered the CRM is flagged: an anonymous visit may be, a call hardly.

    Args:
        clerk: Whoever takes the tables in.
        reached: Touches that telemetry reached.
        guesses: Whether links between identifiers that are not certain are used.
    """
    draft = clerk.drafted("touchpoints", *(() if reached is None else (_made_of(reached.touches),)))
    if draft is None:
        return People()
    people = _people(clerk, draft, guesses=guesses)
    draft = with_account(clerk, _resolved(clerk, draft, people), orphan=True)
    if "logged_at" in draft.columns:
        early = parse("$l < $t", l=column("logged_at"), t=column("occurred_at"))
        draft = draft.flagging("logged_before_it_happened", early)
    if "account_created" in draft.helpers:
        draft = draft.flagging("before_first_contact", parse("$t < account_created", t=column("occurred_at")))
    clerk.take_in(draft)
    return people


def _made_of(touches: Relation) -> Reading:
    query = parse("SELECT 1 FROM touches", touches=touches.name)
    names = tuple(name for name in touches.columns if name in _TOUCH_COLUMNS)
    query.set("expressions", [*map(column, names), named(parse("CAST(NULL AS TEXT)"), "problem")])
    return Reading(query, names, (), plain=True)


def _people(clerk: Clerk, draft: Draft, *, guesses: bool) -> People:
    """Who is who, where the contacts hold identifiers or links between them are there."""
    held = set(_IDENTIFIERS) & set(_columns(clerk, "contacts"))
    if "contacts" not in clerk.clean or not (held or "identities" in clerk.clean):
        return People()
    found = resolve_identities(clerk.warehouse, clerk.clean["contacts"], clerk.clean.get("identities"), guesses=guesses)
    if "contact_id" not in draft.columns:
        return People(found)
    query = exp.Select().from_(
        exp.Subquery(this=draft.rows.copy(), alias=exp.TableAlias(this=exp.to_identifier("n"))), copy=False
    )
    query.set("expressions", [column("contact_id")])
    naming = clerk.warehouse.view(f"{clerk.prefix}_touches_naming_people", query)
    return People(found, identify_touches(clerk.warehouse, naming, found))


def _resolved(clerk: Clerk, draft: Draft, people: People) -> Draft:
    """The touches with the account of their person or opportunity where they name none."""
    accounts = [column("account_id")] if "account_id" in draft.columns else []
    if "contact_id" in draft.columns and (people.touches or "account_id" in _columns(clerk, "contacts")):
        draft = _of_people(clerk, draft, people)
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


def _of_people(clerk: Clerk, draft: Draft, people: People) -> Draft:
    """The touches with the account of their person beside them, and what is in doubt about it."""
    if people.touches is None:
        return _owned(clerk, draft, "contacts", "contact_id", "contact_account")
    on = parse("$a = $b", a=column("contact_id", of="who"), b=column("contact_id", of="d"))
    added = {"contact_account": "account_id", "contact_problem": "problem", "contact_guessed": "guessed"}
    draft = draft.beside(people.touches.relation.name, "who", on, added)
    lost = parse("contact_problem = 'identity_conflict' AND contact_account IS NULL")
    if "account_id" in draft.columns:
        lost = parse("$lost AND $a IS NULL", lost=lost, a=column("account_id"))
    draft = draft.refusing("identity_conflict", lost)
    for problem in _IDENTITY_PROBLEMS:
        draft = draft.flagging(problem, parse("contact_problem = $p", p=literal(problem)))
    return draft.flagging("identity_guessed", parse("contact_guessed"))


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
