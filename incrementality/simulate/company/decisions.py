"""What accounts decide in a quarter: to talk, to buy, to renew, to buy more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.cells import CELLS
from incrementality.simulate.company.moments import expit
from incrementality.simulate.company.pushes import push

if TYPE_CHECKING:
    from incrementality.simulate.company.population import Luck, Population
    from incrementality.simulate.company.state import State
    from incrementality.simulate.world import BoolArray, Floats, Integers

__all__ = ["Decisions", "decide", "opens"]

_DECIDES = np.array([0.75, 0.5, 0.35])
_SAVE_DESK = np.array([journey == "save-desk" for _, journey in CELLS])


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided; arrays of shape (accounts,).

    Attributes:
        decided: Whose first deal ended.
        won: Whose first deal was won.
        renewed: Who renewed, of those whose contract ended.
        saved: Whose renewal followed a flag and an intervention.
        first_seats: Seats bought in a first deal that was won; else 0.
        added_seats: Seats added by customers; else 0.
    """

    decided: BoolArray
    won: BoolArray
    renewed: BoolArray
    saved: BoolArray
    first_seats: Integers
    added_seats: Integers


def opens(moments: dict[str, BoolArray], state: State, luck: Luck, acts: BoolArray, wish: Floats) -> BoolArray:
    """Return which prospects open a first deal: those who wish to, and those whose interest was raised."""
    willing = -3.0 + 0.95 * wish + push("interest", acts, before=state.warmth)
    return moments["prospect"] & (luck.uniform["open"] < expit(willing))


def decide(
    population: Population,
    state: State,
    luck: Luck,
    moments: dict[str, BoolArray],
    acts: BoolArray,
    *,
    wish: Floats,
    tired: Floats,
) -> Decisions:
    """Return what everybody decides, given the cells that act.

    Args:
        population: The accounts.
        state: Their state at the start of the quarter.
        luck: Their luck.
        moments: Who met which moment.
        acts: Which cells act on whom; shape (cells, accounts).
        wish: The wish to buy, on the logit scale.
        tired: What contact pressure takes away, on the logit scale.
    """
    decided = moments["open_deal"] & (luck.uniform["decide"] < _DECIDES[population.segment])
    pushed = push("deal", acts, before=state.persuasion)
    won = decided & (luck.uniform["win"] < expit(-1.2 + 0.7 * wish + pushed))
    renewed = _renews(state, luck, moments, acts, wish - tired)
    left = moments["renewal_due"] & ~renewed
    grows = moments["customer"] & ~left & _wants_more(state, luck, acts, wish - tired)
    return Decisions(
        decided=decided,
        won=won,
        renewed=renewed,
        saved=renewed & moments["at_risk"] & acts[_SAVE_DESK].any(axis=0),
        first_seats=np.where(won, _first_seats(population, luck, pushed), 0),
        added_seats=np.where(grows, _added_seats(state, luck), 0),
    )


def _renews(state: State, luck: Luck, moments: dict[str, BoolArray], acts: BoolArray, wish: Floats) -> BoolArray:
    need = 1.0 + 4.0 * (state.usage - 0.55) + 0.3 * wish - 0.6 * moments["open_case"]
    willing = need + state.goodwill + push("renewal", acts)
    return moments["renewal_due"] & (luck.uniform["renew"] < expit(willing))


def _wants_more(state: State, luck: Luck, acts: BoolArray, wish: Floats) -> BoolArray:
    willing = -2.7 + 0.8 * wish + 3.5 * (state.usage - 0.6) + push("expansion", acts)
    return luck.uniform["expand"] < expit(willing)


def _first_seats(population: Population, luck: Luck, pushed: Floats) -> Integers:
    share = np.clip(np.exp(-0.9 + 0.35 * luck.normal["size"] + 0.05 * pushed), 0.05, 1.0)
    seats: Integers = np.maximum(1, np.rint(share * population.seats)).astype(np.int64)
    return seats


def _added_seats(state: State, luck: Luck) -> Integers:
    seats: Integers = np.maximum(1, np.rint(0.35 * state.bought * np.exp(0.5 * luck.normal["growth"]))).astype(np.int64)
    return seats
