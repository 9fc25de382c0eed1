"""Journeys: for each revenue event the touches inside its window, in one declared order.

A journey is a query, not a table: it is computed with whatever asks for it, unless it is kept because several ask.
Touches of one event are ordered by ``(occurred_at, touch_id)``, so no answer depends on the order of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from incrementality.attribution.journey_columns import (
    EVENT_COLUMNS,
    check_events,
    check_touches,
    event_query,
    touch_columns,
)
from incrementality.attribution.membership import all_of, anchor_flags, bounds, inside
from incrementality.cohorts.sql_engine import micros_of
from incrementality.warehouse.sql import column, named, parse, select_from

if TYPE_CHECKING:
    from incrementality.attribution.windows import Windows
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["JourneyCounts", "Journeys", "Unit", "open_journeys"]

Unit = Literal["money", "deals"]

_OWN_OPPORTUNITY = (
    "t.opportunity_id IS NULL OR e.event_opportunity_id IS NULL OR t.opportunity_id = e.event_opportunity_id"
)
_ORDERED = """
SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY touch_at, touch_id) AS position,
  count(*) OVER (PARTITION BY event_id) AS k
"""
_COUNTED = """
SELECT count(*), coalesce(sum(amount), 0), coalesce(sum(other_anchor), 0), coalesce(sum(no_anchor), 0) FROM rows AS r
"""


@dataclass(frozen=True, slots=True)
class JourneyCounts:
    """How many events and touches met.

    Attributes:
        events: Revenue events.
        amount: What they are worth, in minor units or micro-deals.
        untouched: Events without a touch in their window; they stay, as unallocated.
        touches: Touches that were handed in.
        rows: Pairs of an event and a touch in its window; a touch may serve several events.
        other_anchor: Events whose anchor is not known and that were counted back from another one.
        no_anchor: Events without any anchor: no touch counts for them.
    """

    events: int
    amount: int
    untouched: int
    touches: int
    rows: int
    other_anchor: int
    no_anchor: int


@dataclass(frozen=True, slots=True)
class Journeys:
    """The journeys of an analysis, as queries on an engine; made by :func:`open_journeys`.

    Attributes:
        warehouse: The engine.
        touches: The clean touches.
        events: The clean revenue events.
        windows: Which touches count.
        unit: ``money``: amounts in minor units; ``deals``: each event counts one, in micro-deals.
        own_opportunity: Whether a touch that was logged on an opportunity counts only for events of that
            opportunity, and for events that name none.
        kept: The rows, where they were stored once.
    """

    warehouse: Warehouse
    touches: Relation
    events: Relation
    windows: Windows
    unit: Unit = "money"
    own_opportunity: bool = True
    kept: exp.Table | None = None

    def event_rows(self) -> exp.Expression:
        """Return the query of all events, with ``EVENT_COLUMNS``; those without a touch as well."""
        return event_query(self.events, unit=self.unit)

    def rows(self) -> exp.Expression:
        """Return the query of one row an event and touch in its window, with ``JOURNEY_COLUMNS``.

        ``age_days`` is the time from the touch to the event in days, ``position`` runs from 1 to ``k``.
        """
        return parse("SELECT * FROM kept", kept=self.kept) if self.kept is not None else _ordered(self, self.windows)

    def source_rows(self) -> exp.Expression:
        """Return the query of the touches that may have started an event: ``rows`` with the source's windows.

        Its further column ``in_window`` says whether the touch is in the event's own window as well.
        """
        if not self.windows.source:
            return parse("SELECT *, TRUE AS in_window FROM rows AS r", rows=exp.Subquery(this=self.rows()))
        wide = replace(self, kept=None)
        return _ordered(wide, self.windows.for_source, also=self.windows)

    def keep(self, name: str) -> Journeys:
        """Return the same journeys with their rows stored under a temporary name, which serves once.

        Worth it where several queries read them; one query alone is quicker without.
        """
        return replace(self, kept=self.warehouse.materialise(name, self.rows()).name)

    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of the events, sorted."""
        query = parse("SELECT DISTINCT kind FROM rows AS r", rows=exp.Subquery(this=self.event_rows()))
        return tuple(sorted(str(kind) for (kind,) in self.warehouse.query(query)))

    def counts(self) -> JourneyCounts:
        """Count events and touches, and how many met."""
        met = parse("SELECT count(*), count(DISTINCT event_id) FROM rows AS r", rows=exp.Subquery(this=self.rows()))
        rows, touched = self.warehouse.row(met)
        flagged = parse("SELECT e.amount FROM rows AS e", rows=exp.Subquery(this=self.event_rows()))
        flagged.set("expressions", [*flagged.expressions, *anchor_flags(self.windows)])
        events, amount, other, none = self.warehouse.row(parse(_COUNTED, rows=exp.Subquery(this=flagged)))
        (touches,) = self.warehouse.row(parse("SELECT count(*) FROM source", source=self.touches.name))
        return JourneyCounts(events, int(amount), events - touched, touches, rows, int(other), int(none))


