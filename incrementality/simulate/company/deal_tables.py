"""Deals and money as the CRM and billing hold them: opportunities, their people and stages, revenue, invoices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.calendar import DAY, HOUR, as_times
from incrementality.simulate.company.cells import FUNCTIONS
from incrementality.simulate.company.deals import LOST, OPEN, OUTCOMES, WON
from incrementality.simulate.company.life import KINDS
from incrementality.simulate.company.rows import appended, constant, empty_where, ids, labels
from incrementality.simulate.company.sources import SOURCES, TRIGGERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.simulate.company.deals import Deals
    from incrementality.simulate.company.people_tables import People
    from incrementality.simulate.company.rows import Columns, Tables
    from incrementality.simulate.world import BoolArray, Column, Integers

__all__ = ["CURRENCY", "actors", "deal_ids", "deal_tables"]

CURRENCY = "EUR"

_COLLEAGUES = 9  # per function
_ACTORS = tuple(f"{function}_{number:02d}" for function in FUNCTIONS for number in range(1, _COLLEAGUES + 1))
_REASONS = ("price", "no budget", "chose a competitor", "no decision", "missing feature")
_COMPETITORS = ("Acme", "Globex", None, "Initech", None)
_OBJECTIONS = ("too expensive", None, "security review", None, "integration effort")


def deal_ids(deals: Deals, already: int) -> Column:
    """Return the ids of a block's deals, when some were written before."""
    return ids("o", already + np.arange(deals.account.size))


def actors(function: Integers, account: Integers) -> Column:
    """Return who of a function looks after each account: ``ae_03``; missing where there is no function.

    Args:
        function: Indices into ``FUNCTIONS``; -1 for none.
        account: Indices of accounts.
    """
    return labels(_ACTORS, np.where(function < 0, -1, function * _COLLEAGUES + account % _COLLEAGUES))


def deal_tables(deals: Deals, people: People, names: Column, already: Mapping[str, int]) -> Tables:
    """Return a block's opportunities, contact roles, stages, revenue events, invoices and refunds.

    Args:
        deals: The deals.
        people: The accounts' names.
        names: The deals' ids.
        already: Rows of each table that were written before.
    """
    won = np.flatnonzero(deals.outcome == WON)
    numbers = already["revenue_events"] + np.arange(won.size)
    return {
        "opportunities": _opportunities(deals, people, names),
        "contact_roles": _roles(deals, people, names),
        "stages": _stages(deals, people, names),
        "revenue_events": _with_saved(_events(deals, people, names, won, numbers), deals.saved[won] == 1),
        "invoices": _invoices(deals, people, won, numbers),
        "refunds": _refunds(deals, won, numbers),
    }


def _opportunities(deals: Deals, people: People, names: Column) -> Columns:
    n = deals.account.size
    source = labels(SOURCES, deals.source)
    lost = deals.outcome == LOST
    why = np.where(lost, (deals.account * 7 + deals.kind) % len(_REASONS), -1)
    return {
        "opportunity_id": names,
        "account_id": people.accounts[deals.account],
        "kind": labels(KINDS, deals.kind),
        "created_at": as_times(deals.created),
        "closed_at": as_times(deals.closed),
        "outcome": labels(OUTCOMES, deals.outcome),
        "amount": deals.amount,
        "currency": constant(CURRENCY, n),
        "creation_source": source,
        "creation_trigger": labels(TRIGGERS, deals.trigger),
        "source_logged_at": as_times(deals.created + 2 * HOUR),
        "source_at_close": empty_where(deals.outcome == OPEN, source),
        "edited_at": as_times(np.where(deals.closed < 0, deals.created + 3 * HOUR, deals.closed)),
        "closer": actors(deals.closer, deals.account),
        "closer_function": labels(FUNCTIONS, deals.closer),
        "self_serve": (deals.outcome == WON) & (deals.closer < 0),
        "renewal_of": labels(tuple(names.tolist()), deals.renewal),
        "reason": labels(_REASONS, why),
        "competitor": labels(_COMPETITORS, why),
        "objection": labels(_OBJECTIONS, why),
    }


