"""Declined, paused, resumed, stopped: who and why is on record, and entry obeys."""

import json
from datetime import date

import pytest

from incrementality.errors import InputError, WorkspaceError
from incrementality.workspace import assign_units, status_of
from incrementality.workspace.lifecycle import (
    decline_request,
    declined,
    pause_entry,
    pauses,
    resume_entry,
    stop_experiment,
    stopped,
)

TODAY = date(2026, 1, 20)
WHO = {"name": "Ada", "reason": "The budget is gone."}


@pytest.fixture
def folder(workspace):
    folder = workspace.root / "experiments" / "mail"
    path = folder / "experiment.yaml"
    text = path.read_text(encoding="utf-8").replace("role: primary}", "role: primary, window: 14d}")
    request = "request: {decision: Scale it or stop it.}\nstarted: 2026-01-01\nended: 2026-01-31\n"
    path.write_text(text + request, encoding="utf-8")
    return folder


@pytest.fixture
def units(workspace):
    path = workspace.root / "units.csv"
    path.write_text("contact_id\n" + "".join(f"c{i}\n" for i in range(100)), encoding="utf-8")
    return path


@pytest.fixture
def running(workspace, folder, units):
    assign_units(workspace, "mail", units)
    return workspace


def where(workspace):
    return status_of(workspace, "mail", on=TODAY)


def test_a_declined_request_says_who_and_why_and_draws_nobody(workspace, folder, units):
    decline_request(workspace, "mail", **WHO, on=TODAY)
    assert (where(workspace).status, where(workspace).note) == ("declined", "by Ada on 2026-01-20: The budget is gone.")
    with pytest.raises(WorkspaceError, match="declined by Ada: The budget is gone"):
        assign_units(workspace, "mail", units)
    assert not (folder / "assignment.json").exists()


def test_a_changed_request_stands_again(workspace, folder):
    decline_request(workspace, "mail", **WHO)
    path = folder / "experiment.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("Scale it", "Scale all of it"), encoding="utf-8")
    assert where(workspace).status == "requested"
    assert declined(workspace, workspace.experiment("mail")) is None


def test_a_paused_experiment_draws_nobody_until_it_is_resumed(running, units):
    pause_entry(running, "mail", **WHO)
    assert where(running).status == "paused"
    with pytest.raises(WorkspaceError, match="paused by Ada") as refused:
        assign_units(running, "mail", units)
    assert "holdout resume mail" in refused.value.hint
    resume_entry(running, "mail", name="Bea", reason="It is back.")
    assert where(running).status == "running"
    assert assign_units(running, "mail", units).rows == 100


def test_pauses_are_only_ever_added_to(running, folder):
    for turn in (pause_entry, resume_entry, pause_entry):
        before = json.loads((folder / "pauses.json").read_text())["entries"] if pauses(running, "mail") else []
        turn(running, "mail", **WHO)
        assert json.loads((folder / "pauses.json").read_text())["entries"][: len(before)] == before
    assert [entry.what for entry in pauses(running, "mail")] == ["pause", "resume", "pause"]


@pytest.mark.parametrize(("first", "second"), [((), resume_entry), ((pause_entry,), pause_entry)])
def test_a_turn_that_changes_nothing_is_refused(running, first, second):
    for turn in first:
        turn(running, "mail", **WHO)
    with pytest.raises(WorkspaceError, match="paused"):
        second(running, "mail", **WHO)


def test_a_stopped_experiment_matures_from_the_day_it_was_stopped(running, units):
    stop_experiment(running, "mail", **WHO, on=date(2026, 1, 10))
    seen = where(running)
    assert (seen.status, seen.ended, seen.mature_on) == ("stopped", date(2026, 1, 10), date(2026, 1, 25))
    assert stopped(running, "mail").name == "Ada"
    with pytest.raises(WorkspaceError, match="stopped by Ada"):
        assign_units(running, "mail", units)


@pytest.mark.parametrize("turn", [pause_entry, resume_entry, stop_experiment])
def test_a_stopped_experiment_takes_no_further_turn(running, turn):
    stop_experiment(running, "mail", **WHO)
    with pytest.raises(WorkspaceError, match="was stopped on"):
        turn(running, "mail", **WHO)


@pytest.mark.parametrize("turn", [pause_entry, resume_entry, stop_experiment])
def test_what_does_not_run_cannot_be_paused_or_stopped(workspace, folder, turn):
    with pytest.raises(WorkspaceError, match="does not run"):
        turn(workspace, "mail", **WHO)


def test_what_runs_cannot_be_declined(running):
    with pytest.raises(WorkspaceError, match="cannot be declined") as refused:
        decline_request(running, "mail", **WHO)
    assert "holdout stop mail" in refused.value.hint


@pytest.mark.parametrize("words", [{"name": " ", "reason": "x"}, {"name": "Ada", "reason": ""}])
def test_nobody_and_no_reason_are_refused(workspace, folder, words):
    with pytest.raises(InputError, match="hold no words"):
        decline_request(workspace, "mail", **words)


@pytest.mark.parametrize("content", ["{half", "{}", "[]", '{"entries": [{"at": 3}], "on": "soon"}'])
@pytest.mark.parametrize("name", ["declined.json", "pauses.json", "stopped.json"])
def test_a_damaged_record_is_named(running, folder, name, content):
    (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(WorkspaceError, match=f"experiments/mail/{name} cannot be read"):
        assign_units(running, "mail", folder / "mail.csv")
