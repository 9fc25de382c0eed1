"""The command that shows and records changes of definitions."""

from __future__ import annotations

import json

import pytest

from tests.workspace.companies import SETTINGS, two_files

RECORD = ("definitions", "--owner", "Ann", "--reason", "shorter cycles", "--approved-by", "Bo", "--from", "2026-07-01")


@pytest.fixture
def company(tmp_path, monkeypatch):
    """A workspace with a company of two files; the current folder."""
    workspace = two_files(tmp_path)
    monkeypatch.chdir(workspace.root)
    return workspace.root


@pytest.mark.domain("G2", "G6")
def test_a_change_is_told_recorded_and_shown_with_its_figures(run, company):
    assert "No definitions are on record" in run("definitions").out
    assert "All definitions are on record" in run(*RECORD).out
    (company / "attribution.yaml").write_text(
        SETTINGS + "windows: {rules: [{kind: new, days: 20}]}\n", encoding="utf-8"
    )
    assert "Definitions changed without a record" in run("definitions").out
    assert "Definitions changed without a record" in run("attribute", "2026Q2").out
    out = run(*RECORD).out
    assert "Change 2 of windows, in force from 2026-07-01 (Ann owns it, Bo approved it): shorter cycles" in " ".join(
        out.split()
    )
    assert "Restated, EUR" in out
    found = json.loads(run("definitions", "--json").out)
    assert [one["number"] for one in found["log"]] == [1, 2]


@pytest.mark.domain("G1")
def test_the_specification_stands_beside_the_numbers(run, company):
    run(*RECORD)
    found = json.loads(run("attribute", "2026Q2", "--json").out)
    table = next(one for one in found["tables"] if one["key"] == "specification")
    lines = {(row["part"], row["of"]): row for row in table["rows"]}
    assert lines["version", "definitions"]["value"] == "record 1, in force from 2026-07-01"
    assert lines["leading model", "new"]["basis"] == "(D) assumption, not measurement"
    assert any("Restated: 2026Q2 lies before 2026-07-01" in text for text in found["warnings"])


@pytest.mark.domain("D11")
def test_an_audit_stays_on_record(run, company):
    run("audit-data", "2026Q2")
    assert (company / "audits" / "2026Q2.json").is_file()
    assert (company / "audits" / "2026Q2-issues.yaml").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--owner", "Ann"), "--from is ''"), (("--from", "2026-08-01", "--owner", "Ann"), "reason is empty")],
)
def test_what_cannot_be_used_is_named(refused, company, words, said):
    assert said in refused("definitions", *words)
