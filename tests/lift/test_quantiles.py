"""Quantiles in a readout: order statistics, accounts by Woodruff, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.errors import InputError
from incrementality.experiment import Experiment
from incrementality.stats import compare_quantiles, estimate_quantile

METRIC = {"name": "p90 spend", "kind": "quantile", "quantile": 0.9, "column": "spend", "unit": "EUR", "role": "primary"}
SAME = 1e-9


def spending(n=4000, seed=3, more=0.0):
    rng = np.random.default_rng(seed)
    account = np.arange(n) // 20
    arm = np.where(np.random.default_rng(seed + 1).permutation(n // 20) % 2, "control", "journey")[account]
    spend = rng.lognormal(3, 1, n) + rng.gamma(2, 5, n // 20)[account] + more * (arm == "journey")
    stratum = rng.choice(["a", "b"], n)
    return pd.DataFrame({"id": np.arange(n), "account": account, "arm": arm, "spend": spend, "s": stratum})


def test_the_estimate_is_the_difference_of_order_statistics(plan):
    rows = spending(more=20.0)
    readout = read_out(plan(metrics=[METRIC]), data=rows)
    (e,) = readout.estimates
    one, other = (rows.loc[rows["arm"] == name, "spend"] for name in ("journey", "control"))
    direct = compare_quantiles(one, other, 0.9)
    assert (e.effect, e.effect_ci_lower, e.effect_ci_upper, e.pvalue) == pytest.approx(
        (direct.effect, direct.interval.lower, direct.interval.upper, direct.pvalue), rel=SAME
    )
    assert (e.treatment_mean, e.control_mean) == pytest.approx((direct.treatment, direct.control), rel=SAME)
    assert e.rel_effect is None
    assert "difference of 0.9 quantiles" in e.method
    control = estimate_quantile(other, 0.9)
    assert (readout.means[0].mean, readout.means[0].ci_upper) == pytest.approx(
        (control.value, control.interval.upper), rel=SAME
    )


@pytest.mark.parametrize("more", [0.0, 5.0, 12.0])
def test_the_interval_holds_zero_exactly_when_the_test_does_not_reject(plan, more):
    (e,) = read_out(plan(metrics=[METRIC]), data=spending(more=more)).estimates
    assert (e.effect_ci_lower <= 0 <= e.effect_ci_upper) is (e.pvalue > e.alpha)


def test_accounts_widen_the_interval_by_woodruff(plan):
    rows = spending()
    (e,) = read_out(plan(metrics=[METRIC], data={"cluster": "account"}), data=rows).estimates
    parts = [rows[rows["arm"] == name] for name in ("journey", "control")]
    direct = compare_quantiles(
        parts[0]["spend"], parts[1]["spend"], 0.9, accounts=(parts[0]["account"], parts[1]["account"])
    )
    assert (e.effect_ci_lower, e.effect_ci_upper) == pytest.approx(
        (direct.interval.lower, direct.interval.upper), rel=SAME
    )
    assert "whole groups of account" in e.method


def test_strata_are_refused_with_the_reason(plan):
    with pytest.raises(InputError, match="do not add up to that of all"):
        read_out(plan(metrics=[METRIC], data={"stratum": "s"}), data=spending())


def test_too_few_units_are_refused_by_the_metrics_name(plan):
    with pytest.raises(InputError, match="metric 'p90 spend'"):
        read_out(plan(metrics=[METRIC | {"quantile": 0.999}]), data=spending(n=400))


def test_covariates_leave_a_quantile_as_it_is(plan):
    rows = spending().assign(before=lambda f: f["spend"] / 2)
    other = {"name": "spend", "kind": "mean", "role": "secondary"}
    found = read_out(plan(metrics=[METRIC, other], data={"covariates": ["before"]}), data=rows).estimates
    assert [(e.metric, e.adjusted) for e in found] == [("p90 spend", False), ("spend", False), ("spend", True)]


def test_segments_show_a_quantile_within_each_value(plan):
    rows = spending()
    readout = read_out(plan(metrics=[METRIC], segments=["s"]), data=rows)
    (e,) = [e for e in readout.segments if e.segment == ("s", "a")]
    parts = [rows.loc[(rows["arm"] == name) & (rows["s"] == "a"), "spend"] for name in ("journey", "control")]
    assert e.effect == pytest.approx(compare_quantiles(*parts, 0.9).effect, rel=SAME)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantile": None}, "a quantile needs 'quantile'"),
        ({"kind": "mean"}, "it belongs to kind quantile"),
        ({"quantile": 1.0}, "less than 1"),
    ],
)
def test_a_quantile_states_its_share(plan, change, words):
    with pytest.raises(ValueError, match=words):
        plan(metrics=[METRIC | change])


def test_a_time_states_its_event_and_its_horizon():
    base = {"name": "time", "kind": "time", "role": "primary"}
    asked = {
        "id": "winback", "question": "?", "data": {"unit": "id"},
        "arms": [{"name": "a", "share": "1/2", "control": True}, {"name": "b", "share": "1/2"}],
    }  # fmt: skip
    for extra, words in (
        ({"window": "90d"}, "'event', or 'at'"),
        ({"event": "came"}, "needs 'window'"),
        ({"event": "came", "window": "90d", "unit": "EUR"}, "in days, not in 'EUR'"),
        ({"event": "time", "window": "90d"}, "the column of days too"),
        ({"at": "came_at", "window": "90d"}, "needs data.t0 and data.data_cut"),
        ({"event": "came", "window": "90d", "from": {"table": "orders"}}, "not from events"),
    ):
        with pytest.raises(ValueError, match=words):
            Experiment.model_validate(asked | {"metrics": [base | extra]})
