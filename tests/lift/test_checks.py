from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from incrementality import read_out


def failed(readout):
    return {check.name for check in readout.checks if check.passed is False}


def test_clean_data_passes_every_check(simulated):
    readout = simulated()
    assert failed(readout) == set()
    assert readout.grade == "trust"


@pytest.mark.parametrize(
    ("fault", "name", "grade"),
    [
        ({"lost_control_rows": 900}, "sample_ratio", "do not use"),
        ({"unplanned_arm": 40}, "arms_planned", "do not use"),
        ({"missing_outcomes": 700}, "missing_outcomes", "do not use"),
        ({"missing_outcomes": 300}, None, "trust"),
        ({"duplicated_rows": 5}, "duplicates", "caution"),
        ({"mixed_units": 5}, "duplicates", "caution"),
        ({"missing_arm": 200}, None, "trust"),
    ],
    ids=str,
)
def test_each_planted_fault_fails_its_own_check_alone(simulated, fault, name, grade):
    readout = simulated(**fault)
    assert failed(readout) == ({name} if name else set())
    assert readout.grade == grade


def test_sample_ratio_is_pearsons_test_and_names_its_p(simulated, check):
    found = check(simulated(n=5_000, lost_control_rows=60), "sample_ratio")
    counts = [row["n"] for row in found.table]
    expected = [sum(counts) / 2] * 2
    assert found.table[0]["pvalue"] == pytest.approx(stats.chisquare(counts, expected).pvalue, rel=1e-12)
    assert f"{found.table[0]['pvalue']:.3f}" in found.sentence


def test_a_lopsided_stratum_fails_the_sample_ratio_and_is_named(plan, sample, check):
    rows = sample(4000)
    moved = (rows["s"] == "west") & (rows.index % 3 == 0)
    balanced = (rows["s"] == "north") & (rows.index % 3 == 0)
    rows["arm"] = rows["arm"].mask(moved, "journey").mask(balanced, "control")
    found = check(read_out(plan(data={"stratum": "s"}), data=rows), "sample_ratio")
    assert found.passed is False
    assert "'north'" in found.sentence or "'west'" in found.sentence


def test_a_blank_stratum_does_not_hide_the_overall_ratio(plan, sample, check):
    rows = sample(2000, shares=(0.4, 0.6))
    rows["s"] = rows["s"].replace("north", "")
    found = check(read_out(plan(data={"stratum": "s"}), data=rows), "sample_ratio")
    assert found.passed is False
    assert "stratum" not in found.sentence


def test_whole_accounts_are_counted_not_contacts(plan, sample, check):
    rows = sample(1200)
    rows["account"] = rows.index // 6
    rows["arm"] = np.where(rows["account"] % 2 == 0, "control", "journey")
    found = check(read_out(plan(data={"cluster": "account"}), data=rows), "sample_ratio")
    assert [row["n"] for row in found.table] == [100, 100]


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_balance_finds_a_covariate_that_was_moved(plan, sample, check, shift):
    rows = sample(1000)
    rows["x"] += shift * (rows["arm"] == "journey")
    found = check(read_out(plan(data={"covariates": ["x"]}), data=rows), "balance")
    assert found.passed is (shift == 0)
    arms = [rows.loc[rows["arm"] == arm, "x"] for arm in ("journey", "control")]
    spread = np.sqrt((arms[0].var() + arms[1].var()) / 2)
    assert found.table[0]["standardised_difference"] == pytest.approx((arms[0].mean() - arms[1].mean()) / spread)


@pytest.mark.parametrize("in_control", [0.0, 0.5], ids=["constant in both arms", "constant in one arm"])
def test_balance_looks_at_covariates_that_are_constant_in_an_arm(plan, sample, check, in_control):
    rows = sample()
    rng = np.random.default_rng(2)
    rows["app"] = np.where(rows["arm"] == "journey", 1.0, rng.random(len(rows)) < in_control)
    found = check(read_out(plan(data={"covariates": ["app"]}), data=rows), "balance")
    assert found.passed is False


def test_balance_of_constant_covariates_passes_with_nothing_to_show(plan, sample, check):
    rows = sample().assign(app=1.0)
    found = check(read_out(plan(data={"covariates": ["app"]}), data=rows), "balance")
    assert (found.passed, found.table) == (True, ())


