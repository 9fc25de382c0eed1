"""Paths to one kind of event, with the journeys that did not lead to any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.paths_engine import EnginePaths, open_paths
from incrementality.cohorts.sql_engine import micros_of
from incrementality.errors import ColumnNotFound, did_you_mean
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from datetime import datetime

    from incrementality.attribution.journeys import Journeys

__all__ = ["EventPaths", "paths_of_events"]

_DAY = 86_400_000_000

_LOOSE = """
SELECT t.account_id AS account_id, t.touch_id AS touch_id, $by AS label, CAST(t.occurred_at AS TIMESTAMP) AS touch_at,
  $micros AS micros
FROM touches AS t LEFT JOIN (SELECT DISTINCT touch_id FROM rows AS r) AS used ON t.touch_id = used.touch_id
WHERE used.touch_id IS NULL AND t.account_id IS NOT NULL
"""
_SPACED = """
SELECT l.*, l.micros - lag(l.micros) OVER (PARTITION BY l.account_id ORDER BY l.micros, l.touch_id) AS gap
FROM loose AS l
"""
_PARTED = """
SELECT s.*, sum(CASE WHEN s.gap <= $window THEN 0 ELSE 1 END)
  OVER (PARTITION BY s.account_id ORDER BY s.micros, s.touch_id) AS run
FROM spaced AS s
"""
_ENDED = """
SELECT p.*, max(p.micros) OVER (PARTITION BY p.account_id, p.run) AS ended FROM parted AS p
"""
_STEPS = """
SELECT r.event_id AS event_id, r.account_id AS account_id, 0 AS run, $by AS label, r.touch_at AS touch_at,
  r.touch_id AS touch_id
FROM rows AS r WHERE r.kind = $kind
"""
_BOTH = """
SELECT * FROM steps AS s UNION ALL
SELECT $nothing AS event_id, n.account_id AS account_id, n.run AS run, n.label AS label, n.touch_at AS touch_at,
  n.touch_id AS touch_id
