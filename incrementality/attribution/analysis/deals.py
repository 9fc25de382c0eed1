"""Deals one by one: who started and closed expansions, how open deals compare with won ones, and one deal's tree."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.analysis.cube import QUARTER
from incrementality.attribution.answers.deal_tree import DealTree, FunctionBranch, TouchGroup
from incrementality.attribution.answers.engagement import DealHistory
from incrementality.attribution.answers.role_mix import DealRoles
from incrementality.attribution.labels import SHOWN_BESIDE, UNALLOCATED
from incrementality.attribution.models.roles import expansion_model
from incrementality.attribution.specification import LEADING
from incrementality.cohorts.sql_engine import micros_of
from incrementality.errors import InputError, did_you_mean
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.attribution.analysis.prepared import Prepared
    from incrementality.attribution.ledger import CreditLedger

__all__ = ["deal_histories", "deal_roles", "tree_of_deal"]

_DAY = 86_400_000_000
_ROLES = f"""
SELECT CAST(e.event_id AS TEXT) AS event_id, {QUARTER} AS quarter, e.amount AS amount, r.role AS role,
  r.function AS function, max(r.source_rule) AS source_rule, count(*) AS n
FROM roles AS r JOIN events AS e ON r.event_id = e.event_id GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 4, 5
"""  # noqa: S608 - constants
_DEALS = """
SELECT CAST(o.opportunity_id AS TEXT) AS deal, coalesce(o.kind, 'unknown') AS kind, $segment AS segment,
  CAST($closed - $created AS DOUBLE) / $day AS age, o.outcome AS outcome
FROM deals AS o WHERE o.created_at IS NOT NULL AND o.outcome IN ('open', 'won', 'lost') ORDER BY 1
"""
_TOUCHED = """
SELECT CAST(l.opportunity_id AS TEXT) AS deal, coalesce(t.function, 'unknown') AS function,
  CAST($touched - $created AS DOUBLE) / $day AS age
FROM links AS l JOIN touches AS t ON l.touch_id = t.touch_id JOIN deals AS o ON l.opportunity_id = o.opportunity_id
WHERE t.occurred_at >= o.created_at ORDER BY 1, 2, 3
"""
_EVENT = """
SELECT CAST(event_id AS TEXT), kind, amount, event_at, CAST(event_opportunity_id AS TEXT) FROM events AS e
WHERE CAST(event_id AS TEXT) = $id OR CAST(event_opportunity_id AS TEXT) = $id ORDER BY kind = 'saved', 1
"""
_CREDIT = """
SELECT function, string_agg(DISTINCT role, ', ' ORDER BY role), sum(unrounded) FROM source
WHERE CAST(event_id AS TEXT) = $id AND model = $model GROUP BY 1 ORDER BY 3 DESC, 1
"""
_GROUPS = """
SELECT coalesce(function, 'unknown'), coalesce(type, 'unknown'), count(*) FROM source
WHERE CAST(event_id AS TEXT) = $id GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""
_NOTES = ("reason", "competitor", "objection")


def deal_roles(prepared: Prepared) -> tuple[DealRoles, ...]:
    """Return who started, closed and helped each expansion, of all quarters."""
    found: list[DealRoles] = []
    for kind, rules in prepared.spec.expansion_kinds(prepared.kinds).items():
        roles = expansion_model(prepared.opportunities, rules, kind=kind).rows(prepared.journeys)
        events = exp.Subquery(this=prepared.journeys.event_rows())
        query = parse(_ROLES, roles=exp.Subquery(this=roles), events=events)
        by_event: defaultdict[tuple[str, str, int], list[tuple[str, str, str, int]]] = defaultdict(list)
        for event, quarter, amount, role, function, rule, n in prepared.company.warehouse.query(query):
            by_event[event, quarter, int(amount)].append((role, function or "unknown", rule, n))
        found += [_roles(*key, rows) for key, rows in by_event.items()]
    return tuple(found)


def _roles(event: str, quarter: str, amount: int, rows: Sequence[tuple[str, str, str, int]]) -> DealRoles:
    of = {role: function for role, function, _, _ in rows if role != "assist"}
    assists = {function: n for role, function, _, n in rows if role == "assist"}
    return DealRoles(event, quarter, amount, of["source"], rows[0][2], of["close"], assists)


