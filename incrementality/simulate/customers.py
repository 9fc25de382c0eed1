"""A software company's customers: who they are, how they use their seats, and what each team would do when asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from incrementality.simulate.world import Floats, Integers

__all__ = ["WEEKS", "WINDOW_DAYS", "Customers", "TeamLuck", "Teams", "decide_teams", "draw_customers", "draw_luck"]

WEEKS = 40
WINDOW_DAYS = 90

_ARM_AT = 0.80  # share of seats in use at which the trigger fires
_REARM_AT = 0.75  # usage has to have been below before
_SEAT_PRICE = 420.0
_PLANS = (0.8, 1.0, 1.6)
_TO_COLLEAGUES = 0.4  # part of the nudge that works through colleagues who got it


@dataclass(frozen=True, slots=True)
class Customers:
    """Accounts, one entry each, before anything is sent.

    Attributes:
        seats: Seats bought.
        intent: Latent wish to grow; it moves usage, and expansion whoever asks.
        shock: What the teams of an account share beside, on the logit scale.
        price: Yearly price of a seat.
        plan: Index of the plan.
        tenure_months: Months as a customer.
        usage: Share of seats in use by week; shape (accounts, WEEKS).
        fired: Week in which the trigger fires first, -1 where it never does.
    """

    seats: Integers
    intent: Floats
    shock: Floats
    price: Floats
    plan: Integers
    tenure_months: Integers
    usage: Floats
    fired: Integers


@dataclass(frozen=True, slots=True)
class Teams:
    """Contacts, one entry each: every one leads a team of an account and decides for its seats."""

    account: Integers
    seats: Floats


@dataclass(frozen=True, slots=True)
class TeamLuck:
    """Chance of each team, the same whatever the arm, so that arms differ by the nudge alone."""

    expands: Floats
    contracts: Floats
    size: Floats
    day: Floats
    complains: Floats


def draw_customers(accounts: int, *, icc: float, rng: np.random.Generator) -> tuple[Customers, Teams]:
    """Return accounts and their teams; ``icc`` is the share of the latent variance that the teams of one share."""
    seats = np.maximum(8, np.rint(rng.lognormal(4.0, 0.9, accounts))).astype(np.int64)
    intent = rng.standard_normal(accounts)
    shock = math.sqrt(icc / (1 - icc) * math.pi**2 / 3) * rng.standard_normal(accounts)
    plan = rng.choice(3, accounts, p=(0.3, 0.5, 0.2))
    usage = _usage(intent, rng)
    customers = Customers(
        seats=seats,
        intent=intent,
        shock=shock,
        price=_SEAT_PRICE * np.array(_PLANS)[plan],
        plan=plan,
        tenure_months=1 + rng.gamma(2.0, 14.0, accounts).astype(np.int64),
        usage=usage,
        fired=_fired(usage),
    )
    size = 1 + np.minimum(rng.poisson(1 + np.log(seats)), 14)
    account = np.repeat(np.arange(accounts), size)
    weight = rng.gamma(3.0, 1.0, account.size)
    share = weight / np.bincount(account, weight)[account]
    return customers, Teams(account=account, seats=seats[account] * share)


def _usage(intent: Floats, rng: np.random.Generator) -> Floats:
    start = 0.62 + 0.08 * rng.standard_normal(intent.size)
    drift = 0.004 + 0.003 * intent
    noise = 0.03 * rng.standard_normal((intent.size, WEEKS))
    path: Floats = np.clip(start[:, None] + drift[:, None] * np.arange(WEEKS) + noise, 0.02, 1.0)
    return path


def _fired(usage: Floats) -> Integers:
    """First week at or above the limit after a week below the lower one: hysteresis, so that noise fires once."""
    was_below = np.maximum.accumulate(usage < _REARM_AT, axis=1)
    fires = (usage >= _ARM_AT) & was_below
    return np.where(fires.any(axis=1), fires.argmax(axis=1), -1)


def draw_luck(teams: Teams, rng: np.random.Generator) -> TeamLuck:
    """Return one draw of chance for each team."""
    n = teams.account.size
    expands, contracts, day, complains = rng.random((4, n))
    return TeamLuck(expands, contracts, rng.standard_normal(n), day, complains)


def decide_teams(
    customers: Customers, teams: Teams, luck: TeamLuck, nudged: Floats, *, strength: float, discount: float
) -> dict[str, Floats]:
    """Return what each team does within the window when some of the contacts are nudged.

    Args:
        customers: The accounts.
        teams: Their teams.
        luck: Chance.
        nudged: 1 for contacts who get the nudge, 0 for the others; shape (contacts,).
        strength: Strength of the nudge; 0 changes nothing.
        discount: Share of a year's price that a nudged team gets off what it adds.

    Returns:
        Columns of shape (contacts,): ``expansion_arr`` (list price of seats added), ``contraction_arr``,
        ``discount_given``, ``day`` of expansion (infinite for none), ``complaints``.
    """
    colleagues = _share_of_colleagues(teams, nudged)
    push = strength * nudged * ((1 - _TO_COLLEAGUES) + _TO_COLLEAGUES * colleagues)
    push += strength * (1 - nudged) * _TO_COLLEAGUES * colleagues
    willing = -2.5 + 0.5 * customers.intent[teams.account] + customers.shock[teams.account]
    expands = luck.expands < _expit(willing + 0.5 * push)
    added = teams.seats * np.exp(-1.6 + 0.5 * luck.size) * customers.price[teams.account]
    contracts = luck.contracts < _expit(-3.6 - 0.4 * customers.intent[teams.account] + 0.15 * push)
    lost = 0.3 * teams.seats * customers.price[teams.account]
    complains = luck.complains < _expit(-4.2 + 0.8 * push)
    return {
        "expansion_arr": np.where(expands, added, 0.0),
        "contraction_arr": np.where(contracts & ~expands, lost, 0.0),
        "discount_given": np.where(expands, discount * nudged * added, 0.0),
        "day": np.where(expands, np.ceil(WINDOW_DAYS * luck.day ** np.exp(0.5 * push)), math.inf),
        "complaints": complains.astype(float),
    }


def _share_of_colleagues(teams: Teams, nudged: Floats) -> Floats:
    """Share of the other contacts of the account who are nudged; of a lone contact, its own."""
    size, total = np.bincount(teams.account)[teams.account], np.bincount(teams.account, nudged)[teams.account]
    share: Floats = np.where(size > 1, (total - nudged) / np.maximum(size - 1, 1), nudged)
    return share


def _expit(logit: Floats) -> Floats:
    return 1 / (1 + np.exp(-logit))
