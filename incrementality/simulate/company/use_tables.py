"""Use of the product, its telemetry, and negative signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.calendar import DAY, as_times, start_of_quarter
from incrementality.simulate.company.cells import CELLS
from incrementality.simulate.company.rows import constant, labels

if TYPE_CHECKING:
    from incrementality.simulate.company.life import Quarter
    from incrementality.simulate.company.people_tables import People
    from incrementality.simulate.company.rows import Columns, Tables
    from incrementality.simulate.world import BoolArray, Column, Floats, Integers

__all__ = ["use_tables"]

_WEEKS = 13
_MAILED = np.array([cell for cell, (function, _) in enumerate(CELLS) if function in {"marketing", "sdr"}])


def use_tables(quarter: Quarter, before: Floats, people: People, rng: np.random.Generator) -> Tables:
    """Return a quarter's usage by account and week, raw product events, and negative signals.

    Args:
        quarter: What happened.
        before: Share of the seats in use at the start of the quarter; shape (accounts,).
        people: The names of accounts and contacts.
        rng: Chance of what is captured.
    """
    customers = np.flatnonzero(quarter.moments["customer"])
    start = start_of_quarter(quarter.number)
    return {
        "usage": _usage(quarter, before, people, customers, start=start, rng=rng),
        "telemetry": _telemetry(quarter, before, people, customers, start=start, rng=rng),
        "signals": _signals(quarter, people, start, rng),
    }


def _usage(
    quarter: Quarter, before: Floats, people: People, customers: Integers, *, start: int, rng: np.random.Generator
) -> Columns:
    week = np.arange(_WEEKS)
    after = quarter.usage[customers]
    path = before[customers, None] + (after - before[customers])[:, None] * week / _WEEKS
    noise = 1 + 0.1 * rng.standard_normal(path.shape)
    sessions = np.rint(np.maximum(path * noise, 0.0) * quarter.held[customers, None] * 5)
    day = labels([str(np.datetime64(start // DAY + 7 * number, "D")) for number in week.tolist()], week)
    return {
        "account_id": np.repeat(people.accounts[customers], _WEEKS),
        "day": np.tile(day, customers.size),
        "usage": sessions.ravel(),
    }


_EVENTS = ("login", "page_view", "export", "workflow_completed", "seat_share", "seat_share", "health_score")
_SHARES = np.array([1.0, 1.0, 0.3, 0.5, 1.0, 1.0, 1.0])


def _telemetry(
    quarter: Quarter, before: Floats, people: People, customers: Integers, *, start: int, rng: np.random.Generator
) -> Columns:
    happened, second = rng.random((2, customers.size, len(_EVENTS)))
    values = np.full(happened.shape, np.nan)
    values[:, 4], values[:, 5] = before[customers], quarter.usage[customers]
    values[:, 6] = np.rint(100 * quarter.usage[customers] - 10 * quarter.moments["open_case"][customers])
    at = start + DAY + np.floor(second * 30 * DAY).astype(np.int64)
    at[:, 5] += 55 * DAY
    chosen = happened < _SHARES
    account, event = np.nonzero(chosen)
    return {
        "account_id": people.accounts[customers[account]],
        "occurred_at": as_times(at[chosen]),
        "name": labels(_EVENTS, event),
        "value": np.round(values[chosen], 4),
        "contact_id": people.contacts[people.first[customers[account]]],
    }


def _signals(quarter: Quarter, people: People, start: int, rng: np.random.Generator) -> Columns:
    parts = [
        _signal(quarter, people, start, rng, who=who, name=name)
        for name, who in (("unsubscribe", quarter.unsubscribed), ("complaint", quarter.complained))
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _signal(
    quarter: Quarter, people: People, start: int, rng: np.random.Generator, *, who: BoolArray, name: str
) -> dict[str, Column]:
    accounts = np.flatnonzero(who)
    mailed = quarter.acts[np.ix_(_MAILED, accounts)]
    cell = np.where(mailed.any(axis=0), _MAILED[mailed.argmax(axis=0)], -1)
    return {
        "occurred_at": as_times(start + 80 * DAY + np.floor(8 * DAY * rng.random(accounts.size)).astype(np.int64)),
        "signal": constant(name, accounts.size),
        "account_id": people.accounts[accounts],
        "contact_id": people.contacts[people.first[accounts]],
        "function": labels([function for function, _ in CELLS], cell),
        "journey": labels([journey for _, journey in CELLS], cell),
        "channel": constant("email", accounts.size),
    }
