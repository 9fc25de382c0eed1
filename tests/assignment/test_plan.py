"""The plan: frozen, hashed, a round trip, and nothing in it that does not fit."""

import json
from datetime import date

import pytest

from incrementality.assignment import (
    AssignmentPlan,
    Cell,
    Layer,
    Override,
    Within,
    assign,
    global_holdout,
    make_plan,
    open_slot,
    plan_for,
    plan_of_holdout,
    with_overrides,
    with_phase,
)
from incrementality.errors import InputError
from incrementality.experiment import parse_experiment

ARMS = {"off": 0.5, "on": 0.5}
YAML = """
id: winback-2026q1
question: Does it?
started: 2026-01-05
unit: account
data: {unit: account_id}
arms: [{name: journey, share: 2/3}, {name: holdout, share: 1/3, control: true}]
metrics: [{name: won, kind: conversion, role: primary}]
"""


def full():
    layer = open_slot(Layer(name="email", unit_type="contact"), "child", 0.5)
    parent = make_plan("parent", ARMS, overrides=[Override(unit_id="c_1", arm=None, reason="vip")])
    plan = make_plan(
        "child",
        ARMS,
        starts=date(2026, 1, 5),
        global_holdout=global_holdout("gh", 0.05),
        layer=layer.slot("child"),
        within=Within(plan=parent, arms=("on",), phase="1"),
        cells={"on": Cell(function="marketing", journey="winback", offer="20% off", segment="smb")},
    )
    return with_phase(plan, date(2026, 2, 2), traffic=0.5)


def test_json_and_back():
    plan = full()
    again = AssignmentPlan.from_dict(json.loads(json.dumps(plan.to_dict())))
    assert (again, again.hash) == (plan, plan.hash)


@pytest.mark.domain("X10")
def test_an_arm_can_be_a_variant():
    assert full().arms[1].cell == Cell(function="marketing", journey="winback", offer="20% off", segment="smb")


def test_the_hash_changes_with_the_content():
    plan = make_plan("a", ARMS)
    assert plan.hash == make_plan("a", ARMS).hash
    assert len({plan.hash, make_plan("b", ARMS).hash, make_plan("a", ARMS, traffic=0.5).hash}) == 3


def test_a_change_is_a_new_version_and_leaves_the_old_one():
    plan = make_plan("a", ARMS)
    changed = with_overrides(plan, [Override(unit_id="c_1", arm="on", reason="tester")])
    assert (plan.version, changed.version, plan.overrides) == (1, 2, ())


@pytest.mark.domain("X3")
def test_the_plan_of_an_experiment_file_starts_with_the_control():
    plan = plan_for(parse_experiment(YAML))
    assert (plan.experiment, plan.unit_type.name, plan.arm_names) == (
        "winback-2026q1",
        "account",
        ("holdout", "journey"),
    )
    assert (plan.phase().starts, plan.phase().ranges[0].hi) == (date(2026, 1, 5), 1431655765)


BAD = {
    "no phase": ({"phases": ()}, "phases"),
    "one arm": ({"arms": [{"name": "a"}]}, "arms"),
    "a name twice": ({"arms": [{"name": "a"}, {"name": "a"}]}, "'a' stands more than once"),
    "a range too few": ({"arms": [{"name": name} for name in "abc"]}, "2 ranges for 3 arms"),
    "another unit": ({"global_holdout": global_holdout("gh", 0.1, unit_type="account")}, "same unit"),
    "another's slot": (
        {"layer": open_slot(Layer(name="l", unit_type="contact"), "b", 0.1).slot("b")},
        "belongs to 'b'",
    ),
    "an unknown arm": ({"overrides": [{"unit_id": "c", "arm": "z", "reason": "r"}]}, "the arm 'z'"),
    "two overrides": ({"overrides": [{"unit_id": "c", "arm": "on", "reason": "r"}] * 2}, "more than one override"),
    "no reason": ({"overrides": [{"unit_id": "c", "arm": "on", "reason": " "}]}, "reason"),
    "a bad salt": ({"salt": "A B"}, "salt"),
    "another scheme": ({"scheme": "IH2"}, "scheme"),
    "an unknown key": ({"seed": 1}, "seed"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused(name):
    change, told = BAD[name]
    with pytest.raises(InputError, match=told):
        AssignmentPlan.from_dict({**make_plan("a", ARMS).to_dict(), **change})


@pytest.mark.parametrize(
    ("within", "told"),
    [
        (Within(plan=make_plan("a", ARMS), arms=("on",), phase="1"), "one draw"),
        (Within(plan=make_plan("b", ARMS), arms=("up",), phase="1"), "no arm 'up'"),
        (Within(plan=make_plan("b", ARMS), arms=("on",), phase="9"), "no phase '9'"),
        (Within(plan=make_plan("b", ARMS, unit_type="account"), arms=("on",), phase="1"), "draws accounts"),
    ],
)
def test_a_parent_that_does_not_fit_is_refused(within, told):
    with pytest.raises(InputError, match=told):
        make_plan("a", ARMS, within=within)


def test_shares_above_one_are_refused():
    with pytest.raises(InputError, match=r"add up to 1\.1"):
        make_plan("a", {"off": 0.5, "on": 0.6})


def test_a_phase_must_be_named_where_there_are_several():
    with pytest.raises(InputError, match="phases 1, 2"):
        full().phase()
    with pytest.raises(InputError, match="no phase '3'"):
        full().phase("3")


@pytest.mark.domain("X1")
def test_an_experiment_that_is_the_global_holdout_has_its_halves_as_arms():
    holdout = global_holdout("gh-2026h1", 0.1)
    ids = [f"c_{i:06d}" for i in range(20_000)]
    own = assign(plan_of_holdout("gh-2026", holdout, ["status quo", "all shipped"]), ids)
    other = assign(make_plan("mail", {"off": 0.5, "on": 0.5}, global_holdout=holdout), ids)
    kept_out = {"global_status_quo": "status quo", "global_all_shipped": "all shipped"}
    assert own.arm.tolist() == [kept_out.get(reason) for reason in other.reason]
    assert (own.hash[own.arm != None] == other.hash[own.arm != None]).all()  # noqa: E711 - elementwise


def test_a_plan_of_the_arms_own_draw_keeps_its_canonical_form():
    assert "draws" not in make_plan("mail", {"off": 0.5, "on": 0.5}).to_dict()


def test_a_global_holdout_has_two_arms_and_nothing_above_it():
    holdout = global_holdout("gh", 0.1)
    with pytest.raises(InputError, match="two halves"):
        plan_of_holdout("gh-2026", holdout, ["a", "b", "c"])
    content = plan_of_holdout("gh-2026", holdout, ["a", "b"]).to_dict()
    with pytest.raises(InputError, match="draws all units"):
        AssignmentPlan.from_dict({**content, "global_holdout": global_holdout("other", 0.1)})