def _roles(deals: Deals, people: People, names: Column) -> Columns:
    last = np.append(people.first[1:], people.account.size) - 1
    champion, decider = people.first[deals.account], last[deals.account]
    second = np.flatnonzero(decider > champion)
    return {
        "contact_id": people.contacts[np.concatenate([champion, decider[second]])],
        "opportunity_id": np.concatenate([names, names[second]]),
        "role": np.concatenate([constant("champion", names.size), constant("decision_maker", second.size)]),
    }


def _stages(deals: Deals, people: People, names: Column) -> Columns:
    first = np.flatnonzero(deals.kind == 0)
    ended = first[deals.closed[first] >= 0]
    created = deals.created[first]
    steps = [("lead", first, created - 9 * DAY), ("mql", first, created - 6 * DAY), ("sql", first, created - 2 * DAY)]
    steps.append(("opportunity", first, created))
    steps.append(("proposal", ended, (deals.created[ended] + deals.closed[ended]) // 2))
    for outcome in (WON, LOST):
        of_outcome = ended[deals.outcome[ended] == outcome]
        steps.append((OUTCOMES[outcome], of_outcome, deals.closed[of_outcome]))
    rows = np.concatenate([each for _, each, _ in steps])
    at = np.concatenate([when for _, _, when in steps])
    order = np.argsort(at, kind="stable")
    reached = np.concatenate([constant(name, each.size) for name, each, _ in steps])
    account = deals.account[rows]
    return {
        "step": reached[order],
        "occurred_at": as_times(at[order]),
        "account_id": people.accounts[account][order],
        "contact_id": people.contacts[people.first[account]][order],
        "opportunity_id": empty_where(at < deals.created[rows], names[rows])[order],
        "logged_at": as_times(at[order] + HOUR),
        "reason": constant(None, rows.size),
    }


def _events(deals: Deals, people: People, names: Column, won: Integers, numbers: Integers) -> Columns:
    closed, flagged = deals.closed[won], deals.flagged[won]
    renewal = deals.kind[won] == KINDS.index("renewal")
    return {
        "event_id": ids("e", numbers),
        "account_id": people.accounts[deals.account[won]],
        "kind": labels(KINDS, deals.kind[won]),
        "occurred_at": as_times(closed),
        "amount": deals.amount[won],
        "currency": constant(CURRENCY, won.size),
        "basis": constant("invoiced", won.size),
        "opportunity_id": names[won],
        "invoice_id": ids("i", numbers),
        "renewal_at": as_times(np.where(renewal, closed + 5 * HOUR, -1)),
        "flagged_at": as_times(flagged),
        "loss_at": as_times(np.where(flagged < 0, -1, closed + 5 * HOUR)),
        "at_risk": np.ma.masked_array(deals.amount[won], mask=flagged < 0),
    }


def _with_saved(events: Columns, saved: BoolArray) -> Columns:
    """Add a row of its own for each renewal that was saved: a label beside the renewal, which has the money."""
    n = int(saved.sum())
    more = {name: column[saved] for name, column in events.items()} | {
        "event_id": "s" + events["event_id"][saved],
        "kind": constant("saved", n),
        "invoice_id": constant(None, n),
    }
    return appended(events, more)


def _invoices(deals: Deals, people: People, won: Integers, numbers: Integers) -> Columns:
    return {
        "line_id": ids("l", numbers),
        "account_id": people.accounts[deals.account[won]],
        "amount": deals.amount[won],
        "issued_at": as_times(deals.closed[won] + DAY),
        "invoice_id": ids("i", numbers),
        "event_id": ids("e", numbers),
        "kind": labels(KINDS, deals.kind[won]),
        "currency": constant(CURRENCY, won.size),
    }


def _refunds(deals: Deals, won: Integers, numbers: Integers) -> Columns:
    given = deals.refund[won] > 0
    return {
        "refund_id": ids("r", numbers[given]),
        "amount": deals.refund[won][given],
        "refunded_at": as_times(deals.closed[won][given] + 21 * DAY),
        "line_id": ids("l", numbers[given]),
        "event_id": ids("e", numbers[given]),
        "currency": constant(CURRENCY, int(given.sum())),
    }
