"""Who answers for the figures, what they may be used for, and what stands beside each number."""

import pytest

from incrementality.attribution import parse_attribution
from incrementality.capture.audit import parse_targets
from incrementality.errors import InputError
from incrementality.workspace.definitions import DefinitionChange
from incrementality.workspace.governance import INDIVIDUAL_VIEW_WARNING, Governance, parse_governance
from incrementality.workspace.measurement_spec import ASSUMPTION, measurement_spec

CHANGE = DefinitionChange(
    number=3, recorded_at="2026-06-15T00:00:00+00:00", owner="Ann", reason="shorter cycles", approved_by="Bo",
    effective_from="2026-07-01", sections=("windows",), fingerprints={}, currency="EUR", restated=(), text="",
    previous="ab",
)  # fmt: skip


@pytest.mark.domain("G3")
def test_owners_rights_and_reviews_ship_and_can_be_named():
    found = parse_governance({"owners": {"definitions": "Ann"}, "rights": {"a pause": "Bo"}})
    rows = {(row["part"], row["of"]): row["value"] for row in found.to_dicts()}
    assert rows["owner", "definitions"] == "Ann"
    assert rows["decides", "a pause"] == "Bo"
    assert rows["reviewed", "the page"] == "monthly"
    assert rows["reviewed", "definitions"] == "quarterly"


@pytest.mark.domain("G4")
def test_a_company_adds_uses_and_cannot_lose_those_that_are_forbidden():
    found = parse_governance({"forbidden": ["press releases"]})
    assert found.forbidden == (*Governance().forbidden, "press releases")
    assert "calling credit incremental, or caused" in found.forbidden


@pytest.mark.domain("G4")
@pytest.mark.parametrize("by", [["actor"], ["function", "closer"]])
def test_views_by_individual_are_off_and_carry_a_warning(by):
    with pytest.raises(InputError, match="view by individual representative, and these are off"):
        parse_governance().check_view(by)
    assert parse_governance({"individual_views": True}).check_view(by) == INDIVIDUAL_VIEW_WARNING


@pytest.mark.parametrize(
    "written",
    [{"owner": {}}, {"owners": ["Ann"]}, {"forbidden": "all"}, {"individual_views": "yes"}, {"rights": {"a": 1}}],
)
def test_what_cannot_be_used_is_named(written):
    with pytest.raises(InputError, match=f"governance.{next(iter(written))}"):
        parse_governance(written)


@pytest.mark.domain("G1")
def test_windows_models_versions_and_owners_stand_beside_the_numbers():
    spec = parse_attribution({"windows": {"preset": "staged"}})
    found = measurement_spec(spec, governance=Governance(), targets=parse_targets(), change=CHANGE, package="1.0")
    lines = {(line.part, line.of): line.value for line in found.lines}
    assert lines["version", "package"] == "1.0"
    assert lines["version", "definitions"] == "record 3, in force from 2026-07-01"
    assert lines["version", "specification"] == spec.fingerprint[:12]
    assert lines["owner", "this version"] == "Ann; approved by Bo: shorter cycles"
    assert any(part == "window" for part, _ in lines)
    assert ("forbidden use", "these figures") in lines


@pytest.mark.domain("G1")
def test_decisions_are_marked_as_assumptions():
    found = measurement_spec(parse_attribution(), targets=parse_targets())
    marked = {(line.part, line.of) for line in found.assumptions}
    assert {("leading model", "new"), ("leading model", "saved"), ("audit", "CS-owned by default")} <= marked
    assert ASSUMPTION == "(D) assumption, not measurement"
    assert "not who caused it" in found.sentence
    assert ASSUMPTION in found.to_text()


@pytest.mark.domain("G1")
def test_definitions_that_nobody_recorded_say_so():
    found = measurement_spec(parse_attribution())
    assert ("definitions", "not on record") in {(line.of, line.value) for line in found.lines}
