"""Small worlds of touches and events as frames, and journeys of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

import pandas as pd
from sqlglot import exp

from incrementality.attribution import WINDOW_PRESETS, open_journeys
from incrementality.warehouse import frame_locator
from incrementality.warehouse.sql import column, named, parse, select_from

CLOSE = datetime.fromisoformat("2026-06-30T12:00:00")
NUMBERS = count()
LABELS = ("function", "type", "channel", "journey", "outcome", "opportunity_id", "variant")
TIMES = ("occurred_at", "lead_at", "opportunity_at", "flagged_at", "loss_at", "renewal_at")


def days_before(days: float) -> datetime:
    return CLOSE - timedelta(days=days)


def touch(touch_id, days, function=None, *, account="a", **labels):
    """A touch some days before the close."""
    found = {"touch_id": touch_id, "account_id": account, "occurred_at": days_before(days), "function": function}
    return dict.fromkeys(LABELS) | found | labels


def event(event_id="e1", amount=10_000, *, kind="new", account="a", at=CLOSE, **columns):
    """A revenue event at the close."""
    return {"event_id": event_id, "account_id": account, "kind": kind, "occurred_at": at, "amount": amount} | columns


def frame(rows, columns=()):
    """Rows as a frame: times as times, everything else as it is; an empty one has text columns."""
    found = pd.DataFrame(list(rows), columns=list(columns) or None)
    for name in found.columns:
        if name in TIMES:
            found[name] = pd.to_datetime(found[name]).astype("datetime64[us]")
        elif name == "amount":
            found[name] = found[name].astype("int64")
        elif name != "usage_weight":
            found[name] = found[name].astype(object)
    return found


def relation(engine, rows):
    """Rows as a table of the engine; all-empty columns become text."""
    found = engine.open(frame_locator(frame(rows)))
    query = parse("SELECT 1 FROM source", source=found.name)
    texts = [n for n in found.columns if n not in (*TIMES, "amount", "usage_weight") and found.columns[n] != "integer"]
    casts = [named(exp.cast(column(n), "TEXT") if n in texts else column(n), n) for n in found.columns]
    query.set("expressions", casts)
    return engine.materialise(f"world_{next(NUMBERS)}", query)


def journeys_of(engine, touches, events, windows=WINDOW_PRESETS["default"], **options):
    """Journeys of rows made by ``touch`` and ``event``."""
    return open_journeys(engine, relation(engine, touches), relation(engine, events), windows, **options)


def found(journeys, *columns):
    """The journeys' rows in order, as tuples of columns."""
    query = select_from(journeys.rows()).select(*columns, append=False).order_by("event_id", "position")
    return journeys.warehouse.query(query)
