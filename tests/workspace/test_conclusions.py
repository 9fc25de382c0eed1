"""A conclusion stands beside the readout that it rests on."""

import json
from dataclasses import replace
from datetime import date

import pytest

from incrementality.errors import InputError, StaleReadout, WorkspaceError
from incrementality.workspace import result_text, status_of
from incrementality.workspace.conclusions import DECISIONS, conclude, conclusion_of

WHO = {"name": "Ada", "reason": "It pays."}


@pytest.fixture
def folder(workspace):
    """The experiment of the workspace, with a segment and a release plan."""
    folder = workspace.root / "experiments" / "mail"
    path = folder / "experiment.yaml"
    text = path.read_text(encoding="utf-8") + "segments: [{column: size, name: Size}]\n"
    release = "request: {decision: Scale it or stop it., release: {when: after the answer, how: send}}\n"
    path.write_text(text + release, encoding="utf-8")
    rows = (folder / "mail.csv").read_text(encoding="utf-8").splitlines()
    lines = [f"{rows[0]},size", *(f"{row},{('large', 'small')[i // 2 % 2]}" for i, row in enumerate(rows[1:]))]
    (folder / "mail.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return folder


@pytest.fixture
def read(workspace, folder):
    return workspace.readout("mail")


def grade(workspace, readout, grade):
    path = workspace.files("mail").result
    path.write_text(result_text(replace(readout, grade=grade, grade_reason="The arms differ.")), encoding="utf-8")


def test_the_record_holds_grade_numbers_and_release(workspace, read):
    found = conclude(workspace, "mail", decision="scale", **WHO, on=date(2026, 3, 1))
    estimate = read.headline("bought", "mail")
    assert (found.grade, found.verdict, found.version) == (read.grade, read.verdict, 1)
    assert found.headline[0]["effect"] == estimate.effect
    assert found.headline[0]["effect_ci_lower"] == estimate.effect_ci_lower
    assert found.release == "After the answer, they get what they missed."
    assert status_of(workspace, "mail", on=date(2026, 3, 1)).note == "scale, by Ada: It pays."


def test_the_record_reads_back(workspace, read):
    assert conclude(workspace, "mail", decision="keep", **WHO) == conclusion_of(workspace, "mail")


def test_the_hash_is_of_the_numbers_and_not_of_the_run(workspace, read):
    first = conclude(workspace, "mail", decision="keep", **WHO)
    path = workspace.files("mail").result
    path.write_text(result_text(replace(read, manifest={"read_at": "later"})), encoding="utf-8")
    assert conclude(workspace, "mail", decision="keep", **WHO).readout_hash == first.readout_hash


def test_a_later_decision_keeps_the_earlier_one(workspace, read, folder):
    first = conclude(workspace, "mail", decision="retest", **WHO)
    assert conclude(workspace, "mail", decision="scale", **WHO).version == 2
    assert json.loads((folder / "decision-v1.json").read_text(encoding="utf-8")) == first.to_dict()


def test_nothing_is_concluded_without_a_readout(workspace, folder):
    with pytest.raises(StaleReadout, match="has not been read out") as refused:
        conclude(workspace, "mail", decision="scale", **WHO)
    assert "--despite" in refused.value.hint
    found = conclude(workspace, "mail", decision="pause", **WHO, despite="The vendor closes.")
    assert (found.grade, found.headline, found.despite) == ("", (), "The vendor closes.")


def test_nothing_is_concluded_from_what_must_not_be_used(workspace, read, folder):
    grade(workspace, read, "do not use")
    with pytest.raises(WorkspaceError, match=r'graded "do not use": The arms differ\.'):
        conclude(workspace, "mail", decision="scale", **WHO)
    assert not (folder / "decision.json").exists()
    found = conclude(workspace, "mail", decision="retest", **WHO, despite="We retest at once.")
    assert (found.grade, found.despite) == ("do not use", "We retest at once.")


def test_a_segment_is_one_that_was_read_out(workspace, read):
    found = conclude(workspace, "mail", decision="limit to segment", segment="Size: small", **WHO)
    assert found.segment == "Size: small"
    with pytest.raises(InputError, match="Did you mean 'Size: small'"):
        conclude(workspace, "mail", decision="limit to segment", segment="Size: smal", **WHO)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"decision": "limit to segment"}, "no segment is named; read out: Size: large, Size: small"),
        ({"decision": "scale", "segment": "Size: small"}, "a segment is named"),
        ({"decision": "scael"}, "Did you mean 'scale'"),
        ({"decision": "scale", "name": " "}, "who decides and why"),
        ({"decision": "scale", "reason": ""}, "who decides and why"),
    ],
)
def test_a_decision_that_says_too_little_is_refused(workspace, read, words, told):
    with pytest.raises(InputError, match=told):
        conclude(workspace, "mail", **{**WHO, **words})


def test_a_damaged_decision_is_named(workspace, read, folder):
    (folder / "decision.json").write_text("{}", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        conclude(workspace, "mail", decision="scale", **WHO)


def test_the_decisions_are_those_of_the_register():
    assert DECISIONS == ("scale", "keep", "limit to segment", "pause", "retest")
