"""The request for a holdout: a page of plain answers with safe defaults, refused where it contradicts itself."""

import pytest

from incrementality.errors import ExperimentFileError
from incrementality.experiment import HoldoutRequest, experiment_yaml_example, parse_experiment

EXAMPLE = experiment_yaml_example()


def test_a_request_needs_nothing_but_its_decision():
    request = HoldoutRequest(decision="Scale it or stop it.")
    assert (request.holdout_share, request.power, request.approvals) == ("auto", 0.8, ("owner", "analyst"))


def test_the_example_asks_for_a_holdout():
    request = parse_experiment(EXAMPLE).request
    assert (request.population, request.baseline.mean, request.at_risk_limit) == (40000, 0.08, 20000)


def test_a_file_without_a_request_keeps_its_hash():
    with_request = parse_experiment(EXAMPLE)
    without = with_request.model_copy(update={"request": None})
    assert without.hash != with_request.hash
    assert "request" not in without.model_dump_json(exclude_none=True)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("population: 40000", "population: -1", "request.population"),
        ("decision: Send", "decison: Send", "decision"),
        ("baseline: {mean: 0.08}", "baseline: {mean: 0}", "request.baseline.mean"),
        ("at_risk_limit: 20000", "holdout_share: most", "request.holdout_share"),
        ("at_risk_limit: 20000", "eligibility: ../../etc/passwd", "request.eligibility"),
    ],
)
def test_a_request_that_cannot_be_used_is_named_by_its_line(old, new, words):
    with pytest.raises(ExperimentFileError, match=words):
        parse_experiment(EXAMPLE.replace(old, new, 1))
