"""The decision log is the same on every engine, and the same as Python's."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from incrementality.cohorts import cohort, decide, drift, parse_rule

_spec = importlib.util.spec_from_file_location("worlds", Path(__file__).parents[1] / "cohorts" / "worlds.py")
worlds = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worlds)

SHORT = settings(
    max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None
)


@pytest.mark.domain("X2")
@SHORT
@seed(1)
@given(world=worlds.worlds, chosen=worlds.rule_sets)
def test_postgres_and_python_decide_alike(postgres, world, chosen):
    assert worlds.by_sql(postgres, chosen, world)[0] == worlds.by_python(chosen, world)


@pytest.mark.domain("X2")
@settings(SHORT, max_examples=2)
@seed(2)
@given(world=worlds.worlds, chosen=worlds.rule_sets)
def test_spark_and_python_decide_alike(spark, world, chosen):
    assert worlds.by_sql(spark, chosen, world)[0] == worlds.by_python(chosen, world)


def population(warehouse, name):
    """Decide a small world twice, the second time without one row, and compare."""
    rule = parse_rule(
        {
            "journey": "j",
            "purpose": "marketing",
            "tables": {"logins": {"kind": "events"}},
            "trigger": {"event": "logins"},
            "window": "2d",
            "caps": [{"name": "daily", "most": 1, "window": "1d"}],
            "reentry": {"after": "1h"},
        }
    )
    row = {"kind": None, "amount": None, "n": None}
    rows = [{"unit_id": u, "occurred_at": worlds.SINCE + timedelta(hours=h), **row} for u, h in ROWS]
    logs = []
    for part, kept in (("then", rows), ("now", rows[1:])):
        relations = worlds.loaded(warehouse, {"logins": kept})
        period = {"since": worlds.SINCE, "until": worlds.UNTIL, "data_cut": worlds.UNTIL}
        logs.append(decide({"x": rule}, relations, warehouse=warehouse, name=f"{name}_{part}", **period))
    people = cohort(logs[0], "x", entries="all")
    return people.size, people.mature, people.left_out, drift(logs[0].relation, logs[1]).rows


ROWS = [("a", 0), ("a", 23), ("a", 24), ("b", 150)]


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_cohort_and_drift_are_the_same_everywhere(engine, request):
    warehouse = request.getfixturevalue("duck" if engine == "duckdb" else engine)
    size, mature, left_out, rows = population(warehouse, f"population_{engine}")
    assert (size, mature, left_out) == (3, 2, {"ineligible: cap.daily": 1})
    assert [(row.change, row.was, row.now, row.n) for row in rows] == [
        ("same", "eligible", "eligible", 1),
        ("vanished", "eligible", None, 1),
        ("verdict", "eligible", "ineligible: cap.daily", 1),
        ("verdict", "ineligible: cap.daily", "eligible", 1),
    ]
