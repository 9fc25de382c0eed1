"""Removal effects against three independent ways: exact fractions, value iteration, every path enumerated."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.stats import removal_effects, transition_counts

START, WON, LOST = "start", "won", "lost"


def journeys(seed, *, channels=5, n=60, longest=7):
    """Random journeys as (codes, converted, value); few enough for exact fractions."""
    rng = np.random.default_rng(seed)
    return [
        (tuple(rng.integers(0, channels, rng.integers(1, longest)).tolist()), bool(rng.random() < 0.4), i + 1.0)
        for i in range(n)
    ]


def counted(paths, *, channels, order):
    rows = []
    for codes, won, value in paths:
        padded = [-1] * (order - 1) + list(codes)
        for i in range(len(codes)):
            state = 0
            for code in padded[i : i + order]:
                state = state * (channels + 1) + code + 1
            last = i == len(codes) - 1
            ended = last and won
            rows.append((state, 0 if last else codes[i + 1] + 1, 1, ended, value if ended else 0))
    names = ("state", "following", "journeys", "conversions", "value")
    return transition_counts(channels=channels, order=order, **dict(zip(names, zip(*rows, strict=True), strict=True)))


def chain(paths, order):
    """The transition probabilities as exact fractions, states as tuples, written straight from the definition."""
    passed = defaultdict(lambda: defaultdict(int))
    for codes, won, _ in paths:
        padded = (-1,) * (order - 1) + codes
        states = [START, *(padded[i : i + order] for i in range(len(codes))), WON if won else LOST]
        for origin, target in pairwise(states):
            passed[origin][target] += 1
    return {s: {t: Fraction(n, sum(row.values())) for t, n in row.items()} for s, row in passed.items()}


def without(probabilities, channel):
    """The chain in which every visit to a channel leads to no conversion."""
    return {s: row if s == START or channel not in s else {LOST: Fraction(1)} for s, row in probabilities.items()}


def solved_in_fractions(probabilities):
    """The chance of a conversion from the start, by Gauss's elimination in exact fractions."""
    names = list(probabilities)
    rows = [
        [Fraction(int(s == t)) - probabilities[s].get(t, 0) for t in names] + [Fraction(probabilities[s].get(WON, 0))]
        for s in names
    ]
    for i in range(len(names)):
        pivot = next(k for k in range(i, len(names)) if rows[k][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(len(names)):
            if k != i and rows[k][i] != 0:
                rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i], strict=True)]
    return rows[names.index(START)][-1]


def iterated(probabilities, steps=5_000):
    """The same chance by letting the chain run until nothing moves any more."""
    chance = dict.fromkeys([*probabilities, LOST], 0.0) | {WON: 1.0}
    for _ in range(steps):
        new = {s: sum(float(p) * chance[t] for t, p in row.items()) for s, row in probabilities.items()}
        if all(new[s] == chance[s] for s in new):
            break
        chance |= new
    return chance[START]


@pytest.mark.domain("M1")
@pytest.mark.oracle("Markov removal effects (order 1 to 3)", "Gauss's elimination in exact fractions", "1e-12")
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_removal_effects_are_those_of_exact_fractions(seed, order):
    paths = journeys(seed, channels=4, n=40, longest=6)
    exact = chain(paths, order)
    whole = solved_in_fractions(exact)
    expected = [float(1 - solved_in_fractions(without(exact, c)) / whole) for c in range(4)]
    found = removal_effects(counted(paths, channels=4, order=order))
    assert found.effects == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert found.expected == pytest.approx(float(whole), rel=1e-12)
    assert found.shares == pytest.approx(np.array(expected) / sum(expected), rel=1e-12)


@pytest.mark.oracle("Markov removal effects (order 1 to 3)", "value iteration until nothing moves", "1e-9")
@pytest.mark.parametrize("order", [1, 2, 3])
def test_removal_effects_are_those_of_value_iteration(order):
    paths = journeys(9, channels=6, n=400, longest=9)
    probabilities = chain(paths, order)
    whole = iterated(probabilities)
    expected = [1 - iterated(without(probabilities, c)) / whole for c in range(6)]
    assert removal_effects(counted(paths, channels=6, order=order)).effects == pytest.approx(expected, rel=1e-9)


