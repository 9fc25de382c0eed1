"""The commands of an experiment's way, as their users see them."""

from __future__ import annotations

import json

import pytest

WHO = ("--name", "Ada", "--reason", "The budget is gone.")


@pytest.fixture
def assigned(run, project):
    units = project.root / "units.csv"
    units.write_text("contact_id\n" + "".join(f"c_{i}\n" for i in range(400)), encoding="utf-8")
    run("holdout", "assign", "mail", "--units", units)
    return units


def test_a_pause_shows_in_the_status_and_stops_entry(run, project, assigned):
    assert run("holdout", "pause", "mail", *WHO).out.startswith("Paused by Ada")
    shown = run("status").out
    assert "paused" in shown
    assert "The budget is gone." in shown
    refused = run("holdout", "assign", "mail", "--units", assigned)
    assert (refused.code, "incrementality holdout resume mail" in refused.err) == (1, True)
    assert run("holdout", "resume", "mail", *WHO).out.startswith("Resumed by Ada")
    assert run("holdout", "stop", "mail", *WHO).out.startswith("Stopped by Ada")


def test_a_declined_request_shows_its_reason(run, project):
    assert run("holdout", "decline", "mail", *WHO).out.startswith("Declined by Ada")
    assert "declined by Ada" in run("status").out


def test_a_conclusion_is_printed_with_its_grade(run, project):
    run("readout", "mail")
    answer = run("conclude", "mail", "--decision", "scale", *WHO)
    assert answer.out.startswith("mail: scale, decided by Ada")
    assert "trust" in answer.out
    content = json.loads(run("conclude", "mail", "--decision", "retest", *WHO, "--json").out)
    assert (content["version"], content["decision"], content["grade"]) == (2, "retest", "trust")


def test_a_conclusion_without_a_readout_is_refused(refused, project):
    assert "has not been read out" in refused("conclude", "mail", "--decision", "scale", *WHO)


def test_an_early_release_needs_a_reason(run, refused, project, assigned):
    path = project.root / "release.csv"
    assert "--despite REASON" in refused("holdout", "release", "mail", "--to", path)
    answer = run("holdout", "release", "mail", "--to", path, "--despite", "A recall.")
    assert answer.code == 0
    assert f"{len(path.read_text(encoding='utf-8').splitlines()) - 1} held-out units of mail" in answer.out
