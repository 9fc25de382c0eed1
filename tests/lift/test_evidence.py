"""What a readout leaves for later: the registered effect, and a variance that no arm's luck has touched."""

from __future__ import annotations

import numpy as np
import pytest

from incrementality import read_out
from incrementality.errors import InputError
from incrementality.lift import EVIDENCE_VERSION, Evidence, Readout

METRICS = [
    {"name": "spend", "kind": "revenue", "unit": "EUR", "role": "primary", "window": "28d"},
    {"name": "opened", "kind": "conversion", "role": "secondary"},
]


@pytest.fixture
def frame():
    rng = np.random.default_rng(3)
    n = 4000
    before, arm = rng.gamma(2.0, 10.0, n), rng.choice(["control", "journey"], n, p=[0.2, 0.8])
    spend = before + rng.gamma(1.0, 20.0, n)
    group = rng.choice(["north", "south"], n)
    opened = rng.integers(0, 2, n)
    ids = np.array([f"c{i}" for i in range(n)], dtype=object)
    return {"id": ids, "arm": arm, "spend": spend, "opened": opened, "before": before, "group": group}


def comparison(plan, frame, **data):
    readout = read_out(plan(metrics=METRICS, data=data), data=frame)
    return readout, readout.evidence.comparisons[0]


def test_the_variance_reads_both_arms_as_one(plan, frame):
    readout, found = comparison(plan, frame)
    y, n1, n0 = frame["spend"], found.n, found.n_control
    assert found.variance == pytest.approx(y.var(ddof=1) * (1 / n1 + 1 / n0), rel=1e-9)
    assert found.effect == readout.headline("spend", "journey").effect


def test_covariates_take_off_what_they_explain_of_both_arms_together(plan, frame):
    _, found = comparison(plan, frame, covariates=["before"])
    y, x = frame["spend"], frame["before"]
    left = y - np.polyval(np.polyfit(x, y, 1), x)
    expected = y.var(ddof=1) * (left @ left / ((y - y.mean()) @ (y - y.mean()))) * (1 / found.n + 1 / found.n_control)
    assert found.adjusted
    assert found.variance == pytest.approx(expected, rel=1e-9)


def by_stratum(frame):
    """Variance of the stratified difference, both arms of a stratum read as one."""
    total = 0.0
    for group in ("north", "south"):
        inside = frame["group"] == group
        y, treated = frame["spend"][inside], frame["arm"][inside] == "journey"
        total += inside.mean() ** 2 * y.var(ddof=1) * (1 / treated.sum() + 1 / (~treated).sum())
    return total


def left_by(y, *columns):
    """Sum of squares that a regression on columns leaves."""
    design = np.column_stack([np.ones(len(y)), *columns])
    return np.linalg.lstsq(design, y, rcond=None)[1][0]


def test_strata_are_read_one_by_one(plan, frame):
    _, found = comparison(plan, frame, stratum="group")
    assert found.variance == pytest.approx(by_stratum(frame), rel=1e-9)


def test_covariates_beside_strata_take_off_what_they_explain_within_them(plan, frame):
    _, found = comparison(plan, frame, stratum="group", covariates=["before"])
    y, south, before = frame["spend"], frame["group"] == "south", frame["before"]
    left = left_by(y, south, before) / left_by(y, south)
    assert found.variance == pytest.approx(by_stratum(frame) * left, rel=1e-9)


def test_only_primary_comparisons_and_revenue_are_kept_with_what_they_are_about(plan, frame):
    readout, found = comparison(plan, frame)
    assert [c.metric for c in readout.evidence.comparisons] == ["spend"]
    assert (found.unit, found.window_days, found.role, found.arm) == ("EUR", 28, "primary", "journey")
    assert readout.evidence.units == {arm.name: arm.n for arm in readout.arms}
    assert (readout.evidence.grade, readout.evidence.look, readout.evidence.population) == (
        readout.grade,
        None,
        "assigned",
    )


def test_entries_count_whether_their_windows_have_closed_or_not(plan, frame):
    n = len(frame["id"])
    rng = np.random.default_rng(4)
    frame["could"] = rng.integers(0, 2, n)
    frame["decided"] = np.datetime64("2026-01-01") + rng.integers(0, 60, n).astype("timedelta64[D]")
    frame["decided"] = frame["decided"].astype("datetime64[us]")
    data = {"eligible": "could", "t0": "decided", "data_cut": "2026-02-15"}
    readout, _ = comparison(plan, frame, **data)
    assert readout.evidence.population == "eligible"
    assert readout.evidence.eligible_entries == int(frame["could"].sum())
    assert sum(readout.evidence.units.values()) < readout.evidence.eligible_entries


def test_an_outcome_that_does_not_vary_has_no_variance(plan, frame):
    frame["spend"] = np.full(4000, 5.0)
    assert comparison(plan, frame)[1].variance is None


def test_it_is_read_back_and_older_files_have_none(plan, frame):
    readout, _ = comparison(plan, frame)
    content = readout.to_dict()
    assert Readout.from_dict(content) == readout
    del content["evidence"]
    assert Readout.from_dict(content).evidence is None


def test_a_later_version_is_not_guessed_at(plan, frame):
    content = comparison(plan, frame)[0].to_dict()["evidence"]
    with pytest.raises(InputError, match=f"reads up to {EVIDENCE_VERSION}"):
        Evidence.from_dict(content | {"version": EVIDENCE_VERSION + 1})


def test_a_capped_metric_is_another_estimand_and_not_kept(plan, frame):
    capped = METRICS[0] | {"name": "capped spend", "column": "spend", "winsorise": {"value": 60.0}}
    readout = read_out(plan(metrics=[*METRICS, capped]), data=frame)
    assert [one.metric for one in readout.evidence.comparisons] == ["spend"]
