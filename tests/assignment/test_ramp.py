"""A ramp never moves anyone."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from incrementality.assignment import assign, keep_first, make_plan, with_phase
from incrementality.assignment.ramp import day_of
from incrementality.errors import InputError

IDS = [f"c_{i:05d}" for i in range(2000)]
START = date(2026, 1, 5)


def ramped(shares, schedule):
    plan = make_plan("winback", {f"arm{i}": share for i, share in enumerate(shares)}, traffic=schedule[0], starts=START)
    for week, traffic in enumerate(schedule[1:], start=1):
        plan = with_phase(plan, START + timedelta(weeks=week), traffic=traffic)
    return plan


@pytest.mark.domain("X1")
@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 100), min_size=2, max_size=6), st.integers(2, 4))
def test_growing_traffic_keeps_every_arm(percents, arms):
    plan = ramped([1 / arms] * 2 if arms == 2 else ["1/4"] * arms, [f"{p}%" for p in sorted(percents)])
    before = np.full(len(IDS), None)
    for phase in plan.phases:
        now = assign(plan, IDS, phase=phase.name).arm
        entered = before != None  # noqa: E711
        assert (now[entered] == before[entered]).all()
        before = now


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 50)] * 2), min_size=2, max_size=5))
def test_two_arms_grow_from_opposite_ends(shares):
    growing = list(zip(*(sorted(arm) for arm in zip(*shares, strict=True)), strict=True))
    plan = make_plan("winback", dict(zip("ab", (f"{p}%" for p in growing[0]), strict=True)), starts=START)
    for week, pair in enumerate(growing[1:], start=1):
        plan = with_phase(plan, START + timedelta(weeks=week), shares=[f"{p}%" for p in pair])
    drawn = [assign(plan, IDS, phase=phase.name).arm for phase in plan.phases]
    for one, other in pairwise(drawn):
        entered = one != None  # noqa: E711
        assert (other[entered] == one[entered]).all()


def test_more_arms_grow_inside_fixed_slots():
    plan = make_plan("winback", {"a": "2%", "b": "4%", "c": "2%"}, starts=START)
    plan = with_phase(plan, date(2026, 2, 2), shares=["25%", "50%", "25%"])
    assert [arm.lo for arm in plan.phases[0].ranges] == [arm.lo for arm in plan.phases[1].ranges]
    assert plan.phases[1].probabilities == (0.25, 0.5, 0.25)
    with pytest.raises(InputError, match="does not fit the arm's slot"):
        with_phase(plan, date(2026, 3, 2), shares=["50%", "25%", "25%"])


def test_a_phase_that_moves_units_is_refused():
    plan = make_plan("winback", {"a": "50%", "b": "50%"}, starts=START)
    with pytest.raises(InputError, match="change their arm between the phases '1' and '2'"):
        with_phase(plan, date(2026, 2, 2), shares=["60%", "40%"])


def test_lowering_traffic_stops_entry_only():
    plan = ramped([0.5, 0.5], ["60%", "20%"])
    high, low = (assign(plan, IDS, phase=name) for name in "12")
    kept = keep_first(high, low)
    assert (kept.arm == high.arm).all()
    newcomers = [f"new_{i}" for i in range(500)]
    assert keep_first(high, assign(plan, newcomers, phase="2")).counts() == assign(plan, newcomers, phase="2").counts()


def test_the_day_says_the_phase():
    plan = ramped([0.5, 0.5], ["10%", "50%"])
    late = datetime(2026, 1, 11, 23, 59, tzinfo=UTC)
    assert [plan.phase_at(at).name for at in (START, late, late + timedelta(minutes=1))] == ["1", "1", "2"]
    assert (assign(plan, IDS, at=date(2026, 3, 1)).arm == assign(plan, IDS, phase="2").arm).all()
    with pytest.raises(InputError, match="wait until 2026-01-05"):
        plan.phase_at(date(2026, 1, 4))
    with pytest.raises(InputError, match="time zone"):
        day_of(datetime(2026, 1, 4))  # noqa: DTZ001 - the missing zone is what is refused


@pytest.mark.parametrize(
    ("starts", "name", "told"), [(START, None, "starting days"), (date(2026, 2, 2), "1", "one name")]
)
def test_phases_in_disorder_are_refused(starts, name, told):
    with pytest.raises(InputError, match=told):
        with_phase(ramped([0.5, 0.5], ["10%"]), starts, name=name)


def test_the_probability_follows_the_phase():
    plan = ramped(["10%", "90%"], ["20%", "100%"])
    for phase, expected in (("1", [0.02, 0.18]), ("2", [0.1, 0.9])):
        assigned = assign(plan, IDS, phase=phase)
        found = [set(assigned.probability[assigned.arm == arm]) for arm in plan.arm_names]
        assert [pytest.approx(next(iter(one))) for one in found] == expected
