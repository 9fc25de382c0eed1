"""The request for a holdout: a page of plain answers with safe defaults, refused where it contradicts itself."""

import pytest

from incrementality.errors import ExperimentFileError
from incrementality.experiment import Baseline, HoldoutRequest, experiment_yaml_example, parse_experiment

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
        ("baseline: {mean: 0.08}", "baseline: {from: h.csv}", "request.baseline: .* needs the key 'unit'"),
        ("baseline: {mean: 0.08}", "baseline: {mean: 1, t0: day}", "'t0' belong to a history"),
        ("baseline: {mean: 0.08}", "baseline: {from: h.csv, unit: u, sd: 2}", "'sd' is looked up"),
        ("baseline: {mean: 0.08}", "baseline: {unit: u}", "give either 'mean', or where to look it up"),
        ("population: 40000", "population: auto", "request.population: auto needs a history"),
        ("population: 40000", "population: many", "'many' cannot be used here. Units that are eligible now"),
        ("when: after the answer", "when: soon", "Allowed: at the end, after the answer, never"),
    ],
)
def test_a_request_that_cannot_be_used_is_named_by_its_line(old, new, words):
    with pytest.raises(ExperimentFileError, match=words):
        parse_experiment(EXAMPLE.replace(old, new, 1))


def test_arrivals_are_counted_by_the_moment_of_entry():
    asked = EXAMPLE.replace("arrivals_per_week: 1500", "arrivals_per_week: auto")
    query = "baseline: {from: history.csv, unit: contact_id%s}"
    with pytest.raises(ExperimentFileError, match="auto needs the key 't0'"):
        parse_experiment(asked.replace("baseline: {mean: 0.08}", query % ""))
    found = parse_experiment(asked.replace("baseline: {mean: 0.08}", query % ", t0: entered")).request
    assert (found.arrivals_per_week, found.baseline.history, found.baseline.looked_up) == ("auto", "history.csv", True)


def test_a_looked_up_baseline_reads_its_own_json():
    found = Baseline.model_validate({"from": "history.csv", "unit": "contact_id", "t0": "entered"})
    assert Baseline.model_validate(found.model_dump(mode="json")) == found


def test_a_request_that_uses_nothing_new_keeps_its_hash():
    stated = {"decision": "Scale it or stop it.", "baseline": {"mean": 0.05}}
    content = HoldoutRequest.model_validate(stated).model_dump(mode="json")
    assert content["baseline"] == {"mean": 0.05, "sd": None, "source": "stated in the request"}
    assert not {"purpose", "release"} & set(content)


@pytest.mark.domain("X12")
@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("journeys: [win-back]", "journeys: [win-back, Invoice reminder]", "withholds.journeys"),
        ("journeys: [win-back]", "journeys: [password-reset]", "withholds.journeys"),
        ("purpose: win-back", "purpose: security notice", "request.purpose"),
        ("purpose: win-back", "purpose: service and transactional mail", "request.purpose"),
        ("purpose: win-back", "purpose: contractual notice", "request.purpose"),
    ],
)
def test_messages_that_reach_everyone_cannot_be_withheld(old, new, line):
    with pytest.raises(ExperimentFileError, match="reach everyone and are never withheld") as refused:
        parse_experiment(EXAMPLE.replace(old, new, 1))
    assert any(f" {line}: " in problem for problem in refused.value.problems)


def test_a_test_that_has_run_is_read_whatever_it_withheld():
    past = EXAMPLE.partition("request:")[0].replace("journeys: [win-back]", "journeys: [invoice-reminder]")
    assert parse_experiment(past).withholds.journeys == ("invoice-reminder",)
