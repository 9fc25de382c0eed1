"""Arms that are those of another experiment: one salt, or arms that depend on each other, fail the readout."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from incrementality.assignment import assign, make_plan
from incrementality.assignment.batch import Assignments
from incrementality.workspace.arm_reuse import arm_reuse_checks
from incrementality.workspace.frozen import FrozenPlan, write_frozen
from incrementality.workspace.holdouts import ledger_of

IDS = [f"c{i}" for i in range(600)]
JANUARY, JUNE = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
SHARES = {"holdout": 0.5, "mail": 0.5}


@pytest.fixture
def draw(workspace):
    """Record an experiment's draw: with a salt of its own or another one, at a moment, arms copied or not."""

    def record(name, *, salt=None, at=JANUARY, ids=IDS, arms_of=None, source="hash"):
        folder = workspace.root / "experiments" / name
        folder.mkdir(exist_ok=True)
        text = (workspace.folder("mail") / "experiment.yaml").read_text(encoding="utf-8")
        (folder / "experiment.yaml").write_text(text.replace("id: mail", f"id: {name}"), encoding="utf-8")
        plan = make_plan(name, SHARES, salt=salt)
        drawn = assign(plan, ids)
        if arms_of is not None:
            drawn = replace(drawn, arm=assign(make_plan(arms_of, SHARES), ids).arm)
        drawn.source[:] = source
        write_frozen(workspace, name, FrozenPlan(versions=(plan,)))
        with ledger_of(workspace) as ledger:
            ledger.append(Assignments.of(plan, drawn, assigned_at=at))

    return record


def found(workspace):
    (check,) = arm_reuse_checks(workspace, workspace.experiment("mail"))
    return check


def test_an_experiment_without_a_draw_on_record_is_not_checked(workspace):
    assert arm_reuse_checks(workspace, workspace.experiment("mail")) == ()


@pytest.mark.domain("X7")
def test_independent_draws_pass(workspace, draw):
    draw("mail")
    draw("calls")
    check = found(workspace)
    assert check.passed
    assert check.table[0]["shared_units"] == 600
    assert check.table[0]["pvalue"] > 0.001


def test_one_salt_fails_and_names_the_other_experiment(workspace, draw):
    draw("mail", at=JUNE)
    draw("calls", salt="mail")
    check = found(workspace)
    assert check.passed is False
    assert "calls draws 600 shared units with the same salt" in check.sentence


def test_one_salt_for_units_that_nobody_shares_passes(workspace, draw):
    draw("mail", ids=IDS[:300])
    draw("calls", salt="mail", ids=IDS[300:])
    assert found(workspace).passed


def test_copied_arms_fail_whatever_their_salt(workspace, draw):
    draw("mail", at=JUNE)
    draw("calls", arms_of="mail")
    check = found(workspace)
    assert check.passed is False
    assert "the arms of 600 shared units depend on their arms in calls" in check.sentence


def test_arms_that_were_set_by_hand_do_not_count(workspace, draw):
    draw("mail", at=JUNE)
    draw("calls", arms_of="mail", source="override")
    assert found(workspace).passed


def test_what_began_after_the_outcomes_were_complete_does_not_count(workspace, draw):
    draw("mail", at=JANUARY)
    draw("calls", salt="mail", at=JUNE)
    assert found(workspace).passed
    assert found(workspace).table == ()


def test_the_readout_is_not_used_then(workspace, draw):
    draw("mail", at=JUNE)
    draw("calls", salt="mail")
    readout = workspace.readout("mail")
    assert readout.grade == "do not use"
    assert "The arms are not this experiment's own" in readout.verdict
