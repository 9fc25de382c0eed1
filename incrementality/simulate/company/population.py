"""Who the company may sell to: accounts with a latent intent, and the chance that each meets in a quarter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.cells import CELLS

if TYPE_CHECKING:
    from incrementality.simulate.world import Floats, Integers

__all__ = ["REGIONS", "YEAR", "Luck", "Population", "draw_luck", "draw_population"]

REGIONS = ("north", "south", "east", "west")
YEAR = 4  # quarters

_SEGMENT_SHARES = (0.65, 0.27, 0.08)
_LOG_SEATS = np.array([2.2, 3.8, 5.4])
_SEAT_PRICE = np.array([48_000, 42_000, 36_000])  # cents a year
_CONTACTS = np.array([0.6, 2.0, 4.5])  # beyond the first
_ALREADY_THERE = 0.6
_ALREADY_CUSTOMER = 0.35


@dataclass(frozen=True, slots=True)
class Population:
    """Accounts before anything happens in the period; arrays of shape (accounts,).

    Attributes:
        segment: Index into ``SEGMENTS``.
        region: Index into ``REGIONS``.
        seats: Seats that the whole account could use.
        price: Yearly price of a seat, in cents.
        intent: Latent wish for such a product, about standard normal; it moves what starts journeys, and buying.
        fit: How well it looks as a prospect from outside; it tells little about intent.
        arrives: Quarter in which it enters the CRM; -1 for before the period.
        anniversary: For customers from before: quarter of the first renewal in the period, 0 to 3; else -1.
        bought: Share of the seats bought by customers from before.
        contacts: People whom the CRM knows.
        renewal_day: Day within the quarter on which contracts end.
    """

    segment: Integers
    region: Integers
    seats: Integers
    price: Integers
    intent: Floats
    fit: Floats
    arrives: Integers
    anniversary: Integers
    bought: Floats
    contacts: Integers
    renewal_day: Integers


@dataclass(frozen=True, slots=True)
class Luck:
    """The chance that accounts meet in one quarter, whatever the company does.

    Attributes:
        normal: Standard normal draws by name; each of shape (accounts,).
        uniform: Uniform draws by name; each of shape (accounts,).
        reach: Uniform draws: whom each cell gets to; shape (cells, accounts).
    """

    normal: dict[str, Floats]
    uniform: dict[str, Floats]
    reach: Floats


_NORMAL = ("urge", "usage", "size", "growth", "care")
_UNIFORM = (
    "site_visit",
    "download",
    "webinar",
    "good_fit",
    "partner_knows",
    "review_due",
    "month_of_promotion",
    "open_case",
    "open",
    "decide",
    "win",
    "expand",
    "renew",
    "unsubscribe",
    "complain",
    "path",
    "self_serve",
    "refund",
    "refund_share",
    "open_day",
    "close_day",
    "expand_day",
)


def draw_population(accounts: int, quarters: int, rng: np.random.Generator) -> Population:
    """Return accounts; the smaller they are, the more of them there are."""
    segment = rng.choice(len(_SEGMENT_SHARES), accounts, p=_SEGMENT_SHARES)
    seats = np.maximum(3, np.rint(np.exp(_LOG_SEATS[segment] + 0.6 * rng.standard_normal(accounts)))).astype(np.int64)
    intent = rng.standard_normal(accounts)
    before = rng.random(accounts) < _ALREADY_THERE
    customer = before & (rng.random(accounts) < _ALREADY_CUSTOMER + 0.06 * intent)
    return Population(
        segment=segment,
        region=rng.choice(len(REGIONS), accounts, p=(0.4, 0.3, 0.2, 0.1)),
        seats=seats,
        price=_SEAT_PRICE[segment],
        intent=intent,
        fit=0.3 * intent + rng.standard_normal(accounts),
        arrives=np.where(before, -1, rng.integers(0, quarters, accounts)),
        anniversary=np.where(customer, rng.integers(0, YEAR, accounts), -1),
        bought=rng.uniform(0.3, 0.9, accounts),
        contacts=np.minimum(1 + rng.poisson(_CONTACTS[segment]), 12),
        renewal_day=rng.integers(30, 88, accounts),
    )


def draw_luck(accounts: int, rng: np.random.Generator) -> Luck:
    """Return the chance of one quarter."""
    return Luck(
        dict(zip(_NORMAL, rng.standard_normal((len(_NORMAL), accounts)), strict=True)),
        dict(zip(_UNIFORM, rng.random((len(_UNIFORM), accounts)), strict=True)),
        rng.random((len(CELLS), accounts)),
    )
