"""Who started a deal and who closed it, as an honest colleague would log it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.cells import CELLS, FUNCTIONS

if TYPE_CHECKING:
    from incrementality.simulate.company.life import Quarter
    from incrementality.simulate.company.population import Population
    from incrementality.simulate.world import BoolArray, Integers

__all__ = ["NOBODY", "SOURCES", "TRIGGERS", "Sources", "expansion_sources", "first_sources", "renewal_sources"]

SOURCES = ("csm", "sales", "plg", "customer", "customer_executive", "partner")
TRIGGERS = (
    "quarterly_review",
    "proactive_proposal",
    "renewal_negotiation",
    "separate_upsell",
    "usage_limit_approached",
    "self_serve_upgrade",
    "email",
    "in_product",
    "support_ticket",
)
NOBODY = -1

_SELF_SERVE = np.array([0.45, 0.15, 0.02])
_EXECUTIVE, _NEGOTIATED = 0.08, 0.5


@dataclass(frozen=True, slots=True)
class Sources:
    """Creation source, its trigger, and the closer's function, by account; each of shape (accounts,), -1 for none."""

    source: Integers
    trigger: Integers
    closer: Integers


def first_sources(quarter: Quarter) -> Sources:
    """Return who started each first deal: a partner, our outbound sales, or the prospect itself."""
    partner = _acts(quarter, "partner", "partner-referral")
    outbound = _acts(quarter, "sdr", "outbound-prospecting")
    source = np.select(
        [partner, outbound], [SOURCES.index("partner"), SOURCES.index("sales")], SOURCES.index("customer")
    )
    trigger = np.where(partner | outbound, -1, TRIGGERS.index("email"))
    return Sources(source, trigger, _closer(_acts(quarter, "ae", "sales-process"), "ae"))


def renewal_sources(quarter: Quarter) -> Sources:
    """Return who raised each renewal first: CS, sales, or the customer."""
    cs, ae = _acts(quarter, "cs", "renewal-outreach"), _acts(quarter, "ae", "renewal-outreach")
    told = [("csm", "proactive_proposal"), ("sales", "renewal_negotiation")]
    source, trigger = _told([cs, ae], told, ("customer", "email"))
    closer = np.select([cs, ae], [FUNCTIONS.index("cs"), FUNCTIONS.index("ae")], NOBODY)
    return Sources(source, trigger, closer)


def expansion_sources(quarter: Quarter, population: Population) -> Sources:
    """Return who moved first in each expansion: product, a person of ours, or the customer."""
    luck, full = quarter.luck.uniform, quarter.moments["seats_nearly_used"]
    self_serve = full & (luck["self_serve"] < _SELF_SERVE[population.segment])
    nudged = full & _acts(quarter, "product", "seat-limit-nudge")
    negotiated = _acts(quarter, "ae", "renewal-outreach") & (luck["path"] < _NEGOTIATED)
    reviewed = _acts(quarter, "cs", "quarterly-review")
    sold = _acts(quarter, "ae", "promotion-blast") & (luck["path"] < _NEGOTIATED)
    executive = luck["path"] < _EXECUTIVE
    ways = [self_serve, nudged, negotiated, reviewed, sold, executive, quarter.moments["open_case"], full]
    told = [
        ("plg", "self_serve_upgrade"),
        ("plg", "usage_limit_approached"),
        ("sales", "renewal_negotiation"),
        ("csm", "quarterly_review"),
        ("sales", "separate_upsell"),
        ("customer_executive", "email"),
        ("customer", "support_ticket"),
        ("customer", "in_product"),
    ]
    source, trigger = _told(ways, told, ("customer", "email"))
    called = _acts(quarter, "cs", "seat-limit-nudge")
    by_cs = np.where(self_serve | (nudged & ~called), NOBODY, FUNCTIONS.index("cs"))
    sales = (source == SOURCES.index("sales")) | (source == SOURCES.index("customer_executive"))
    return Sources(source, trigger, np.where(sales, FUNCTIONS.index("ae"), by_cs))


def _told(ways: list[BoolArray], told: list[tuple[str, str]], otherwise: tuple[str, str]) -> tuple[Integers, Integers]:
    source = np.select(ways, [SOURCES.index(source) for source, _ in told], SOURCES.index(otherwise[0]))
    trigger = np.select(ways, [TRIGGERS.index(trigger) for _, trigger in told], TRIGGERS.index(otherwise[1]))
    return source, trigger


def _acts(quarter: Quarter, function: str, journey: str) -> BoolArray:
    acts: BoolArray = quarter.acts[CELLS.index((function, journey))]
    return acts


def _closer(acts: BoolArray, function: str) -> Integers:
    return np.where(acts, FUNCTIONS.index(function), NOBODY)
