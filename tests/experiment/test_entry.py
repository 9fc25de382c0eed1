"""How units enter: a ramp only grows, and parts that contradict one another are refused by name."""

from __future__ import annotations

import pytest

from incrementality.errors import ExperimentFileError
from incrementality.experiment import experiment_yaml_example, parse_experiment

EXAMPLE = experiment_yaml_example()
DECISION = "decision: Send the journey in all countries, or stop it."
RAMP = "ramp: [{{starts: 2026-01-12, traffic: {}}}, {{starts: 2026-01-19, traffic: {}}}]"


def asking(lines: str):
    assert DECISION in EXAMPLE
    return parse_experiment(EXAMPLE.replace(DECISION, f"{DECISION}\n  {lines}")).request


def test_every_way_to_enter_is_read():
    ramp = asking("ramp: [{starts: 2026-01-12, traffic: 10%, shares: {holdout: 1/20, journey: 1/20}}]").ramp
    assert (float(ramp[0].traffic), float(ramp[0].shares["journey"])) == (0.1, 0.05)
    assert asking("within: {experiment: other, arms: [journey]}").within.arms == ("journey",)
    cohort = asking("cohort: {strata: [country], rerandomise: {covariates: [orders]}}").cohort
    assert (cohort.kind, cohort.strata, cohort.rerandomise.acceptance) == ("fixed", ("country",), 0.05)
    assert asking("overrides: overrides.csv").washout == "refuse"


def test_what_is_not_used_keeps_the_hash():
    used = ("ramp", "within", "cohort", "overrides", "washout")
    assert set(used).isdisjoint(parse_experiment(EXAMPLE).model_dump(mode="json")["request"])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (RAMP.format("20%", "10%"), r"request\.ramp: traffic shrinks from 0\.2 to 0\.1"),
        (RAMP.format("10%", "20%").replace("01-19", "01-12"), "does not come after 2026-01-12"),
        (RAMP.format("10%", "20%") + "\n  traffic: 0.5", r"request\.traffic: the ramp says how many enter"),
        (RAMP.format("10%", "20%") + "\n  cohort: {}", "a fixed cohort is drawn at once"),
        ("ramp: [{starts: 2026-01-12, traffic: 2}]", r"request\.ramp\[0\]\.traffic"),
        ("ramp: [{starts: 2026-01-12, traffic: 1, shares: {a: 60%, b: 50%}}]", "add up to at most 1"),
        ("within: {experiment: other, arms: []}", r"request\.within\.arms"),
        ("cohort: {kind: fluid}", r"request\.cohort\.kind.*Allowed: fixed"),
        ("overrides: overrides.yaml", r"request\.overrides"),
        ("overrides: ../overrides.csv", r"request\.overrides"),
        ("scope: global\n  layer: mail", r"request\.layer: the global holdout draws all units at once"),
        ("washout: ignore", r"request\.washout.*Allowed: refuse, flag"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(lines, words):
    with pytest.raises(ExperimentFileError, match=words):
        asking(lines)
