"""The global holdout, its rotation, and layers whose slots never overlap."""

from datetime import date

import pytest
from hypothesis import given, strategies as st

from incrementality.assignment import (
    Layer,
    assign,
    close_slot,
    global_holdout,
    make_plan,
    open_slot,
    rotate,
)
from incrementality.assignment.hashing import SPACE
from incrementality.errors import InputError

IDS = [f"c_{i:06d}" for i in range(20_000)]
ARMS = {"off": 0.5, "on": 0.5}
EMPTY = Layer(name="lifecycle-email", unit_type="contact")


@pytest.mark.domain("X1")
def test_the_global_holdout_has_two_halves_and_wins():
    counts = assign(make_plan("winback", ARMS, global_holdout=global_holdout("gh-2026h1", 0.1)), IDS).counts()
    assert counts["global_status_quo"] == pytest.approx(1000, abs=130)
    assert counts["global_all_shipped"] == pytest.approx(1000, abs=130)


@pytest.mark.domain("X1")
def test_every_experiment_spares_the_same_units():
    held = global_holdout("gh-2026h1", 0.1)
    spared = [assign(make_plan(name, ARMS, global_holdout=held), IDS).arm == None for name in ("a", "b")]  # noqa: E711
    assert (spared[0] == spared[1]).all()


@pytest.mark.domain("X1")
def test_rotation_is_a_new_draw_with_its_wash_out_on_record():
    old = global_holdout("gh-2026h1", 0.1)
    new = rotate(old, "gh-2026h2", starts=date(2026, 7, 1), washout_days=28)
    assert (new.replaces, new.end, new.washout_ends) == ("gh-2026h1", old.end, date(2026, 7, 29))
    assert [new.is_washing_out(date(2026, 7, day)) for day in (1, 28, 29)] == [True, True, False]
    one, two = (assign(make_plan("winback", ARMS, global_holdout=h), IDS).arm == None for h in (old, new))  # noqa: E711
    assert (one & two).sum() == pytest.approx(200, abs=60)
    with pytest.raises(InputError, match="old one"):
        rotate(old, "gh-2026h1", starts=date(2026, 7, 1), washout_days=0)
    with pytest.raises(InputError, match="washout_days is -1"):
        rotate(old, "gh-2026h2", starts=date(2026, 7, 1), washout_days=-1)


@pytest.mark.domain("X7")
def test_experiments_in_one_layer_never_meet():
    layer = open_slot(open_slot(EMPTY, "a", 0.5), "b", 0.3)
    a, b = (assign(make_plan(name, ARMS, layer=layer.slot(name)), IDS).arm != None for name in "ab")  # noqa: E711
    assert not (a & b).any()
    assert a.mean() == pytest.approx(0.5, abs=0.02)
    assert b.mean() == pytest.approx(0.3, abs=0.02)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100)), max_size=30))
def test_slots_stay_apart_whatever_opens_and_closes(steps):
    layer = EMPTY
    for number, (opens, percent) in enumerate(steps):
        try:
            layer = open_slot(layer, f"e{number}", f"{percent}%") if opens else close_slot(layer, f"e{number - 1}")
        except InputError:
            continue
    places = [(slot.lo, slot.hi) for slot in layer.slots]
    assert places == sorted(places)
    assert all(lo < hi <= SPACE for lo, hi in places)


def test_a_closed_slot_is_given_to_the_next():
    layer = open_slot(open_slot(EMPTY, "a", 0.6), "b", 0.4)
    again = open_slot(close_slot(layer, "a"), "c", 0.6)
    assert again.slot("c").lo == layer.slot("a").lo
    assert [slot.experiment for slot in layer.slots] == ["a", "b"]


def test_what_is_not_to_be_had_is_refused():
    layer = open_slot(EMPTY, "a", 0.6)
    with pytest.raises(InputError, match=r"widest gap is 0\.4"):
        open_slot(layer, "b", 0.5)
    with pytest.raises(InputError, match="already"):
        open_slot(layer, "a", 0.1)
    with pytest.raises(InputError, match="held: a"):
        layer.slot("z")


def test_a_bad_salt_is_named():
    with pytest.raises(InputError, match="GlobalHoldout: salt"):
        global_holdout("GH 2026", 0.1)
