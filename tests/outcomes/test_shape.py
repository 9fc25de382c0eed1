"""Shape over all arms, and the values that a permutation moves: the same as from the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from incrementality.outcomes import open_unit_table, settle
from incrementality.outcomes.shape import known_shape, pooled_shapes, unit_values
from incrementality.warehouse import connect, frame_locator


@pytest.fixture
def rows():
    rng = np.random.default_rng(11)
    n = 3000
    spend = rng.binomial(1, 0.07, n) * rng.lognormal(3, 1.2, n)
    spend[5] = np.nan
    arm = rng.choice(["control", "journey", "other"], n, p=[0.2, 0.7, 0.1])
    return pd.DataFrame({"id": np.arange(n), "arm": arm, "spend": spend, "region": rng.choice(["a", "b"], n)})


@pytest.fixture
def opened(plan, rows):
    metric = {"name": "spend", "kind": "revenue", "unit": "EUR", "role": "primary"}
    with connect() as engine:
        table = open_unit_table(engine, frame_locator(rows), plan(metrics=[metric], data={"stratum": "region"}))
        yield settle(table)[0]


def test_the_shape_is_that_of_the_planned_arms_rows(opened, rows):
    found = pooled_shapes(opened, ["spend"], ["control", "journey"])["spend"]
    planned = rows[rows["arm"] != "other"]["spend"].dropna()
    assert (found.units, found.payers) == (len(planned), (planned != 0).sum())
    assert found.skewness == pytest.approx(stats.skew(planned), rel=1e-9)


def test_the_pass_of_the_moments_tells_the_same_shape(opened):
    arms = ["control", "journey"]
    known, formed = known_shape(opened.reduce(), ["spend"], arms), pooled_shapes(opened, ["spend"], arms)["spend"]
    assert (known.units, known.payers) == (formed.units, formed.payers)
    assert known.skewness == pytest.approx(formed.skewness, rel=1e-12)


def test_a_pass_by_segment_or_of_a_ratio_tells_no_shape(opened):
    assert known_shape(opened.reduce(by="region"), ["spend"], ["control"]) is None
    assert known_shape(opened.reduce(), ["spend", "spend"], ["control"]) is None


def test_shape_does_not_know_who_was_in_which_arm(plan, rows):
    metric = {"name": "spend", "kind": "revenue", "unit": "EUR", "role": "primary"}
    rows = rows[rows["arm"] != "other"]
    swapped = rows.assign(arm=np.random.default_rng(3).permutation(rows["arm"]))
    found = []
    for frame in (rows, swapped):
        with connect() as engine:
            table = settle(open_unit_table(engine, frame_locator(frame), plan(metrics=[metric])))[0]
            found.append(pooled_shapes(table, ["spend"], ["control", "journey"]))
    assert found[0] == found[1]


def test_a_constant_has_no_skewness(plan):
    metric = {"name": "y", "kind": "mean", "role": "primary"}
    frame = {"id": np.arange(40), "arm": np.repeat(["control", "journey"], 20), "y": np.full(40, 12345.678)}
    with connect() as engine:
        table = settle(open_unit_table(engine, frame_locator(frame), plan(metrics=[metric])))[0]
        assert pooled_shapes(table, ["y"], ["control", "journey"])["y"].skewness == 0


def test_values_are_those_of_the_rows_in_an_order_of_their_own(opened, rows):
    found = unit_values(opened, ["spend"], ["journey", "control"], ["a", "b"])
    paying = rows[(rows["arm"] != "other") & (rows["spend"] > 0)]
    expected = paying.assign(
        k=paying["arm"].map({"journey": 0, "control": 1}), s=paying["region"].map({"a": 0, "b": 1})
    ).sort_values(["k", "s", "spend"])
    assert found.arm.tolist() == expected["k"].tolist()
    assert found.stratum.tolist() == expected["s"].tolist()
    assert found.outcomes[0].tolist() == expected["spend"].tolist()
