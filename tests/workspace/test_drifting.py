"""After the decision: one unit gets the same answer as the population, and a re-run is compared, never taken over."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from incrementality.cli import app
from incrementality.errors import ColumnNotFound, InputError, WorkspaceError
from incrementality.workspace import decide_units, drift_of, may_receive

_spec = importlib.util.spec_from_file_location("journeys", Path(__file__).with_name("journeys.py"))
journeys = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(journeys)

day = journeys.day
CAPPED = journeys.RULE + "reentry: {{after: 2d}}\ncaps: [{{name: weekly, most: 1, window: 5d}}]\n"


@pytest.fixture(params=[journeys.RULE, CAPPED], ids=["first entries", "caps and re-entry"])
def workspace(request, tmp_path):
    made = journeys.make_workspace(tmp_path, n=60, rule=request.param)
    for until in (8, 20):
        decide_units(made, "mail", until=day(until), data_cut=day(21))
    return made


def log(workspace):
    files = sorted((workspace.root / "decisions").glob("*.parquet"))
    return [row for path in files for row in pq.read_table(path).to_pylist()]


@pytest.mark.domain("X2")
def test_one_unit_gets_the_answer_of_the_population(workspace):
    status = {True: "eligible", False: "ineligible", None: "unknown"}
    for row in log(workspace)[::6]:
        found = may_receive(workspace, "mail", row["unit_id"], at=row["t0"])
        assert (found.status, "; ".join(found.reasons), found.inputs_hash, found.rule_version) == (
            status[row["eligible"]], row["reasons"], row["inputs_hash"], row["rule_version"],
        )  # fmt: skip


def test_a_unit_that_no_table_knows_is_unknown(workspace):
    found = may_receive(workspace, "mail", "nobody", at=day(5))
    assert (found.status, found.reasons) == ("unknown", ("missing.contacts.plan",))


def test_the_arm_is_not_in_the_answer(workspace):
    words = ["holdout", "may", "mail", "--unit", "c_00001", "--at", "2025-01-05T00:00:00Z", "-w", str(workspace.root)]
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert set(told) == {
        "experiment_id", "unit_id", "at", "status", "reasons", "channel", "rule_version", "inputs_hash",
    }  # fmt: skip
    assert CliRunner().invoke(app, words).output.startswith("c_00001 is ")


def test_a_rule_that_names_no_column_of_the_table_is_refused(workspace):
    journeys.change(workspace.folder("mail") / "eligibility.yaml", "contacts.plan", "contacts.plann")
    with pytest.raises(ColumnNotFound, match="Did you mean 'plan'"):
        may_receive(workspace, "mail", "c_00001", at=day(5))


@pytest.mark.domain("G6")
def test_unchanged_inputs_confirm_every_decision(workspace):
    found = drift_of(workspace, "mail", data_cut=day(21))
    assert (found.frozen, found.changed) == (len(log(workspace)), 0)


@pytest.mark.domain("G6")
def test_late_and_corrected_inputs_are_counted_and_the_log_stays(workspace):
    before = log(workspace)
    path = workspace.root / "data" / "logins.parquet"
    logins = pq.read_table(path).to_pydict()
    free = next(row["unit_id"] for row in before if row["reasons"] == "audience.paying")
    logins["contact_id"].append(free)
    logins["occurred_at"].append(day(1))
    journeys.write_table(path, logins)
    found = drift_of(workspace, "mail", data_cut=day(21))
    assert found.changed == 1
    assert [(row.change, row.now, row.n) for row in found.rows if row.change != "same"] == [
        ("appeared", "ineligible: audience.paying", 1)
    ]
    assert "The frozen log stays the population" in found.sentence
    assert log(workspace) == before
    told = CliRunner().invoke(app, ["holdout", "drift", "mail", "--data-cut", "2025-01-22", "-w", str(workspace.root)])
    assert "differs from the frozen log in 1 places" in told.output


def test_drift_is_measured_by_the_rule_in_force(workspace):
    path = workspace.folder("mail") / "eligibility.yaml"
    journeys.change(path, "equals: pro", "equals: free")
    with pytest.raises(WorkspaceError, match="has changed since version 1 decided"):
        drift_of(workspace, "mail")
    journeys.change(path, "sources:", "version: 2\nsources:")
    with pytest.raises(InputError, match="has decided nothing yet"):
        drift_of(workspace, "mail")
