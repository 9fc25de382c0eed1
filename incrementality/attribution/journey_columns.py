"""The columns of a journey: what is read of touches and events, under which names and types, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.errors import ColumnNotFound, ColumnTypeError, InputError, did_you_mean
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.warehouse import ColumnType, Relation, Warehouse

__all__ = [
    "EVENT_COLUMNS",
    "JOURNEY_COLUMNS",
    "LABELS",
    "MICRO_DEALS",
    "TOUCH_COLUMNS",
    "check_events",
    "check_touches",
    "event_query",
    "touch_columns",
]

MICRO_DEALS = 1_000_000
_TIMES = ("renewal_at", "flagged_at", "loss_at", "lead_at", "opportunity_at")
EVENT_COLUMNS = ("event_id", "account_id", "kind", "segment", "amount", "event_at", "event_opportunity_id", *_TIMES)
LABELS = (
    "function",
    "type",
    "stage",
    "channel",
    "campaign",
    "journey",
    "variant",
    "direction",
    "outcome",
    "topic",
    "actor",
)
TOUCH_COLUMNS = ("touch_id", "touch_at", *LABELS, "opportunity_id", "usage_weight")
JOURNEY_COLUMNS = (*EVENT_COLUMNS, *TOUCH_COLUMNS, "age_days", "position", "k")

_NEEDED_OF_TOUCHES = ("touch_id", "account_id", "occurred_at")
_NEEDED_OF_EVENTS = ("event_id", "account_id", "kind", "occurred_at")
_IDS: frozenset[ColumnType] = frozenset({"text", "integer"})


def check_touches(touches: Relation) -> None:
    """Check that touches have what a journey needs.

    Raises:
        ColumnNotFound: A column is missing.
        ColumnTypeError: A column has a type that does not fit.
    """
    _check_columns(touches.columns, _NEEDED_OF_TOUCHES, "touches")
    _check_types(touches.columns, ("touch_id", "account_id"), _IDS, "touches", "an id is text or a whole number")
    _check_types(touches.columns, ("occurred_at",), frozenset({"temporal"}), "touches", "a time is a timestamp in UTC")
    _check_types(touches.columns, LABELS, frozenset({"text"}), "touches", "a label is text")


def check_events(warehouse: Warehouse, events: Relation, *, unit: str) -> None:
    """Check that revenue events have what a journey needs, each id once.

    Raises:
        ColumnNotFound: A column is missing.
        ColumnTypeError: A column has a type that does not fit.
        InputError: An id is there twice, or something indispensable is empty.
    """
    needed = (*_NEEDED_OF_EVENTS, *(("amount",) if unit == "money" else ()))
    _check_columns(events.columns, needed, "events")
    _check_types(events.columns, ("event_id", "account_id"), _IDS, "events", "an id is text or a whole number")
    _check_types(
        events.columns, ("occurred_at", *_TIMES), frozenset({"temporal"}), "events", "a time is a timestamp in UTC"
    )
    if unit == "money":
        whole = "money is whole minor units (cents), so that credit can add up to the cent"
        _check_types(events.columns, ("amount",), frozenset({"integer"}), "events", whole)
    _check_rows(warehouse, events, needed)


def _check_columns(found: Mapping[str, ColumnType], needed: Sequence[str], table: str) -> None:
    missing = [name for name in needed if name not in found]
    if missing:
        told = ", ".join(f"{name!r}{did_you_mean(name, found)}" for name in missing)
        raise ColumnNotFound(
            f"the {table} have no column {told}", hint=f"map the columns; there are: {', '.join(found)}"
        )


def _check_types(
    found: Mapping[str, ColumnType], names: Sequence[str], allowed: frozenset[ColumnType], table: str, why: str
) -> None:
    for name in names:
        if name in found and found[name] not in allowed:
            raise ColumnTypeError(
                f"the column {name!r} of the {table} is {found[name]}; {why}",
                hint=f"make it {' or '.join(sorted(allowed))} before it is read",
            )


def _check_rows(warehouse: Warehouse, events: Relation, needed: Sequence[str]) -> None:
    query = parse("SELECT count(*), count(DISTINCT event_id) FROM source", source=events.name)
    for name in needed:
        query.append("expressions", parse("count($name)", name=column(name)))
    rows, ids, *filled = warehouse.row(query)
    empty = [f"{rows - n} without {name}" for name, n in zip(needed, filled, strict=True) if n < rows]
    if empty:
        raise InputError(
            f"of {rows} revenue events {', '.join(empty)}", hint="set such rows aside before journeys are opened"
        )
    if ids < rows:
        raise InputError(
            f"{rows} revenue events have {ids} ids; their money would be credited twice",
            hint="keep one row an event_id",
        )


def event_query(events: Relation, *, unit: str) -> exp.Expression:
    """Return the query of all events with ``EVENT_COLUMNS``; what is not there is null."""
    found = events.columns
    amount = literal(MICRO_DEALS) if unit == "deals" else column("amount", of="e")
    made: dict[str, exp.Expression] = {
        "kind": column("kind", of="e"),
        "event_id": column("event_id", of="e"),
        "account_id": column("account_id", of="e"),
        "segment": _text("segment", found, of="e"),
        "amount": exp.cast(amount, "BIGINT"),
        "event_at": _time("occurred_at", found, of="e"),
        "event_opportunity_id": _text("opportunity_id", found, of="e"),
        **{name: _time(name, found, of="e") for name in _TIMES},
    }
    query = parse("SELECT 1 FROM source AS e", source=events.name)
    query.set("expressions", [named(made[name], name) for name in EVENT_COLUMNS])
    return query


def touch_columns(touches: Relation) -> list[exp.Expression]:
    """Return ``TOUCH_COLUMNS`` of the table ``t``; what is not there is null."""
    found = touches.columns
    made: dict[str, exp.Expression] = {
        "touch_id": column("touch_id", of="t"),
        "touch_at": _time("occurred_at", found, of="t"),
        "usage_weight": _number("usage_weight", found, of="t"),
    }
    return [named(made.get(name) or _text(name, found, of="t"), name) for name in TOUCH_COLUMNS]


def _text(name: str, found: Mapping[str, ColumnType], *, of: str) -> exp.Expression:
    return column(name, of=of) if name in found else exp.cast(exp.null(), "TEXT")


def _time(name: str, found: Mapping[str, ColumnType], *, of: str) -> exp.Expression:
    return exp.cast(column(name, of=of) if name in found else exp.null(), "TIMESTAMP")


def _number(name: str, found: Mapping[str, ColumnType], *, of: str) -> exp.Expression:
    return exp.cast(column(name, of=of) if name in found else exp.null(), "DOUBLE")
