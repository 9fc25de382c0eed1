"""Few accounts with skewed totals are permuted whole, and the page says why; others keep CR2."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.stats import compare_clusters_by_permutation

# Two sets of 10,000 permutations differ in p by at most three Monte-Carlo errors, 3 x 2 x sqrt(2 x 0.25 / 10,000).
MONTE_CARLO = 0.045
ARR = {"name": "y", "kind": "revenue", "unit": "EUR", "role": "primary"}


@pytest.fixture
def arr():
    """Contacts of unequal accounts; few accounts expand, some by much; two regions of accounts."""

    def make(n=40, *, control=0.5, expanding=0.3, spread=1.5, effect=1.0, seed=3):
        rng = np.random.default_rng(seed)
        account = np.repeat(np.arange(n), 1 + rng.poisson(rng.gamma(3, 4, n)))
        place = rng.permuted(np.arange(n))
        arm = np.where(place < control * n, "control", "journey")
        grown = np.where(rng.random(n) < expanding, rng.lognormal(3, spread, n), 0.0) * np.where(
            arm == "control", 1, effect
        )
        one = np.append(True, account[1:] != account[:-1])
        return pd.DataFrame({
            "id": np.arange(len(account)), "account": account, "arm": arm[account], "y": grown[account] * one,
            "region": np.where(place % 2 == 0, "north", "south")[account], "seats": 1 + account % 3,
            "decided": pd.Timestamp("2026-01-05"),
        })  # fmt: skip

    return make


def read(plan, rows, shares=("50%", "50%"), **options):
    arms = [{"name": "control", "share": shares[0], "control": True}, {"name": "journey", "share": shares[1]}]
    data = {"cluster": "account"} | options.pop("data", {})
    return read_out(plan(**{"arms": arms, "metrics": [ARR], "data": data} | options), data=rows)


def test_few_skewed_accounts_are_permuted_whole_and_the_page_says_why(plan, arr, check):
    rows = arr(effect=2.0)
    readout = read(plan, rows)
    found, estimate = check(readout, "account_totals", "y"), readout.headline("y", "journey")
    direct = compare_clusters_by_permutation(rows["y"], rows["account"], rows["arm"] == "journey", seed=9)
    assert estimate.method.startswith("studentised permutation test of whole groups of account (CR2), equal-tailed")
    assert (estimate.effect, estimate.standard_error) == pytest.approx((direct.effect, direct.standard_error), rel=1e-9)
    assert estimate.pvalue == pytest.approx(direct.pvalue, abs=MONTE_CARLO)
    assert found.passed is None
    assert "Whole groups of account are permuted, since the smaller arm's mean over groups is skewed" in found.sentence
    assert found.sentence.endswith("exact if the treatment changes nothing in any group.")


@pytest.mark.parametrize("effect", [1.0, 4.0, 40.0])
def test_intervals_hold_zero_exactly_when_the_test_does_not_reject(plan, arr, effect):
    e = read(plan, arr(effect=effect)).headline("y", "journey")
    assert (e.effect_ci_lower <= 0 <= e.effect_ci_upper) is (e.pvalue > e.alpha)


def test_unequal_arms_have_the_limit_of_their_interval_on_the_page(plan, arr, check):
    rows = arr(n=80, control=0.2)
    readout = read(plan, rows, shares=("20%", "80%"))
    assert "difference of unequal arms is skewed" in check(readout, "account_totals", "y").sentence
    assert "covers too seldom in unequal arms" in check(readout, "account_totals", "y").sentence


def test_accounts_whose_totals_are_near_normal_keep_cr2(plan, arr, check):
    rows = arr(n=80).assign(y=lambda f: np.random.default_rng(1).normal(10, 3, len(f)))
    readout = read(plan, rows)
    assert "CR2 with Satterthwaite" in readout.headline("y", "journey").method
    assert check(readout, "account_totals", "y").passed is True


def test_the_rule_does_not_know_which_account_was_in_which_arm(plan, arr, check):
    rows = arr()
    other = rows["account"].map(
        dict(enumerate(np.random.default_rng(5).permuted(rows.groupby("account")["arm"].first())))
    )
    tables = [check(read(plan, frame), "account_totals", "y").table for frame in (rows, rows.assign(arm=other))]
    assert tables[0] == tables[1]


def test_accounts_are_permuted_within_their_strata(plan, arr):
    rows = arr(n=60).assign(y=lambda f: f["y"] * np.where(f["region"] == "south", 4, 1))
    e = read(plan, rows, data={"stratum": "region"}).headline("y", "journey")
    treated = rows["arm"] == "journey"
    direct = compare_clusters_by_permutation(rows["y"], rows["account"], treated, seed=9, strata=rows["region"])
    assert e.effect == pytest.approx(direct.effect, rel=1e-9)
    assert e.pvalue == pytest.approx(direct.pvalue, abs=MONTE_CARLO)


def test_a_ratio_of_accounts_is_permuted_too(plan, arr):
    rows = arr()
    metric = {"name": "per_seat", "kind": "ratio", "numerator": "y", "denominator": "seats", "role": "primary"}
    e = read(plan, rows, metrics=[metric]).headline("per_seat", "journey")
    treated = rows["arm"] == "journey"
    direct = compare_clusters_by_permutation(rows["y"], rows["account"], treated, seed=9, denominator=rows["seats"])
    assert e.effect == pytest.approx(direct.effect, rel=1e-9)
    assert "whole groups" in e.method


def test_an_account_in_both_arms_counts_once_in_each(plan, arr, check):
    rows = arr(n=300)
    mixed = rows["account"] == 7
    rows.loc[rows[mixed].index[0], "arm"] = "control" if rows[mixed]["arm"].iloc[0] == "journey" else "journey"
    readout = read(plan, rows)
    assert "whole groups of account" in readout.headline("y", "journey").method
    assert check(readout, "clusters").passed is False


def test_conversions_of_accounts_keep_cr2(plan, arr):
    rows = arr().assign(won=lambda f: (f["y"] > 0).astype(int))
    readout = read(plan, rows, metrics=[{"name": "won", "kind": "conversion", "role": "primary"}])
    assert "account_totals" not in {found.name for found in readout.checks}
    assert "CR2" in readout.headline("won", "journey").method
