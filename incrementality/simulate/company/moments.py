"""Moments that start journeys, and whom a moment's cells get to.

Moments are drawn from latent intent and from use of the product: they select accounts that would have bought anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.cells import STEPS

if TYPE_CHECKING:
    from incrementality.simulate.company.population import Luck, Population
    from incrementality.simulate.company.state import State
    from incrementality.simulate.world import BoolArray, Floats, Integers

__all__ = ["CUSTOMER_MOMENTS", "PROSPECT_MOMENTS", "expit", "moments_of", "reached", "start"]

PROSPECT_MOMENTS = ("site_visit", "download", "webinar", "good_fit", "partner_knows")
CUSTOMER_MOMENTS = (
    "just_won",
    "low_usage",
    "seats_nearly_used",
    "review_due",
    "month_of_promotion",
    "renewal_due",
    "open_case",
    "at_risk",
)

_LOW_USAGE, _FULL = 0.45, 0.78
_PROMOTED = 0.5
_REVIEW_SHARE = np.array([0.1, 0.5, 0.9])
_REACH = np.array([step.reach for _, step in STEPS])
_BY_MAIL = np.array([step.function == "marketing" and journey.name != "ad-retargeting" for journey, step in STEPS])


def expit(logit: Floats) -> Floats:
    """Return the probability behind a logit."""
    return 1 / (1 + np.exp(-logit))


def moments_of(population: Population, state: State, luck: Luck, urge: Floats, quarter: int) -> dict[str, BoolArray]:
    """Return which accounts meet which moment in a quarter, before anybody acts; each of shape (accounts,)."""
    prospect = (population.arrives <= quarter) & ~(state.customer | state.churned | state.in_deal)
    return _prospects(population, luck, urge, prospect) | _customers(population, state, luck, quarter)


def _prospects(population: Population, luck: Luck, urge: Floats, prospect: BoolArray) -> dict[str, BoolArray]:
    chance = luck.uniform
    return {
        "site_visit": prospect & (chance["site_visit"] < expit(-1.2 + 1.3 * urge)),
        "download": prospect & (chance["download"] < expit(-2.2 + 1.1 * urge)),
        "webinar": prospect & (chance["webinar"] < expit(-2.7 + 1.0 * urge)),
        "good_fit": prospect & (chance["good_fit"] < expit(-1.6 + 0.8 * population.fit)),
        "partner_knows": prospect & (chance["partner_knows"] < 0.025 + 0.03 * (population.region == 1)),
        "prospect": prospect,
    }


def _customers(population: Population, state: State, luck: Luck, quarter: int) -> dict[str, BoolArray]:
    chance, customer = luck.uniform, state.customer
    due = customer & (quarter > state.won) & ((quarter - state.won) % 4 == 0)
    case = customer & (chance["open_case"] < 0.1 + 0.25 * (1 - state.usage))
    return {
        "just_won": customer & (state.won == quarter - 1),
        "low_usage": customer & (state.usage < _LOW_USAGE),
        "seats_nearly_used": customer & (state.usage > _FULL),
        "review_due": customer & (chance["review_due"] < _REVIEW_SHARE[population.segment]),
        "month_of_promotion": customer & (chance["month_of_promotion"] < _PROMOTED),
        "renewal_due": due,
        "open_case": case,
        "at_risk": due & (_risk(state, case, luck) > 0),
        "customer": customer,
    }


def _risk(state: State, case: BoolArray, luck: Luck) -> Floats:
    risk: Floats = -0.9 - 4 * (state.usage - 0.55) - state.goodwill + 0.8 * case + 0.5 * luck.normal["care"]
    return risk


def reached(luck: Luck, unsubscribed: BoolArray, segment: Integers) -> BoolArray:
    """Return whom each cell would get to; shape (cells, accounts). Who unsubscribed gets no more e-mail."""
    found: BoolArray = luck.reach < _REACH[:, segment]
    found[_BY_MAIL] &= ~unsubscribed
    return found


def start(acts: BoolArray, moments: dict[str, BoolArray]) -> None:
    """Keep, in place, only those accounts of each cell whose journey a moment has started."""
    for cell, (journey, _) in enumerate(STEPS):
        if journey.moment in moments:
            acts[cell] &= moments[journey.moment]