def test_balance_differences_are_within_strata(plan, sample, check):
    rows = sample(3000)
    rows["x"] += 2 * (rows["s"] == "south")
    mapping = {"covariates": ["x"], "stratum": "s"}
    assert check(read_out(plan(data=mapping), data=rows), "balance").passed


def test_outcomes_missing_in_one_arm_alone_are_missing_differently(plan, sample, check):
    rows = sample(2000)
    hit = rows.index[rows["arm"] == "journey"][:40]
    rows.loc[hit, "y"] = np.nan
    found = check(read_out(plan(), data=rows), "missing_outcomes", "y")
    assert found.passed is False
    assert "differently by arm" in found.sentence
    assert [row["missing"] for row in found.table] == [0, 40]


def test_few_missing_outcomes_do_not_claim_that_arms_are_alike(plan, sample, check):
    rows = sample(2000)
    rows.loc[rows.index[rows["arm"] == "journey"][:5], "y"] = np.nan
    found = check(read_out(plan(), data=rows), "missing_outcomes", "y")
    assert found.passed
    assert "alike" not in found.sentence


def test_an_id_in_two_arms_is_told_apart_from_a_repeated_row(simulated, check):
    table = check(simulated(duplicated_rows=3, mixed_units=4), "duplicates").table
    assert table[0]["repeated_ids"] == 7
    assert table[0]["ids_in_several_arms"] == 4


def test_rows_without_an_id_leave_duplicates_open(plan, sample, check):
    experiment = plan(data={"unit": None, "row_number_as_unit": True})
    assert check(read_out(experiment, data=sample()), "duplicates").passed is None


@pytest.mark.parametrize("moved", [[], [0]], ids=["whole", "one is split"])
def test_clusters_must_be_whole(plan, sample, check, moved):
    rows = sample(500)
    rows["account"] = rows.index // 10
    rows["arm"] = np.where(rows["account"] % 2 == 0, "control", "journey")
    rows.loc[moved, "arm"] = "journey"
    found = check(read_out(plan(data={"cluster": "account"}), data=rows), "clusters")
    assert found.passed is (moved == [])


@pytest.mark.parametrize(("events", "passed"), [(40, True), (12, None), (392, None)])
def test_few_conversions_are_tested_exactly_and_bring_no_caution(plan, check, events, passed):
    rows = pd.DataFrame({"id": range(400), "arm": np.repeat(["control", "journey"], 200)})
    rows["y"] = (np.random.default_rng(4).permutation(400) < events).astype(float)
    metric = {"name": "y", "kind": "conversion", "role": "primary", "relative": False}
    readout = read_out(plan(metrics=[metric]), data=rows)
    found = check(readout, "enough_events", "y")
    assert found.passed is passed
    assert ("exact test" in found.sentence) is (passed is None)
    assert readout.grade == "trust"


@pytest.mark.parametrize("groups", ["stratum", "cluster"])
def test_few_conversions_of_strata_and_accounts_keep_their_caution(plan, check, groups):
    rows = pd.DataFrame({"id": range(400), "arm": np.repeat(["control", "journey"], 200)})
    rows["y"] = (np.random.default_rng(4).permutation(400) < 12).astype(float)
    rows["g"] = rows.index // 10 if groups == "cluster" else np.tile(["a", "b"], 200)
    metric = {"name": "y", "kind": "conversion", "role": "primary", "relative": False}
    readout = read_out(plan(metrics=[metric], data={groups: "g"}), data=rows)
    assert check(readout, "enough_events", "y").passed is False
    assert "exact" not in readout.headline("y", "journey").method


@pytest.mark.parametrize(("n", "grade"), [(2, "caution"), (3, "caution"), (12, "trust")])
def test_two_units_in_an_arm_are_read_with_caution(plan, n, grade):
    rows = pd.DataFrame({"id": range(2 * n), "arm": ["control", "journey"] * n, "y": [1.0, 2.0] * n})
    readout = read_out(plan(), data=rows)
    assert readout.grade == grade


def test_checks_come_before_estimates_and_as_a_frame(simulated):
    frame = simulated(duplicated_rows=2).checks_frame()
    assert frame["name"].tolist()[:3] == ["sample_ratio", "arms_planned", "duplicates"]
    assert not frame.set_index("name").loc["duplicates", "passed"]
