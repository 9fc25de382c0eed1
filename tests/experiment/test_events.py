"""An experiment that is read out from its decision log: what its file says, and what it refuses."""

from pathlib import Path

import pytest

from incrementality.errors import ExperimentFileError
from incrementality.experiment import parse_experiment

TEXT = """\
id: mail
question: Does the mail bring customers back?
data:
  log: true
  data_cut: 2025-03-01
  deliveries: {table: sent, where: {status: delivered}}
  covariates:
    - {column: spent_before, from: {table: orders, column: amount, lookback: 30d}}
arms:
  - {name: holdout, share: 50%, control: true}
  - {name: mail, share: 50%}
metrics:
  - {name: bought, kind: conversion, role: primary, window: 14d, from: {table: orders}}
  - {name: spend, kind: revenue, role: secondary, window: 14d, from: {table: orders, column: amount}}
"""


def changed(old, new):
    assert old in TEXT
    return TEXT.replace(old, new)


def test_the_log_brings_the_columns():
    data = parse_experiment(TEXT).data
    assert (data.unit, data.arm, data.eligible, data.t0, data.delivered) == (
        "unit_id", "arm", "eligible", "t0", "delivered",
    )  # fmt: skip
    assert data.analysed == "eligible"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("window: 14d, from: {table: orders}", "window: 28d, from: {table: orders}"),
        ("{table: orders, column: amount}}\n", "{table: orders, column: amount, where: {status: paid}}}\n"),
        ("lookback: 30d", "lookback: 60d"),
        ("{status: delivered}", "{status: sent}"),
        ("  log: true\n", "  log: true\n  maturity_lag: 2d\n"),
    ],
)
def test_what_outcomes_are_made_of_is_part_of_the_hash(old, new):
    assert parse_experiment(TEXT).hash != parse_experiment(changed(old, new)).hash


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  log: true\n  data_cut: 2025-03-01\n", "  unit: contact_id\n", "it needs 'data.log: true'"),
        ("  log: true\n", "  log: true\n  unit: contact_id\n", "the decision log brings it; leave it out"),
        ("  data_cut: 2025-03-01\n", "", "a readout from the log needs it"),
        ("  log: true\n", "  log: true\n  cluster: account\n", "write cluster: account_id"),
        (", from: {table: orders}", "", "'bought' needs 'from'"),
        (", from: {table: orders, column: amount, lookback: 30d}", "", "needs 'from' with a 'lookback'"),
        (", lookback: 30d", "", "the key 'lookback' is missing"),
        ("window: 14d, from: {table: orders}", "from: {table: orders}", "events count within a window"),
        ("from: {table: orders}", "from: {table: orders, column: amount}", "asks whether there is any event"),
        ("from: {table: orders, column: amount}}\n", "from: {table: orders}}\n", "revenue is the sum of a column"),
        ("from: {table: orders}", "from: {table: orders}, over: {table: visits}", "the denominator of a ratio"),
        ("kind: revenue", "kind: ratio, numerator: a, denominator: b", "made of two sums; add 'over'"),
        ("name: spend", "name: stratum", "is one of the decision log"),
        ("{table: orders}", "{tabel: orders}", "the key 'tabel' is unknown"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(old, new, said):
    with pytest.raises(ExperimentFileError, match=said):
        parse_experiment(changed(old, new))


def test_the_example_of_the_documentation_is_read():
    page = (Path(__file__).parents[2] / "docs" / "eligibility.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    arms = "arms:\n  - {name: holdout, share: 50%, control: true}\n  - {name: mail, share: 50%}\n"
    experiment = parse_experiment(f"id: mail\nquestion: Does it work?\n{arms}{example}")
    assert experiment.data.log
    assert [metric.kind for metric in experiment.metrics] == ["conversion", "revenue", "ratio"]
