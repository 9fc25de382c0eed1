"""Faults in deals and money, planted in exact numbers of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.rows import appended
from incrementality.simulate.company.sources import SOURCES

if TYPE_CHECKING:
    from incrementality.simulate.company.capture_faults import CaptureFaults
    from incrementality.simulate.company.rows import Columns, Tables
    from incrementality.simulate.world import Column, Integers

__all__ = ["hits", "plant_in_deals", "taken"]

_SOURCE_FAULTS = (
    "late_sources",
    "after_close_sources",
    "overwritten_sources",
    "missing_sources",
    "unknown_sources",
    "edited_after_close",
)
_NO_TIME = np.datetime64("NaT")


def hits(
    rows: Integers, faults: CaptureFaults, names: tuple[str, ...], rng: np.random.Generator
) -> dict[str, Integers]:
    """Return which of some rows each fault hits; no row is hit twice."""
    wanted = [int(getattr(faults, name) * rows.size) for name in names]
    ends = np.minimum(np.cumsum(wanted), rows.size)
    order = rng.permutation(rows)
    return dict(zip(names, np.split(order, ends)[: len(names)], strict=True))


def taken(columns: Columns, rows: Column) -> Columns:
    """Return some rows of a table."""
    return {name: column[rows] for name, column in columns.items()}


def plant_in_deals(
    tables: Tables, faults: CaptureFaults, since: np.datetime64, rng: np.random.Generator
) -> tuple[Tables, dict[str, int]]:
    """Return opportunities, revenue events, invoices and refunds with their faults, and how many rows each hit.

    Args:
        tables: The tables of a block; they are left as they are.
        faults: The shares.
        since: The start of the last quarter, from which ``capture_drop`` counts.
        rng: Chance.
    """
    found, never = _never_logged(tables, faults, rng)
    deals = {name: column.copy() for name, column in found["opportunities"].items()}
    ended = np.flatnonzero(~np.isnat(deals["closed_at"]))
    chosen = hits(ended, faults, _SOURCE_FAULTS, rng)
    _blur_sources(deals, chosen, rng)
    dropped = _drop(deals, faults.capture_drop, since, np.concatenate(list(chosen.values())), rng)
    money, counted = _plant_in_money(found, faults, rng)
    counts = {name: rows.size for name, rows in chosen.items()} | counted
    counts |= {"never_logged": never, "capture_drop": dropped}
    return found | money | {"opportunities": deals}, counts


def _never_logged(tables: Tables, faults: CaptureFaults, rng: np.random.Generator) -> tuple[Tables, int]:
    events, deals, invoices = (dict(tables[name]) for name in ("revenue_events", "opportunities", "invoices"))
    expansions = np.flatnonzero(events["kind"] == "expansion")
    lost = hits(expansions, faults, ("never_logged",), rng)["never_logged"]
    unseen = np.isin(deals["opportunity_id"].astype(str), events["opportunity_id"][lost].astype(str))
    invoices["event_id"] = invoices["event_id"].copy()
    invoices["event_id"][lost] = None
    kept = np.ones(events["kind"].size, dtype=bool)
    kept[lost] = False
    refunds = tables["refunds"]
    nameless = np.isin(refunds["event_id"].astype(str), events["event_id"][lost].astype(str))
    refunds = refunds | {"event_id": _emptied(refunds["event_id"], nameless)}
    changed = {"revenue_events": taken(events, kept), "opportunities": taken(deals, ~unseen), "invoices": invoices}
    roles = tables["contact_roles"]
    gone = np.isin(roles["opportunity_id"].astype(str), deals["opportunity_id"][unseen].astype(str))
    changed["contact_roles"] = taken(roles, ~gone)
    return tables | changed | {"refunds": refunds}, lost.size


def _emptied(column: Column, rows: Column) -> Column:
    found = column.copy()
    found[rows] = None
    return found


def _blur_sources(deals: Columns, chosen: dict[str, Integers], rng: np.random.Generator) -> None:
    late, after = chosen["late_sources"], chosen["after_close_sources"]
    deals["source_logged_at"][late] = deals["created_at"][late] + np.timedelta64(60, "h")
    deals["source_logged_at"][after] = deals["closed_at"][after] + np.timedelta64(5, "D")
    over = chosen["overwritten_sources"]
    deals["source_at_close"][over] = _others(deals["creation_source"][over], rng)
    for name in ("creation_source", "source_at_close"):
        deals[name][chosen["missing_sources"]] = None
        deals[name][chosen["unknown_sources"]] = "unknown"
    for name in ("missing_sources", "unknown_sources"):
        deals["creation_trigger"][chosen[name]] = None
    deals["source_logged_at"][chosen["missing_sources"]] = _NO_TIME
    edited = chosen["edited_after_close"]
    deals["edited_at"][edited] = deals["closed_at"][edited] + np.timedelta64(10, "D")


def _others(sources: Column, rng: np.random.Generator) -> Column:
    """Another source than the one that was logged first."""
    places = np.array([SOURCES.index(source) for source in sources], dtype=np.int64)
    moved = (places + rng.integers(1, len(SOURCES), places.size)) % len(SOURCES)
    found: Column = np.array(SOURCES, dtype=object)[moved]
    return found


def _drop(deals: Columns, share: float, since: np.datetime64, already: Integers, rng: np.random.Generator) -> int:
    recent = np.flatnonzero(deals["created_at"] >= since)
    rows = rng.permutation(np.setdiff1d(recent, already))[: int(share * recent.size)]
    for name in ("creation_source", "source_at_close", "creation_trigger"):
        deals[name][rows] = None
    deals["source_logged_at"][rows] = _NO_TIME
    return rows.size


def _plant_in_money(tables: Tables, faults: CaptureFaults, rng: np.random.Generator) -> tuple[Tables, dict[str, int]]:
    events, refunds = tables["revenue_events"], tables["refunds"]
    unrefunded = ~np.isin(events["event_id"].astype(str), refunds["event_id"].astype(str)) & (events["kind"] != "saved")
    chosen = hits(np.flatnonzero(unrefunded), faults, ("duplicate_events", "excess_refunds"), rng)
    twice, excess = chosen["duplicate_events"], chosen["excess_refunds"]
    line = _lines(tables["invoices"], events["event_id"][excess])
    more = {
        "refund_id": "x" + events["event_id"][excess],
        "amount": events["amount"][excess] + events["amount"][excess] // 5 + 1,
        "refunded_at": events["occurred_at"][excess] + np.timedelta64(21, "D"),
        "line_id": line,
        "event_id": events["event_id"][excess],
        "currency": events["currency"][excess],
    }
    changed = {"revenue_events": appended(events, taken(events, twice)), "refunds": appended(refunds, more)}
    return changed, {name: rows.size for name, rows in chosen.items()}


def _lines(invoices: Columns, events: Column) -> Column:
    line = dict(zip(invoices["event_id"].tolist(), invoices["line_id"].tolist(), strict=True))
    return np.array([*(line[event] for event in events.tolist()), ""], dtype=object)[:-1]
