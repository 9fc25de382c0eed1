"""One row a unit: the first entry counts, whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality.outcomes import count_ids, first_entries, open_unit_table, take_draws
from incrementality.warehouse import connect, frame_locator
from incrementality.warehouse.sql import parse

DAY = pd.Timestamp("2026-01-10")


@pytest.fixture
def kept(plan):
    """The rows that stay of a frame with id, arm, y and decided: (id, y) by id."""

    def make(frame, **data):
        with connect(threads=1) as engine:
            table = open_unit_table(engine, frame_locator(frame), plan(data={"t0": "decided"} | data))
            table, entries = first_entries(table, count_ids(table))
            rows = engine.query(parse("SELECT id, y FROM source ORDER BY id", source=table.relation.name))
        return rows, entries

    return make


def frame(rows):
    return pd.DataFrame(rows, columns=["id", "arm", "y", "decided"]).astype({"arm": object})


def test_the_earliest_row_counts_and_the_others_are_counted(kept):
    rows = [("a", "control", 3.0, DAY + pd.Timedelta(hours=2)), ("a", "journey", 1.0, DAY), ("b", "control", 2.0, DAY)]
    found, entries = kept(frame(rows))
    assert found == [("a", 1.0), ("b", 2.0)]
    assert (entries.later, entries.tied) == (1, 0)


@pytest.mark.parametrize("late", [DAY + pd.Timedelta(days=1), pd.NaT])
def test_a_row_without_an_arm_or_a_time_is_no_first_entry(kept, late):
    rows = [("a", None, 1.0, DAY), ("a", "journey", 2.0, DAY + pd.Timedelta(hours=1)), ("a", "journey", 3.0, late)]
    assert kept(frame(rows))[0] == [("a", 2.0)]


def test_rows_of_one_moment_are_told_apart_by_their_values(kept):
    rows = frame([("a", "journey", float(y), DAY) for y in range(9)] + [("a", "control", 0.5, DAY)])
    answers = {tuple(kept(rows.sample(frac=1, random_state=seed))[0]) for seed in range(4)}
    assert len(answers) == 1
    assert kept(rows)[1].tied == 1


def test_a_table_without_repeated_ids_stays_as_it_is(kept):
    rows = [("a", "control", 1.0, DAY), ("b", "journey", 2.0, DAY)]
    assert kept(frame(rows)) == ([("a", 1.0), ("b", 2.0)], None)


def test_draws_count_units_in_equally_long_periods(plan, rows):
    decided = DAY + pd.to_timedelta(np.arange(200), unit="h")
    with connect(threads=1) as engine:
        mapped = plan(data={"t0": "decided"})
        draws = take_draws(open_unit_table(engine, frame_locator(rows.assign(decided=decided)), mapped))
    assert len(draws.periods) == 10
    assert draws.units("control") == draws.units("journey") == (10,) * 10
    assert draws.probability("control") is None
