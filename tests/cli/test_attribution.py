"""The commands of attribution, called as a user does."""

from __future__ import annotations

import json

import pytest

from tests.workspace.companies import SETTINGS, two_files


@pytest.fixture
def company(tmp_path, monkeypatch):
    """A workspace with a company of two files; the current folder."""
    workspace = two_files(tmp_path)
    monkeypatch.chdir(workspace.root)
    return workspace.root


def test_a_quarter_is_attributed_and_its_page_checked(run, company):
    answer = run("attribute", "2026q2")
    assert answer.code == 0, answer.err
    assert "3 revenue events of 2026Q2 are worth EUR 180" in answer.out
    assert "Credit says who touched the revenue." in answer.out
    assert "Page:    reports/2026Q2/attribution.html" in answer.out
    assert "is what its attribution.json renders to" in run("attribute", "2026Q2", "--check").out


def test_json_is_the_record_and_nothing_else(run, company):
    answer = run("attribute", "2026Q2", "--json")
    assert json.loads(answer.out)["period"] == "2026Q2"
    assert answer.out == (company / "reports" / "2026Q2" / "attribution.json").read_text(encoding="utf-8")


def test_the_sql_that_ran_is_shown_on_request(run, company):
    assert "row_number()" in run("attribute", "2026Q2", "--show-sql").out.lower()


def test_an_audience_sees_its_tables(run, company):
    out = run("attribute", "2026Q2", "--for", "finance").out
    assert "Where the revenue went" in out
    assert "Credit by kind of revenue" not in out


def test_the_records_are_audited(run, company):
    out = run("audit-data", "2026Q2").out
    assert "touchpoints     refused  duplicate" in out
    found = json.loads(run("audit-data", "--json").out)
    assert {row["reason"] for row in found["intake"] if row["fate"] == "refused"} == {"duplicate"}


def test_a_deal_is_shown_as_a_tree(run, company):
    out = run("deal", "e1").out
    assert out.startswith("e1  EUR 100.01  3 touches\n├── ae  EUR 43.75")
    assert [row["function"] for row in json.loads(run("deal", "e1", "--json").out)["functions"]] == [
        "ae",
        "marketing",
        "sdr",
    ]


def test_the_settings_start_as_a_commented_file(run, company):
    (company / "attribution.yaml").unlink()
    assert "attribution.yaml" in run("attribute", "init").out
    assert (company / "attribution.yaml").read_text(encoding="utf-8").startswith("# Who touched the revenue")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("attribute", "2026Q5"), "'2026Q5' is no quarter"),
        (("attribute", "2025Q1"), "no revenue event closed in 2025Q1"),
        (("attribute", "2026Q1", "--check"), "2026Q1 has not been attributed"),
        (("attribute", "2026Q2", "--for", "sails"), "Did you mean 'sales'"),
        (("deal", "e77"), "there is no revenue event or opportunity 'e77'"),
        (("audit-data", "soon"), "soon"),
    ],
)
def test_what_cannot_be_used_is_named(refused, company, words, said):
    assert said in refused(*words)


def test_problems_of_the_settings_are_listed_with_their_lines(refused, company):
    (company / "attribution.yaml").write_text(SETTINGS + "unit: euros\nmodles: {}\n", encoding="utf-8")
    told = refused("attribute")
    assert "line 6, unit: is 'euros'" in told
    assert "line 7, modles: the key is unknown" in told
