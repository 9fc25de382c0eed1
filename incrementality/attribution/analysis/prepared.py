"""From a company's clean tables to journeys: who each touch was for, what usage weighs, where windows are anchored."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.journeys import Journeys, open_journeys
from incrementality.attribution.lifecycle import anchored_events
from incrementality.attribution.precedence import settle_channels
from incrementality.attribution.usage import SavedAmounts, limit_saved, weigh_by_usage
from incrementality.warehouse.sql import column, named, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.attribution.specification import AttributionSpec
    from incrementality.capture import Company
    from incrementality.warehouse import Relation

__all__ = ["Prepared", "prepare"]

_NUMBERS = count(1)
_BY_ROLE = """
SELECT t.* FROM touches AS t LEFT JOIN (
  SELECT touch_id, min(opportunity_id) AS by_role FROM links WHERE basis = 'contact_role'
  GROUP BY 1 HAVING count(DISTINCT opportunity_id) = 1
) AS r ON t.touch_id = r.touch_id
"""
_SEGMENTED = "SELECT e.*, a.segment AS segment FROM events AS e LEFT JOIN accounts AS a ON e.account_id = a.account_id"
_NO_OPPORTUNITIES = """
SELECT opportunity_id AS opportunity_id, account_id AS account_id, kind AS kind, occurred_at AS created_at,
  occurred_at AS closed_at, kind AS outcome, amount AS amount, $nothing AS creation_source,
  $nothing AS creation_trigger, $nothing AS closer_function, FALSE AS self_serve, $nothing AS renewal_of,
  $nothing AS reason, $nothing AS competitor, $nothing AS objection
FROM events AS e WHERE FALSE
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A company's journeys, ready for models.

    Attributes:
        company: The company.
        spec: The measurement specification.
        journeys: The journeys, stored once.
        opportunities: The clean opportunities; without rows where the company has no such table.
        kinds: The kinds of events that there are.
        saved: Saves at most worth what was at risk; ``None`` where nothing says what was.
        gave_way: How many touches of each channel gave way to one that claims the visit before it.
    """

    company: Company
    spec: AttributionSpec
    journeys: Journeys
    opportunities: Relation
    kinds: tuple[str, ...]
    saved: SavedAmounts | None
    gave_way: Mapping[str, int]


def prepare(company: Company, spec: AttributionSpec) -> Prepared:
    """Return a company's journeys by a specification.

    A touch counts for the deal that it was logged on, else for the one deal in which its person played a part and that
    was open then, else for every event of its account. Events know their account's segment, the creation of their
    opportunity and the account's last lead. Touches know how much the account used the product then. A save is worth at
    most what was at risk.
    """
    prefix = f"analysis_{next(_NUMBERS)}"
    events, saved = _events(company, prefix)
    opportunities = company.tables.get("opportunities") or _no_opportunities(company, events, prefix)
    touches, gave_way = _touches(company, spec, prefix)
    journeys = open_journeys(company.warehouse, touches, events, spec.windows, unit=spec.unit).keep(
        f"{prefix}_journeys"
    )
    found = company.warehouse.query(parse("SELECT DISTINCT kind FROM events ORDER BY 1", events=events.name))
    return Prepared(company, spec, journeys, opportunities, tuple(kind for (kind,) in found), saved, gave_way)


def _events(company: Company, prefix: str) -> tuple[Relation, SavedAmounts | None]:
    warehouse, events, saved = company.warehouse, company.tables["revenue_events"], None
    if "at_risk" in events.columns:
        saved = limit_saved(warehouse, events, name=f"{prefix}_limited")
        events = saved.events
    if "accounts" in company.tables:
        query = parse(_SEGMENTED, events=events.name, accounts=company.tables["accounts"].name)
        events = warehouse.materialise(f"{prefix}_segmented", query)
    opportunities = company.tables.get("opportunities") if "opportunity_id" in events.columns else None
    stages = company.tables.get("stages")
    anchored = anchored_events(warehouse, events, opportunities=opportunities, stages=stages, name=f"{prefix}_events")
    return anchored, saved


def _touches(company: Company, spec: AttributionSpec, prefix: str) -> tuple[Relation, Mapping[str, int]]:
    touches: Relation = company.tables["touchpoints"]
    gave_way: Mapping[str, int] = {}
    order, minutes = spec.visit
    if order:
        settled = settle_channels(company.warehouse, touches, order, within_minutes=minutes, name=f"{prefix}_settled")
        touches, gave_way = settled.touches, settled.set_aside
    links = company.tables.get("touch_opportunities")
    if links is not None and "contact_roles" in company.tables:
        query = parse(_BY_ROLE, touches=touches.name, links=links.name)
        own = parse("coalesce(t.opportunity_id, r.by_role)")
        shown = [named(own if name == "opportunity_id" else column(name, of="t"), name) for name in touches.columns]
        query.set("expressions", shown)
        touches = company.warehouse.materialise(f"{prefix}_linked", query)
    usage = company.tables.get("usage")
    if usage is not None:
        touches = weigh_by_usage(company.warehouse, touches, usage, name=f"{prefix}_weighed")
    return touches, gave_way


def _no_opportunities(company: Company, events: Relation, prefix: str) -> Relation:
    """Return opportunities without rows: then nobody knows who started an expansion."""
    query = parse(_NO_OPPORTUNITIES, events=events.name, nothing=exp.cast(exp.null(), "TEXT"))
    if "opportunity_id" not in events.columns:
        query.expressions[0].set("this", exp.cast(exp.null(), "TEXT"))
    return company.warehouse.materialise(f"{prefix}_no_opportunities", query)
