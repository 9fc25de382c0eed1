"""A request is checked before anybody is drawn: each problem with its line and what to do."""

import pytest

from incrementality.workspace import assign_units, design_experiment, new_request, sign_design
from incrementality.workspace.lifecycle import decline_request
from incrementality.workspace.request_checks import check_request

ANSWERS = {
    "question": "Does it work?",
    "decision": "Scale it, or stop it.",
    "journeys": ["win-back"],
    "purpose": "win-back",
    "metric": "reactivated",
    "smallest_effect": "10%",
    "baseline": 0.05,
    "population": 40000,
    "layer": "email",
}


@pytest.fixture
def path(workspace):
    (workspace.root / "programme.yaml").write_text("layers: [{name: email}]\n", encoding="utf-8")
    return new_request(workspace, "winback", ANSWERS)


def failed(workspace):
    return [f"{check.name}: {check.sentence}" for check in check_request(workspace, "winback") if check.passed is False]


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def line_of(path, words):
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if words in line)


def test_a_request_from_answers_is_ready_to_be_designed(workspace, path):
    assert failed(workspace) == []
    notes = [check.name for check in check_request(workspace, "winback") if check.passed is None]
    assert notes == ["design"]


def test_a_signed_design_of_this_request_passes(workspace, path):
    design_experiment(workspace, "winback")
    assert [line.partition(":")[0] for line in failed(workspace)] == ["approval", "approval"]
    assert (
        f"line {line_of(path, 'approvals')}, request.approvals: 'owner' has not signed; run: " in failed(workspace)[0]
    )
    for role in ("owner", "analyst"):
        sign_design(workspace, "winback", role=role, name="Ada")
    assert failed(workspace) == []
    assert all(check.passed for check in check_request(workspace, "winback"))


def test_a_design_of_another_request_is_found(workspace, path):
    design_experiment(workspace, "winback")
    edit(path, "population: 40000", "population: 50000")
    assert [line.partition(";")[0] for line in failed(workspace)] == [
        f"design: line {line_of(path, 'request:')}, request: the design on disk (version 1) is of another request"
    ]


def test_every_problem_of_the_file_is_listed_with_its_line(workspace, path):
    edit(path, "population: 40000", "population: -4")
    edit(path, "kind: conversion", "kind: conversoin")
    found = failed(workspace)
    assert len(found) == 2
    assert f"line {line_of(path, 'conversoin')}, metrics[0].kind" in found[0]
    assert f"line {line_of(path, 'population')}, request.population" in found[1]


@pytest.mark.domain("X12")
def test_what_customers_are_owed_is_found(workspace, path):
    edit(path, "journeys: [win-back]", "journeys: [win-back, contractual terms]")
    (found,) = failed(workspace)
    assert f"line {line_of(path, 'journeys')}, withholds.journeys: 'contractual terms'" in found


@pytest.mark.domain("X7")
def test_a_live_experiment_that_takes_the_layer_is_found(workspace, path):
    other = workspace.root / "experiments" / "mail" / "experiment.yaml"
    request = "request: {decision: Stop it., layer: email}\nwithholds: {journeys: [cart]}\n"
    other.write_text(other.read_text(encoding="utf-8") + request, encoding="utf-8")
    units = workspace.root / "units.csv"
    units.write_text("contact_id\n" + "".join(f"c{i}\n" for i in range(50)), encoding="utf-8")
    assign_units(workspace, "mail", units)
    found = [told for told in failed(workspace) if told.startswith("live mail")]
    assert found[0].startswith(f"live mail: line {line_of(path, 'layer')}, request.layer: The experiment mail takes")
    assert found[0].endswith("Take less traffic, another layer, or wait.")


def test_a_layer_that_the_programme_does_not_have_is_found(workspace, path):
    edit(path, "layer: email", "layer: emial")
    (found,) = failed(workspace)
    assert found.startswith(f"draw: line {line_of(path, 'layer')}, request.layer: ")
    assert "Did you mean 'email'?" in found


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("must_not_overlap: [mial]", "must_not_overlap[0]: there is no experiment 'mial'. Did you mean 'mail'?"),
        ("eligibility: rule.yaml", "eligibility: there is no file 'rule.yaml'"),
        ("at_risk_limit: 100", "at_risk_limit is 100.0"),
    ],
)
def test_what_a_request_names_has_to_be_there(workspace, path, written, words):
    edit(path, "  layer: email", f"  {written}")
    (found,) = failed(workspace)
    assert words in found


def test_a_declined_request_is_not_ready(workspace, path):
    decline_request(workspace, "winback", name="Ada", reason="Too few.")
    (found,) = failed(workspace)
    assert "declined by Ada" in found


def test_a_file_that_asks_for_nothing_is_no_request(workspace):
    (found,) = check_request(workspace, "mail")
    assert found.passed is False
    assert "add the section 'request:'" in found.sentence


def test_a_request_without_a_release_plan_is_told(workspace, path):
    edit(path, "  release: {when: after the answer, how: nothing}\n", "")
    notes = [check.sentence for check in check_request(workspace, "winback") if check.name == "release"]
    assert "add 'release: {when: ...}'" in notes[0]
