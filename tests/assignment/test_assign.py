"""Assignment: holdout first, then slot, parent, traffic, arm; overrides win; nothing depends on the batch."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from incrementality.assignment import (
    Layer,
    Override,
    Within,
    assign,
    assignment_sql,
    global_holdout,
    hash_unit,
    make_plan,
    open_slot,
    with_overrides,
)
from incrementality.assignment.dialects import DIALECTS
from incrementality.errors import InputError

IDS = [f"c_{i:06d}" for i in range(20_000)]
ARMS = {"off": 0.5, "on": 0.5}


def full():
    layer = open_slot(Layer(name="email", unit_type="contact"), "child", 0.5)
    within = Within(plan=make_plan("parent", {"off": 0.3, "on": 0.7}), arms=("on",), phase="1")
    held = global_holdout("gh", 0.2)
    return make_plan("child", ARMS, traffic=0.6, global_holdout=held, layer=layer.slot("child"), within=within)


def by_hand(plan, unit):
    """The order of the draws, written once more, one unit at a time."""
    held, slot, phase = plan.global_holdout, plan.layer, plan.phase()
    drawn = hash_unit("global", held.salt, "contact", unit)
    if drawn < held.end:
        return None, drawn, "global_status_quo" if drawn < held.status_quo else "global_all_shipped"
    drawn = hash_unit("layer", slot.layer, "contact", unit)
    if not slot.lo <= drawn < slot.hi:
        return None, drawn, "other_slot"
    drawn = hash_unit("arm", "parent", "contact", unit)
    if drawn < plan.within.plan.phase().ranges[1].lo:
        return None, drawn, "outside_parent"
    drawn = hash_unit("exp", plan.salt, "contact", unit)
    if drawn >= phase.traffic:
        return None, drawn, "not_in_traffic"
    drawn = hash_unit("arm", plan.salt, "contact", unit)
    return ("off" if drawn < 2**31 else "on"), drawn, "drawn"


@pytest.mark.domain("X1", "X7")
def test_the_order_of_the_draws():
    assigned = assign(full(), IDS[:2000])
    rows = list(zip(assigned.arm, assigned.hash.tolist(), assigned.reason, strict=True))
    assert rows == [by_hand(full(), unit) for unit in IDS[:2000]]
    assert set(assigned.reason) >= {"drawn", "other_slot", "outside_parent", "not_in_traffic", "global_all_shipped"}


def test_the_probability_leaves_holdout_and_slot_out():
    assigned = assign(full(), IDS)
    taking_part = assigned.arm != None  # noqa: E711
    assert set(assigned.probability[taking_part]) == {0.6 * 0.5} or np.allclose(assigned.probability[taking_part], 0.3)
    assert np.isnan(assigned.probability[~taking_part]).all()
    assert taking_part.mean() == pytest.approx(0.8 * 0.5 * 0.7 * 0.6, abs=0.01)


@pytest.mark.domain("X1")
def test_a_nested_draw_is_independent_of_its_parent():
    parent = make_plan("parent", ARMS)
    child = make_plan("child", ARMS, within=Within(plan=parent, arms=("off", "on"), phase="1"))
    above, below = assign(parent, IDS).arm == "on", assign(child, IDS).arm == "on"
    table = np.histogram2d(above, below, bins=2)[0]
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_arms_have_their_shares():
    plan = make_plan("three", {"a": "20%", "b": "30%", "c": "50%"})
    counts = assign(plan, IDS).counts()
    assert stats.chisquare([counts[name] for name in "abc"], [4000, 6000, 10_000]).pvalue > 1e-3


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(40)))
def test_the_order_of_rows_changes_nothing(order):
    ids = IDS[:40]
    straight, shuffled = assign(full(), ids), assign(full(), [ids[i] for i in order])
    for name, column in straight.to_columns().items():
        np.testing.assert_array_equal(column[list(order)], shuffled.to_columns()[name])


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 999), min_size=1))
def test_other_units_change_nothing(chosen):
    every, some = assign(full(), IDS[:1000]), assign(full(), [IDS[i] for i in sorted(chosen)])
    assert (every.take(np.array(sorted(chosen))).arm == some.arm).all()


@pytest.mark.domain("X1")
def test_overrides_win_and_say_why():
    held = assign(full(), IDS[:200]).counts()
    plan = with_overrides(
        full(),
        [Override(unit_id=IDS[i], arm="on", reason="tester") for i in range(3)]
        + [Override(unit_id=IDS[3], arm=None, reason="asked to stay out")],
    )
    assigned = assign(plan, IDS[:200])
    assert assigned.arm[:4].tolist() == ["on", "on", "on", None]
    assert assigned.source[:5].tolist() == ["override"] * 4 + ["hash"]
    assert assigned.reason[:4].tolist() == ["tester"] * 3 + ["asked to stay out"]
    assert assigned.probability[:3].tolist() == [1.0] * 3
    assert np.isnan(assigned.probability[3])
    assert held == assign(full(), IDS[:200]).counts()


@pytest.mark.domain("X9")
def test_a_region_is_a_unit():
    plan = make_plan("geo-2026", ARMS, unit_type="region")
    assert assign(plan, ["北海道", "Île-de-France", "NRW"]).counts().keys() <= {"off", "on"}


def test_no_unit_is_no_row():
    assert (len(assign(full(), [])), assign(full(), []).counts()) == (0, {})


def test_phase_and_day_together_are_refused():
    with pytest.raises(InputError, match="both given"):
        assign(full(), IDS[:1], phase="1", at=date(2026, 1, 5))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_exported_sql_names_plan_and_dialect(dialect):
    text = assignment_sql(full(), dialect, "crm.contacts", "contact id")
    assert full().hash in text
    assert f"dialect: {dialect}; executed: {DIALECTS[dialect].executed}" in text
    assert all(f"1/{kind}/" in text for kind in ("global", "layer", "exp", "arm"))


def test_nothing_leaves_the_comment_or_the_literal():
    plan = make_plan("a", {"off'; DROP TABLE x; --": 0.5, "on": 0.5}).to_dict()
    plan["phases"][0]["name"] = "1\nDROP TABLE x; --"
    text = assignment_sql(type(full()).from_dict(plan), "duckdb", 'we"ird.t', 'i"d')
    assert not [line for line in text.splitlines()[:4] if not line.startswith("--")]
    assert "off''; DROP" in text
    assert '"we""ird"."t"' in text


def test_an_unknown_dialect_is_refused():
    with pytest.raises(InputError, match="Did you mean 'snowflake'"):
        assignment_sql(full(), "snowflak", "t", "id")
