"""The audit explains every honest row, counts every other one by its reason, and shows no id unasked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from incrementality.assignment import Override, assign, make_plan, with_overrides, with_phase
from incrementality.assignment.audit import audit, salt_reuse, unexplained_rows
from incrementality.assignment.batch import Assignments
from incrementality.assignment.ledger import Ledger
from incrementality.errors import InputError

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
ARMS = {"holdout": 0.5, "mail": 0.5}
PLAN = make_plan("winback", ARMS, traffic=0.5, starts=date(2026, 1, 5))
IDS = [f"c_{i:06d}" for i in range(400)]


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path) as opened:
        yield opened


def record(ledger, plan, assigned, at=AT):
    ledger.append(Assignments.of(plan, assigned, assigned_at=at))


def explained(ledger, *plans, **grounds):
    found = audit(ledger, plans, **grounds)
    (one,) = found.experiments
    return one.explained, one.unexplained


def test_a_ramp_with_overrides_is_explained_whole(ledger):
    second = with_phase(PLAN, date(2026, 2, 1), traffic=1)
    third = with_overrides(second, [Override(unit_id="c_999999", arm="mail", reason="a colleague")])
    record(ledger, PLAN, assign(PLAN, IDS, phase="1"))
    record(ledger, second, assign(second, IDS, phase="2"), AT + timedelta(days=30))
    record(ledger, third, assign(third, ["c_999999"], phase="2"), AT + timedelta(days=31))
    assert explained(ledger, PLAN, second, third) == ({"hash": 400, "override": 1}, {})
    assert audit(ledger, [PLAN, second, third]).passed


def test_short_and_long_crm_ids_of_several_batches_are_explained(ledger):
    plan = make_plan("winback", ARMS)
    for unit in ("0015g00000AbCdE", "0015g00000AbCdEAAV"):
        record(ledger, plan, assign(plan, [unit]))
    assert explained(ledger, plan) == ({"hash": 2}, {})


def test_inherited_arms_follow_from_the_account(ledger):
    plan = make_plan("winback", ARMS, unit_type="account")
    accounts = {unit: f"a_{i % 7}" for i, unit in enumerate(IDS)}
    drawn = assign(plan, list(accounts.values()))
    contacts = replace(drawn, unit_id=np.array(IDS, object), source=np.full(len(IDS), "inherited", object))
    record(ledger, plan, contacts)
    assert explained(ledger, plan, accounts=accounts) == ({"inherited": 400}, {})
    assert explained(ledger, plan) == ({}, {"its account was not handed in": 400})


def test_a_fixed_cohort_is_explained_by_its_draw(ledger):
    plan = make_plan("winback", ARMS)
    cohort = replace(assign(plan, IDS), source=np.full(len(IDS), "fixed", object))
    record(ledger, plan, cohort)
    assert explained(ledger, plan, cohorts={"winback": cohort}) == ({"fixed": 400}, {})
    assert explained(ledger, plan) == ({}, {"not in the fixed cohort's draw": 400})


SOME = {
    "another arm than drawn": lambda a: {"arm": np.where(a.arm == "mail", "holdout", "mail").astype(object)},
    "another hash than drawn": lambda a: {"hash": a.hash + 1},
    "another probability than planned": lambda a: {"probability": a.probability + 0.01},
    "its source is unknown": lambda a: {"source": np.full(len(a), "guess", object)},
    "the plan has no override of the unit": lambda a: {"source": np.full(len(a), "override", object)},
    "the plan has no such phase": lambda a: {"phase": np.full(len(a), "9", object)},
}


@pytest.mark.parametrize("reason", sorted(SOME))
def test_a_row_that_does_not_follow_is_counted_with_its_reason(ledger, reason):
    plan = make_plan("winback", ARMS)
    drawn = assign(plan, IDS)
    record(ledger, plan, drawn.take(np.arange(390)))
    last = drawn.take(np.arange(390, 400))
    record(ledger, plan, replace(last, **SOME[reason](last)))
    assert explained(ledger, plan) == ({"hash": 390}, {reason: 10})
    assert not audit(ledger, [plan]).passed
    assert unexplained_rows(ledger, "winback", [plan]).unit_id.tolist() == IDS[390:]


def test_a_unit_that_the_plan_keeps_out_is_counted(ledger):
    every = make_plan("winback", ARMS)
    drawn = assign(every, IDS)
    record(ledger, PLAN, drawn)
    _, missing = explained(ledger, PLAN)
    assert 150 < missing["the plan keeps the unit out"] < 250


def test_a_missing_version_is_named(ledger):
    plan = make_plan("winback", ARMS)
    record(ledger, plan, assign(plan, IDS))
    assert explained(ledger) == ({}, {"no plan of version 1 was handed in": 400})


def test_an_audit_shows_no_id(ledger):
    plan = make_plan("winback", ARMS)
    record(ledger, make_plan("winback", ARMS, salt="other"), assign(make_plan("x", ARMS, salt="other"), IDS))
    found = audit(ledger, [plan])
    shown = found.to_text() + found.to_html() + repr(found) + repr(found.checks())
    assert "c_000" not in shown


def test_hashed_ids_are_explained_with_the_population(tmp_path):
    plan = make_plan("winback", ARMS)
    with Ledger(tmp_path, ids="hashed") as ledger:
        record(ledger, plan, assign(plan, IDS))
        assert explained(ledger, plan, unit_ids=IDS) == ({"hash": 400}, {})
        assert explained(ledger, plan, unit_ids=IDS[:300])[1] == {"its id was not handed in": 100}
        with pytest.raises(InputError, match="stores ids hashed"):
            audit(ledger, [plan])


def test_mixed_units_fail_the_audit(ledger):
    plan, other = make_plan("winback", ARMS), make_plan("winback", ARMS, salt="other")
    record(ledger, plan, assign(plan, IDS))
    record(ledger, other, assign(other, IDS), AT + timedelta(days=1))
    found = audit(ledger, [plan])
    assert found.experiments[0].explained == {"hash": 400}
    assert 150 < found.experiments[0].mixed < 250
    assert [check.name for check in found.checks() if not check.passed] == ["mixed assignment"]


def test_a_damaged_file_fails_the_audit(ledger):
    plan = make_plan("winback", ARMS)
    record(ledger, plan, assign(plan, IDS))
    path = next(ledger._folder.rglob("*.parquet"))
    path.rename(path.with_name("batch-" + "0" * 64 + ".parquet"))
    assert [check.name for check in audit(ledger, [plan]).checks() if not check.passed] == ["ledger files"]


def test_salts_of_one_experiment_or_of_other_units_are_no_reuse():
    ramp = with_phase(PLAN, date(2026, 2, 1), traffic=1)
    accounts = make_plan("qbr", ARMS, salt="winback", unit_type="account")
    assert salt_reuse([PLAN, ramp, accounts]) == ()
    (found,) = salt_reuse([PLAN, make_plan("onboarding", ARMS, salt="winback")])
    assert found.experiments == ("onboarding", "winback")
