"""Accounts, contacts and identities as the CRM holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.calendar import DAY, HOUR, as_times, start_of_quarter
from incrementality.simulate.company.deals import WON
from incrementality.simulate.company.population import REGIONS
from incrementality.simulate.company.rows import constant, ids, labels
from incrementality.simulate.company.sources import SOURCES
from incrementality.simulate.company.steps import SEGMENTS

if TYPE_CHECKING:
    from incrementality.simulate.company.blocks import Block
    from incrementality.simulate.company.deals import Deals
    from incrementality.simulate.company.rows import Columns, Tables
    from incrementality.simulate.world import Column, Integers

__all__ = ["People", "people_of", "people_tables"]

ROLES = ("champion", "executive", "user", "buyer")

_SOURCE_CHANNELS = ("direct", "sales_outreach", "direct", "organic_search", "organic_search", "partner")
_MOST_CONTACTS = 12
_LINKED, _GUESSED = 0.4, 0.05


@dataclass(frozen=True, slots=True)
class People:
    """The names of a block's accounts and contacts.

    Attributes:
        accounts: Account ids; shape (accounts,).
        created: When each account entered the CRM, in seconds since 1970; shape (accounts,).
        first: Index of each account's first contact; shape (accounts,).
        contacts: Contact ids; shape (contacts,).
        account: Index of each contact's account; shape (contacts,).
    """

    accounts: Column
    created: Integers
    first: Integers
    contacts: Column
    account: Integers


def people_of(block: Block) -> People:
    """Return the names of a block's accounts and contacts."""
    population = block.population
    accounts = ids("a", block.first + np.arange(block.size), digits=6)
    account = np.repeat(np.arange(block.size), population.contacts)
    first = np.concatenate([[0], np.cumsum(population.contacts)[:-1]])
    place = np.arange(account.size) - first[account]
    contacts = accounts[account] + "_" + labels(tuple(map(str, range(1, _MOST_CONTACTS + 1))), place)
    spread = (np.arange(block.size) * 7_919) % (5 * 365)
    arrives = np.array([start_of_quarter(quarter) for quarter in range(int(population.arrives.max()) + 1)] or [0])
    before = start_of_quarter(0) - (30 + spread) * DAY
    created = np.where(population.arrives < 0, before, arrives[population.arrives]) + HOUR
    return People(accounts, created, first, contacts, account)


def people_tables(block: Block, people: People, deals: Deals, rng: np.random.Generator) -> Tables:
    """Return accounts, contacts and identities."""
    return {
        "accounts": _accounts(block, people, deals),
        "contacts": _contacts(block, people, rng),
        "identities": _identities(people, rng),
    }


def _accounts(block: Block, people: People, deals: Deals) -> Columns:
    population, n = block.population, block.size
    since = np.where(population.anniversary >= 0, people.created + 20 * DAY, -1)
    channel = np.where(population.anniversary >= 0, 0, -1)
    won = (deals.kind == 0) & (deals.outcome == WON)
    since[deals.account[won]] = deals.closed[won]
    channel[deals.account[won]] = deals.source[won]
    return {
        "account_id": people.accounts,
        "segment": labels(SEGMENTS, population.segment),
        "region": labels(REGIONS, population.region),
        "created_at": as_times(people.created),
        "customer_since": as_times(since),
        "acquisition_channel": labels(_SOURCE_CHANNELS[: len(SOURCES)], channel),
        "seats": population.seats,
        "test": np.zeros(n, dtype=bool),
    }


def _contacts(block: Block, people: People, rng: np.random.Generator) -> Columns:
    n = people.account.size
    place = np.arange(n) - people.first[people.account]
    number = (block.first + people.account) * _MOST_CONTACTS + place
    return {
        "contact_id": people.contacts,
        "account_id": people.accounts[people.account],
        "email": people.contacts + "@customer.example",
        "phone": ids("+4930", number, digits=9),
        "customer_number": "k_" + people.accounts[people.account],
        "app_id": "u_" + people.contacts,
        "role": labels(ROLES, rng.integers(0, len(ROLES), n)),
        "created_at": as_times(people.created[people.account] + 60),
    }


def _identities(people: People, rng: np.random.Generator) -> Columns:
    chance = rng.random(people.account.size)
    chosen = np.flatnonzero(chance < _LINKED + _GUESSED)
    guessed = chance[chosen] >= _LINKED
    n = chosen.size
    return {
        "left_kind": constant("email", n),
        "left_value": people.contacts[chosen] + "@customer.example",
        "right_kind": constant("hash", n),
        "right_value": "h_" + people.contacts[chosen],
        "score": np.where(guessed, 0.6, 1.0),
        "observed_at": as_times(people.created[people.account[chosen]] + 5 * DAY),
    }
