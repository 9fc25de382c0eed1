"""The draw itself: shares that changed over time, probabilities that differ, units in several arms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from incrementality import read_out
from incrementality.errors import ValueNotAllowed

PHASES = {"small": 0.2, "half": 0.5, "large": 0.8}
TIMES = {"t0": "decided"}


def failed(readout):
    return {check.name for check in readout.checks if check.passed is False}


def same_effect(first, second):
    a, b = first.estimates[0], second.estimates[0]
    return (a.effect, a.standard_error) == pytest.approx((b.effect, b.standard_error), rel=1e-12)


@pytest.fixture
def ramp(sample):
    """Three phases of 30 days, in which more and more units are drawn into the journey."""
    rows, rng = sample(6000, seed=4), np.random.default_rng(4)
    rows["phase"] = np.repeat(list(PHASES), 2000)
    share = rows["phase"].map(PHASES)
    rows["arm"] = np.where(rng.random(6000) < share, "journey", "control")
    rows["p_arm"] = np.where(rows["arm"] == "journey", share, 1 - share)
    day = np.repeat([0, 30, 60], 2000) + rng.integers(0, 30, 6000)
    return rows.assign(decided=pd.Timestamp("2026-01-01") + pd.to_timedelta(day, unit="D"))


def test_shares_that_changed_over_time_are_fatal_though_the_total_is_as_planned(plan, ramp, check):
    readout = read_out(plan(data=TIMES), data=ramp)
    assert check(readout, "sample_ratio").passed
    assert failed(readout) == {"sample_ratio_over_time"}
    assert readout.grade == "do not use"
    assert "data.stratum" in readout.verdict


def test_the_test_over_time_is_pearsons_of_arms_by_periods(plan, sample, check):
    rows = sample(3000, seed=6)
    hours = np.random.default_rng(6).integers(0, 1000, 3000)
    rows["decided"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(hours, unit="h")
    found = check(read_out(plan(data=TIMES), data=rows), "sample_ratio_over_time")
    periods = (rows["decided"] - rows["decided"].min()) // ((rows["decided"].max() - rows["decided"].min()) / 10)
    table = pd.crosstab(rows["arm"], periods.clip(upper=9))
    counted = pd.DataFrame(found.table).pivot_table("n", "arm", "from").to_numpy()
    assert (counted == table.to_numpy()).all()
    assert f"{stats.chi2_contingency(table, correction=False).pvalue:.3f}" in found.sentence


def test_phases_as_strata_with_their_probabilities_are_answered(plan, ramp, check):
    readout = read_out(plan(data=TIMES | {"stratum": "phase", "p_arm": "p_arm"}), data=ramp)
    assert failed(readout) == set()
    assert check(readout, "arm_probability").passed
    rows = [row for row in check(readout, "sample_ratio").table if "stratum" not in row]
    assert [row["share_planned"] for row in rows] == pytest.approx([0.5, 0.5], abs=1e-6)
    assert "by the probabilities of column p_arm" in dict(readout.specification)["Unit"]
    weights = ramp["phase"].value_counts(normalize=True)
    means = ramp.pivot_table("y", "phase", "arm")
    by_hand = ((means["journey"] - means["control"]) * weights).sum()
    assert readout.headline("y", "journey").effect == pytest.approx(by_hand, rel=1e-9)


def test_a_phase_that_was_not_drawn_by_its_probability_fails_the_sample_ratio(plan, ramp, check):
    lost = (ramp["phase"] == "large") & (ramp["arm"] == "control") & (ramp.index % 3 == 0)
    readout = read_out(plan(data={"stratum": "phase", "p_arm": "p_arm"}), data=ramp[~lost])
    found = check(readout, "sample_ratio")
    assert found.passed is False
    assert "'large'" in found.sentence


def test_probabilities_that_differ_and_no_stratum_are_fatal(plan, ramp, check):
    readout = read_out(plan(data={"p_arm": "p_arm"}), data=ramp)
    assert failed(readout) == {"arm_probability"}
    assert readout.grade == "do not use"
    assert "no stratum parts them" in check(readout, "arm_probability").sentence


def test_units_without_a_probability_are_counted(plan, ramp, check):
    ramp.loc[ramp.index[:7], "p_arm"] = np.nan
    found = check(read_out(plan(data={"p_arm": "p_arm", "stratum": "phase"}), data=ramp), "arm_probability")
    assert found.passed is False
    assert "7 units without one" in found.sentence


def test_the_complement_is_held_against_the_probabilities_of_its_phases(plan, ramp, check):
    ramp["could"] = (ramp["phase"] != "large") | (ramp.index % 2 == 0)
    mapping = {"stratum": "phase", "p_arm": "p_arm", "eligible": "could"}
    found = check(read_out(plan(data=mapping), data=ramp), "sample_ratio_complement")
    assert found.passed
    assert [row["share_planned"] for row in found.table] == pytest.approx([0.2, 0.8])


@pytest.mark.parametrize("wrong", [0.0, 1.2])
def test_a_probability_lies_above_zero_and_at_most_at_one(plan, ramp, wrong):
    with pytest.raises(ValueNotAllowed, match="above 0 and at most 1"):
        read_out(plan(data={"p_arm": "p_arm"}), data=ramp.assign(p_arm=wrong))


def test_one_moment_of_decision_has_no_periods(plan, sample):
    rows = sample(1000).assign(decided=pd.Timestamp("2026-01-01"))
    assert "sample_ratio_over_time" not in {c.name for c in read_out(plan(data=TIMES), data=rows).checks}


def test_too_few_units_over_time_inform(plan, sample, check):
    rows = sample(14)
    rows["decided"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(14), unit="D")
    assert check(read_out(plan(data=TIMES), data=rows), "sample_ratio_over_time").passed is None


def twice(rows, n, *, arm):
    """The first rows once more, a month later, in another arm or in the same."""
    again = rows.head(n).assign(decided=rows["decided"].head(n) + pd.Timedelta(days=30), y=99.0)
    if arm == "other":
        again["arm"] = again["arm"].map({"control": "journey", "journey": "control"})
    return pd.concat([again, rows], ignore_index=True)


@pytest.fixture
def dated(sample):
    rows = sample(2000, seed=8)
    hours = np.random.default_rng(8).integers(0, 1000, 2000)
    return rows.assign(decided=pd.Timestamp("2026-01-01") + pd.to_timedelta(hours, unit="h"))


@pytest.mark.parametrize("arm", ["same", "other"])
def test_the_first_entry_counts_where_times_tell_it(plan, dated, check, arm):
    readout = read_out(plan(data=TIMES), data=twice(dated, 300, arm=arm))
    assert same_effect(readout, read_out(plan(data=TIMES), data=dated))
    assert readout.rows.refused == {"a later entry of the same unit": 300}
    assert (readout.rows.read, readout.rows.kept) == (2300, 2000)
    assert "each counts once" in check(readout, "duplicates").sentence
    assert "first entry" in dict(readout.specification)["Unit"]
    assert readout.grade == "trust"


def test_the_first_eligible_entry_counts_where_the_eligible_are_analysed(plan, dated):
    early = dated.head(200).assign(could=0, y=-50.0, decided=dated["decided"].head(200) - pd.Timedelta(days=9))
    both = pd.concat([early, dated.assign(could=1)])
    readout = read_out(plan(data={"eligible": "could"} | TIMES), data=both)
    assert same_effect(readout, read_out(plan(), data=dated))


def test_many_units_in_two_arms_and_no_times_are_fatal(plan, dated, check):
    readout = read_out(plan(), data=twice(dated, 100, arm="other"))
    assert check(readout, "mixed_assignment").passed is False
    assert readout.grade == "do not use"
    assert "data.t0" in check(readout, "mixed_assignment").sentence


def test_few_units_in_two_arms_and_no_times_bring_caution(plan, dated, check):
    readout = read_out(plan(), data=twice(dated, 4, arm="other"))
    assert check(readout, "mixed_assignment").passed is None
    assert readout.grade == "caution"


def test_two_arms_at_one_moment_have_no_first(plan, dated, check):
    rows = twice(dated, 100, arm="other")
    rows.loc[:99, "decided"] = dated["decided"].head(100)
    readout = read_out(plan(data=TIMES), data=rows)
    assert check(readout, "mixed_assignment").passed is False
    assert [row["in_several_arms"] for row in check(readout, "mixed_assignment").table] == [100]
    assert same_effect(readout, read_out(plan(data=TIMES), data=rows.sample(frac=1, random_state=3)))


@pytest.mark.domain("X3")
@pytest.mark.parametrize(("moved", "passed"), [(1, None), (40, False)])
def test_groups_in_two_arms_are_fatal_where_they_are_many(plan, sample, check, moved, passed):
    rows = sample(4000)
    rows["account"] = rows.index // 10
    rows["arm"] = np.where(rows["account"] % 2 == 0, "journey", "control")
    rows.loc[rows.index[: 10 * moved : 10], "arm"] = "control"
    readout = read_out(plan(data={"cluster": "account"}), data=rows)
    assert check(readout, "mixed_assignment").passed is passed
    assert check(readout, "clusters").passed is False
    assert readout.grade == ("caution" if passed is None else "do not use")
