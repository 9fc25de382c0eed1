"""Expansion deals told in a line each, and their credit by the engine."""

from __future__ import annotations

from datetime import datetime, timedelta

from incrementality.attribution.models.expansion import ExpansionRules, expansion_roles
from incrementality.warehouse import connect
from incrementality.warehouse.sql import parse
from incrementality.warehouse.upload import upload

START = datetime(2026, 1, 1)  # noqa: DTZ001 - the engine's clean times are UTC without a zone
CLOSE_DAY = 49

TOUCH_KINDS = {
    "event_id": "TEXT",
    "touch_id": "TEXT",
    "function": "TEXT",
    "type": "TEXT",
    "direction": "TEXT",
    "outcome": "TEXT",
    "topic": "TEXT",
    "opportunity_id": "TEXT",
    "occurred_at": "TIMESTAMP",
    "in_window": "BOOLEAN",
}
DEAL_KINDS = {
    "opportunity_id": "TEXT",
    "created_at": "TIMESTAMP",
    "creation_source": "TEXT",
    "creation_trigger": "TEXT",
    "closer_function": "TEXT",
    "self_serve": "BOOLEAN",
    "renewal_of": "TEXT",
}


def day(number):
    return START + timedelta(days=number)


def touch(at, function, kind=None, *, event="e1", touch_id=None, in_window=True, **facts):
    """A touch of the deal on a day."""
    known = {"direction": None, "outcome": None, "topic": None, "opportunity_id": None} | facts
    return {
        "event_id": event,
        "touch_id": touch_id or f"t{at:05.1f}-{function}",
        "function": function,
        "type": kind,
        "occurred_at": day(at),
        "in_window": in_window,
        **known,
    }


def deal(source="unknown", *, created=None, closer=None, trigger=None, self_serve=False, renewal_of=None, deal_id="o1"):
    """What the CRM says of the opportunity."""
    return {
        "opportunity_id": deal_id,
        "created_at": None if created is None else day(created),
        "creation_source": source,
        "creation_trigger": trigger,
        "closer_function": closer,
        "self_serve": self_serve,
        "renewal_of": renewal_of,
    }


def rows_of(touches, deals, events, rules):
    """All role rows of some deals, as dictionaries."""
    with connect() as engine:
        tables = {
            name: upload(engine, name, kinds, [tuple(row[key] for key in kinds) for row in rows]).name
            for name, kinds, rows in (
                ("touches_in", TOUCH_KINDS, touches),
                ("deals_in", DEAL_KINDS, deals),
                (
                    "events_in",
                    {"event_id": "TEXT", "occurred_at": "TIMESTAMP", "opportunity_id": "TEXT"},
                    events,
                ),
            )
        }
        roles = expansion_roles(tables["touches_in"], tables["events_in"], tables["deals_in"], rules)
        names = ("event_id", "role", "function", "touch_id", "occurred_at", "source_rule", "share")
        query = parse(
            "SELECT event_id, role, function, touch_id, occurred_at, source_rule, share FROM roles "
            "ORDER BY event_id, role, occurred_at, touch_id, function",
            roles=roles.subquery("roles"),
        )
        return [dict(zip(names, row, strict=True)) for row in engine.query(query)]


def roles_of(touches=(), opportunity=None, *, rules=None, close=CLOSE_DAY):
    """The role rows of one deal that closed on a day."""
    opportunity = opportunity or deal()
    event = {"event_id": "e1", "occurred_at": day(close), "opportunity_id": opportunity["opportunity_id"]}
    return rows_of(list(touches), [opportunity], [event], rules or ExpansionRules())


def credit(touches=(), opportunity=None, **settings):
    """Percent of one deal by function."""
    found = {}
    for row in roles_of(touches, opportunity, **settings):
        found[row["function"]] = found.get(row["function"], 0) + 100 * row["share"]
    return {name: round(value, 9) for name, value in found.items()}


def split(touches=(), opportunity=None, **settings):
    """Percent of one deal by role and function."""
    found = {}
    for row in roles_of(touches, opportunity, **settings):
        key = (row["role"], row["function"])
        found[key] = found.get(key, 0) + 100 * row["share"]
    return {key: round(value, 9) for key, value in found.items()}
