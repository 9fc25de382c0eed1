"""eligibility.yaml: every problem with its line at once; tables lie where the file or the workspace says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from incrementality.cohorts import NeverWithheld, ReadsOwnJourney, RuleError
from incrementality.errors import InputError, SourceNotFound, UnsafePath
from incrementality.workspace import decide_units, eligibility_yaml_example, read_eligibility

_spec = importlib.util.spec_from_file_location("journeys", Path(__file__).with_name("journeys.py"))
journeys = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(journeys)


@pytest.fixture
def workspace(tmp_path):
    return journeys.make_workspace(tmp_path, n=40)


@pytest.fixture
def write(workspace):
    def written(text):
        (workspace.folder("mail") / "eligibility.yaml").write_text(text, encoding="utf-8")
        return workspace

    return written


def test_the_example_is_a_complete_rule(write):
    found = read_eligibility(write(eligibility_yaml_example()), "mail")
    assert found.version == 1
    assert set(found.maps[0].tables) == set(found.rule.tables)


def test_neither_version_nor_sources_are_part_of_the_fingerprint(write):
    text = eligibility_yaml_example()
    before = read_eligibility(write(text), "mail").rule.fingerprint
    moved = text.replace("version: 1 ", "version: 2 ").replace("contacts.csv", "people.csv")
    assert read_eligibility(write(moved), "mail").rule.fingerprint == before


def test_every_problem_is_listed_with_its_line(write):
    text = eligibility_yaml_example()
    for old, new in (("version: 1", "version: one"), ("purpose:", "purpos:"), ("most: 2", "most: 0")):
        text = text.replace(old, new, 1)
    lines = text.splitlines()
    with pytest.raises(RuleError) as caught:
        read_eligibility(write(text), "mail")
    for place in ("version: one", "purpos: win-back", "most: 0"):
        number = next(i for i, line in enumerate(lines, start=1) if place in line)
        assert any(problem.startswith(f"line {number}, ") for problem in caught.value.problems), place


@pytest.mark.parametrize(
    ("old", "new", "kind", "said"),
    [
        ("purpose: win-back", "purpose: billing", NeverWithheld, "never withheld"),
        ("value: contacts.plan,", "value: contacts.arm,", ReadsOwnJourney, "makes the arms incomparable"),
        ("trigger: {event: logins}", "trigger: {event: login}", RuleError, "Did you mean 'logins'"),
        ("kind: consent ", "kind: wish ", RuleError, "line 4"),
        (
            "{value: contacts.plan, in: [pro, team]}",
            "{value: contacts.plan, inn: [pro]}",
            RuleError,
            "'inn' is unknown",
        ),
        ("within: 90d", "within: 90 minutes", RuleError, "is not a duration"),
        ("journey: win-back", "journey: win-back\njourney: again", RuleError, "stands on line"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_in_words(write, old, new, kind, said):
    text = eligibility_yaml_example()
    assert old in text
    with pytest.raises(kind, match=said):
        read_eligibility(write(text.replace(old, new, 1)), "mail")


@pytest.mark.parametrize("text", ["", "- a list", "journey: [unclosed"])
def test_a_file_that_is_no_rule_is_refused(write, text):
    with pytest.raises(RuleError, match=r"eligibility.yaml has 1 problem"):
        read_eligibility(write(text), "mail")


def test_an_absent_file_says_what_to_write(workspace):
    (workspace.folder("mail") / "eligibility.yaml").unlink()
    with pytest.raises(RuleError, match=r"there is no experiments/mail/eligibility.yaml"):
        read_eligibility(workspace, "mail")


def decide(workspace):
    return decide_units(workspace, "mail", until=journeys.day(5), data_cut=journeys.day(21))


def test_a_table_may_lie_where_the_workspace_says(workspace):
    own = workspace.folder("mail") / "eligibility.yaml"
    journeys.change(own, "  contacts: ../../data/contacts.parquet\n", "")
    with pytest.raises(SourceNotFound, match="'contacts'"):
        decide(workspace)
    settings = workspace.root / "incrementality.yaml"
    settings.write_text("sources: {contacts: data/contacts.parquet}\n", encoding="utf-8")
    assert decide(type(workspace)(workspace.root)).new


def test_a_path_from_the_environment_may_lie_anywhere_and_a_written_one_may_not(workspace, tmp_path, monkeypatch):
    outside = tmp_path / "elsewhere.parquet"
    (workspace.root / "data" / "contacts.parquet").rename(outside)
    own = workspace.folder("mail") / "eligibility.yaml"
    journeys.change(own, "../../data/contacts.parquet", "../../../elsewhere.parquet")
    with pytest.raises(UnsafePath, match=r"sources.contacts"):
        decide(workspace)
    journeys.change(own, "../../../elsewhere.parquet", '"${CONTACTS}"')
    with pytest.raises(SourceNotFound, match="CONTACTS"):
        decide(workspace)
    monkeypatch.setenv("CONTACTS", str(outside))
    assert decide(workspace).new


def test_tables_that_lie_apart_are_refused_before_anything_runs(workspace):
    own = workspace.folder("mail") / "eligibility.yaml"
    journeys.change(own, "../../data/contacts.parquet", '{source: "postgresql://a@db/crm", table: contacts}')
    with pytest.raises(InputError, match="they lie apart: contacts in a warehouse, logins in files"):
        decide(workspace)
