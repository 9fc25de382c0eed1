"""Winsorised metrics: another estimand, whose cap is a number fixed beforehand, labelled wherever it is shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.experiment import parse_experiment
from incrementality.stats import compare_means, estimate_mean, moments_of_rows

CAPPED = {
    "name": "spend capped",
    "kind": "revenue",
    "column": "spend",
    "unit": "EUR",
    "role": "primary",
    "winsorise": {"value": 250.0},
}
PLAIN = {"name": "spend", "kind": "revenue", "unit": "EUR", "role": "secondary"}


def spending(n=12_000, seed=3):
    rng = np.random.default_rng(seed)
    spend = np.where(rng.random(n) < 0.3, rng.lognormal(4, 1.2, n), 0.0)
    return pd.DataFrame({"id": np.arange(n), "arm": rng.choice(["control", "journey"], n), "spend": spend})


def test_each_units_value_is_cut_and_the_plain_metric_is_not(plan):
    rows = spending()
    readout = read_out(plan(metrics=[CAPPED, PLAIN]), data=rows)
    cut = {
        name: estimate_mean(moments_of_rows({"y": part["spend"].clip(upper=250)}), "y")
        for name, part in rows.groupby("arm")
    }
    direct = compare_means(cut["journey"], cut["control"])
    e = readout.headline("spend capped", "journey")
    assert (e.effect, e.standard_error) == pytest.approx((direct.effect, direct.standard_error), rel=1e-9)
    plain = readout.headline("spend", "journey")
    assert plain.control_mean == pytest.approx(rows.loc[rows["arm"] == "control", "spend"].mean(), rel=1e-9)


def test_the_cap_is_told_in_the_name_the_method_and_the_specification(plan):
    readout = read_out(plan(metrics=[CAPPED, PLAIN]), data=spending())
    assert readout.headline("spend capped", "journey").method.endswith("of values winsorised at 250")
    assert "winsorised" not in readout.headline("spend", "journey").method
    told = dict(readout.specification)["Metric spend capped (primary)"]
    assert "what is above 250 counts as 250, fixed beforehand" in told


def test_a_permutation_says_it_too(plan):
    readout = read_out(plan(metrics=[CAPPED]), data=spending(n=300))
    method = readout.headline("spend capped", "journey").method
    assert method.startswith("studentised permutation")
    assert method.endswith("of values winsorised at 250")


def test_missing_values_stay_missing_under_the_cap(plan):
    rows = spending()
    rows.loc[:9, "spend"] = np.nan
    e = read_out(plan(metrics=[CAPPED]), data=rows).headline("spend capped", "journey")
    assert e.n_control + e.n_treatment == len(rows) - 10


def test_a_capped_amount_is_no_evidence_for_calibration(plan):
    readout = read_out(plan(metrics=[CAPPED, PLAIN]), data=spending())
    assert [comparison.metric for comparison in readout.evidence.comparisons] == ["spend"]


FILE = """\
id: winback
question: Does it work?
data: {unit: id}
arms: [{name: control, share: 50%, control: true}, {name: journey, share: 50%}]
metrics:
  - {name: spend capped, kind: revenue, column: spend, role: primary, winsorise: CAP}
"""


@pytest.mark.parametrize(
    ("cap", "words"),
    [
        ("{at: 0.99}", ["winsorise", "quantile of the outcomes that it cuts", "interval too short"]),
        ("{at: 0.99, from: outcomes}", ["winsorise.from", "'outcomes' is a quantile of the outcomes"]),
        ("{value: 250.0, from: design}", ["either 'value', or 'at' with 'from: design'"]),
        ("{from: design}", ["a cap is needed"]),
        ("{value: -1.0}", ["winsorise.value", "above 0"]),
    ],
)
def test_a_cap_made_of_the_outcome_is_refused_with_the_reason(cap, words):
    with pytest.raises(Exception, match="problem") as refused:
        parse_experiment(FILE.replace("CAP", cap))
    assert all(word in str(refused.value) for word in words), str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: spend capped", "name: spend", "does not say so; call it 'spend capped'"),
        ("kind: revenue, column: spend", "kind: conversion, column: spend", "belongs to kinds mean and revenue"),
    ],
)
def test_a_capped_metric_says_so_in_its_name_and_is_an_amount(old, new, words):
    with pytest.raises(Exception, match="problem") as refused:
        parse_experiment(FILE.replace("CAP", "{value: 250.0}").replace(old, new))
    assert words in str(refused.value)


def test_a_file_without_a_cap_keeps_its_hash(plan):
    """The hash that version 0.1.0 gave this experiment before caps, quantiles and times existed."""
    assert plan().hash == "26f0509163f5a43e589cc5274651d9a68ee30402ef45b4a61d86109b7e81c8ec"
