"""Robust variances of large arms come from the pass of the moments, and are those that the rows give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from incrementality.lift import read_out
from incrementality.warehouse import connect

N = 400_000
METRICS = [
    {"name": "y", "kind": "mean", "role": "primary"},
    {"name": "revenue", "kind": "revenue", "unit": "EUR", "role": "secondary"},
    {"name": "won", "kind": "conversion", "role": "secondary"},
]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(12)
    x = rng.uniform(0, 50, N)
    won = (rng.random(N) < 0.1 + 0.002 * x) * 1
    frame = {"id": np.arange(N), "arm": rng.choice(["control", "journey"], N), "x": x, "won": won}
    return pd.DataFrame({**frame, "y": 5 + x + rng.normal(size=N) * (1 + x), "revenue": won * rng.lognormal(3, 1, N)})


def found_by(experiment, frame):
    with connect(threads=2) as engine:
        readout = read_out(experiment, data=frame, warehouse=engine)
        return readout, sum("least_kept" in statement for statement in engine.statements)


def error_of_interacted_regression(frame, y):
    arm, x = (frame["arm"] == "journey").to_numpy(float), (frame["x"] - frame["x"].mean()).to_numpy()
    design = np.column_stack([np.ones(len(frame)), arm, x / x.std(), arm * x / x.std()])
    return sm.OLS(frame[y].to_numpy(float), design).fit(cov_type="HC2").bse[1]


@pytest.mark.parametrize("outlier", [False, True])
def test_one_pass_or_two_the_error_is_that_of_statsmodels(plan, rows, outlier):
    frame = rows.assign(x=rows["x"].where(rows["id"] > 0, 1e6)) if outlier else rows
    readout, passes = found_by(plan(metrics=METRICS, data={"covariates": ["x"]}), frame)
    assert passes == outlier
    for name in ("y", "revenue", "won"):
        found = readout.headline(name, "journey")
        assert found.adjusted
        assert "HC2" in found.method
        assert found.standard_error == pytest.approx(error_of_interacted_regression(frame, name), rel=1e-9)


def test_a_metric_that_some_units_miss_is_told_by_its_own_units(plan, rows):
    frame = rows.assign(y=rows["y"].where(rows["id"] % 7 > 0))
    readout, passes = found_by(plan(metrics=METRICS, data={"covariates": ["x"]}), frame)
    assert passes == 0
    expected = error_of_interacted_regression(frame.dropna(), "y")
    assert readout.headline("y", "journey").standard_error == pytest.approx(expected, rel=1e-9)


def test_two_covariates_need_the_rows(plan, rows):
    frame = rows.assign(z=np.cos(rows["id"]))
    _, passes = found_by(plan(metrics=METRICS, data={"covariates": ["x", "z"]}), frame)
    assert passes == 1
