"""Guardrails: harm beyond a margin ruled out, shown, or neither; by the method that compares the metric."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import Readout, read_out
from incrementality.stats import MeanEstimate, guardrail_test, relative_guardrail_test

PRIMARY = {"name": "x", "kind": "mean", "role": "primary", "relative": False}


def guardrail(margin, **keys):
    return {"name": "y", "kind": "mean", "role": "guardrail", "smallest_effect": margin} | keys


def answers(plan, rows, *metrics, **keys):
    return read_out(plan(metrics=[PRIMARY, *metrics], **keys), data=rows)


def estimate(rows, arm):
    y = rows.loc[rows["arm"] == arm, "y"]
    return MeanEstimate(value=y.mean(), variance=y.var() / len(y), df=len(y) - 1)


@pytest.mark.domain("X4")
@pytest.mark.parametrize(
    ("shift", "outcome"), [(0.0, "within its margin"), (-0.35, "not settled"), (-1.5, "worse")], ids=str
)
def test_a_guardrail_is_within_its_margin_worse_or_not_settled(plan, sample, shift, outcome):
    rows = sample(1500).assign(y=lambda f: f["y"] + (shift - 0.3) * (f["arm"] == "journey"))
    readout = answers(plan, rows, guardrail({"absolute": 0.4}))
    (answer,) = readout.guardrails
    theirs = guardrail_test(estimate(rows, "journey"), estimate(rows, "control"), margin=0.4, higher_is_better=True)
    words = {"held": "within its margin", "violated": "worse", "undecided": "not settled"}
    assert answer.outcome == outcome == words[theirs.verdict]
    found = answer.harm, answer.harm_ci_lower, answer.harm_ci_upper
    assert found == pytest.approx((theirs.harm, theirs.interval.lower, theirs.interval.upper), rel=1e-9)
    assert f"y under journey: {outcome}" in answer.sentence
    assert "Guardrail y is " in readout.verdict


def test_a_relative_margin_is_held_against_the_relative_harm(plan, sample):
    rows = sample(1500).assign(y=lambda f: f["y"] + 0.1 * (f["arm"] == "journey"))
    (answer,) = answers(plan, rows, guardrail({"relative": "10%"}, direction="decrease")).guardrails
    theirs = relative_guardrail_test(
        estimate(rows, "journey"), estimate(rows, "control"), margin=0.1, higher_is_better=False
    )
    assert answer.relative
    assert (answer.harm_ci_lower, answer.harm_ci_upper) == pytest.approx(
        (theirs.interval.lower, theirs.interval.upper), rel=1e-9
    )


def test_a_relative_margin_of_a_control_near_zero_is_not_settled(plan, sample):
    rows = sample().assign(y=lambda f: f["x"] - f["x"].mean())
    (answer,) = answers(plan, rows, guardrail({"relative": "10%"}, relative=False)).guardrails
    assert (answer.outcome, answer.harm) == ("not settled", None)
    assert "no relative effect is stated" in answer.sentence


def test_rare_complaints_are_judged_by_the_exact_test(plan, sample):
    rows = sample(2000).assign(y=lambda f: (f.index % 250 == 3).astype(int))
    metric = guardrail({"absolute": 0.02}, kind="conversion", direction="decrease", relative=False)
    (answer,) = answers(plan, rows, metric).guardrails
    assert answer.method.startswith("exact unconditional")
    assert answer.outcome == "within its margin"


def test_guardrails_without_a_margin_are_not_judged(plan, sample):
    metric = {"name": "y", "kind": "mean", "role": "guardrail"}
    assert answers(plan, sample(), metric).guardrails == ()


def test_harm_of_the_margin_is_called_within_it_no_more_often_than_alpha(plan):
    """At a true harm of the margin; the bound is four Monte-Carlo errors above 5 % of 200 worlds."""
    rng, held = np.random.default_rng(11), 0
    experiment = plan(metrics=[PRIMARY, guardrail({"absolute": 0.3}, relative=False)])
    for _ in range(200):
        rows = pd.DataFrame({"id": range(160), "arm": ["control", "journey"] * 80, "x": 1.0})
        rows["y"] = rng.normal(size=160) - 0.3 * (rows["arm"] == "journey")
        rows["x"] = rng.normal(size=160)
        held += read_out(experiment, data=rows).guardrails[0].outcome == "within its margin"
    assert 0 < held <= 200 * 0.05 + 4 * np.sqrt(200 * 0.05 * 0.95)


def test_an_older_result_without_guardrails_is_still_read(plan, sample):
    content = read_out(plan(), data=sample()).to_dict()
    del content["guardrails"]
    for row in content["estimates"]:
        del row["correction"]
    assert Readout.from_dict(content).guardrails == ()
