"""Sentences that a manager can repeat, and none that the data do not carry."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out

SPACE = "\N{NO-BREAK SPACE}"


def said(readout):
    return " ".join([readout.verdict, *readout.verdict_lines]).replace(SPACE, " ")


def shifted(sample, by, n=400):
    rows = sample(n)
    return rows.assign(y=rows["x"] + 10 + by * (rows["arm"] == "journey"))


def test_a_trusted_effect_is_called_a_lift_with_its_interval(plan, sample):
    readout = read_out(plan(), data=shifted(sample, 1))
    assert readout.verdict == "Journey raised y, compared with control."
    assert "journey raised y from " in said(readout)
    assert "relative lift" in said(readout)
    assert "95 % interval" in said(readout)


def test_a_negative_effect_is_lowered_whatever_is_wished(plan, sample):
    for direction in ("increase", "decrease"):
        metric = {"name": "y", "kind": "mean", "role": "primary", "direction": direction}
        assert "lowered y" in read_out(plan(metrics=[metric]), data=shifted(sample, -1)).verdict


def test_nothing_shown_is_not_called_nothing(plan, sample):
    readout = read_out(plan(), data=shifted(sample, 0))
    assert readout.verdict == "No effect of journey on y was shown, compared with control."
    assert "not the same as no effect" in said(readout)
    assert "lift" not in said(readout)


@pytest.mark.parametrize(
    ("smallest", "sentence"),
    [
        ({"absolute": 5}, "A gain of 5.00, the smallest that matters, is ruled out."),
        ({"absolute": 0.001}, "is neither shown nor ruled out; this test could see"),
        ({"relative": "50%"}, "the smallest that matters, is ruled out."),
    ],
)
def test_an_effect_that_is_not_shown_is_held_against_the_smallest_that_matters(plan, sample, smallest, sentence):
    metric = {"name": "y", "kind": "mean", "role": "primary", "smallest_effect": smallest}
    assert sentence in said(read_out(plan(metrics=[metric]), data=shifted(sample, 0)))


@pytest.mark.parametrize(
    ("smallest", "sentence"),
    [(0.3, "All of the interval is beyond 0.300"), (0.99, "Effects below 0.990, the smallest that matters, are not")],
)
def test_an_effect_that_is_shown_is_held_against_the_smallest_that_matters(plan, sample, smallest, sentence):
    metric = {"name": "y", "kind": "mean", "role": "primary", "smallest_effect": {"absolute": smallest}}
    assert sentence in said(read_out(plan(metrics=[metric]), data=shifted(sample, 1)))


FAULTS = {
    "sample ratio": {"lost_control_rows": 900},
    "unplanned arm": {"unplanned_arm": 40},
    "missing outcomes": {"missing_outcomes": 700},
    "duplicates": {"duplicated_rows": 5},
    "mixed units": {"mixed_units": 5},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_failed_check_never_prints_lift(simulated, fault):
    readout = simulated(strengths=[4], **fault)
    assert any(check.passed is False for check in readout.checks)
    assert "lift" not in said(readout).lower()


def test_a_failed_check_of_another_metric_silences_lift_too(plan, sample):
    rows = shifted(sample, 1).assign(rare=lambda f: np.where(f.index < 40, np.nan, f["x"]))
    metrics = [
        {"name": "y", "kind": "mean", "role": "primary"},
        {"name": "rare", "kind": "mean", "role": "secondary", "relative": False},
    ]
    readout = read_out(plan(metrics=metrics), data=rows)
    assert readout.grade == "caution"
    assert "lift" not in said(readout).lower()
    assert "rare: " in readout.verdict


@pytest.mark.parametrize("fault", ["sample ratio", "unplanned arm", "missing outcomes"])
def test_do_not_use_names_the_check_and_no_effect(simulated, fault):
    readout = simulated(strengths=[4], **FAULTS[fault])
    assert readout.verdict.startswith("Do not use this result. ")
    assert all(line.endswith("cannot be read as an effect.") for line in readout.verdict_lines)
    assert "raised" not in said(readout)


def test_caution_names_the_check_and_still_tells_the_difference(simulated):
    readout = simulated(strengths=[4], duplicated_rows=5)
    assert readout.verdict.startswith("Read with caution. In more than one row: 5 unit ids")
    assert "to be read with caution" in readout.verdict_lines[0]


@pytest.mark.domain("X4")
def test_a_harmed_guardrail_stands_in_the_verdict(simulated):
    readout = simulated(n=30_000, strengths=[2])
    assert readout.grade == "trust"
    assert "Guardrail unsubscribed is worse by more than its margin under journey." in readout.verdict


@pytest.mark.domain("X4")
def test_an_unharmed_guardrail_and_a_better_one_do_not(plan, sample):
    metrics = [
        {"name": "y", "kind": "mean", "role": "primary"},
        {"name": "x", "kind": "mean", "role": "guardrail", "direction": "decrease"},
        {"name": "z", "kind": "mean", "role": "guardrail", "direction": "decrease"},
    ]
    rows = shifted(sample, 1).assign(z=lambda f: 20 - f["y"])
    assert "Guardrail" not in read_out(plan(metrics=metrics), data=rows).verdict


@pytest.mark.domain("X4")
def test_harm_without_a_margin_stands_in_the_verdict(plan, sample):
    metrics = [
        {"name": "x", "kind": "mean", "role": "primary", "relative": False},
        {"name": "y", "kind": "mean", "role": "guardrail", "direction": "decrease"},
    ]
    readout = read_out(plan(metrics=metrics), data=shifted(sample, 1))
    assert "Guardrail y got worse under journey." in readout.verdict


def test_what_only_holm_takes_away_is_said_to_be_so(plan):
    rng = np.random.default_rng(0)
    arm = np.repeat(["control", "a", "b", "c"], 100)
    y = np.tile(rng.permutation(np.linspace(9, 11, 100)), 4)
    rows = pd.DataFrame({"id": range(400), "arm": arm, "y": y + np.repeat([0, 0.18, 0.0, 0.01], 100)})
    planned = [{"name": name, "share": "25%", "control": name == "control"} for name in ("control", "a", "b", "c")]
    readout = read_out(plan(arms=planned), data=rows)
    estimate = readout.headline("y", "a")
    assert estimate.pvalue < 0.05 < estimate.pvalue_adjusted
    assert "a on y: no effect shown once corrected for several comparisons" in said(readout)
    assert "No effect of a, b and c on y was shown" in readout.verdict


def test_each_arm_is_told_apart(plan):
    rng = np.random.default_rng(5)
    names = ["none", "up", "down", "flat"]
    rows = pd.DataFrame({"id": range(2000), "arm": np.repeat(names, 500), "y": rng.normal(10, 1, 2000)})
    rows["y"] += rows["arm"].map({"up": 1, "down": -1}).fillna(0.0)
    planned = [{"name": name, "share": "25%", "control": name == "none"} for name in names]
    readout = read_out(plan(arms=planned), data=rows)
    assert readout.verdict == "Up raised y; down lowered y; no effect of flat on y was shown, compared with none."


@pytest.mark.domain("G1")
def test_the_specification_says_what_was_measured(simulated):
    told = dict(simulated(n=4000).specification)
    assert "share of units with reactivated = 1" in told["Metric reactivated (primary)"]
    assert "within 28 days" in told["Metric reactivated (primary)"]
    assert "sum of orders over sum of sessions" in told["Metric orders per session (secondary)"]
    assert "decrease is better" in told["Metric unsubscribed (guardrail)"]
    assert "Holm" in told["Several comparisons"]
    assert "tenure_months" in told["Registered estimate"]


def test_every_estimate_carries_its_sentence(simulated):
    for estimate in simulated(n=4000).estimates:
        assert estimate.sentence.startswith(f"{estimate.metric}: ")
        assert f"in {estimate.arm} against" in estimate.sentence
        assert ("relative to the control" in estimate.sentence) == (estimate.rel_effect is not None)


def test_what_an_inconclusive_test_could_have_seen_is_what_such_tests_see(plan, sample):
    """Of tests with this standard error, four out of five find an effect of the size that the sentence names."""
    metric = {"name": "y", "kind": "mean", "role": "primary", "smallest_effect": {"absolute": 0.001}}
    readout = read_out(plan(metrics=[metric]), data=shifted(sample, 0))
    estimate = readout.headline("y", "journey")
    seen = float(re.search(r"could see ([\d.]+)", said(readout))[1])
    draws = np.random.default_rng(4).normal(seen, estimate.standard_error, 4000)
    critical = estimate.effect_ci_upper - estimate.effect
    assert np.mean(np.abs(draws) > critical) == pytest.approx(0.8, abs=0.025)
