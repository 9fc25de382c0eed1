"""Expansion credit: 40 % to who moved first, 40 % to who converted, 20 % to the touches between; one query.

Who moved first follows rules in a declared order, the first that matches: the customer bought alone or the tier
changed by itself; a product trigger fired before anyone raised it; the customer's executive came; the customer asked;
a person raised it to a customer who had shown no interest; else the source is ``unknown``, which nobody inherits.

Decisions where practice is silent (assumptions, not measurements):

* The trigger anchors the source, the window is counted back from the close; both dates are kept.
* In one instant the product moves before the customer, the customer before a person; touches of one instant follow
  their ids.
* A person's touch raises an expansion if its type says so, or if it is meaningful contact on an expansion topic.
* Where nobody converted (self-serve), the product closes, and people assist only by meaningful contact, anywhere in
  the window. Where the customer's executive came, customer success assists by meaningful contact in the window.
* The close is the recorded closer's function; else of the last touch that is signed or won; else ``unknown``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.models.expansion_rules import ExpansionRules
from incrementality.warehouse.sql import literal, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ExpansionRules", "expansion_roles"]

_DEALS = """
SELECT e.event_id AS event_id, e.occurred_at AS close_at, e.opportunity_id AS opportunity_id,
  o.created_at AS created_at, coalesce(o.creation_source, 'unknown') AS creation_source, o.closer_function AS closer,
  o.renewal_of IS NOT NULL AS at_renewal,
  coalesce(o.self_serve, FALSE) OR coalesce(o.creation_trigger, '') IN ('self_serve_upgrade', 'automatic_tier_change')
    AS automatic
FROM events AS e LEFT JOIN opportunities AS o ON e.opportunity_id = o.opportunity_id
"""
_FLAGGED = """
SELECT t.event_id AS event_id, t.touch_id AS touch_id, t.function AS function, t.occurred_at AS occurred_at,
  t.in_window AS in_window, d.close_at AS close_at, $person AS person,
  row_number() OVER (PARTITION BY t.event_id ORDER BY t.occurred_at, t.touch_id) AS seq,
  t.function = 'product' AND $trigger AS is_trigger,
  $person AND ($raising OR ($meaningful AND ($topic OR coalesce(t.opportunity_id = d.opportunity_id, FALSE))))
    AS is_raise,
  (t.function = 'customer' OR coalesce(t.direction, '') = 'inbound') AND t.function <> 'product'
    AND ($topic OR coalesce(t.opportunity_id = d.opportunity_id, FALSE)) AS is_interest,
  $person AND $meaningful AND NOT $unrelated AS is_contact,
  $converted AS is_close
FROM touches AS t JOIN deals AS d ON t.event_id = d.event_id
WHERE t.occurred_at <= d.close_at
"""
_FIRSTS = """
SELECT d.event_id AS event_id, d.close_at AS close_at, d.created_at AS created_at, d.creation_source AS creation_source,
  d.closer AS closer, d.at_renewal AS at_renewal, d.automatic AS automatic,
  min(f.seq) FILTER (WHERE f.is_trigger) AS trigger_seq,
  min(f.occurred_at) FILTER (WHERE f.is_trigger) AS trigger_at,
  min(f.seq) FILTER (WHERE f.is_interest) AS interest_seq,
  min(f.occurred_at) FILTER (WHERE f.is_interest) AS interest_at,
  min(f.seq) FILTER (WHERE f.is_raise AND NOT f.is_interest) AS raise_seq,
  min(f.occurred_at) FILTER (WHERE f.is_raise AND NOT f.is_interest) AS raise_at,
  max(f.seq) FILTER (WHERE f.is_close) AS close_seq
