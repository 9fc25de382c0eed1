"""Lifecycle steps: as conversions of their own, and as the anchors of windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.errors import ColumnNotFound, InputError
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.warehouse import Relation, Warehouse

__all__ = ["anchored_events", "step_events"]

_SUBJECTS = ("opportunity_id", "contact_id", "account_id")
_STEPS = """
SELECT step || '/' || $subject AS event_id, account_id AS account_id, step AS kind, min(occurred_at) AS occurred_at
FROM source WHERE $wanted AND account_id IS NOT NULL GROUP BY 1, 2, 3
"""
_LEADS = """
SELECT e.event_id AS event_id, max(s.occurred_at) AS lead_at FROM events AS e
JOIN (SELECT account_id, occurred_at FROM source WHERE $wanted) AS s
  ON e.account_id = s.account_id AND s.occurred_at <= e.occurred_at
GROUP BY 1
"""
_CREATED = "SELECT opportunity_id, min(created_at) AS opportunity_at FROM source GROUP BY 1"
_ANCHORED = "SELECT e.* FROM events AS e"


def step_events(warehouse: Warehouse, stages: Relation, steps: Sequence[str], *, name: str = "step_events") -> Relation:
    """Return lifecycle steps as events, so that who touched a lead, a trial or an activation can be credited.

    Steps carry no money: open the journeys with ``unit="deals"``. What reached a step twice counts once, the first
    time. A step belongs to its opportunity, else its contact, else its account.

    Args:
        warehouse: The engine.
        stages: The clean table of stages: ``step``, ``occurred_at``, ``account_id``, and if it has them
            ``contact_id`` and ``opportunity_id``.
        steps: The steps that count as conversions: ``["mql", "activation"]``.
        name: How the events are called in the engine; a name serves once.

    Raises:
        InputError: No step is named.

    Examples:
        >>> import numpy as np
        >>> from incrementality.warehouse import connect, frame_locator
        >>> days = np.array(["2026-01-02", "2026-01-05"], dtype="datetime64[us]")
        >>> stages = {"step": np.array(["mql", "mql"], dtype=object), "occurred_at": days,
        ...     "account_id": np.array(["a", "a"], dtype=object)}
        >>> with connect() as engine:
        ...     events = step_events(engine, engine.open(frame_locator(stages)), ["mql"])
        ...     engine.query(parse("SELECT event_id, kind FROM source", source=events.name))
        [('mql/a', 'mql')]
    """
    if not steps:
        raise InputError("no lifecycle step is named", hint="name the steps that count, such as mql or activation")
    subjects = [exp.cast(column(key), "TEXT") for key in _SUBJECTS if key in stages.columns]
    subject = subjects[0] if len(subjects) == 1 else exp.Coalesce(this=subjects[0], expressions=subjects[1:])
    return warehouse.materialise(name, parse(_STEPS, source=stages.name, subject=subject, wanted=_among(steps)))


def anchored_events(
    warehouse: Warehouse,
    events: Relation,
    *,
    opportunities: Relation | None = None,
    stages: Relation | None = None,
    lead_steps: Sequence[str] = ("lead", "mql"),
    name: str = "anchored_events",
) -> Relation:
    """Return events with the anchors that other tables know: ``opportunity_at`` and ``lead_at``.

    ``opportunity_at`` is when the event's opportunity was created; ``lead_at`` when the account last became a lead
    before the event. An event without one keeps it empty; windows say what happens then.

    Args:
        warehouse: The engine.
        events: The clean revenue events.
        opportunities: The clean opportunities: ``opportunity_id``, ``created_at``.
        stages: The clean stages: ``step``, ``occurred_at``, ``account_id``.
        lead_steps: The steps that make a lead.
        name: How the events are called in the engine; a name serves once.

    Raises:
        ColumnNotFound: Opportunities are given and the events name none.

    Examples:
        >>> import numpy as np
        >>> from incrementality.warehouse import connect, frame_locator
        >>> with connect() as engine:
        ...     events = engine.open(frame_locator({
        ...         "event_id": np.array([1]), "account_id": np.array([7]), "opportunity_id": np.array([3]),
        ...         "occurred_at": np.array(["2026-02-04"], dtype="datetime64[us]")}))
        ...     opportunities = engine.open(frame_locator({
        ...         "opportunity_id": np.array([3]), "created_at": np.array(["2026-01-07"], dtype="datetime64[us]")}))
        ...     anchored = anchored_events(engine, events, opportunities=opportunities)
        ...     engine.query(parse("SELECT CAST(opportunity_at AS DATE) FROM source", source=anchored.name))
        [(datetime.date(2026, 1, 7),)]
    """
    if opportunities is not None and "opportunity_id" not in events.columns:
        raise ColumnNotFound(
            "the revenue events name no opportunity_id, so opportunities cannot anchor them",
            hint="map opportunity_id, or leave the opportunities out",
        )
    query = parse(_ANCHORED, events=events.name)
    if opportunities is not None:
        _join(query, parse(_CREATED, source=opportunities.name), on="opportunity_id", adds="opportunity_at")
    if stages is not None:
        leads = parse(_LEADS, events=events.name, source=stages.name, wanted=_among(lead_steps))
        _join(query, leads, on="event_id", adds="lead_at")
    return warehouse.materialise(name, query)


def _among(steps: Sequence[str]) -> exp.Expression:
    return exp.In(this=column("step"), expressions=[literal(step) for step in steps])


def _join(query: exp.Expression, rows: exp.Expression, *, on: str, adds: str) -> None:
    """Join rows to the events ``e`` and take one column of them."""
    side = exp.Subquery(this=rows, alias=exp.TableAlias(this=exp.to_identifier(f"by_{on}")))
    key = exp.EQ(this=column(on, of="e"), expression=column(on, of=f"by_{on}"))
    query.append("joins", exp.Join(this=side, side="LEFT", on=key))
    query.append("expressions", named(column(adds, of=f"by_{on}"), adds))
