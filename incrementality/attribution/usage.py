"""How much an account used the product when it was touched, against its own habit; and what a save is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.errors import ColumnNotFound
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["SavedAmounts", "limit_saved", "weigh_by_usage"]

_USED = """
SELECT d.account_id AS account_id, d.day AS day, avg(CASE WHEN s.day > d.day - $recent THEN s.usage END) AS used,
  median(CASE WHEN s.day <= d.day - $recent THEN s.usage END) AS habit
FROM (SELECT DISTINCT account_id, CAST(occurred_at AS DATE) AS day FROM touches) AS d
JOIN (SELECT account_id, CAST(day AS DATE) AS day, usage FROM source) AS s
  ON s.account_id = d.account_id AND s.day <= d.day AND s.day > d.day - $all
GROUP BY 1, 2
"""
_WEIGHED = """
SELECT t.*, CASE WHEN u.used IS NULL OR u.habit IS NULL OR u.habit <= 0 THEN 1e0
  ELSE least(greatest(u.used / u.habit, 0.5e0), 2e0) END AS usage_weight
FROM touches AS t
LEFT JOIN used AS u ON t.account_id = u.account_id AND CAST(t.occurred_at AS DATE) = u.day
"""
_SPANS = {"recent": 28, "all": 28 + 180}


@dataclass(frozen=True, slots=True)
class SavedAmounts:
    """Revenue events in which a save is worth at most what was at risk.

    Attributes:
        events: The events.
        limited: How many were worth more.
        cut: By how much together, in minor units; it was never at risk.
    """

    events: Relation
    limited: int
    cut: int


def weigh_by_usage(
    warehouse: Warehouse, touches: Relation, usage: Relation, *, name: str = "touches_by_usage"
) -> Relation:
    """Return touches with ``usage_weight``: the account's daily usage lately over its own habit.

    Lately is the mean of the 28 days up to the touch's day; habit is the median of the 180 days before those. The
    weight is kept from 0.5 to 2, and 1 where either is not known or the habit is nothing. A day without a row is not
    known; write 0 for a day without usage. An assumption, not a measurement.

    Args:
        warehouse: The engine.
        touches: The clean touches.
        usage: One row an account and day: ``account_id``, ``day``, ``usage``.
        name: How the touches are called in the engine; a name serves once.

    Raises:
        ColumnNotFound: The usage lacks a column.

    Examples:
        >>> import numpy as np
        >>> from incrementality.warehouse import connect, frame_locator
        >>> days = np.arange("2025-12-01", "2026-03-01", dtype="datetime64[D]").astype("datetime64[us]")
        >>> used = np.where(days < np.datetime64("2026-02-01"), 10.0, 15.0)
        >>> with connect() as engine:
        ...     usage = engine.open(frame_locator({"account_id": np.full(90, 7), "day": days, "usage": used}))
        ...     touches = engine.open(frame_locator({"touch_id": np.array([1]), "account_id": np.array([7]),
        ...         "occurred_at": np.array(["2026-02-28T12:00"], dtype="datetime64[us]")}))
        ...     weighed = weigh_by_usage(engine, touches, usage)
        ...     engine.query(parse("SELECT usage_weight FROM source", source=weighed.name))
        [(1.5,)]
    """
    missing = [key for key in ("account_id", "day", "usage") if key not in usage.columns]
    if missing:
        raise ColumnNotFound(f"the usage has no column {', '.join(missing)}", hint="map account_id, day and usage")
    spans = {key: exp.Interval(this=literal(str(days)), unit=exp.var("DAY")) for key, days in _SPANS.items()}
    used = parse(_USED, touches=touches.name, source=usage.name, **spans)
    return warehouse.materialise(name, parse(_WEIGHED, touches=touches.name, used=exp.Subquery(this=used)))


def limit_saved(
    warehouse: Warehouse, events: Relation, *, kind: str = "saved", name: str = "limited_events"
) -> SavedAmounts:
    """Return events in which a save is worth the next term's invoices, but at most the revenue that was at risk.

    Where nobody knows what was at risk the amount stays.

    Args:
        warehouse: The engine.
        events: The clean revenue events, with ``at_risk`` in minor units.
        kind: The kind of events that are saves.
        name: How the events are called in the engine; a name serves once.

    Raises:
        ColumnNotFound: The events do not say what was at risk.

    Examples:
        >>> import numpy as np
        >>> from incrementality.warehouse import connect, frame_locator
        >>> with connect() as engine:
        ...     events = engine.open(frame_locator({"kind": np.array(["saved", "new"], dtype=object),
        ...         "amount": np.array([900, 900]), "at_risk": np.array([600, 600])}))
        ...     found = limit_saved(engine, events)
        ...     found.limited, found.cut
        (1, 300)
    """
    if "at_risk" not in events.columns:
        raise ColumnNotFound("the events do not say what was at risk", hint="map at_risk, or leave saves as they are")
    limited = parse(
        "CASE WHEN kind = $kind AND at_risk < amount THEN CAST(at_risk AS BIGINT) ELSE amount END", kind=literal(kind)
    )
    query = parse("SELECT 1 FROM source", source=events.name)
    query.set("expressions", [named(limited if n == "amount" else column(n), n) for n in events.columns])
    made = warehouse.materialise(name, query)
    over = parse(
        "SELECT count(*), coalesce(sum(amount - at_risk), 0) FROM source WHERE kind = $kind AND at_risk < amount",
        source=events.name,
        kind=literal(kind),
    )
    count, cut = warehouse.row(over)
    return SavedAmounts(made, count, int(cut))
