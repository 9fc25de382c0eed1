"""One large, awkward table: unequal arms, an outlier, a suspicious sample ratio, and nothing to be found."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out

ARMS = {"holdout": 0.1, "journey": 0.3, "offer": 0.6}
UNITS = 300_000
# 30,000 are expected in the holdout. Chance takes arms this far from the plan in four draws of a thousand: suspicious,
# and above the 0.001 at which a readout is refused.
COUNTS = {"holdout": 29_450, "journey": 90_250, "offer": 180_300}
METRICS = [
    {"name": "spend", "kind": "revenue", "unit": "EUR", "role": "primary"},
    {"name": "bought", "kind": "conversion", "role": "secondary"},
]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(77)
    bought = rng.random(UNITS) < 0.04
    spend = np.where(bought, rng.lognormal(3, 1, UNITS), 0.0)
    arm = np.repeat(list(COUNTS), list(COUNTS.values()))
    offered = np.flatnonzero((arm == "offer") & bought)
    spend[offered[0]] = 100 * spend.max()
    rows = pd.DataFrame({"id": np.arange(UNITS), "arm": arm, "spend": spend, "bought": bought.astype(int)})
    return rows.sample(frac=1, random_state=3, ignore_index=True)


@pytest.fixture(scope="module")
def readout(table):
    from incrementality import Experiment

    experiment = Experiment(
        id="spring-offer",
        question="Does the offer raise spend?",
        data={"unit": "id"},
        arms=[
            {"name": name, "share": f"{100 * share:g}%", "control": name == "holdout"} for name, share in ARMS.items()
        ],
        metrics=METRICS,
    )
    return read_out(experiment, data=table)


def checked(readout, name, metric=None):
    return next(c for c in readout.checks if c.name == name and (metric is None or c.metric == metric))


def lines(readout, arm):
    (line,) = (line for line in readout.verdict_lines if line.startswith(f"{arm} on spend"))
    return line


def test_every_row_counts_and_the_arms_are_as_unequal_as_they_are(readout):
    assert (readout.rows.read, readout.rows.kept) == (UNITS, UNITS)
    assert {arm.name: arm.n for arm in readout.arms} == COUNTS


def test_a_suspicious_sample_ratio_is_told_and_does_not_condemn(readout):
    check = checked(readout, "sample_ratio")
    assert check.passed is True
    assert re.search(r"further from the plan than chance often takes them \(p\s=\s0\.004\)", check.sentence)
    assert readout.grade == "trust"


def test_the_outlier_calls_for_permutation_in_every_arm(readout):
    assert "Tested by permutation, since the smaller arm's mean is skewed" in checked(readout, "small_holdout").sentence
    methods = {e.arm: e.method for e in readout.estimates if e.metric == "spend"}
    assert all(method.startswith("studentised permutation") for method in methods.values())
    assert set(methods) == {"journey", "offer"}


def test_one_purchase_is_not_taken_for_an_effect(readout):
    estimate = readout.headline("spend", "offer")
    assert estimate.rel_effect > 0.25
    assert estimate.effect_ci_lower < 0 < estimate.effect_ci_upper
    assert estimate.pvalue > 0.05


@pytest.mark.parametrize("arm", ["journey", "offer"])
def test_an_inconclusive_test_says_what_it_could_have_seen(readout, arm):
    assert "no effect shown" in lines(readout, arm)
    assert "Nothing shown is not the same as no effect: this test could see EUR" in lines(readout, arm)
    assert readout.verdict == "No effect of journey and offer on spend was shown, compared with holdout."


def test_the_arm_with_the_outlier_says_that_it_could_see_less(readout):
    errors = {e.arm: e.standard_error for e in readout.estimates if e.metric == "spend"}
    assert errors["offer"] > 4 * errors["journey"]
    shares = [float(re.search(r"\(([0-9.]+)\s% of the control\)", lines(readout, arm))[1]) for arm in errors]
    assert shares[1] > 4 * shares[0]


def test_the_numbers_are_those_of_the_rows(readout, table):
    means = table.groupby("arm")[["spend", "bought"]].mean()
    for estimate in readout.estimates:
        assert estimate.control_mean == pytest.approx(means.loc["holdout", estimate.metric], rel=1e-9)
        assert estimate.treatment_mean == pytest.approx(means.loc[estimate.arm, estimate.metric], rel=1e-9)
