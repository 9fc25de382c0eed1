"""What the audit reads off leads and stages: linkage to deals, response times, update latency, reasons of rejection."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.audit.counting import Fault, medians_by_quarter, read_faults
from incrementality.cohorts.sql_engine import micros_of
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.capture.audit.counting import Readings
    from incrementality.capture.company import Company
    from incrementality.warehouse import Relation

__all__ = ["linkage_readings", "response_readings", "stage_readings"]

_NUMBERS = count(1)
_LEADS = "step IN ('lead', 'mql', 'sal', 'sql')"
_REJECTED = "step IN ('rejected', 'disqualified', 'recycled') OR (step = 'lost' AND opportunity_id IS NULL)"
_MINUTE, _HOUR, _HORIZON = 60e6, 3600e6, "30"
_OWN = """
SELECT o.opportunity_id FROM deals AS o JOIN leads AS s ON s.opportunity_id = o.opportunity_id
WHERE s.occurred_at <= o.created_at
"""
_BY_PART = """
SELECT o.opportunity_id FROM deals AS o JOIN parts AS p ON p.opportunity_id = o.opportunity_id
JOIN leads AS s ON s.contact_id = p.contact_id WHERE s.occurred_at <= o.created_at
"""
_BY_ACCOUNT = """
SELECT o.opportunity_id FROM deals AS o JOIN leads AS s ON s.account_id = o.account_id
WHERE s.occurred_at <= o.created_at
"""
_MARKED = """
SELECT o.created_at, o.amount, NOT o.opportunity_id IN (SELECT l.opportunity_id FROM linked AS l) AS without_lead
FROM deals AS o WHERE coalesce(o.kind, 'new') = 'new'
"""
_ANSWERED = """
SELECT s.occurred_at AS at, s.account_id, min(t.occurred_at) AS answered_at
FROM leads AS s LEFT JOIN touches AS t ON t.account_id = s.account_id AND t.occurred_at >= s.occurred_at
  AND t.occurred_at < s.occurred_at + $horizon AND $answering AND coalesce(t.direction, 'outbound') = 'outbound'
WHERE s.step = 'lead' GROUP BY 1, 2
"""


def linkage_readings(company: Company) -> dict[str, Readings]:
    """Return how many new-business deals no earlier lead led to, by the quarter of creation."""
    engine, number = company.warehouse, next(_NUMBERS)
    places = {"deals": company.tables["opportunities"].name, "leads": _leads(company, number).name}
    further = parse(_BY_ACCOUNT, **places)
    if "contact_roles" in company.tables:
        further = parse(_BY_PART, **places, parts=company.tables["contact_roles"].name)
    both = exp.Union(this=parse(_OWN, **places), expression=further, distinct=True)
    linked = engine.materialise(f"audit_linked_{number}", both)
    query = parse(_MARKED, deals=places["deals"], linked=linked.name)
    marked = engine.view(f"audit_deals_{number}", query)
    return read_faults(engine, marked, {"lead_linkage": Fault(parse("without_lead"))}, at="created_at", money="amount")


def _leads(company: Company, number: int) -> Relation:
    query = parse(f"SELECT * FROM stages WHERE {_LEADS}", stages=company.tables["stages"].name)  # noqa: S608 - own words
    return company.warehouse.view(f"audit_leads_{number}", query)


def response_readings(company: Company, functions: Sequence[str], agreed_minutes: float) -> dict[str, Readings]:
    """Return how soon leads were answered, by the quarter in which they came.

    Args:
        company: The company.
        functions: Whose touches answer a lead, unless the customer came to them.
        agreed_minutes: Within how many minutes a lead is to be answered.
    """
    engine, number = company.warehouse, next(_NUMBERS)
    answering = exp.In(this=column("function", of="t"), expressions=[literal(name) for name in functions])
    query = parse(
        _ANSWERED,
        leads=company.tables["stages"].name,
        touches=company.tables["touchpoints"].name,
        answering=answering,
        horizon=exp.Interval(this=exp.Literal.string(_HORIZON), unit=exp.var("DAY")),
    )
    answered = engine.materialise(f"audit_answered_{number}", query)
    minutes = _apart("answered_at", "at", engine.dialect, _MINUTE)
    timed = parse("SELECT a.at AS at, $m AS measured FROM answered AS a", m=minutes, answered=answered.name)
    measures = engine.view(f"audit_responses_{number}", timed)
    limits = {"5_minutes": 5.0, "30_minutes": 30.0, "agreed_time": agreed_minutes}
    faults = {
        f"response_in_{name}": Fault(parse("measured IS NULL OR measured > $limit", limit=literal(limit)))
        for name, limit in limits.items()
    }
    return read_faults(engine, measures, faults, at="at") | {"response_time": medians_by_quarter(engine, measures)}


def stage_readings(company: Company) -> dict[str, Readings]:
    """Return how soon stages are written down and whether rejected leads have a reason, by the quarter of the stage."""
    engine, stages = company.warehouse, company.tables["stages"]
    hours = _apart("logged_at", "occurred_at", engine.dialect, _HOUR)
    query = parse("SELECT s.occurred_at AS at, $m AS measured FROM stages AS s", m=hours, stages=stages.name)
    measures = engine.view(f"audit_updates_{next(_NUMBERS)}", query)
    late = {"stage_updates_late": Fault(parse("measured > 24"), among=parse("measured IS NOT NULL"))}
    rejected = {"reject_reasons": Fault(parse("reason IS NULL"), among=parse(_REJECTED))}
    return {
        **read_faults(engine, measures, late, at="at"),
        "stage_update_latency": medians_by_quarter(engine, measures),
        **read_faults(engine, stages, rejected, at="occurred_at"),
    }


def _apart(later: str, earlier: str, dialect: str, unit: float) -> exp.Expression:
    """Return how far apart two times are."""
    ends = [micros_of(column(name), dialect, kind="naive") for name in (later, earlier)]
    return parse("($a - $b) / $unit", a=ends[0], b=ends[1], unit=literal(unit))
