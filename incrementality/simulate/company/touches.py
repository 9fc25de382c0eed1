"""Touches: what the acting cells leave behind, what customers do by themselves, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.calendar import DAY, HOUR, start_of_quarter
from incrementality.simulate.company.cells import STEPS
from incrementality.simulate.company.playbook import JOURNEYS
from incrementality.simulate.company.sources import SOURCES, TRIGGERS, expansion_sources
from incrementality.simulate.company.steps import TouchKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incrementality.simulate.company.calendar import Days
    from incrementality.simulate.company.deals import OnDeals
    from incrementality.simulate.company.life import Quarter
    from incrementality.simulate.company.population import Population
    from incrementality.simulate.world import Floats, Integers

__all__ = ["KINDS_OF_TOUCH", "Kind", "Touches", "join", "touches_of"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of touch, and who leaves it behind.

    Attributes:
        touch: The kind.
        function: Who acts.
        journey: The journey; None for what no journey started.
        stage: Where in the lifecycle.
        topic: What it is about.
        cell: Index into ``CELLS``; -1 for what no cell does.
        offer: The word in marketing's campaign names.
    """

    touch: TouchKind
    function: str
    journey: str | None
    stage: str
    topic: str
    cell: int
    offer: str = "none"


@dataclass(frozen=True, slots=True)
class Touches:
    """Touches, one entry each.

    Attributes:
        account: Index of the account within its block.
        at: When, in seconds since 1970 (UTC).
        kind: Index into ``KINDS_OF_TOUCH``.
        well: Whether it ended well.
        contact: Which contact of the account, 0, 1, ...
        deal: Index of the deal that it was logged on; -1 for none.
    """

    account: Integers
    at: Integers
    kind: Integers
    well: Integers
    contact: Integers
    deal: Integers


_VISITED = ("visited", "visited")
_VISIT = Kind(
    TouchKind("site_visit", "organic_search", 1.6, _VISITED, 1.0, "inbound", "web_analytics"),
    "marketing",
    None,
    "awareness",
    "integration",
    -1,
)
_REQUEST = Kind(
    TouchKind("inbound_request", "email", 1.0, ("replied", "replied"), 1.0, "inbound", "crm"),
    "customer",
    None,
    "expansion",
    "expansion",
    -1,
)
_HANDLED = Kind(
    TouchKind("check_in", "meeting", 1.0, ("held", "scheduled"), 0.9, "inbound", "crm"),
    "cs",
    None,
    "expansion",
    "expansion",
    -1,
)
_SELF_SERVED = Kind(
    TouchKind("power_use", "in_app", 1.0, ("app_event", "app_event"), 1.0, "automatic", "product"),
    "product",
    None,
    "expansion",
    "expansion",
    -1,
)

KINDS_OF_TOUCH: tuple[Kind, ...] = (
    *(
        Kind(touch, step.function, journey.name, journey.stage, journey.topic, cell, journey.offer)
        for cell, (journey, step) in enumerate(STEPS)
        for touch in step.touches
    ),
    _VISIT,
    _REQUEST,
    _HANDLED,
    _SELF_SERVED,
)

_OFFICE_OPENS, _OFFICE_HOURS = 8 * HOUR, 8 * HOUR
_ROUND_THE_CLOCK = frozenset({"product", "ads", "web_analytics"})


def touches_of(
    population: Population, quarter: Quarter, days: Days, on_deals: OnDeals, rng: np.random.Generator
) -> Iterator[Touches]:
    """Yield the touches of a quarter, one kind after the other."""
    places = {journey.name: place for place, journey in enumerate(JOURNEYS)}
    for number, kind in enumerate(KINDS_OF_TOUCH):
        if kind.journey is None:
            continue
        journey, step = STEPS[kind.cell]
        who = _repeated(np.flatnonzero(quarter.acts[kind.cell]), kind.touch.mean, rng)
        start, end = (each[places[journey.name]][who] for each in (days.start, days.end))
        low, high = step.phase
        share = low + (high - low) * rng.random(who.size)
        day = start + np.floor(share * (end - start)).astype(np.int64)
        deal = {"deal": on_deals.first, "renewal": on_deals.renewal}.get(journey.goal)
        yield _written(population, quarter, number, who, day, rng=rng, deal=deal)
    yield from _unprompted(population, quarter, days, rng)


def _unprompted(population: Population, quarter: Quarter, days: Days, rng: np.random.Generator) -> Iterator[Touches]:
    sources = expansion_sources(quarter, population)
    expands = quarter.decisions.added_seats > 0
    asked = expands & np.isin(sources.source, [SOURCES.index("customer"), SOURCES.index("customer_executive")])
    served = expands & (sources.trigger == TRIGGERS.index("self_serve_upgrade"))
    visitors = _repeated(np.flatnonzero(quarter.moments["site_visit"]), _VISIT.touch.mean, rng)
    visited = 1 + np.floor((days.end[0][visitors] - 1) * rng.random(visitors.size)).astype(np.int64)
    yield _written(population, quarter, KINDS_OF_TOUCH.index(_VISIT), visitors, visited, rng=rng)
    for kind, who, before in ((_REQUEST, asked, 3), (_HANDLED, asked, 1), (_SELF_SERVED, served, 1)):
        accounts = np.flatnonzero(who)
        day = days.expanded[accounts] - before
        yield _written(population, quarter, KINDS_OF_TOUCH.index(kind), accounts, day, rng=rng)


def _repeated(who: Integers, mean: float, rng: np.random.Generator) -> Integers:
    """Return accounts as often as each leaves a touch: a whole number with this mean."""
    return np.repeat(who, np.floor(mean + rng.random(who.size)).astype(np.int64))


def _written(
    population: Population,
    quarter: Quarter,
    kind: int,
    who: Integers,
    day: Integers,
    *,
    rng: np.random.Generator,
    deal: Integers | None = None,
) -> Touches:
    touch = KINDS_OF_TOUCH[kind].touch
    hour, well, contact = rng.random((3, who.size))
    return Touches(
        account=who,
        at=start_of_quarter(quarter.number) + day * DAY + _second(hour, touch.system),
        kind=np.full(who.size, kind),
        well=(well < touch.well).astype(np.int64),
        contact=np.floor(contact * population.contacts[who]).astype(np.int64),
        deal=np.full(who.size, -1) if deal is None else deal[who],
    )


def _second(hour: Floats, system: str) -> Integers:
    if system in _ROUND_THE_CLOCK:
        return np.floor(hour * DAY).astype(np.int64)
    return _OFFICE_OPENS + np.floor(hour * _OFFICE_HOURS).astype(np.int64)


def join(parts: list[Touches]) -> Touches:
    """Return the touches of several quarters and kinds in the order of their time."""
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("account", "at", "kind", "well", "contact", "deal")
    }
    order = np.argsort(joined["at"], kind="stable")
    return Touches(**{name: column[order] for name, column in joined.items()})
