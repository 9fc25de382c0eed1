"""How an experiment is watched: one way, said in full, and a file that does not say it keeps its hash."""

from __future__ import annotations

import pytest

from incrementality.errors import ExperimentFileError
from incrementality.experiment import experiment_yaml_example, parse_experiment

EXAMPLE = experiment_yaml_example()
DECISION = "decision: Send the journey in all countries, or stop it."


def asking(monitoring, more=""):
    return parse_experiment(EXAMPLE.replace(DECISION, f"{DECISION}\n  monitoring: {monitoring}{more}"))


def test_every_way_to_watch_is_read():
    group = asking("{kind: group sequential, looks: 4, spending: power, rho: 2, sides: one}").request.monitoring
    assert (group.looks, group.spending, group.rho, group.sides) == (4, "power", 2.0, "one")
    assert asking("{kind: confidence sequence}").request.monitoring.looks is None
    assert asking("{kind: fixed}").request.monitoring.sides == "two"


def test_a_file_that_does_not_say_it_keeps_its_hash():
    assert "monitoring" not in parse_experiment(EXAMPLE).model_dump(mode="json")["request"]
    assert asking("{kind: fixed}").hash != parse_experiment(EXAMPLE).hash


@pytest.mark.parametrize(
    ("monitoring", "words"),
    [
        ("{kind: bayesian}", r"request\.monitoring\.kind.*Allowed: fixed, group sequential, confidence sequence"),
        ("{looks: 4}", r"request\.monitoring\.kind.*the key 'kind' is missing"),
        ("{kind: group sequential}", r"request\.monitoring\.looks: a group-sequential test has at least 2"),
        ("{kind: group sequential, looks: 1}", "has at least 2"),
        ("{kind: group sequential, looks: 101}", "at most 100"),
        ("{kind: fixed, looks: 3}", "3 looks belong to kind: group sequential"),
        ("{kind: fixed, sides: one}", r"request\.monitoring\.sides: a fixed test is two-sided"),
        ("{kind: confidence sequence, spending: pocock}", r"monitoring\.spending: belongs to kind: group sequential"),
        ("{kind: group sequential, looks: 3, rho: 2}", r"monitoring\.rho: belongs to spending: power"),
        ("{kind: group sequential, looks: 3, spending: haybittle}", "Allowed: obrien-fleming, pocock, power"),
        ("{kind: group sequential, looks: 3, spending: power, rho: 0}", "above 0"),
    ],
)
def test_a_way_to_watch_that_cannot_be_is_named(monitoring, words):
    with pytest.raises(ExperimentFileError, match=words):
        asking(monitoring)


def test_looks_stand_in_one_place():
    with pytest.raises(ExperimentFileError, match=r"request\.looks: 'monitoring' says how it is watched"):
        asking("{kind: group sequential, looks: 3}", more="\n  looks: 3")
