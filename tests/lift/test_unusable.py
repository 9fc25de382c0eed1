"""A metric without a usable interval is refused alone, unless primary; missing outcomes are compared by account."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.errors import InputError, TooFewClusters

METRICS = [
    {"name": "y", "kind": "mean", "role": "primary"},
    {"name": "z", "kind": "mean", "role": "secondary"},
    {"name": "w", "kind": "mean", "role": "guardrail", "smallest_effect": {"absolute": 0.5}},
]


@pytest.fixture
def accounts():
    def make(k=60, size=10, seed=4):
        rng = np.random.default_rng(seed)
        account = np.repeat(np.arange(k), size)
        rows = pd.DataFrame(
            {"id": range(k * size), "account": account, "arm": np.where(account % 2, "journey", "control")}
        )
        for name in ("y", "z", "w"):
            rows[name] = 5 + rng.normal(size=k)[account] + rng.normal(size=k * size)
        return rows

    return make


@pytest.mark.parametrize("covariates", [[], ["w"]], ids=["plain", "adjusted"])
def test_a_secondary_without_enough_accounts_has_a_failed_check_and_no_number(plan, accounts, check, covariates):
    rows = accounts().assign(z=lambda f: f["z"].where(f["account"] < 10))
    metrics = METRICS[:2] if covariates else METRICS
    readout = read_out(plan(metrics=metrics, data={"cluster": "account", "covariates": covariates}), data=rows)
    found = check(readout, "interval", "z")
    assert found.passed is False
    assert found.sentence.startswith("No interval: metric 'z'")
    assert {e.metric for e in readout.estimates} == {m["name"] for m in metrics} - {"z"}
    assert "z" not in {mean.metric for mean in readout.means}
    with pytest.raises(InputError, match="compares no 'journey' in metric 'z'"):
        readout.headline("z", "journey")


def test_a_guardrail_without_enough_accounts_is_not_judged(plan, accounts, check):
    rows = accounts().assign(w=lambda f: f["w"].where(f["account"] < 10))
    readout = read_out(plan(metrics=METRICS, data={"cluster": "account"}), data=rows)
    assert readout.guardrails == ()
    assert check(readout, "interval", "w").passed is False
    assert readout.grade == "caution"


def test_a_primary_without_enough_accounts_still_refuses(plan, accounts):
    rows = accounts().assign(y=lambda f: f["y"].where(f["account"] < 10))
    with pytest.raises(TooFewClusters, match="metric 'y'"):
        read_out(plan(metrics=METRICS, data={"cluster": "account"}), data=rows)


def test_accounts_that_miss_an_outcome_whole_are_not_many_units(plan, accounts, check):
    """Six accounts of ten in one arm against one: by contacts p is below 1e-9, by account it is chance."""
    rows = accounts(k=80, size=40)
    gone = rows["account"].isin([1, 3, 5, 7, 2])
    rows["y"] = rows["y"].mask(gone & (rows.index % 3 == 0))
    found = check(read_out(plan(data={"cluster": "account"}), data=rows), "missing_outcomes", "y")
    assert "differently" not in found.sentence
    assert "alike in all arms" in found.sentence


def test_an_arm_whose_accounts_all_miss_some_outcomes_is_found(plan, accounts, check):
    rows = accounts(k=60, size=40)
    rows["y"] = rows["y"].mask((rows["arm"] == "journey") & (rows.index % 40 == rows["account"] % 7))
    found = check(read_out(plan(data={"cluster": "account"}), data=rows), "missing_outcomes", "y")
    assert "differently by arm" in found.sentence
    assert found.passed is False


def test_missing_outcomes_are_found_different_no_more_often_than_chance_by_account(plan, accounts, check):
    """Accounts lose outcomes together; by contact 40 worlds would cry wolf in most."""
    cried = 0
    for seed in range(40):
        rows, rng = accounts(seed=seed), np.random.default_rng(100 + seed)
        lost = rng.random(60)[rows["account"]] < 0.1
        found = check(
            read_out(plan(data={"cluster": "account"}), data=rows.assign(y=rows["y"].mask(lost))), "missing_outcomes"
        )
        cried += "differently" in found.sentence
    assert cried <= 1
