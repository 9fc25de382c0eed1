"""No row is lost silently: read = kept + refused, by reason."""

from __future__ import annotations

import numpy as np

from incrementality import crm_journey_holdout, read_out
from incrementality.experiment import parse_experiment
from incrementality.outcomes import count_ids, open_unit_table, settle
from incrementality.warehouse import connect, frame_locator


def test_every_row_is_kept_or_refused_for_one_reason(plan, rows):
    frame = rows.assign(cluster=lambda f: f["arm"] + (f.index // 4).astype(str), s="a").astype({"s": object})
    frame.loc[0:9, "arm"] = None
    frame.loc[5:19, "s"] = None
    frame.loc[15:29, "cluster"] = None
    frame.loc[40:42, "arm"] = "stray"
    counted = read_out(plan(data={"stratum": "s", "cluster": "cluster"}), data=frame).rows
    assert counted.refused == {
        "arm missing": 10,
        "stratum missing": 10,
        "cluster missing": 10,
        "arm not planned: stray": 3,
    }
    assert (counted.read, counted.kept) == (200, 167)


def test_the_rows_of_a_dirty_capture_add_up():
    world = crm_journey_holdout(n=3000, missing_arm=7, unplanned_arm=5, duplicated_rows=3)
    readout = read_out(parse_experiment(world.experiment_yaml("winback", "w.csv")), data=world.to_frame())
    assert readout.rows.refused == {"arm missing": 7, "arm not planned: unplanned": 5}
    assert readout.rows.read == 3003 == readout.rows.kept + 12
    assert sum(arm.n for arm in readout.arms) == readout.rows.kept


def opened(experiment, frame):
    warehouse = connect()
    return open_unit_table(warehouse, frame_locator(frame), experiment)


def test_clean_data_is_reduced_in_one_pass(plan, rows):
    table = opened(plan(data={"covariates": ["won"]}), rows)
    before = len(table.warehouse.statements)
    settled, _ = settle(table)
    assert settled is table
    assert len(table.warehouse.statements) == before + 1


def test_settling_leaves_the_table_as_it_was(plan, rows):
    frame = rows.assign(x=rows["y"].mask(rows.index % 5 == 0))
    table = opened(plan(data={"covariates": ["x"]}), frame)
    settled, reduction = settle(table)
    assert list(table.covariates) == ["x"]
    assert list(settled.covariates) == ["x", "x missing"]
    assert reduction.moments.count.sum(0).tolist() == [200.0] * 3


def test_missing_categories_are_a_category(plan, rows):
    frame = rows.assign(s=np.where(rows.index % 3 == 0, "b", "a")).astype({"s": object})
    frame.loc[0:20, "s"] = None
    assert list(opened(plan(data={"covariates": ["s"]}), frame).covariates) == ["s=b", "s missing"]


def test_ids_are_counted_once_each(plan, rows):
    frame = rows.copy()
    frame.loc[[1, 3], "id"] = 0
    counts = count_ids(opened(plan(), frame))
    assert (counts.rows, counts.repeated_ids, counts.ids_in_several_arms) == (200, 1, 1)
