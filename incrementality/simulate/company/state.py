"""What an account carries from one quarter into the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.population import YEAR
from incrementality.simulate.company.pushes import push

if TYPE_CHECKING:
    from incrementality.simulate.company.decisions import Decisions
    from incrementality.simulate.company.population import Luck, Population
    from incrementality.simulate.world import BoolArray, Floats, Integers

__all__ = ["State", "carry_over", "first_state"]


@dataclass(slots=True)
class State:
    """The state of all accounts; arrays of shape (accounts,), replaced quarter by quarter.

    Attributes:
        customer: Whether it is a customer.
        churned: Whether it was one and left.
        in_deal: Whether a first deal is open.
        won: Quarter of the first close, whose multiples of a year later are renewals.
        bought: Seats paid for.
        usage: Share of the seats in use.
        goodwill: What care in earlier quarters left behind, on the logit scale of renewal.
        persuasion: What the deal's touches of earlier quarters left behind, on the logit scale of winning.
        warmth: What earlier touches of a prospect left behind, on the logit scale of opening a deal.
        mood: The part of its wish to buy that comes and goes.
        unsubscribed: Whether it refused further e-mail.
    """

    customer: BoolArray
    churned: BoolArray
    in_deal: BoolArray
    won: Integers
    bought: Integers
    usage: Floats
    goodwill: Floats
    persuasion: Floats
    warmth: Floats
    mood: Floats
    unsubscribed: BoolArray


def first_state(population: Population) -> State:
    """Return the state at the start of the period."""
    n = population.segment.size
    customer = population.anniversary >= 0
    bought = np.maximum(1, np.rint(population.bought * population.seats)).astype(np.int64)
    return State(
        customer=customer,
        churned=np.zeros(n, dtype=bool),
        in_deal=np.zeros(n, dtype=bool),
        won=np.where(customer, population.anniversary - YEAR, YEAR * -100),
        bought=np.where(customer, bought, 0),
        usage=np.where(customer, _settled_usage(population), 0.0),
        goodwill=np.zeros(n),
        persuasion=np.zeros(n),
        warmth=np.zeros(n),
        mood=np.zeros(n),
        unsubscribed=np.zeros(n, dtype=bool),
    )


def _settled_usage(population: Population) -> Floats:
    """Return the share of seats that an account comes to use when nobody helps."""
    usage: Floats = np.clip(0.56 + 0.11 * population.intent, 0.05, 0.95)
    return usage


def carry_over(
    population: Population,
    state: State,
    luck: Luck,
    moments: dict[str, BoolArray],
    acts: BoolArray,
    *,
    decisions: Decisions,
    quarter: int,
) -> None:
    """Bring the state to the end of a quarter, in place."""
    won, left = decisions.won, moments["renewal_due"] & ~decisions.renewed
    still_open = moments["open_deal"] & ~decisions.decided
    state.persuasion = np.where(still_open, 0.6 * push("deal", acts, before=state.persuasion), 0.0)
    state.warmth = np.where(moments["prospect"], 0.4 * push("interest", acts, before=state.warmth), 0.0)
    state.goodwill = np.where(state.customer, 0.6 * state.goodwill + 0.3 * push("renewal", acts), 0.0)
    state.usage = _next_usage(population, state, luck, acts, decisions)
    state.in_deal = still_open
    state.won = np.where(won, quarter, state.won)
    state.bought = np.where(left, 0, state.bought + decisions.added_seats + decisions.first_seats)
    state.customer = (state.customer & ~left) | won
    state.churned = state.churned | left


def _next_usage(population: Population, state: State, luck: Luck, acts: BoolArray, decisions: Decisions) -> Floats:
    settled = _settled_usage(population)
    used = 0.7 * state.usage + 0.3 * settled + push("usage", acts) + 0.05 * luck.normal["usage"]
    diluted = used * state.bought / np.maximum(state.bought + decisions.added_seats, 1)
    return np.where(state.customer, np.clip(diluted, 0.02, 1.0), np.where(decisions.won, settled - 0.04, 0.0))
