"""Who counts and who was reached: each fault fails its own check, and the rules are printed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.lift.exposure import CONTAMINATION_RULE

ELIGIBLE = {"eligible": "could"}
TIMES = {"t0": "decided", "data_cut": "2026-03-01"}
WINDOW = [{"name": "y", "kind": "mean", "role": "primary", "window": "28d"}]


def failed(readout):
    return {check.name for check in readout.checks if check.passed is False}


@pytest.fixture
def frame(sample):
    rng = np.random.default_rng(9)
    rows = sample(4000, seed=2)
    rows["could"] = (rng.random(4000) < 0.6).astype(float)
    rows["got"] = ((rows["arm"] == "journey") & (rng.random(4000) < 0.7)).astype(int)
    rows["decided"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 50, 4000), unit="D")
    return rows


def test_a_clean_log_passes_every_check(plan, frame, check):
    mapped = plan(data={**ELIGIBLE, **TIMES, "delivered": "got"}, metrics=WINDOW)
    readout = read_out(mapped, data=frame)
    assert failed(readout) == set()
    assert readout.grade == "trust"
    assert check(readout, "sample_ratio_complement").passed
    assert check(readout, "eligible_rate").passed
    assert check(readout, "maturity").passed is None
    assert check(readout, "delivery").passed is None


def test_what_is_not_mapped_is_not_checked(plan, frame):
    names = {check.name for check in read_out(plan(), data=frame).checks}
    assert names == {"sample_ratio", "arms_planned", "duplicates", "missing_outcomes", "enough_units", "small_holdout"}


@pytest.mark.domain("X2")
def test_eligibility_that_the_treatment_moved_is_fatal(plan, frame, check):
    moved = (frame["arm"] == "journey") & (frame.index % 6 == 0)
    frame["could"] = frame["could"].mask(moved, 1.0)
    readout = read_out(plan(data=ELIGIBLE), data=frame)
    assert {"eligible_rate"} <= failed(readout)
    assert readout.grade == "do not use"
    found = check(readout, "eligible_rate").table
    shares = frame.assign(e=frame["could"] == 1).groupby("arm")["e"].mean()
    assert {row["arm"]: row["share_eligible"] for row in found} == pytest.approx(shares.to_dict())


def test_eligibility_informs_where_all_assigned_are_analysed(plan, frame, check):
    frame["could"] = frame["could"].mask(frame["arm"] == "journey", 1.0)
    readout = read_out(plan(data=ELIGIBLE | {"population": "assigned"}), data=frame)
    assert check(readout, "eligible_rate").passed is None
    assert "does not decide" in check(readout, "eligible_rate").sentence
    assert readout.grade == "trust"


def test_a_log_that_loses_ineligible_controls_is_fatal(plan, frame, check):
    lost = (frame["could"] == 0) & (frame["arm"] == "control") & (frame.index % 3 == 0)
    readout = read_out(plan(data=ELIGIBLE), data=frame[~lost])
    assert check(readout, "sample_ratio").passed
    assert check(readout, "sample_ratio_complement").passed is False
    assert readout.grade == "do not use"


def test_eligibility_unknown_in_one_arm_alone_is_fatal(plan, frame, check):
    frame["could"] = frame["could"].mask((frame["arm"] == "control") & (frame.index % 20 == 0))
    readout = read_out(plan(data=ELIGIBLE), data=frame)
    assert check(readout, "eligible_rate").passed is False
    assert (
        sum(row["unknown"] for row in check(readout, "eligible_rate").table)
        == readout.rows.refused["eligibility unknown"]
    )


def test_few_units_outside_are_not_tested(plan, frame, check):
    frame["could"] = (frame.index >= 6).astype(int)
    assert check(read_out(plan(data=ELIGIBLE), data=frame), "sample_ratio_complement").passed is None
    frame["could"] = 1
    assert check(read_out(plan(data=ELIGIBLE), data=frame), "sample_ratio_complement").passed is True


def test_whole_accounts_are_counted_among_those_outside(plan, frame, check):
    frame["account"] = frame.index // 5
    frame["arm"] = np.where(frame["account"] % 2 == 0, "control", "journey")
    readout = read_out(plan(data=ELIGIBLE | {"cluster": "account"}), data=frame)
    accounts = frame[frame["could"] == 0].groupby("arm")["account"].nunique()
    table = check(readout, "sample_ratio_complement").table
    assert {row["arm"]: row["n"] for row in table} == accounts.to_dict()


def test_arms_that_were_decided_at_different_times_fail_maturity(plan, frame, check):
    later = pd.to_timedelta(np.where(frame["arm"] == "journey", 6, 0), unit="D")
    readout = read_out(plan(data=TIMES, metrics=WINDOW), data=frame.assign(decided=frame["decided"] + later))
    assert check(readout, "maturity").passed is False
    assert "differently by arm" in check(readout, "maturity").sentence


def test_a_decision_time_without_a_data_cut_only_informs(plan, frame, check):
    found = check(read_out(plan(data={"t0": "decided"}), data=frame), "maturity")
    assert found.passed is None
    assert "No data cut" in found.sentence


def test_delivery_is_shown_by_arm_with_its_leaks_and_gaps(plan, frame, check):
    frame["got"] = frame["got"].astype(float).mask(frame.index % 50 == 0)
    found = check(read_out(plan(data=ELIGIBLE | {"delivered": "got"}), data=frame), "delivery")
    eligible = frame[frame["could"] == 1]
    shares = eligible["got"].fillna(0).groupby(eligible["arm"]).mean()
    assert {row["arm"]: row["share_delivered"] for row in found.table} == pytest.approx(shares.to_dict())
    leaked = int(frame.loc[frame["could"] == 0, "got"].sum())
    assert f"Leakage, delivered though not eligible: {leaked:,} units" in found.sentence
    assert f"not delivered: {int(eligible['got'].isna().sum())} units" in found.sentence


@pytest.mark.parametrize(
    "case",
    [(None, None, True), (200, None, True), (20, None, False), (20, {"absolute": 2.0}, True),
     (20, {"absolute": 0.01}, False), (20, {"relative": "40%"}, True)],
    ids=["none", "few", "many, no plan", "small against the plan", "large against the plan", "relative"],
)  # fmt: skip
def test_contamination_fails_by_the_printed_rule(plan, frame, check, case):
    every, smallest, passed = case
    if every:
        frame["got"] = frame["got"].mask((frame["arm"] == "control") & (frame.index % every == 0), 1)
    metric = {"name": "y", "kind": "mean", "role": "primary"} | ({"smallest_effect": smallest} if smallest else {})
    readout = read_out(plan(data={"delivered": "got"}, metrics=[metric]), data=frame)
    found = check(readout, "contamination")
    assert found.passed is passed
    assert (CONTAMINATION_RULE in found.sentence) is (every is not None)
    assert readout.grade == ("trust" if passed else "caution")
