"""Audits stay on record; a log of issues keeps what people wrote into it."""

import json

import pytest

from incrementality.capture.audit import AUDIT_RULES, Audit, AuditMetric, DriftAlarm, MissingMonth, Reading
from incrementality.errors import InputError, WorkspaceError
from incrementality.workspace import Workspace
from incrementality.workspace.audit_records import audit_files, audit_issues, earlier_audits, keep_audit


@pytest.fixture
def workspace(tmp_path):
    return Workspace.create(tmp_path / "crm", example=False)


def metric(name, at_fault, quarter="2026Q1"):
    reading = Reading(quarter, at_fault, 100, 5_000)
    return AuditMetric(AUDIT_RULES[name], quarter, (reading,), reading)


def audit(*metrics, quarter="2026Q1", gaps=(), drift=()):
    return Audit(quarter, "2026-04-30", "EUR", metrics, {}, gaps, drift, (), "")


@pytest.mark.domain("D7", "D11")
def test_an_audit_is_kept_with_all_its_figures(workspace):
    found = audit(metric("capture_rate", 30))
    record = json.loads(keep_audit(workspace, found).record.read_text(encoding="utf-8"))
    assert record == json.loads(json.dumps(found.to_dict()))
    assert record["metrics"][0]["value"] == 0.7
    assert record["metrics"][0]["owner"] == "revenue operations"


@pytest.mark.domain("D11")
def test_earlier_audits_come_oldest_first(workspace):
    for quarter, at_fault in (("2026Q1", 30), ("2025Q4", 10), ("2026Q2", 20)):
        keep_audit(workspace, audit(metric("capture_rate", at_fault, quarter), quarter=quarter))
    found = earlier_audits(workspace, "2026Q2")
    assert [(one.quarter, one.values["capture_rate"]) for one in found] == [("2025Q4", 0.9), ("2026Q1", 0.7)]


@pytest.mark.domain("D11")
def test_a_failed_metric_a_missing_month_and_a_drift_open_a_row_each(workspace):
    gap = MissingMonth("source_system", "crm", "2026-02", 110)
    alarm = DriftAlarm("lost", "channel", "phone", 78, 0)
    passed, failed = metric("source_late", 2), metric("capture_rate", 30)
    keep_audit(workspace, audit(passed, failed, gaps=(gap,), drift=(alarm,)))
    rows = audit_issues(workspace, "2026Q1")
    assert [row.metric for row in rows] == ["capture_rate", "missing: crm 2026-02", "drift: lost channel phone"]
    assert (rows[0].owner, rows[0].status, rows[0].found) == ("revenue operations", "open", failed.sentence)


@pytest.mark.domain("D11")
def test_what_people_wrote_into_the_log_stays_byte_for_byte(workspace):
    path = keep_audit(workspace, audit(metric("capture_rate", 30))).issues
    text = path.read_text(encoding="utf-8").replace('status: "open"', "status: in work  # Ann, since Monday")
    path.write_text(text, encoding="utf-8")
    keep_audit(workspace, audit(metric("capture_rate", 35)))
    assert path.read_text(encoding="utf-8") == text
    keep_audit(workspace, audit(metric("capture_rate", 35), metric("source_late", 40)))
    assert path.read_text(encoding="utf-8").startswith(text)
    assert [(row.metric, row.status) for row in audit_issues(workspace, "2026Q1")] == [
        ("capture_rate", "in work"),
        ("source_late", "open"),
    ]


def test_a_metric_that_passes_by_now_keeps_its_row(workspace):
    keep_audit(workspace, audit(metric("capture_rate", 30)))
    keep_audit(workspace, audit(metric("capture_rate", 0)))
    assert [row.metric for row in audit_issues(workspace, "2026Q1")] == ["capture_rate"]


@pytest.mark.parametrize(
    "text", ["metric: capture_rate\n", "- owner: Ann\n", "- metric: x\n owner: y\n", "  - metric: x\n"]
)
def test_a_log_that_cannot_be_read_stops_before_anything_is_written(workspace, text):
    files = audit_files(workspace, "2026Q1")
    files.issues.parent.mkdir()
    files.issues.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be used as a log of issues"):
        keep_audit(workspace, audit(metric("capture_rate", 30)))
    assert not files.record.exists()
    assert files.issues.read_text(encoding="utf-8") == text


def test_a_damaged_record_is_named(workspace):
    keep_audit(workspace, audit()).record.write_text("{", encoding="utf-8")
    with pytest.raises(WorkspaceError, match=r"audits/2026Q1\.json cannot be read"):
        earlier_audits(workspace)