FROM ended AS n WHERE n.ended <= $limit
"""
_OPEN = """
SELECT count(*) FROM (SELECT DISTINCT account_id, run FROM ended AS n WHERE n.ended > $limit) AS d
"""
_WON = "SELECT e.event_id AS event_id, e.amount AS amount FROM events AS e WHERE e.kind = $kind"


@dataclass(frozen=True, slots=True)
class EventPaths:
    """Paths to one kind of event.

    Attributes:
        paths: The paths, as a model asks for them.
        events: Events of the kind.
        untouched: Events of the kind without a touch in their window, which are in no path.
        open: Journeys that may still convert, which are in no path.
    """

    paths: EnginePaths
    events: int
    untouched: int
    open: int


def paths_of_events(journeys: Journeys, kind: str, *, as_of: datetime | None = None, by: str = "channel") -> EventPaths:
    """Return the paths to one kind of event, with journeys that did not convert.

    A journey that converted is the touches in its event's window. Touches that lie in no event's window are cut into
    journeys by account, a new one where more days than the kind's window passed since the touch before. Such a journey
    did not convert if its last touch is at least that many days old at ``as_of``; younger ones may still convert and
    are left out and counted. Models need these journeys: without them, every journey converts.

    Args:
        journeys: The journeys; keep them first, since several queries read them.
        kind: The kind of event.
        as_of: When the touches were read, UTC; ``None``: journeys that did not convert are left out.
        by: The label of touches whose values are the channels: ``channel``, ``function`` ...

    Raises:
        ColumnNotFound: Touches have no such label.
        EmptyTable: There are no touches.

    Examples:
        >>> import numpy as np
        >>> from datetime import datetime
        >>> from incrementality.attribution import WINDOW_PRESETS, open_journeys
        >>> from incrementality.warehouse import connect, frame_locator
        >>> with connect() as engine:
        ...     touches = engine.open(frame_locator({
        ...         "touch_id": np.array([1, 2, 3]), "account_id": np.array([7, 7, 8]),
        ...         "channel": np.array(["webinar", "phone", "phone"], dtype=object),
        ...         "occurred_at": np.array(["2026-01-05", "2026-02-01", "2026-01-09"], dtype="datetime64[us]")}))
        ...     events = engine.open(frame_locator({
        ...         "event_id": np.array([1]), "account_id": np.array([7]), "kind": np.array(["new"], dtype=object),
        ...         "occurred_at": np.array(["2026-02-04"], dtype="datetime64[us]"), "amount": np.array([990])}))
        ...     journeys = open_journeys(engine, touches, events, WINDOW_PRESETS["default"])
        ...     found = paths_of_events(journeys, "new", as_of=datetime(2026, 9, 1))
        ...     found.events, found.open, found.paths.sets().nulls.sum().item()
        (1, 0, 1.0)
    """
    if by not in journeys.touches.columns:
        raise ColumnNotFound(
            f"the touches have no column {by!r}.{did_you_mean(by, journeys.touches.columns)}",
            hint=f"map it, or learn from another one; there are: {', '.join(journeys.touches.columns)}",
        )
    rows = exp.Subquery(this=journeys.rows())
    steps = parse(_STEPS, rows=rows, by=column(by, of="r"), kind=literal(kind))
    won = parse(_WON, events=exp.Subquery(this=journeys.event_rows()), kind=literal(kind))
    still_open = 0
    if as_of is not None:
        steps, still_open = _with_nulls(journeys, steps, kind=kind, as_of=as_of, by=by)
    paths = open_paths(journeys.warehouse, steps, won, by="label", journey=("event_id", "account_id", "run"))
    return EventPaths(paths, *_events(journeys, kind), still_open)


def _with_nulls(
    journeys: Journeys, steps: exp.Expression, *, kind: str, as_of: datetime, by: str
) -> tuple[exp.Expression, int]:
    """Return the steps with those of journeys that did not convert, and how many journeys are still open."""
    window = journeys.windows.rule(kind).days * _DAY
    now = micros_of(literal(as_of.isoformat(sep=" ")), journeys.warehouse.dialect, kind="naive")
    limit = parse("$now - $window", now=now, window=literal(window))
    ended = _ended(journeys, window=window, by=by)
    nothing = exp.cast(exp.null(), "BIGINT" if journeys.events.columns["event_id"] == "integer" else "TEXT")
    both = parse(_BOTH, steps=exp.Subquery(this=steps), nothing=nothing, ended=ended, limit=limit)
    return both, int(journeys.warehouse.row(parse(_OPEN, ended=ended, limit=limit))[0])


def _ended(journeys: Journeys, *, window: int, by: str) -> exp.Expression:
    """Return touches in no event's window, by account and journey, with when their journey ended."""
    at = exp.cast(column("occurred_at", of="t"), "TIMESTAMP")
    loose = parse(
        _LOOSE,
        touches=journeys.touches.name,
        rows=exp.Subquery(this=journeys.rows()),
        by=column(by, of="t"),
        micros=micros_of(at, journeys.warehouse.dialect, kind="naive"),
    )
    parted = parse(
        _PARTED,
        spaced=exp.Subquery(this=parse(_SPACED, loose=exp.Subquery(this=loose))),
        window=literal(window),
    )
    return exp.Subquery(this=parse(_ENDED, parted=exp.Subquery(this=parted)))


def _events(journeys: Journeys, kind: str) -> tuple[int, int]:
    """Return how many events of the kind there are, and how many of them without a touch in their window."""
    every = parse(
        "SELECT count(*) FROM events AS e WHERE e.kind = $kind",
        events=exp.Subquery(this=journeys.event_rows()),
        kind=literal(kind),
    )
    touched = parse(
        "SELECT count(DISTINCT event_id) FROM rows AS r WHERE r.kind = $kind",
        rows=exp.Subquery(this=journeys.rows()),
        kind=literal(kind),
    )
    events, met = journeys.warehouse.row(every)[0], journeys.warehouse.row(touched)[0]
    return events, events - met
