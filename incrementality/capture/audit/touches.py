"""What the audit reads off touches: outcomes, opens and clicks, what one system alone sees, guessed people."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from incrementality.capture.audit.counting import Fault, read_faults
from incrementality.capture.audit.quarters import quarter_of
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from incrementality.capture.audit.counting import Readings
    from incrementality.capture.company import Company

__all__ = ["guess_readings", "touch_readings"]

_NUMBERS = count(1)
_VIEWS = "t.type = 'paid_impression' OR coalesce(t.outcome IN ('delivered', 'sent', 'opened', 'read', 'viewed'), FALSE)"
_PAID = "t.channel IN ('paid_search', 'paid_social', 'content_syndication', 'affiliate')"
_CLICKS = """
SELECT c.at AS at, c.clicks > 0 AND c.views = 0 AS unseen
FROM (
  SELECT t.occurred_at AS at, t.outcome = 'clicked' AS clicked,
    sum(CASE WHEN t.outcome = 'clicked' THEN 1 ELSE 0 END) OVER (PARTITION BY $quarter, t.channel) AS clicks,
    sum(CASE WHEN $view THEN 1 ELSE 0 END) OVER (PARTITION BY $quarter, t.channel) AS views
  FROM touches AS t WHERE $paid
) AS c WHERE c.clicked
"""
_SEEN = """
SELECT t.account_id, min(t.occurred_at) AS at, count(DISTINCT coalesce(t.source_system, '')) AS systems
FROM touches AS t GROUP BY t.account_id, $quarter
"""
_GUESSED = """
SELECT e.occurred_at AS at, e.amount AS amount, e.event_id IN (
  SELECT r.event_id FROM events AS r
  JOIN touches AS t ON t.account_id = r.account_id AND t.occurred_at <= r.occurred_at
    AND t.occurred_at >= r.occurred_at - INTERVAL '180' DAY
  JOIN people AS p ON p.contact_id = t.contact_id AND p.guessed
) AS resting FROM events AS e
"""


def touch_readings(company: Company) -> dict[str, Readings]:
    """Return the metrics of touches, by the quarter in which they happened."""
    engine, touches, number = company.warehouse, company.tables["touchpoints"], next(_NUMBERS)
    of_rows = {
        "disposition_coverage": Fault(parse("outcome IS NULL"), among=parse("coalesce(direction, '') <> 'automatic'")),
        "opens_and_clicks": Fault(parse("coalesce(outcome IN ('opened', 'clicked'), FALSE)")),
    }
    places = {"touches": touches.name, "quarter": quarter_of("occurred_at")}
    clicks = engine.view(f"audit_clicks_{number}", parse(_CLICKS, **places, view=parse(_VIEWS), paid=parse(_PAID)))
    seen = engine.view(f"audit_seen_{number}", parse(_SEEN, **places))
    return {
        **read_faults(engine, touches, of_rows, at="occurred_at"),
        **read_faults(engine, clicks, {"clicks_without_views": Fault(parse("unseen"))}, at="at"),
        **read_faults(engine, seen, {"one_system_accounts": Fault(parse("systems = 1"))}, at="at"),
    }


def guess_readings(company: Company) -> dict[str, Readings]:
    """Return how much revenue has a touch whose person was guessed, by the quarter of the event."""
    who = company.people.touches
    if who is None:
        return {}
    query = parse(
        _GUESSED,
        events=company.tables["revenue_events"].name,
        touches=company.tables["touchpoints"].name,
        people=who.relation.name,
    )
    rows = company.warehouse.view(f"audit_guessed_{next(_NUMBERS)}", query)
    return read_faults(
        company.warehouse, rows, {"resting_on_guesses": Fault(parse("resting"))}, at="at", money="amount"
    )
