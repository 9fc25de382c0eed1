"""How accounts live through a quarter: moments, cells that act, decisions, money.

A quarter is a deterministic function of the accounts, their luck, and the cells that do not act.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.decisions import decide, opens
from incrementality.simulate.company.moments import moments_of, reached, start
from incrementality.simulate.company.pushes import irritation_of
from incrementality.simulate.company.state import carry_over, first_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from incrementality.simulate.company.decisions import Decisions
    from incrementality.simulate.company.population import Luck, Population
    from incrementality.simulate.company.state import State
    from incrementality.simulate.world import BoolArray, Floats, Integers

__all__ = ["KINDS", "Quarter", "Silence", "live"]

KINDS = ("new", "expansion", "renewal")

_REFUNDED = 0.02


@dataclass(frozen=True, slots=True)
class Silence:
    """Which cells do not act.

    Attributes:
        off: Switched off for everybody; shape (quarters, cells).
        withheld: For each holdout, the cells that it withholds, shape (quarters, cells), and from whom, shape
            (accounts,).
    """

    off: BoolArray
    withheld: tuple[tuple[BoolArray, BoolArray], ...] = ()

    def apply(self, acts: BoolArray, quarter: int) -> None:
        """Take the cells that do not act in a quarter out of those that would, in place; shape (cells, accounts)."""
        acts[self.off[quarter]] = False
        for cells, accounts in self.withheld:
            acts[np.ix_(cells[quarter], accounts)] = False


@dataclass(frozen=True, slots=True)
class Quarter:
    """What happened to the accounts in one quarter; money in cents.

    Attributes:
        number: Its number, 0, 1, ...
        luck: The luck that they met.
        moments: Who met which moment; each of shape (accounts,).
        acts: Which cells acted on whom; shape (cells, accounts).
        opened: Whose first deal was opened; shape (accounts,).
        decisions: What they decided.
        amounts: Gross amounts; shape (kinds, accounts), in the order of ``KINDS``.
        refunds: What was given back of them; same shape.
        held: Seats paid for at the start; shape (accounts,).
        bought: Seats paid for at the end; shape (accounts,).
        usage: Share of the seats in use at the end; shape (accounts,).
        unsubscribed: Who unsubscribed; shape (accounts,).
        complained: Who complained; shape (accounts,).
    """

    number: int
    luck: Luck
    moments: dict[str, BoolArray]
    acts: BoolArray
    opened: BoolArray
    decisions: Decisions
    amounts: Integers
    refunds: Integers
    held: Integers
    bought: Integers
    usage: Floats
    unsubscribed: BoolArray
    complained: BoolArray


def live(population: Population, luck_of: Callable[[int], Luck], silence: Silence) -> Iterator[Quarter]:
    """Yield the quarters of the period.

    Args:
        population: The accounts.
        luck_of: The luck of a quarter by its number.
        silence: The cells that do not act.
    """
    state = first_state(population)
    for number in range(len(silence.off)):
        yield _quarter(population, state, luck_of(number), silence, number)


def _quarter(population: Population, state: State, luck: Luck, silence: Silence, number: int) -> Quarter:
    state.mood = 0.5 * state.mood + 0.7 * luck.normal["urge"]
    wish = 0.6 * population.intent + state.mood
    moments = moments_of(population, state, luck, wish, number)
    acts = reached(luck, state.unsubscribed, population.segment)
    silence.apply(acts, number)
    start(acts, moments)
    irritation = irritation_of(acts)
    tired = 0.25 * np.maximum(0.0, irritation - 0.5)
    opened = opens(moments, state, luck, acts, wish - tired)
    moments["open_deal"] = state.in_deal | opened
    start(acts, {"open_deal": moments["open_deal"]})
    decisions = decide(population, state, luck, moments, acts, wish=wish, tired=tired)
    held, amounts = state.bought, _amounts(population, state, decisions)
    unsubscribed, complained = _signals(moments, state, luck, irritation)
    carry_over(population, state, luck, moments, acts, decisions=decisions, quarter=number)
    state.unsubscribed = state.unsubscribed | unsubscribed
    refunds = _refunds(amounts, luck)
    stock = (held, state.bought, state.usage)
    signals = (unsubscribed, complained)
    return Quarter(number, luck, moments, acts, opened, decisions, amounts, refunds, *stock, *signals)


def _amounts(population: Population, state: State, decisions: Decisions) -> Integers:
    renewed_seats = np.where(decisions.renewed, state.bought, 0)
    return np.stack([decisions.first_seats, decisions.added_seats, renewed_seats]) * population.price


def _refunds(amounts: Integers, luck: Luck) -> Integers:
    share = np.where(luck.uniform["refund"] < _REFUNDED, 0.1 + 0.5 * luck.uniform["refund_share"], 0.0)
    return np.rint(amounts * share).astype(np.int64)


def _signals(
    moments: dict[str, BoolArray], state: State, luck: Luck, irritation: Floats
) -> tuple[BoolArray, BoolArray]:
    known = (moments["prospect"] | moments["customer"]) & ~state.unsubscribed
    unsubscribed = known & (luck.uniform["unsubscribe"] < 0.002 + 0.02 * irritation)
    complained = known & (luck.uniform["complain"] < 0.001 + 0.01 * irritation)
    return unsubscribed, complained
