from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.errors import InputError
from incrementality.stats import compare_by_permutation, moments_of_rows, pooled_arm_variance, shrink_effects

EXACT = 1e-9


def cells(readout):
    return {e.segment: (e.effect, e.standard_error, e.pvalue, e.n_control, e.n_treatment) for e in readout.segments}


def close(cell, whole):
    estimate = whole.estimates[0]
    return cell == pytest.approx(
        (estimate.effect, estimate.standard_error, estimate.pvalue, estimate.n_control, estimate.n_treatment), rel=EXACT
    )


@pytest.mark.domain("X6")
@pytest.mark.parametrize("missing", [False, True])
def test_each_cell_is_a_readout_of_its_rows(plan, sample, missing):
    rows = sample(900)
    if missing:
        rows.loc[rows.index % 50 == 0, "y"] = np.nan
    found = cells(read_out(plan(segments=["s"]), data=rows))
    assert set(found) == {("s", value) for value in ("north", "south", "west")}
    for (_, value), cell in found.items():
        assert close(cell, read_out(plan(), data=rows[rows["s"] == value].dropna(subset="y")))


@pytest.mark.domain("X6")
def test_the_test_of_a_segment_is_cochrans_q(plan, sample):
    rows = sample(3000)
    rows["y"] += 1.0 * ((rows["s"] == "west") & (rows["arm"] == "journey"))
    readout = read_out(plan(segments=[{"column": "s", "name": "Region"}]), data=rows)
    effects = np.array([e.effect for e in readout.segments])
    weights = np.array([e.standard_error for e in readout.segments]) ** -2.0
    q = (weights * (effects - (weights @ effects) / weights.sum()) ** 2).sum()
    test = readout.segment_tests[0]
    assert (test.q, test.df) == (pytest.approx(q, rel=EXACT), 2)
    assert test.sentence.startswith("The effect of journey on y differs between the values of Region")


def test_only_primary_metrics_are_shown_and_only_declared_segments(simulated):
    readout = simulated(n=4000)
    assert {(e.metric, e.segment[0]) for e in readout.segments} == {("reactivated", "preferred channel")}


@pytest.mark.parametrize("values", [(0, 1), (False, True), ("a", "b")], ids=str)
def test_segments_may_be_numbers_booleans_or_names(plan, sample, values):
    rows = sample().assign(half=lambda f: np.array(values)[f.index % 2])
    found = cells(read_out(plan(segments=["half"]), data=rows))
    assert [value for _, value in found] == [str(value).lower() for value in values]
    assert close(found["half", str(values[0]).lower()], read_out(plan(), data=rows[rows.index % 2 == 0]))


def test_small_values_and_units_without_a_value_are_left_out_and_said(plan, sample):
    rows = sample()
    rows.loc[0:2, "s"] = "islands"
    rows.loc[0:2, "arm"] = ["journey", "journey", "control"]
    rows.loc[10:46, "s"] = None
    readout = read_out(plan(segments=["s"]), data=rows)
    assert ("s", "islands") not in cells(readout)
    assert "Left out, since an arm had too few units: 1 value." in readout.segment_tests[0].sentence
    assert "Without a value of s: 37 units." in readout.segment_tests[0].sentence


def test_a_cell_without_a_denominator_is_left_out(plan, sample):
    rows = sample().assign(sessions=lambda f: np.where((f["s"] == "west") & (f["arm"] == "control"), 0, 2))
    metric = {"name": "r", "kind": "ratio", "numerator": "y", "denominator": "sessions", "role": "primary"}
    found = read_out(plan(metrics=[metric], segments=["s"]), data=rows)
    assert set(cells(found)) == {("s", "north"), ("s", "south")}


def test_a_cell_whose_control_is_zero_has_no_relative_effect(plan, sample):
    rows = sample().assign(y=lambda f: np.where((f["s"] == "west") & (f["arm"] == "control"), 0.0, f["y"]))
    readout = read_out(plan(segments=["s"]), data=rows)
    west = next(e for e in readout.segments if e.segment == ("s", "west"))
    assert (west.control_mean, west.rel_effect) == (0.0, None)


@pytest.mark.parametrize(
    "mapping", [{"covariates": ["s"]}, {"stratum": "s"}, {"stratum": "s", "covariates": ["s"]}], ids=str
)
def test_a_segment_may_be_a_covariate_or_the_stratum(plan, sample, mapping):
    rows = sample()
    found = cells(read_out(plan(data=mapping, segments=["s"]), data=rows))
    assert found == {key: pytest.approx(cell) for key, cell in cells(read_out(plan(segments=["s"]), data=rows)).items()}


