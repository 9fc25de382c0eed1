"""Entries on record stand: a later period continues where the log ends."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from sqlglot import exp

from incrementality.cohorts import decide
from incrementality.cohorts.sql_engine import micros_of
from incrementality.errors import EmptyTable
from incrementality.warehouse import connect
from incrementality.warehouse.sql import column, named, parse

_spec = importlib.util.spec_from_file_location("worlds", Path(__file__).with_name("worlds.py"))
worlds = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worlds)


@pytest.fixture(scope="module")
def warehouse():
    with connect() as engine:
        yield engine


def rows_of(warehouse, relation):
    query = parse("SELECT 1 FROM source", source=relation.name)
    query.set("expressions", [exp.column(name) for name in worlds.FIELDS])
    return warehouse.query(query)


def entries_of(warehouse, relation):
    time = micros_of(column("t0"), "duckdb", kind="zoned")
    query = parse(
        "SELECT unit_id, experiment_id, entry_no, would_send_channel, $time FROM source WHERE NOT entry_no IS NULL",
        time=named(time, "t0_us"),
        source=relation.name,
    )
    return warehouse.materialise(f"entries_{next(worlds.NUMBERS)}", query)


@pytest.mark.domain("X2")
@settings(
    max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(chosen=worlds.rule_sets, world=worlds.worlds)
def test_two_periods_decide_what_one_does(warehouse, chosen, world):
    tables, (since, until) = worlds.loaded(warehouse, world), (worlds.SINCE, worlds.UNTIL)
    middle = since + (until - since) / 2

    def decided(start, end, earlier=None):
        period = {"since": start, "until": end, "data_cut": worlds.CUT, "name": f"log_{next(worlds.NUMBERS)}"}
        return decide(chosen, tables, warehouse=warehouse, earlier=earlier, **period).relation

    try:
        first = decided(since, middle)
    except EmptyTable:  # a world whose rows of one table are all faulty
        reject()
    second = decided(middle, until, entries_of(warehouse, first))
    parts = [*rows_of(warehouse, first), *rows_of(warehouse, second)]
    assert sorted(parts, key=str) == sorted(rows_of(warehouse, decided(since, until)), key=str)
