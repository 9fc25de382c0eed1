"""Paths are counted alike on every engine."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta

import numpy as np
import pytest

from incrementality.attribution import WindowRule, Windows, open_journeys, open_paths, paths_of_events
from incrementality.warehouse.sql import parse

START = datetime.fromisoformat("2026-01-01T00:00:00")
CHANNELS = ("e-mail", "o'neil; drop table x --", 'we"ird', "é😀", "")


@pytest.fixture(scope="module")
def company(tmp_path_factory, everywhere):
    """Touches with hostile and missing channels, two in one instant, and deals of some accounts."""
    rng = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("paths")
    touches = [
        (f"t{k:04d}", f"a{rng.integers(0, 60)}", START + timedelta(hours=int(rng.integers(0, 24 * 400)) // 6 * 6), c)
        for k, c in enumerate(rng.choice(CHANNELS, 600))
    ]
    events = [(f"e{k}", f"a{k}", "new", START + timedelta(days=200 + k), 100 * k + 7) for k in range(40)]
    tables = {
        "touches": (("touch_id", "account_id", "occurred_at", "channel"), touches),
        "events": (("event_id", "account_id", "kind", "occurred_at", "amount"), events),
    }
    found = {}
    for name, (header, rows) in tables.items():
        path = folder / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        found[name] = everywhere(path, table=f"paths_{name}")
    return found


def counted(company, engine):
    touches, events = (company[name][engine] for name in ("touches", "events"))
    journeys = open_journeys(touches.warehouse, touches.relation, events.relation, Windows((WindowRule("*", 60),)))
    found = paths_of_events(journeys, "new", as_of=START + timedelta(days=400))
    transitions, sets = found.paths.transitions(2), found.paths.sets()
    order = np.lexsort(sets.members.T)
    return [
        (found.events, found.untouched, found.open, found.paths.channels),
        [getattr(transitions, name).tolist() for name in ("states", "starts", "counts", "conversions", "nulls")],
        [part[order].tolist() for part in (sets.members, sets.conversions, sets.value, sets.nulls)],
    ]


@pytest.mark.parametrize("engine", ["postgres", "spark"])
def test_paths_to_events_are_those_of_the_embedded_engine(company, engine):
    expected = counted(company, "duckdb")
    assert expected[0][0] == 40
    assert sum(expected[2][1]) + expected[0][1] == 40
    assert sum(expected[2][3]) > 40
    assert counted(company, engine) == expected


@pytest.mark.parametrize("engine", ["postgres", "spark"])
def test_plain_touches_are_counted_alike(company, engine):
    def transitions(name):
        copy = company["touches"][name]
        won = parse("SELECT DISTINCT account_id, 1 AS amount FROM t WHERE account_id < 'a3'", t=copy.relation.name)
        paths = open_paths(
            copy.warehouse, copy.relation.name, won, journey=("account_id",), order=("occurred_at", "touch_id")
        )
        found = paths.transitions(3)
        return found.states.tolist(), found.counts.tolist(), found.conversions.tolist(), found.value.tolist()

    assert transitions(engine) == transitions("duckdb")