FROM deals AS d LEFT JOIN flagged AS f ON d.event_id = f.event_id
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_MOVED = """
SELECT f.*, least(coalesce(f.interest_at, f.close_at), coalesce(f.raise_at, f.close_at),
    CASE WHEN f.creation_source IN ('csm', 'sales', 'partner', 'customer', 'customer_executive')
      THEN coalesce(f.created_at, f.close_at) ELSE f.close_at END) AS raised_at,
  least(coalesce(f.raise_at, f.close_at),
    CASE WHEN f.creation_source IN ('csm', 'sales', 'partner') THEN coalesce(f.created_at, f.close_at)
      ELSE f.close_at END) AS person_at,
  r.function AS raiser, c.function AS converter
FROM firsts AS f
LEFT JOIN flagged AS r ON f.event_id = r.event_id AND f.raise_seq = r.seq
LEFT JOIN flagged AS c ON f.event_id = c.event_id AND f.close_seq = c.seq
"""
_RULED = """
SELECT m.*, CASE
    WHEN m.automatic THEN 'automatic'
    WHEN m.trigger_at <= m.raised_at OR m.creation_source = 'plg' THEN 'product_trigger'
    WHEN m.creation_source = 'customer_executive' THEN 'customer_executive'
    WHEN m.creation_source = 'customer' OR m.interest_at <= m.person_at THEN 'inbound'
    WHEN m.at_renewal AND m.raiser IS NOT NULL THEN 'raised'
    WHEN m.creation_source IN ('csm', 'sales', 'partner') THEN 'raised'
    ELSE 'unknown' END AS source_rule
FROM moved AS m
"""
_SOURCED = """
SELECT r.event_id AS event_id, r.close_at AS close_at, r.source_rule AS source_rule, r.close_seq AS close_seq,
  CASE r.source_rule WHEN 'automatic' THEN 'product' WHEN 'product_trigger' THEN 'product'
    WHEN 'customer_executive' THEN 'customer' WHEN 'inbound' THEN $inbound WHEN 'unknown' THEN 'unknown'
    ELSE CASE WHEN r.at_renewal AND r.raiser IS NOT NULL THEN r.raiser
      WHEN r.creation_source = 'csm' THEN 'cs' WHEN r.creation_source = 'partner' THEN 'partner'
      WHEN r.raiser IN ('sdr', 'ae', 'presales') THEN r.raiser ELSE $sales END END AS source_function,
  CASE WHEN r.source_rule IN ('automatic', 'product_trigger') THEN r.trigger_seq
    WHEN r.source_rule IN ('customer_executive', 'inbound') THEN r.interest_seq
    WHEN r.source_rule = 'raised' THEN r.raise_seq END AS source_seq,
  CASE WHEN r.source_rule = 'automatic' THEN coalesce(r.trigger_at, r.close_at)
    WHEN r.source_rule = 'product_trigger' THEN coalesce(r.trigger_at, r.created_at)
    WHEN r.source_rule IN ('customer_executive', 'inbound') THEN coalesce(r.interest_at, r.created_at)
    WHEN r.source_rule = 'raised' THEN coalesce(r.raise_at, r.created_at) END AS source_at,
  r.automatic AND r.closer IS NULL AND r.converter IS NULL AS alone,
  CASE WHEN r.closer IS NOT NULL THEN r.closer WHEN r.converter IS NOT NULL THEN r.converter
    WHEN r.automatic THEN 'product' ELSE 'unknown' END AS close_function
FROM ruled AS r
"""
_ASSISTS = """
SELECT f.event_id AS event_id, f.touch_id AS touch_id, f.function AS function, f.occurred_at AS occurred_at,
  count(*) OVER (PARTITION BY f.event_id) AS n
FROM flagged AS f JOIN sourced AS s ON f.event_id = s.event_id
WHERE f.in_window AND f.occurred_at < s.close_at AND f.seq <> coalesce(s.source_seq, 0)
  AND f.seq <> coalesce(s.close_seq, 0)
  AND CASE WHEN s.alone THEN f.is_contact
    WHEN s.source_rule = 'customer_executive' AND f.function = 'cs' THEN f.is_contact
    WHEN s.source_seq IS NOT NULL THEN f.seq > s.source_seq
    WHEN s.source_at IS NOT NULL THEN f.occurred_at > s.source_at
    ELSE TRUE END
"""
_COUNTED = """
SELECT s.*, coalesce(a.n, 0) AS n
FROM sourced AS s LEFT JOIN (SELECT event_id, max(n) AS n FROM assists GROUP BY 1) AS a ON s.event_id = a.event_id
"""
_ROLES = """
SELECT s.event_id AS event_id, 'source' AS role, s.source_function AS function, t.touch_id AS touch_id,
  s.source_at AS occurred_at, s.source_rule AS source_rule,
  CASE WHEN s.n = 0 THEN $source + $assist / 2 ELSE $source END AS share
FROM counted AS s LEFT JOIN flagged AS t ON s.event_id = t.event_id AND s.source_seq = t.seq
UNION ALL
SELECT s.event_id, 'close', s.close_function, t.touch_id, s.close_at, s.source_rule,
  CASE WHEN s.n = 0 THEN $close + $assist / 2 ELSE $close END
FROM counted AS s LEFT JOIN flagged AS t ON s.event_id = t.event_id AND s.close_seq = t.seq
  AND t.function = s.close_function
UNION ALL
SELECT a.event_id, 'assist', a.function, a.touch_id, a.occurred_at, s.source_rule, $assist / a.n
FROM assists AS a JOIN sourced AS s ON a.event_id = s.event_id
"""


