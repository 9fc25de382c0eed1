"""What an effect costs: each extra conversion, revenue net of cost, and what a global holdout is about."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from incrementality import Readout, read_out
from incrementality.report import render_readout

BACK = {"name": "back", "kind": "conversion", "role": "primary"}
SPEND = {"name": "spend", "kind": "revenue", "unit": "EUR", "role": "secondary"}
GIVEN = {"name": "given", "kind": "mean", "unit": "EUR", "role": "secondary", "relative": False}
REQUEST = {"decision": "Scale it.", "population": 4000, "unit_cost": 0.4, "currency": "EUR"}


def shop(n=40_000, seed=6, lift=0.03, discount=2.0):
    rng = np.random.default_rng(seed)
    arm = rng.choice(["control", "journey"], n)
    back = rng.random(n) < 0.1 + lift * (arm == "journey")
    spend = np.where(back, rng.gamma(4, 15, n), 0.0)
    given = np.where(back & (arm == "journey"), rng.uniform(0, 2 * discount, n), 0.0)
    return pd.DataFrame({"id": np.arange(n), "arm": arm, "back": back.astype(int), "spend": spend, "given": given})


def answers(readout):
    return {answer.metric: answer for answer in readout.costs}


@pytest.mark.domain("X8")
def test_a_known_cost_turns_the_effects_interval_over(plan):
    readout = read_out(plan(metrics=[BACK, SPEND], request=REQUEST), data=shop())
    e, found = readout.headline("back", "journey"), answers(readout)["back"]
    assert found.value == pytest.approx(0.4 / e.effect, rel=1e-9)
    assert (found.ci_lower, found.ci_upper) == pytest.approx((0.4 / e.effect_ci_upper, 0.4 / e.effect_ci_lower))
    assert "each extra one costs EUR" in found.sentence.replace("\xa0", " ")


@pytest.mark.domain("X8")
def test_revenue_stands_net_of_cost_for_each_unit_and_over_all(plan):
    readout = read_out(plan(metrics=[BACK, SPEND], request=REQUEST), data=shop())
    e, found = readout.headline("spend", "journey"), answers(readout)["spend"]
    assert found.value == pytest.approx(e.effect - 0.4)
    assert (found.ci_lower, found.ci_upper) == pytest.approx((e.effect_ci_lower - 0.4, e.effect_ci_upper - 0.4))
    assert "net of EUR 0.40" in found.sentence.replace("\xa0", " ")


@pytest.mark.oracle("Cost of each extra conversion with a discount", "a bootstrap of units", "5 %, Monte-Carlo error")
def test_a_discount_that_differs_by_unit_widens_by_fieller_as_a_bootstrap_says(plan):
    rows, request = shop(), REQUEST | {"cost_metric": "given"}
    readout = read_out(plan(metrics=[BACK, SPEND, GIVEN], request=request), data=rows)
    found = answers(readout)["back"]
    rng, drawn = np.random.default_rng(1), []
    parts = [rows.loc[rows["arm"] == name, ["given", "back", "spend"]].to_numpy() for name in ("journey", "control")]
    for _ in range(600):
        one, other = (part[rng.integers(0, len(part), len(part))].mean(0) for part in parts)
        given, back, spend = one - other
        drawn.append(((0.4 + given) / back, spend - given - 0.4))
    each, net = np.quantile(drawn, [0.025, 0.975], axis=0).T
    assert (found.ci_lower, found.ci_upper) == pytest.approx(tuple(each), rel=0.05)
    assert answers(readout)["spend"].ci_lower == pytest.approx(net[0], abs=0.05 * (net[1] - net[0]))
    direct = rows["spend"] - rows["given"] - 0.4 * (rows["arm"] == "journey")
    means = direct.groupby(rows["arm"]).mean()
    assert answers(readout)["spend"].value == pytest.approx(means["journey"] - means["control"], rel=1e-9)


def test_an_effect_that_may_be_nothing_has_no_upper_limit_of_cost(plan):
    found = answers(read_out(plan(metrics=[BACK], request=REQUEST), data=shop(lift=0.0)))["back"]
    assert (found.ci_lower, found.ci_upper) == (None, None)
    assert "no upper limit" in found.sentence


def test_fewer_may_be_better(plan):
    left = BACK | {"direction": "decrease"}
    found = answers(read_out(plan(metrics=[left], request=REQUEST), data=shop(lift=-0.03)))["back"]
    assert found.what == "cost of each avoided back"
    assert 0 < found.ci_lower < found.value < found.ci_upper


def test_accounts_are_pointed_to_a_metric_net_of_the_discount(plan):
    rows = shop(n=4000).assign(account=lambda f: f["id"] // 20)
    rows["arm"] = np.where(rows["account"] % 2, "control", "journey")
    asked = plan(metrics=[BACK, GIVEN], request=REQUEST | {"cost_metric": "given"}, data={"cluster": "account"})
    (found,) = read_out(asked, data=rows).costs
    assert found.what == "not stated"
    assert "a metric of its own" in found.sentence


def test_without_a_stated_cost_nothing_is_said_of_cost(plan):
    assert read_out(plan(metrics=[BACK, SPEND]), data=shop(n=4000)).costs == ()
    assert read_out(plan(metrics=[BACK], request=REQUEST | {"unit_cost": 0.0}), data=shop(n=4000)).costs == ()


@pytest.mark.domain("X1", "X8")
def test_a_global_holdout_says_that_it_is_about_everything(plan):
    rows = shop()
    of_all = read_out(plan(metrics=[BACK, SPEND], request=REQUEST | {"scope": "global"}), data=rows)
    of_one = read_out(plan(metrics=[BACK, SPEND], request=REQUEST), data=rows)
    assert of_all.verdict.endswith("everything that the holdout did not get, together, against the status quo.")
    assert "everything" not in of_one.verdict
    assert of_all.headline("back", "journey") == of_one.headline("back", "journey")


def test_the_page_and_the_file_hold_the_costs(plan):
    readout = read_out(plan(metrics=[BACK, SPEND], request=REQUEST), data=shop(n=4000))
    assert "What it costs" in render_readout(readout)
    content = json.loads(json.dumps(readout.to_dict()))
    assert Readout.from_dict(content).costs == readout.costs
    del content["costs"]
    assert Readout.from_dict(content).costs == ()


def test_a_cost_that_is_no_amount_is_refused(plan):
    with pytest.raises(ValueError, match="no metric of kind mean or revenue here; those are: spend"):
        plan(metrics=[BACK, SPEND], request=REQUEST | {"cost_metric": "back"})