def converting(probabilities, state=START, chance=Fraction(1), visited=frozenset()):
    """Every way through a chain without circles: its chance and the channels on it, where it converts."""
    if state == WON:
        return [(chance, visited)]
    if state == LOST:
        return []
    seen = visited if state == START else visited | {*state}
    return [way for t, p in probabilities[state].items() for way in converting(probabilities, t, chance * p, seen)]


@pytest.mark.oracle("Markov removal effects (order 1 to 3)", "enumeration of every path", "1e-12")
@pytest.mark.parametrize("seed", range(4))
def test_removal_effects_are_those_of_every_path_enumerated(seed):
    rising = [(tuple(sorted({*codes})), won, value) for codes, won, value in journeys(seed, n=30)]
    ways = converting(chain(rising, 1))
    whole = sum(p for p, _ in ways)
    expected = [float(sum(p for p, seen in ways if c in seen) / whole) for c in range(5)]
    assert removal_effects(counted(rising, channels=5, order=1)).effects == pytest.approx(expected, rel=1e-12)


def test_a_long_memory_of_short_journeys_is_the_journeys_themselves():
    paths = journeys(3, channels=4, n=50, longest=4)
    won = [codes for codes, converted, _ in paths if converted]
    expected = [sum(c in codes for codes in won) / len(won) for c in range(4)]
    assert removal_effects(counted(paths, channels=4, order=3)).effects == pytest.approx(expected, rel=1e-12)


def test_value_weighs_conversions():
    paths = [((0,), True, 90.0), ((1,), True, 10.0), ((0,), False, 0.0)]
    found = counted(paths, channels=2, order=1)
    assert removal_effects(found).shares.tolist() == [0.5, 0.5]
    assert removal_effects(found, of="value").shares == pytest.approx([0.9, 0.1])
    assert removal_effects(found, of="value").expected == pytest.approx(100 / 3)


def test_visits_that_repeat_themselves_change_nothing():
    paths = journeys(1)
    repeated = [(tuple(c for code in codes for c in (code,) * 4), won, value) for codes, won, value in paths]
    once, often = (removal_effects(counted(found, channels=5, order=1)) for found in (paths, repeated))
    assert often.effects == pytest.approx(once.effects, rel=1e-12)


def test_a_rare_channel_keeps_its_digits():
    common = transition_counts(
        channels=2,
        order=1,
        state=[1, 1, 1, 2],
        following=[0, 0, 2, 0],
        journeys=[10**9, 10**9, 1, 1],
        conversions=[10**9, 0, 0, 1],
        value=[0, 0, 0, 0],
    )
    assert removal_effects(common).effects[1] == pytest.approx(float(Fraction(1, 10**9 + 1)), rel=1e-12)


def test_a_channel_that_never_converts_and_one_that_never_occurs_lose_nothing():
    paths = [((0,), True, 1.0), ((1,), False, 0.0), ((1, 1), False, 0.0)]
    assert removal_effects(counted(paths, channels=3, order=2)).effects.tolist() == [1.0, 0.0, 0.0]


def test_states_that_no_journey_comes_to_change_nothing():
    told = {"state": [1, 1, 3], "following": [0, 0, 3], "journeys": [1, 1, 1]}
    found = transition_counts(channels=3, order=1, **told, conversions=[1, 0, 0], value=[0, 0, 0])
    assert removal_effects(found).effects.tolist() == [1.0, 0.0, 0.0]
    assert removal_effects(found).states == 1


def test_many_states_are_solved_as_a_sparse_system(monkeypatch):
    paths = journeys(5, channels=6, n=300)
    found = counted(paths, channels=6, order=3)
    dense = removal_effects(found)
    monkeypatch.setattr("incrementality.stats.markov._DENSE_STATES", 10)
    assert removal_effects(found).effects == pytest.approx(dense.effects, rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"conversions": [0]}, "the sum of conversions over all journeys is 0"),
        ({"following": [2], "conversions": [0]}, "states are entered from which no journey ever ends"),
    ],
)
def test_counts_of_which_no_chain_can_be_made_are_refused(changes, told):
    rows = {"state": [1], "following": [0], "journeys": [1], "conversions": [1], "value": [0]}
    with pytest.raises(InputError, match=told):
        removal_effects(transition_counts(channels=2, order=1, **(rows | changes)))


def test_an_order_with_too_many_states_is_refused():
    with pytest.raises(InputError, match="too many states to number"):
        counted([((0,), True, 1.0)], channels=1_000, order=7)