def expansion_roles(
    touches: exp.Expression, events: exp.Expression, opportunities: exp.Expression, rules: ExpansionRules
) -> exp.Expression:
    """Return the query of one row a role of each expansion: source, close, and each assist.

    The answer's columns are ``event_id``, ``role``, ``function``, ``touch_id`` (empty where the role rests on the
    opportunity's record), ``occurred_at``, ``source_rule`` and ``share``; shares of an event add up to one.

    Args:
        touches: A table with one row an event and touch of its window: ``event_id``, ``touch_id``, ``function``,
            ``type``, ``direction``, ``outcome``, ``topic``, ``opportunity_id``, ``occurred_at`` and ``in_window``,
            which is false for touches that lie only in the longer window of the source.
        events: The expansions: ``event_id``, ``occurred_at`` (the close), ``opportunity_id``.
        opportunities: Their opportunities: ``opportunity_id``, ``created_at``, ``creation_source``,
            ``creation_trigger``, ``closer_function``, ``self_serve``, ``renewal_of``.
        rules: The decisions.

    Examples:
        >>> from incrementality.warehouse.sql import render, table
        >>> query = expansion_roles(table("touches"), table("events"), table("opportunities"), ExpansionRules())
        >>> render(query, "duckdb").startswith("WITH deals AS")
        True
    """
    steps = {
        "deals": parse(_DEALS, events=events, opportunities=opportunities),
        "flagged": parse(_FLAGGED, touches=touches, **_flags(rules)),
        "firsts": parse(_FIRSTS),
        "moved": parse(_MOVED),
        "ruled": parse(_RULED),
        "sourced": parse(_SOURCED, inbound=literal(rules.inbound_source), sales=literal(rules.sales)),
        "assists": parse(_ASSISTS),
        "counted": parse(_COUNTED),
    }
    shares = {name: literal(float(value)) for name, value in (("source", rules.source), ("close", rules.close))}
    query = parse(_ROLES, assist=literal(float(rules.assist)), **shares)
    for name, step in steps.items():
        query = query.with_(name, step, copy=False)  # type: ignore[attr-defined]
    return query


def _flags(rules: ExpansionRules) -> dict[str, exp.Expression]:
    """Return what a touch is, by the rules' vocabularies; a missing word belongs to none."""
    return {
        "person": _among("function", rules.people),
        "trigger": _among("type", rules.triggers),
        "raising": _among("type", rules.raising),
        "topic": _among("topic", rules.topics),
        "meaningful": _among("outcome", rules.meaningful),
        "unrelated": _among("topic", rules.unrelated),
        "converted": _among("outcome", rules.converted),
    }


def _among(name: str, words: Iterable[str]) -> exp.Expression:
    known = exp.In(
        this=parse("coalesce($word, '')", word=exp.column(name, table="t")),
        expressions=[literal(word) for word in sorted(words)],
    )
    return exp.Paren(this=known)
