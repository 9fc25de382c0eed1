"""Writing and checking a request, as a lifecycle manager sees it."""

from __future__ import annotations

import io

import pytest

from incrementality.workspace import Workspace, request_text

SAID = {
    "question": "Does it work?",
    "decision": "Scale it, or stop it.",
    "journeys": ["win-back"],
    "purpose": "win-back",
    "metric": "reactivated",
    "smallest_effect": "10%",
    "guardrails": [{"name": "unsubscribed", "margin": 0.003}],
    "baseline": 0.05,
    "population": 40000,
    "owner": "Zoë 😀",
}
TYPED = [
    "Does it work?", "Scale it, or stop it.", "Zoë 😀", "", "win-back", "", "?", "win-back", "", "", "", "",
    "reactivated", "", "", "", "ten", "10%", "unsubscribed", "0.003", "", "", "0.05", "40000", *[""] * 9,
]  # fmt: skip


@pytest.fixture
def typing(monkeypatch):
    """Type lines into the terminal; afterwards the input ends."""

    def type_in(*lines):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return type_in


def test_a_new_request_is_a_page_to_fill_in(run, project):
    answer = run("holdout", "new", "winback")
    assert answer.code == 0
    assert "Next: incrementality holdout check winback" in answer.out
    assert Workspace(project.root).experiment("winback").request.decision
    assert run("holdout", "check", "winback").code == 0


def test_a_request_is_never_written_over(refused, project):
    before = project.files()
    assert "is there already" in refused("holdout", "new", "mail")
    assert project.files() == before


def test_plain_questions_make_the_file_of_the_same_answers(run, project, typing):
    typing(*TYPED)
    answer = run("holdout", "new", "winback", "--interactive")
    assert answer.code == 0, answer
    written = (project.root / "experiments" / "winback" / "experiment.yaml").read_bytes()
    assert written.decode() == request_text("winback", SAID)
    assert "win-back, onboarding, upsell" in answer.out
    assert "'ten' is no share" in answer.out


@pytest.mark.parametrize("lines", [0, 1, 5, len(TYPED) - 9])
def test_the_end_of_input_leaves_nothing_behind(run, project, typing, lines):
    before = project.files()
    typing(*TYPED[:lines])
    answer = run("holdout", "new", "winback", "--interactive")
    assert (answer.code, "Nothing was written." in answer.out) == (1, True)
    assert project.files() == before


def test_a_check_names_every_problem_and_fails(run, project):
    project.replace("kind: conversion", "kind: conversoin")
    answer = run("holdout", "check", "mail")
    assert answer.code == 1
    assert "line 8, metrics[0].kind" in " ".join(answer.out.split())
    assert "Did you mean 'conversion'?" in " ".join(answer.out.split())
