"""The small-holdout guard chooses the test from all arms together, and permutation answers where it fires."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.stats import compare_by_permutation

# Two sets of 10,000 permutations differ in p by at most three Monte-Carlo errors, 3 x 2 x sqrt(2 x 0.25 / 10,000).
MONTE_CARLO = 0.045

REVENUE = {"name": "y", "kind": "revenue", "unit": "EUR", "role": "primary"}
SHARES = [{"name": "control", "share": "10%", "control": True}, {"name": "journey", "share": "90%"}]


def paying(n=3000, payers=0.06, seed=5, effect=1.0):
    rng = np.random.default_rng(seed)
    arm = np.where(rng.random(n) < 0.1, "control", "journey")
    y = (rng.random(n) < payers) * rng.lognormal(3, 1, n) * np.where(arm == "journey", effect, 1.0)
    return pd.DataFrame(
        {"id": np.arange(n), "arm": arm, "y": y, "x": rng.normal(size=n), "s": rng.choice(["a", "b"], n)}
    )


def rule(readout, metric="y"):
    return next(check for check in readout.checks if check.name == "small_holdout" and check.metric == metric)


def test_few_payers_are_compared_by_permutation_and_the_page_says_why(plan):
    rows = paying()
    readout = read_out(plan(arms=SHARES, metrics=[REVENUE], data={"covariates": ["x"]}), data=rows)
    (estimate,) = readout.estimates
    direct = compare_by_permutation(rows["y"], rows["arm"] == "journey", seed=1)
    assert estimate.method.startswith("studentised permutation test")
    assert estimate.effect == pytest.approx(direct.effect, rel=1e-9)
    assert estimate.pvalue == pytest.approx(direct.pvalue, abs=MONTE_CARLO)
    assert rule(readout).passed is None
    assert "Tested by permutation, since 1" in rule(readout).sentence
    assert readout.grade == "trust"


@pytest.mark.parametrize("effect", [1.0, 1.6, 2.5, 6.0])
def test_both_intervals_hold_zero_exactly_when_the_test_does_not_reject(plan, effect):
    readout = read_out(plan(arms=SHARES, metrics=[REVENUE]), data=paying(effect=effect))
    e = readout.headline("y", "journey")
    shown = e.pvalue > e.alpha
    assert (e.effect_ci_lower <= 0 <= e.effect_ci_upper) is shown
    assert (e.rel_effect_ci_lower <= 0 <= e.rel_effect_ci_upper) is shown


def test_many_payers_keep_the_t_test(plan):
    readout = read_out(plan(arms=SHARES, metrics=[REVENUE]), data=paying(n=60_000, payers=0.3))
    assert "Welch" in readout.headline("y", "journey").method
    assert rule(readout).passed is True


def test_one_outlier_a_hundred_times_the_next_value_calls_for_permutation(plan, sample):
    rows = sample(n=20_000)
    rows.loc[7, "y"] = 100 * rows["y"].max()
    readout = read_out(plan(metrics=[{"name": "y", "kind": "mean", "role": "primary"}]), data=rows)
    assert "skewed" in rule(readout).sentence
    assert "permutation" in readout.headline("y", "journey").method


def test_the_rule_does_not_know_who_was_in_which_arm(plan):
    rows = paying()
    swapped = rows.assign(arm=np.random.default_rng(2).permutation(rows["arm"]))
    readouts = (read_out(plan(arms=SHARES, metrics=[REVENUE]), data=frame) for frame in (rows, swapped))
    ((one,), (other,)) = (rule(readout).table for readout in readouts)
    assert one.pop("skewness") == pytest.approx(other.pop("skewness"), rel=1e-12)
    assert one == other


def test_the_order_of_rows_changes_no_digit(plan):
    rows = paying()
    one, other = (
        read_out(plan(arms=SHARES, metrics=[REVENUE]), data=frame).headline("y", "journey")
        for frame in (rows, rows.sample(frac=1, random_state=3))
    )
    assert (one.pvalue, one.effect_ci_lower, one.rel_effect_ci_upper) == pytest.approx(
        (other.pvalue, other.effect_ci_lower, other.rel_effect_ci_upper), rel=1e-9
    )


def test_units_are_permuted_within_their_strata(plan):
    rows = paying().assign(y=lambda f: f["y"] + (f["s"] == "b") * (f["y"] > 0) * 40)
    readout = read_out(plan(arms=SHARES, metrics=[REVENUE], data={"stratum": "s"}), data=rows)
    direct = compare_by_permutation(rows["y"], rows["arm"] == "journey", strata=rows["s"], seed=1)
    e = readout.headline("y", "journey")
    assert e.effect == pytest.approx(direct.effect, rel=1e-9)
    assert e.pvalue == pytest.approx(direct.pvalue, abs=MONTE_CARLO)


def test_a_ratio_is_permuted_around_the_ratio_of_all(plan):
    rng = np.random.default_rng(8)
    rows = paying().assign(visits=lambda f: rng.integers(1, 9, len(f)))
    metric = {"name": "rate", "kind": "ratio", "numerator": "y", "denominator": "visits", "role": "primary"}
    e = read_out(plan(arms=SHARES, metrics=[metric]), data=rows).headline("rate", "journey")
    direct = compare_by_permutation(rows["y"], rows["arm"] == "journey", denominator=rows["visits"], seed=1)
    assert e.effect == pytest.approx(direct.effect, rel=1e-9)
    assert e.pvalue == pytest.approx(direct.pvalue, abs=MONTE_CARLO)


def test_units_without_an_outcome_are_left_out(plan):
    rows = paying()
    rows.loc[rows.index % 40 == 0, "y"] = np.nan
    present = rows.dropna()
    e = read_out(plan(arms=SHARES, metrics=[REVENUE]), data=rows).headline("y", "journey")
    direct = compare_by_permutation(present["y"], present["arm"] == "journey", seed=1)
    assert e.effect == pytest.approx(direct.effect, rel=1e-9)


def test_money_that_can_be_negative_has_no_relative_effect(plan):
    rows = paying().assign(y=lambda f: f["y"] - 0.5 * (f["id"] % 50 == 0))
    e = read_out(plan(arms=SHARES, metrics=[REVENUE]), data=rows).headline("y", "journey")
    assert "permutation" in e.method
    assert e.rel_effect is None
