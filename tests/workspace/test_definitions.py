"""Definitions on record: a change names owner, reason and approval, restates figures, and cannot be edited unseen."""

import json
from datetime import UTC, date, datetime

import pytest

from incrementality.errors import InputError, StaleReadout, WorkspaceError
from incrementality.workspace import Workspace, definition_recording
from incrementality.workspace.attribution_settings import ATTRIBUTION
from incrementality.workspace.definition_log import check_definitions, definition_log
from incrementality.workspace.definition_recording import record_definitions
from incrementality.workspace.definitions import RestatedCredit, definitions_of

SETTINGS = """\
company: {name: Crm, currency: EUR, as_of: 2026-06-30}
sources: {touchpoints: touches.csv, revenue_events: deals.csv}
"""
TOUCHES = """\
touch_id,account_id,function,occurred_at
t1,a,marketing,2026-02-01
t2,a,ae,2026-05-01
"""
DEALS = """\
event_id,account_id,kind,occurred_at,amount
e1,a,new,2026-06-01,1000.00
"""
WHO = {"owner": "Ann", "reason": "sales cycles are shorter", "approved_by": "Bo"}
SHORTER = "windows: {rules: [{kind: new, days: 60}]}\n"
FIRST, LATER = date(2026, 1, 1), date(2026, 7, 1)
AT = datetime(2026, 6, 15, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path):
    made = Workspace.create(tmp_path / "crm", example=False)
    for name, text in ((ATTRIBUTION, SETTINGS), ("touches.csv", TOUCHES), ("deals.csv", DEALS)):
        (made.root / name).write_text(text, encoding="utf-8")
    return made


@pytest.fixture
def recorded(workspace):
    record_definitions(workspace, **WHO, effective_from=FIRST, at=AT)
    return workspace


def edit(workspace, text):
    (workspace.root / ATTRIBUTION).write_text(text, encoding="utf-8")


@pytest.mark.domain("G2")
def test_a_change_restates_the_same_events_before_and_after(recorded):
    edit(recorded, SETTINGS + SHORTER)
    change = record_definitions(recorded, **WHO, effective_from=LATER, at=AT)
    assert change.sections == ("windows",)
    assert change.restated == (
        RestatedCredit("new", "ae", 53_846, 100_000),
        RestatedCredit("new", "marketing", 46_154, 0),
    )
    assert (change.moved, change.currency) == (46_154, "EUR")
    assert definition_log(recorded)[-1] == change


@pytest.mark.domain("G2")
def test_a_record_says_who_why_and_from_when(recorded):
    (first,) = definition_log(recorded)
    assert (first.owner, first.approved_by, first.effective_from) == ("Ann", "Bo", "2026-01-01")
    assert first.restated == ()
    assert "sales cycles are shorter" in first.sentence


@pytest.mark.domain("G6")
def test_a_changed_definition_that_nobody_recorded_is_reported(recorded):
    assert check_definitions(recorded).sentence == ""
    edit(recorded, SETTINGS + SHORTER)
    found = check_definitions(recorded)
    assert (found.unrecorded, found.recorded) == (("windows",), False)
    assert found.sentence.startswith("Definitions changed without a record since 2026-06-15: windows.")


@pytest.mark.domain("G6")
@pytest.mark.parametrize(
    ("text", "sections"),
    [
        (SETTINGS.replace("EUR", "USD"), ("company",)),
        (SETTINGS + "taxonomy: {functions: {community: {}}}\n", ("taxonomy",)),
        (SETTINGS + "targets: {capture_rate: 95%}\n", ("targets",)),
        (SETTINGS + "weights: {marketing: 50, ae: 50}\nunit: deals\n", ("models", "unit")),
        (SETTINGS.replace("deals.csv", "{from: deals.csv, time_zone: Europe/Berlin}"), ("sources",)),
    ],
)
def test_every_section_has_its_own_fingerprint(recorded, text, sections):
    edit(recorded, text)
    assert check_definitions(recorded).unrecorded == sections


@pytest.mark.domain("G6")
@pytest.mark.parametrize(
    "text",
    [
        SETTINGS + "# a remark\n",
        SETTINGS.replace("06-30", "09-30"),
        SETTINGS + "windows: {preset: default}\nunit: money\n",
    ],
)
def test_a_remark_a_later_end_and_a_default_written_out_change_no_definition(recorded, text):
    before = definitions_of(recorded)
    edit(recorded, text)
    assert definitions_of(recorded) == before
    assert check_definitions(recorded).sentence == ""


@pytest.mark.domain("G2")
def test_figures_of_a_quarter_before_the_change_say_that_they_are_restated(recorded):
    edit(recorded, SETTINGS + SHORTER)
    record_definitions(recorded, **WHO, effective_from=LATER, at=AT)
    assert check_definitions(recorded, "2026Q2").sentence.startswith("Restated: 2026Q2 lies before 2026-07-01")
    assert check_definitions(recorded, "2026Q3").sentence == ""


@pytest.mark.domain("G2")
@pytest.mark.parametrize(
    "wrong", [{"owner": " "}, {"reason": ""}, {"approved_by": ""}, {"effective_from": date(2026, 2, 1)}]
)
def test_a_change_without_owner_reason_approval_or_period_start_is_refused(workspace, wrong):
    with pytest.raises(InputError):
        record_definitions(workspace, **({**WHO, "effective_from": FIRST} | wrong))
    assert definition_log(workspace) == ()


def test_nothing_changed_is_nothing_to_record(recorded):
    with pytest.raises(InputError, match="nothing has changed since record 1"):
        record_definitions(recorded, **WHO, effective_from=LATER)


@pytest.mark.domain("G2")
@pytest.mark.parametrize("key", ["reason", "effective_from", "text"])
def test_an_edited_record_is_found(recorded, key):
    path = recorded.root / "definitions" / "0001.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {key: "2025-01-01"}), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="it was edited since it was recorded"):
        definition_log(recorded)


def test_a_missing_record_is_found(recorded):
    edit(recorded, SETTINGS + SHORTER)
    record_definitions(recorded, **WHO, effective_from=LATER, at=AT)
    (recorded.root / "definitions" / "0001.json").unlink()
    with pytest.raises(WorkspaceError, match="does not follow the record before it"):
        definition_log(recorded)


def test_of_two_people_who_record_at_once_one_is_told_to_look_again(recorded, monkeypatch):
    edit(recorded, SETTINGS + SHORTER)

    def meanwhile(workspace, *_, **__):
        monkeypatch.undo()
        record_definitions(workspace, **WHO | {"owner": "Cy"}, effective_from=LATER, at=AT)

    monkeypatch.setattr(definition_recording, "restate", meanwhile)
    with pytest.raises(StaleReadout, match="another change was recorded"):
        record_definitions(recorded, **WHO, effective_from=LATER, at=AT)
    assert [one.owner for one in definition_log(recorded)] == ["Ann", "Cy"]
