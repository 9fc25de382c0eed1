"""The engine and Python give one answer: over random small worlds and random rules."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings

from incrementality.warehouse import connect

_spec = importlib.util.spec_from_file_location("worlds", Path(__file__).with_name("worlds.py"))
worlds = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worlds)


@pytest.fixture(scope="module")
def duck():
    with connect("duckdb:", threads=1) as warehouse:
        yield warehouse


@pytest.mark.domain("X2", "X7")
@settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(world=worlds.worlds, chosen=worlds.rule_sets)
def test_sql_and_python_decide_alike(duck, world, chosen):
    found, _ = worlds.by_sql(duck, chosen, world)
    for row in found:
        event(f"eligible {row[4]}: {row[5].split('.')[0]}")
    assert found == worlds.by_python(chosen, world)
