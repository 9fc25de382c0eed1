"""Paths from strings, from lists, from tables and from an engine are the same paths."""

from __future__ import annotations

import numpy as np
import pytest

from incrementality.attribution.path_table import read_path_table
from incrementality.attribution.paths import credit_paths, paths_of_journeys, paths_of_strings
from incrementality.attribution.paths_engine import open_paths
from incrementality.errors import ColumnNotFound, ColumnTypeError, EmptyTable, InputError
from incrementality.stats import removal_effects, shapley_values
from incrementality.warehouse import frame_locator


def journeys(seed, *, channels=4, n=200, longest=6):
    rng = np.random.default_rng(seed)
    return [[f"c{code:03d}" for code in rng.integers(0, channels, rng.integers(1, longest))] for _ in range(n)]


def tables(walked, won, worth, *, seed=0):
    """The same journeys as touches in any order, and a table of those that converted."""
    rows = [(j, place, channel) for j, walk in enumerate(walked) for place, channel in enumerate(walk)]
    shuffled = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    touches = {
        "event_id": np.array([row[0] for row in shuffled]),
        "touch_at": np.array([row[1] // 2 for row in shuffled]),  # pairs of touches in one instant
        "touch_id": np.array([f"t{row[1]:03d}" for row in shuffled], dtype=object),
        "channel": np.array([row[2] for row in shuffled], dtype=object),
    }
    ids = np.flatnonzero(won)
    return touches, {"event_id": ids, "amount": np.asarray(worth)[ids]}


def opened(engine, touches, won, **options):
    steps, converted = (engine.open(frame_locator(table)).name for table in (touches, won))
    return open_paths(engine, steps, converted, **options)


def assert_the_same_sets(left, right):
    def known(sets):
        order = np.lexsort(sets.members.T)
        return [part[order].tolist() for part in (sets.members, sets.conversions, sets.value, sets.nulls)]

    assert known(left) == known(right)


def assert_the_same_transitions(left, right):
    for name in ("states", "starts", "origins", "targets", "counts", "conversions", "value", "nulls"):
        assert getattr(left, name).tolist() == getattr(right, name).tolist(), name


@pytest.mark.parametrize("order", [1, 2, 3])
def test_counts_of_the_engine_are_those_in_memory(engine, order):
    walked, rng = journeys(order), np.random.default_rng(order)
    won, worth = rng.random(200) < 0.3, rng.integers(1, 1_000, 200)
    memory = paths_of_journeys(walked, won, value=won * worth, nulls=~won)
    theirs = opened(engine, *tables(walked, won, worth))
    assert theirs.channels == memory.channels
    assert_the_same_transitions(theirs.transitions(order), memory.transitions(order))
    assert_the_same_sets(theirs.sets(), memory.sets())


def test_sets_of_more_channels_than_one_number_holds(engine):
    walked = journeys(5, channels=120, n=400)
    won = np.arange(400) % 3 == 0
    memory = paths_of_journeys(walked, won, nulls=~won)
    theirs = opened(engine, *tables(walked, won, np.zeros(400)))
    assert len(theirs.channels) > 100
    assert_the_same_sets(theirs.sets(), memory.sets())


def test_neither_the_order_of_rows_nor_ties_change_the_counts(engine):
    walked = journeys(6)
    won = np.arange(200) % 4 == 0
    one, other = (opened(engine, *tables(walked, won, np.ones(200), seed=seed)) for seed in (1, 2))
    assert_the_same_transitions(one.transitions(2), other.transitions(2))


def test_a_touch_without_channel_is_unknown(engine):
    touches = {
        "event_id": np.array([1, 1]),
        "place": np.array([1, 2]),
        "channel": np.array(["email", None], dtype=object),
    }
    paths = opened(engine, touches, {"event_id": np.array([1])}, order=("place",), value=None)
    assert paths.channels == ("email", "unknown")
    assert paths.sets().members.tolist() == [[True, True]]


def test_journeys_without_a_key_of_their_own_did_not_convert(engine):
    touches = {
        "event_id": np.array([1, None, None, None], dtype=object),
        "account_id": np.array([7, 8, 8, 9]),
        "place": np.array([1, 1, 2, 1]),
        "function": np.array(["sdr", "ae", "sdr", "ae"], dtype=object),
    }
    won = {"event_id": np.array(["1"], dtype=object), "amount": np.array([50])}
    paths = opened(engine, touches, won, by="function", journey=("event_id", "account_id"), order=("place",))
    found = paths.sets()
    assert (found.conversions.sum(), found.value.sum(), found.nulls.sum()) == (1.0, 50.0, 2.0)
    assert paths.transitions(1).starts.tolist() == [2.0, 1.0]


def test_no_touches_are_no_paths(engine):
    touches, won = tables([["a"]], [True], [1])
    with pytest.raises(EmptyTable, match="there are no touches"):
        opened(engine, {name: values[:0] for name, values in touches.items()}, won)


def test_rows_that_repeat_a_path_are_summed_and_none_is_lost():
    found = paths_of_strings(
        ["a>b", " a > b ", "b", None, ""], [1, 2, 3, 4, 5], value=[1, 1, 1, 7, 0], nulls=[0, 0, 9, 0, 1]
    )
    assert found.lengths.tolist() == [2, 1]
    assert (found.conversions.tolist(), found.nulls.tolist()) == ([3.0, 3.0], [0.0, 9.0])
    assert found.untouched == (9.0, 7.0, 1.0)


def test_another_separator_and_channels_with_the_usual_one_in_their_name():
    assert paths_of_strings(["a>1|b", "b"], [1, 1], separator="|").channels == ("a>1", "b")


@pytest.mark.parametrize(
    ("paths", "conversions", "nulls", "told"),
    [
        (["a", "b"], [1, -1], [0, 0], "1 of 2 paths have conversions that are negative or missing: -1 in row 2"),
        (["a", "b"], [1, 1], [0, float("nan")], "nulls that are negative or missing: nan in row 2"),
        (["a > > b"], [1], [0], "1 paths hold a touch without a name, such as 'a > > b'"),
        (["a", "b"], [1], [0, 0], "1 conversions for 2 paths"),
    ],
)
def test_bad_paths_are_refused_and_shown(paths, conversions, nulls, told):
    with pytest.raises(InputError, match=told):
        paths_of_strings(paths, conversions, nulls=nulls)


@pytest.mark.domain("M1")
def test_each_rule_credits_every_conversion_once():
    walked = journeys(8)
    worth = np.random.default_rng(8).integers(1, 100, 200)
    found = paths_of_journeys(walked, np.ones(200), value=worth)
    for rule in ("first", "last", "linear"):
        assert credit_paths(found, rule).sum() == pytest.approx(200, rel=1e-12)
        assert credit_paths(found, rule, of="value").sum() == pytest.approx(worth.sum(), rel=1e-12)
    ends = {rule: credit_paths(found, rule) for rule in ("first", "last")}
    assert ends["first"][0] == sum(walk[0] == "c000" for walk in walked)
    assert ends["last"][0] == sum(walk[-1] == "c000" for walk in walked)


def test_renaming_channels_renames_the_credit_only():
    walked = journeys(9)
    won = np.arange(200) % 2
    renamed = [[{"c000": "zz"}.get(channel, channel) for channel in walk] for walk in walked]
    one, other = (paths_of_journeys(names, won, nulls=1 - won) for names in (walked, renamed))
    moved = [other.channels.index({"c000": "zz"}.get(channel, channel)) for channel in one.channels]
    assert removal_effects(other.transitions(2)).effects[moved] == pytest.approx(
        removal_effects(one.transitions(2)).effects, rel=1e-12
    )
    assert shapley_values(other.sets()).values[moved] == pytest.approx(shapley_values(one.sets()).values, rel=1e-12)


def test_a_table_of_paths_is_read_by_its_columns(engine):
    table = {
        "Pfad": np.array(["a|b", "a", "a|b"], dtype=object),
        "won": np.array([1, 2, 3]),
        "worth": np.array([1.5, 2.5, 3.5]),
        "lost": np.array([0, 9, 1]),
    }
    relation = engine.open(frame_locator(table))
    names = {"path": "Pfad", "conversions": "won", "value": "worth", "nulls": "lost", "separator": "|"}
    found = read_path_table(engine, relation, **names)
    assert (found.conversions.tolist(), found.value.tolist(), found.nulls.tolist()) == ([2, 4], [2.5, 5.0], [9, 1])
    with pytest.raises(ColumnNotFound, match=r"no column 'wom'\. Did you mean 'won'"):
        read_path_table(engine, relation, **(names | {"conversions": "wom"}))
    with pytest.raises(ColumnTypeError, match="'Pfad' is text"):
        read_path_table(engine, relation, **(names | {"conversions": "Pfad"}))


def test_a_missing_amount_in_a_table_is_refused(engine):
    table = {"path": np.array(["a"], dtype=object), "conversions": np.array([None], dtype=object)}
    relation = engine.open(frame_locator(table | {"conversions": np.ma.array([1.0], mask=[True])}))
    with pytest.raises(InputError, match="negative or missing"):
        read_path_table(engine, relation)
