"""A status is derived from the files that exist."""

from datetime import date

import pytest

from incrementality.workspace import programme_status, status_of

REQUEST = "request: {decision: Scale it or stop it., layer: mail, maturity_lag_days: 3}\n"


def write(workspace, name, text="{}"):
    (workspace.root / "experiments" / "mail" / name).write_text(text, encoding="utf-8")


def extend(workspace, text):
    path = workspace.root / "experiments" / "mail" / "experiment.yaml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], "requested"),
        (["design.json"], "designed"),
        (["design.json", "assignment.json"], "running"),
        (["assignment.json", "result.json"], "read"),
        (["assignment.json", "result.json", "decision.json"], "decided"),
        (["assignment.json", "result.json", "decision.json", "calibrated.json"], "calibrated"),
    ],
)
def test_files_say_where_an_experiment_stands(workspace, files, expected):
    extend(workspace, REQUEST)
    for name in files:
        write(workspace, name)
    assert status_of(workspace, "mail", on=date(2026, 1, 1)).status == expected


def test_a_file_that_asks_for_nothing_is_planned(workspace):
    assert [row.status for row in programme_status(workspace, on=date(2026, 1, 1))] == ["planned"]


def test_it_stops_after_its_last_day_and_matures_after_window_and_lag(workspace):
    extend(workspace, REQUEST + "started: 2026-01-01\nended: 2026-01-31\n")
    path = workspace.root / "experiments" / "mail" / "experiment.yaml"
    text = path.read_text(encoding="utf-8").replace("role: primary}", "role: primary, window: 14d}")
    path.write_text(text, encoding="utf-8")
    write(workspace, "assignment.json")
    assert status_of(workspace, "mail", on=date(2026, 1, 31)).status == "running"
    after = status_of(workspace, "mail", on=date(2026, 2, 1))
    assert (after.status, after.layer, after.mature_on) == ("stopped", "mail", date(2026, 2, 18))
