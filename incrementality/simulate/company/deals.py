"""Deals: first ones that stay open for quarters, renewals, expansions; who started them and who closed them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.calendar import DAY, HOUR, start_of_quarter
from incrementality.simulate.company.life import KINDS
from incrementality.simulate.company.sources import NOBODY, expansion_sources, first_sources, renewal_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.simulate.company.calendar import Days
    from incrementality.simulate.company.life import Quarter
    from incrementality.simulate.company.population import Population
    from incrementality.simulate.company.sources import Sources
    from incrementality.simulate.world import BoolArray, Integers

__all__ = ["LOST", "OPEN", "OUTCOMES", "WON", "Deals", "OnDeals", "collect_deals"]

OUTCOMES = ("won", "lost", "open")
WON, LOST, OPEN = range(3)


@dataclass(frozen=True, slots=True)
class Deals:
    """Deals, one entry each; times in seconds since 1970, -1 where there is none; money in cents.

    Attributes:
        account: Index of the account within its block.
        kind: Index into ``KINDS``.
        created: When it was opened.
        closed: When it ended.
        outcome: Index into ``OUTCOMES``.
        amount: What it is worth, gross; an estimate unless it was won.
        refund: What was given back of it.
        source: Index into ``SOURCES``: who started it.
        trigger: Index into ``TRIGGERS``; -1 for none.
        closer: Index into ``FUNCTIONS``; -1 where nobody converted it.
        renewal: Index of the deal of the renewal with which it was won; -1 for none.
        flagged: When the account was seen at risk before a renewal.
        saved: 1 for a renewal that followed a flag and an intervention; -1 where there is none.
    """

    account: Integers
    kind: Integers
    created: Integers
    closed: Integers
    outcome: Integers
    amount: Integers
    refund: Integers
    source: Integers
    trigger: Integers
    closer: Integers
    renewal: Integers
    flagged: Integers
    saved: Integers


@dataclass(frozen=True, slots=True)
class OnDeals:
    """Which deal of an account a quarter's touches belong to; -1 for none; each of shape (accounts,)."""

    first: Integers
    renewal: Integers


class _Book:
    """Deals as they are written down, quarter by quarter."""

    def __init__(self, population: Population) -> None:
        self.population = population
        self.rows = 0
        self.parts: list[dict[str, Integers]] = []
        self.open = np.full(population.segment.size, -1)

    def write(self, who: BoolArray, kind: str, sources: Sources | None, **columns: Integers | int) -> Integers:
        """Add a deal for some accounts and return where each account's deal stands, -1 for the others."""
        account = np.flatnonzero(who)
        part = {field.name: np.full(account.size, -1) for field in fields(Deals)}
        part |= {"account": account, "kind": np.full(account.size, KINDS.index(kind)), "refund": 0 * account}
        if sources is not None:
            part |= {name: getattr(sources, name)[account] for name in ("source", "trigger", "closer")}
        part |= {name: _of(column, account) for name, column in columns.items()}
        rows = np.full(who.size, -1)
        rows[account] = self.rows + np.arange(account.size)
        self.rows += account.size
        self.parts.append(part)
        return rows

    def deals(self) -> Deals:
        """Return all deals."""
        names = [field.name for field in fields(Deals)]
        return Deals(**{name: np.concatenate([part[name] for part in self.parts]) for name in names})


def _of(column: Integers | int, account: Integers) -> Integers:
    return np.full(account.size, column) if isinstance(column, int) else column[account]


def collect_deals(
    population: Population, quarters: Sequence[Quarter], days: Sequence[Days]
) -> tuple[Deals, tuple[OnDeals, ...]]:
    """Return the deals of a block, and for each quarter which of them its touches belong to."""
    book, closes, on_deals = _Book(population), [], []
    for quarter, day in zip(quarters, days, strict=True):
        _open_first_deals(book, quarter, day)
        first = np.where(quarter.moments["open_deal"], book.open, -1)
        closes.append(_closes(book, quarter, day))
        renewal = _write_renewals(book, quarter, day)
        _write_expansions(book, quarter, day, renewal)
        on_deals.append(OnDeals(first, renewal))
    deals = book.deals()
    for rows, found in closes:
        for name, values in found.items():
            getattr(deals, name)[rows] = values
    return deals, tuple(on_deals)


def _open_first_deals(book: _Book, quarter: Quarter, day: Days) -> None:
    population = book.population
    estimate = np.maximum(1, np.rint(0.4 * population.seats)).astype(np.int64) * population.price
    created = _at(quarter, day.opened, 9)
    rows = book.write(
        quarter.opened, "new", first_sources(quarter), created=created, outcome=OPEN, amount=estimate, closer=NOBODY
    )
    book.open = np.where(quarter.opened, rows, book.open)


def _closes(book: _Book, quarter: Quarter, day: Days) -> tuple[Integers, dict[str, Integers]]:
    decisions = quarter.decisions
    ended = np.flatnonzero(decisions.decided)
    rows, won = book.open[ended], decisions.won[ended]
    found = {
        "closed": _at(quarter, day.closed, 17)[ended],
        "outcome": np.where(won, WON, LOST),
        "closer": np.where(won, first_sources(quarter).closer[ended], NOBODY),
    }
    estimate = np.maximum(1, np.rint(0.4 * book.population.seats)).astype(np.int64) * book.population.price
    found["amount"] = np.where(won, quarter.amounts[0][ended], estimate[ended])
    found["refund"] = np.where(won, quarter.refunds[0][ended], 0)
    book.open[ended] = -1
    return rows, found


def _write_renewals(book: _Book, quarter: Quarter, day: Days) -> Integers:
    due, at_risk = quarter.moments["renewal_due"], quarter.moments["at_risk"]
    renewed = quarter.decisions.renewed
    ending = np.where(renewed, quarter.amounts[2], quarter.held * book.population.price)
    sources = renewal_sources(quarter)
    return book.write(
        due,
        "renewal",
        sources,
        closer=np.where(renewed, sources.closer, NOBODY),
        created=_at(quarter, 0 * day.renewed, 8),
        closed=_at(quarter, day.renewed, 17),
        outcome=np.where(renewed, WON, LOST),
        amount=ending,
        refund=quarter.refunds[2],
        saved=quarter.decisions.saved.astype(np.int64),
        flagged=np.where(at_risk, _at(quarter, 0 * day.renewed, 12), -1),
    )


def _write_expansions(book: _Book, quarter: Quarter, day: Days, renewal: Integers) -> None:
    lead = 4 + np.floor(16 * quarter.luck.uniform["path"]).astype(np.int64)
    book.write(
        quarter.decisions.added_seats > 0,
        "expansion",
        expansion_sources(quarter, book.population),
        created=_at(quarter, day.expanded - lead, 10),
        closed=_at(quarter, day.expanded, 18),
        outcome=WON,
        amount=quarter.amounts[1],
        refund=quarter.refunds[1],
        renewal=np.where(quarter.decisions.renewed, renewal, -1),
    )


def _at(quarter: Quarter, day: Integers, hour: int) -> Integers:
    """Seconds since 1970 of an hour of a day; minutes differ by account, so that ties stay rare."""
    minutes = np.arange(day.size) % 59
    return start_of_quarter(quarter.number) + day * DAY + hour * HOUR + 60 * minutes