def deal_histories(prepared: Prepared) -> tuple[DealHistory, ...]:
    """Return every deal with the days on which functions touched it, from its creation on."""
    company, warehouse = prepared.company, prepared.company.warehouse
    if not {"opportunities", "touch_opportunities"} <= set(company.tables):
        return ()
    deals = company.tables["opportunities"]
    now = parse("CAST($at AS TIMESTAMP)", at=literal(company.as_of.replace(tzinfo=None).isoformat(sep=" ")))
    created = micros_of(column("created_at", of="o"), warehouse.dialect, kind="naive")
    end = parse("CASE WHEN o.outcome = 'open' THEN $now ELSE coalesce(o.closed_at, $now) END", now=now)
    segment: exp.Expression = literal("")
    if "accounts" in company.tables:
        segment = parse(
            "coalesce((SELECT max(a.segment) FROM accounts AS a WHERE a.account_id = o.account_id), '')",
            accounts=company.tables["accounts"].name,
        )
    day = literal(float(_DAY))
    closed = micros_of(end, warehouse.dialect, kind="naive")
    rows = warehouse.query(parse(_DEALS, deals=deals.name, segment=segment, closed=closed, created=created, day=day))
    places = {
        "links": company.tables["touch_opportunities"].name,
        "touches": company.tables["touchpoints"].name,
        "deals": deals.name,
        "touched": micros_of(column("occurred_at", of="t"), warehouse.dialect, kind="naive"),
        "created": created,
        "day": day,
    }
    touched: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for deal, function, age in warehouse.query(parse(_TOUCHED, **places)):
        touched[deal][function].append(float(age))
    return tuple(
        DealHistory(
            deal, kind, segment, float(age), outcome, {name: tuple(days) for name, days in touched[deal].items()}
        )
        for deal, kind, segment, age, outcome in rows
        if age >= 0
    )


def tree_of_deal(
    prepared: Prepared, ledger: CreditLedger, deal: str, *, scale: float, currency: str, model: str = LEADING
) -> DealTree:
    """Return the tree of one deal: its amount split by function, with the touches behind it.

    Args:
        prepared: The journeys.
        ledger: The ledger.
        deal: The id of the revenue event, or of its opportunity.
        scale: How many units of the ledger are one unit of the tree: 100 for cents.
        currency: The currency, or ``deals``.
        model: The model.

    Raises:
        InputError: There is no such deal.
    """
    warehouse = prepared.company.warehouse
    events = exp.Subquery(this=prepared.journeys.event_rows())
    found = warehouse.query(parse(_EVENT, events=events, id=literal(deal)))
    if not found:
        raise _no_deal(prepared, deal)
    event, kind, amount, _, opportunity = found[0]
    places = {"id": literal(event), "model": literal(model)}
    groups: defaultdict[str, list[TouchGroup]] = defaultdict(list)
    assert prepared.journeys.kept is not None  # noqa: S101 - prepared journeys are stored
    for function, name, n in warehouse.query(parse(_GROUPS, source=prepared.journeys.kept, id=literal(event))):
        groups[function].append(TouchGroup(name, int(n)))
    shares = {
        function: ("" if roles == "none" else roles, float(credit) / amount if amount else 0.0)
        for function, roles, credit in warehouse.query(parse(_CREDIT, source=ledger.rows.name, **places))
    }
    names = [*(name for name in shares if name != UNALLOCATED), *(name for name in groups if name not in shares)]
    branches = tuple(
        FunctionBranch(
            name,
            shares.get(name, ("", 0.0))[1],
            sum(group.touches for group in groups[name]),
            tuple(groups[name]),
            shares.get(name, ("", 0.0))[0],
        )
        for name in names
    )
    notes = (("kind", f"{kind}{', shown beside its renewal' if kind in SHOWN_BESIDE else ''}"),)
    return DealTree(event, amount / scale, currency, branches, None, model, (*notes, *_notes(prepared, opportunity)))


def _no_deal(prepared: Prepared, deal: str) -> InputError:
    rows = prepared.company.warehouse.query(
        parse(
            "SELECT CAST(event_id AS TEXT) FROM events AS e ORDER BY 1 LIMIT 2000", events=prepared.journeys.events.name
        )
    )
    known = [str(event) for (event,) in rows]
    return InputError(
        f"there is no revenue event or opportunity {deal!r}.{did_you_mean(deal, known)}",
        hint=f"name one that is there, such as {', '.join(known[:3]) or 'none'}",
    )


def _notes(prepared: Prepared, opportunity: str | None) -> tuple[tuple[str, str], ...]:
    """Return what people wrote about the deal: shown, never part of the credit."""
    columns = prepared.opportunities.columns
    names = [name for name in _NOTES if name in columns]
    if opportunity is None or not names:
        return ()
    query = parse(
        "SELECT 1 FROM source WHERE CAST(opportunity_id AS TEXT) = $id",
        source=prepared.opportunities.name,
        id=literal(opportunity),
    )
    query.set("expressions", [column(name) for name in names])
    rows = prepared.company.warehouse.query(query)
    return tuple((name, str(said)) for row in rows[:1] for name, said in zip(names, row, strict=True) if said)