def test_cells_count_whole_clusters(plan, sample):
    rows = sample(900).assign(account=lambda f: f.index // 9)
    rows["arm"] = np.where(rows["account"] % 2 == 0, "control", "journey")
    found = cells(read_out(plan(data={"cluster": "account"}, segments=["s"]), data=rows))
    assert close(found["s", "south"], read_out(plan(data={"cluster": "account"}), data=rows[rows["s"] == "south"]))


def test_unplanned_arms_make_no_value(plan, sample):
    rows = sample()
    rows.loc[0:4, ["arm", "s"]] = ["stray", "elsewhere"]
    readout = read_out(plan(segments=["s"]), data=rows)
    assert {value for _, value in cells(readout)} == {"north", "south", "west"}
    assert "Left out" not in readout.segment_tests[0].sentence


def test_a_segment_of_many_values_is_refused(plan, sample):
    with pytest.raises(InputError, match="segment 'day' has 25 values"):
        read_out(plan(segments=["day"]), data=sample().assign(day=lambda f: f.index % 25))


REVENUE = {"name": "y", "kind": "revenue", "role": "primary"}


def paying(n=4000, seed=6, payers=(0.4, 0.05)):
    """Values of s by turns: in one of them few pay."""
    rng = np.random.default_rng(seed)
    s = np.where(np.arange(n) % 4 == 0, "few", "many")
    y = (rng.random(n) < np.where(s == "few", payers[1], payers[0])) * rng.lognormal(2, 0.4, n)
    return pd.DataFrame({"id": range(n), "arm": rng.choice(["control", "journey"], n), "y": y, "s": s})


@pytest.mark.domain("X6")
@pytest.mark.parametrize("mapping", [{}, {"stratum": "half"}], ids=["plain", "strata"])
def test_few_payers_of_one_value_are_compared_by_permutation_there_alone(plan, mapping):
    rows = paying().assign(half=lambda f: f.index % 2)
    readout = read_out(plan(metrics=[REVENUE], segments=["s"], data=mapping), data=rows)
    few, many = (next(e for e in readout.segments if e.segment == ("s", value)) for value in ("few", "many"))
    own = rows[rows["s"] == "few"]
    direct = compare_by_permutation(own["y"], own["arm"] == "journey", seed=1)
    assert few.method.startswith("studentised permutation test")
    assert few.effect == pytest.approx(direct.effect, rel=EXACT)
    assert few.pvalue == pytest.approx(direct.pvalue, abs=0.045)  # three Monte-Carlo errors of two sets of 10,000
    assert "Welch" in many.method


def test_a_value_in_which_nobody_pays_stays_as_it_is(plan):
    rows = paying(payers=(0.4, 0.0))
    readout = read_out(plan(metrics=[REVENUE], segments=["s"]), data=rows)
    few = next(e for e in readout.segments if e.segment == ("s", "few"))
    assert (few.effect, few.pvalue) == (0.0, 1.0)
    assert readout.shrunken == ()


@pytest.mark.domain("X6")
def test_few_conversions_of_one_value_are_compared_exactly(plan):
    rows = paying().assign(y=lambda f: ((f["y"] > 0) & ((f["s"] == "many") | (f.index % 16 == 0))).astype(int))
    metric = {"name": "y", "kind": "conversion", "role": "primary"}
    readout = read_out(plan(metrics=[metric], segments=["s"]), data=rows)
    assert {e.segment[1]: e.method.split()[0] for e in readout.segments} == {
        "few": "exact",
        "many": "Miettinen-Nurminen",
    }


@pytest.mark.domain("X6")
def test_effects_are_shrunk_by_the_variance_of_both_arms_together(plan, sample):
    rows = sample(1500)
    rows["y"] += 0.8 * ((rows["s"] == "west") & (rows["arm"] == "journey"))
    readout = read_out(plan(segments=["s"]), data=rows)
    variances = []
    for value in ("north", "south", "west"):
        arms = [rows.loc[(rows["s"] == value) & (rows["arm"] == arm), "y"] for arm in ("journey", "control")]
        variances.append(pooled_arm_variance(*(moments_of_rows({"y": y}, shift={"y": 5.0}) for y in arms), "y"))
    theirs = shrink_effects([e.effect for e in readout.segments], variances)
    assert [e.effect for e in readout.shrunken] == pytest.approx(theirs.effects, rel=1e-7)
    assert readout.shrunken[2].ci_upper == pytest.approx(theirs.intervals[2].upper, rel=1e-7)
    raw = [e.effect for e in readout.segments]
    assert max(e.effect for e in readout.shrunken) < max(raw)
    assert "pulled from" in readout.shrunken[0].sentence
