"""Those held out are listed when the request says so, and not before outcomes are complete."""

import csv
import json
from datetime import date

import pytest

from incrementality.errors import InputError, WorkspaceError
from incrementality.workspace import assign_units
from incrementality.workspace.release import release_units

COMPLETE = date(2026, 2, 15)  # the last day is 31 January, the window 14 days


@pytest.fixture
def assigned(workspace):
    folder = workspace.root / "experiments" / "mail"
    path = folder / "experiment.yaml"
    text = path.read_text(encoding="utf-8").replace("role: primary}", "role: primary, window: 14d}")
    path.write_text(text + "ended: 2026-01-31\n", encoding="utf-8")
    units = workspace.root / "units.csv"
    units.write_text("contact_id\n" + "".join(f"c{i}\n" for i in range(400)), encoding="utf-8")
    assign_units(workspace, "mail", units)
    return workspace


def ask(workspace, release):
    path = workspace.root / "experiments" / "mail" / "experiment.yaml"
    text = path.read_text(encoding="utf-8") + f"request: {{decision: Send it or stop it., release: {release}}}\n"
    path.write_text(text, encoding="utf-8")


def test_exactly_those_held_out_are_written(assigned):
    path = assigned.root / "release.csv"
    found = release_units(assigned, "mail", path, on=COMPLETE)
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert {row["arm"] for row in rows} == {"holdout"}
    assert len(rows) == found.rows == found.counts["holdout"]
    assert sum(found.counts.values()) == 400


def test_the_record_names_no_unit(assigned):
    found = release_units(assigned, "mail", assigned.root / "release.csv", on=COMPLETE)
    text = (assigned.root / "experiments" / "mail" / "release.json").read_text(encoding="utf-8")
    assert json.loads(text) == found.to_dict()
    assert '"c1"' not in text


def test_nobody_is_released_before_outcomes_are_complete(assigned):
    path, early = assigned.root / "release.csv", date(2026, 2, 14)
    with pytest.raises(WorkspaceError, match="complete on 2026-02-15"):
        release_units(assigned, "mail", path, on=early)
    assert not path.exists()
    assert release_units(assigned, "mail", path, on=early, despite="A recall.").despite == "A recall."


def test_a_reason_that_was_not_needed_is_not_recorded(assigned):
    assert release_units(assigned, "mail", assigned.root / "r.csv", on=COMPLETE, despite="Just so.").despite == ""


@pytest.mark.parametrize(
    ("release", "words"),
    [("{when: never}", "never released"), ("{when: after the answer}", "has not been read out")],
)
def test_the_request_is_kept_to(assigned, release, words):
    ask(assigned, release)
    with pytest.raises(WorkspaceError, match=words):
        release_units(assigned, "mail", assigned.root / "release.csv", on=COMPLETE)


def test_the_plan_of_the_request_stands_in_the_record(assigned):
    ask(assigned, "{when: at the end, how: send, note: Half a day apart.}")
    found = release_units(assigned, "mail", assigned.root / "release.csv", on=COMPLETE)
    assert found.plan == "At the end, they get what they missed. Half a day apart."


def test_without_a_last_day_nothing_says_when(workspace):
    with pytest.raises(WorkspaceError, match="nothing says when"):
        release_units(workspace, "mail", workspace.root / "release.csv", on=COMPLETE)


def test_nobody_assigned_is_nobody_to_release(workspace):
    with pytest.raises(InputError):
        release_units(workspace, "mail", workspace.root / "release.csv", on=COMPLETE, despite="To see.")