def open_journeys(
    warehouse: Warehouse,
    touches: Relation,
    events: Relation,
    windows: Windows,
    *,
    unit: Unit = "money",
    own_opportunity: bool = True,
) -> Journeys:
    """Return the journeys of clean touches and revenue events.

    Args:
        warehouse: The engine that holds both.
        touches: ``touch_id``, ``account_id``, ``occurred_at`` (UTC), and as many of ``function``, ``type``,
            ``stage``, ``channel``, ``campaign``, ``journey``, ``variant``, ``direction``, ``outcome``, ``topic``,
            ``actor``, ``opportunity_id`` and ``usage_weight`` as there are; a column that is missing is unknown.
        events: ``event_id``, ``account_id``, ``kind``, ``occurred_at`` (UTC), ``amount`` in whole minor units
            (needless where deals are counted), and as many of ``segment``, ``opportunity_id``, ``renewal_at``,
            ``flagged_at``, ``loss_at``, ``lead_at`` and ``opportunity_at`` as there are.
        windows: Which touches count for which event.
        unit: ``money``, or ``deals``: every event counts one.
        own_opportunity: Whether a touch that was logged on an opportunity counts only for that opportunity's
            events, and for events that name none.

    Raises:
        ColumnNotFound: An indispensable column is missing.
        ColumnTypeError: A column's type does not fit, such as an amount with fractions.
        InputError: Two events have one id, or an event has no id, account, kind, time or amount.

    Examples:
        >>> import numpy as np
        >>> from incrementality.attribution import WINDOW_PRESETS
        >>> from incrementality.warehouse import connect, frame_locator
        >>> with connect() as engine:
        ...     touches = engine.open(frame_locator({
        ...         "touch_id": np.array([1, 2]), "account_id": np.array([7, 7]),
        ...         "occurred_at": np.array(["2026-01-05", "2026-02-01"], dtype="datetime64[us]")}))
        ...     events = engine.open(frame_locator({
        ...         "event_id": np.array([1]), "account_id": np.array([7]), "kind": np.array(["new"], dtype=object),
        ...         "occurred_at": np.array(["2026-02-04"], dtype="datetime64[us]"), "amount": np.array([990])}))
        ...     journeys = open_journeys(engine, touches, events, WINDOW_PRESETS["default"])
        ...     journeys.counts().rows
        ...     sorted(engine.query(journeys.rows().select("touch_id", "age_days", append=False)))
        2
        [(1, 30.0), (2, 3.0)]
    """
    check_touches(touches)
    check_events(warehouse, events, unit=unit)
    return Journeys(warehouse, touches, events, windows, unit, own_opportunity)


def _bounded(journeys: Journeys, *, also: Windows | None = None, windows: Windows) -> exp.Expression:
    """Return the events with where their windows open and close."""
    added = [*bounds(windows), *(bounds(also, prefix="own_") if also is not None else ())]
    query = parse("SELECT e.* FROM rows AS e", rows=exp.Subquery(this=journeys.event_rows()))
    query.set("expressions", [*query.expressions, *added])
    return query


def _met(journeys: Journeys, windows: Windows, also: Windows | None) -> exp.Expression:
    """Return one row an event and touch of its account in the window."""
    at = exp.cast(column("occurred_at", of="t"), "TIMESTAMP")
    met = [exp.EQ(this=column("account_id", of="t"), expression=column("account_id", of="e")), inside(windows, at)]
    if journeys.own_opportunity and all("opportunity_id" in r.columns for r in (journeys.touches, journeys.events)):
        met.append(parse(_OWN_OPPORTUNITY))
    query = parse(
        "SELECT 1 FROM touches AS t JOIN bounded AS e ON $met",
        touches=_touch_source(journeys.touches),
        bounded=exp.Subquery(this=_bounded(journeys, windows=windows, also=also)),
        met=all_of(met),
    )
    made = [column(name, of="e") for name in EVENT_COLUMNS] + touch_columns(journeys.touches)
    made.append(named(_age(at, journeys.warehouse.dialect), "age_days"))
    if also is not None:
        made.append(named(parse("coalesce($in, FALSE)", **{"in": inside(also, at, prefix="own_")}), "in_window"))
    query.set("expressions", made)
    return query


def _touch_source(touches: Relation) -> exp.Expression:
    """Return the touches with every label that a rule may look at."""
    missing = [name for name in ("function", "journey") if name not in touches.columns]
    if not missing:
        return touches.name
    query = parse("SELECT * FROM source", source=touches.name)
    query.set("expressions", [*query.expressions, *(named(exp.cast(exp.null(), "TEXT"), name) for name in missing)])
    return exp.Subquery(this=query)


def _age(at: exp.Expression, dialect: str) -> exp.Expression:
    end, start = (micros_of(node, dialect, kind="naive") for node in (column("event_at", of="e"), at))
    return parse("($end - $start) / 86400e6", end=end, start=start)


def _ordered(journeys: Journeys, windows: Windows, *, also: Windows | None = None) -> exp.Expression:
    """Return the touches in the windows, in their order; ``also`` adds whether they are in other windows."""
    query = select_from(_met(journeys, windows, also))
    query.set("expressions", parse(_ORDERED).expressions)
    return query
