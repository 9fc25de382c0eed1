"""Shapley values against the definition: every order of joining, one by one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.stats import (
    ChannelSets,
    coalition_sums,
    equal_split,
    exact_shapley,
    sampled_shapley,
    shapley_values,
)


def sets(seed, channels, n=40):
    rng = np.random.default_rng(seed)
    masks = np.unique(rng.integers(1, 1 << channels, n))
    members = (masks[:, None] >> np.arange(channels) & 1).astype(bool)
    draws = rng.integers(0, 50, (3, len(masks))).astype(float)
    return ChannelSets(members=members, conversions=draws[0], value=draws[1] * 7, nulls=draws[2] + 1)


def worth(found, coalition, game):
    """What a coalition reaches, from the definition of the game."""
    inside = ~found.members[:, [k for k in range(found.members.shape[1]) if k not in coalition]].any(axis=1)
    won = (found.value if game == "value" else found.conversions)[inside].sum()
    if game != "rate":
        return won
    reached = won + found.nulls[inside].sum()
    return won / reached if reached else 0.0


def by_every_order(found, game):
    channels = found.members.shape[1]
    total, orders = np.zeros(channels), list(permutations(range(channels)))
    for order in orders:
        for place, k in enumerate(order):
            total[k] += worth(found, order[: place + 1], game) - worth(found, order[:place], game)
    return total / len(orders)


@pytest.mark.domain("M1")
@pytest.mark.oracle("Shapley values", "every order of joining, one by one", "1e-12")
@pytest.mark.parametrize("game", ["conversions", "value", "rate"])
@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_every_order(seed, game):
    found = sets(seed, 5, 14)
    assert shapley_values(found, game=game).values == pytest.approx(by_every_order(found, game), rel=1e-12, abs=1e-12)


@pytest.mark.oracle("Shapley values of the additive game", "all coalitions by the zeta transform", "1e-12")
@pytest.mark.parametrize("channels", [1, 2, 12, 15])
def test_sets_that_share_equally_are_the_additive_game(channels):
    found = sets(channels, channels, 500)
    masks = found.members @ (1 << np.arange(channels))
    exact = exact_shapley(coalition_sums(masks, found.conversions, channels))
    assert equal_split(found.members, found.conversions) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("game", ["conversions", "value", "rate"])
def test_values_sum_to_what_all_channels_reach(game):
    found = sets(4, 12, 300)
    assert shapley_values(found, game=game).values.sum() == pytest.approx(worth(found, range(12), game), rel=1e-12)


def test_a_channel_in_no_set_is_worth_nothing():
    found = sets(2, 5)
    wider = ChannelSets(
        members=np.pad(found.members, ((0, 0), (0, 1))),
        conversions=found.conversions,
        value=found.value,
        nulls=found.nulls,
    )
    for game in ("conversions", "rate"):
        values = shapley_values(wider, game=game).values
        assert values[-1] == pytest.approx(0.0, abs=1e-15)
        assert values[:-1] == pytest.approx(shapley_values(found, game=game).values, rel=1e-12)


def test_sixteen_channels_are_sampled_and_fifteen_are_not():
    assert shapley_values(sets(1, 15), game="rate").draws == 0
    sampled = shapley_values(sets(1, 16), game="rate", draws=50)
    assert sampled.draws == 50
    assert shapley_values(sets(1, 16), game="conversions").draws == 0


def test_sampled_values_lie_within_their_standard_errors_and_add_up():
    found = sets(7, 12, 300)
    exact = shapley_values(found, game="rate").values
    sampled = [sampled_shapley(found, seed=seed, draws=300) for seed in range(20)]
    scores = np.array([(one.values - exact) / one.standard_errors for one in sampled])
    assert np.mean(np.abs(scores) < 1.96) == pytest.approx(0.95, abs=0.05)  # 240 intervals: 3.5 standard errors
    assert all(one.values.sum() == pytest.approx(exact.sum(), rel=1e-12) for one in sampled)


def test_reversed_orders_narrow_the_error():
    found = sets(7, 12, 300)
    exact = shapley_values(found, game="rate").values
    rng = np.random.default_rng(1)
    masks = found.members @ (1 << np.arange(12))
    reached = coalition_sums(masks, found.conversions, 12)
    journeys = reached + coalition_sums(masks, found.nulls, 12)
    rates = np.divide(reached, journeys, out=np.zeros(1 << 12), where=journeys > 0)

    def alone():
        order = rng.permutation(12)
        joined = np.concatenate([[0], np.cumsum(1 << order)])
        return np.diff(rates[joined])[np.argsort(order)]

    spread = np.mean([(np.mean([alone() for _ in range(40)], axis=0) - exact) ** 2 for _ in range(60)])
    paired = np.mean([(sampled_shapley(found, seed=s, draws=20).values - exact) ** 2 for s in range(60)])
    assert paired < spread


def test_the_same_seed_draws_the_same_orders():
    found = sets(3, 16)
    once, again, other = (sampled_shapley(found, seed=seed, draws=20).values for seed in (1, 1, 2))
    assert once.tolist() == again.tolist() != other.tolist()


def test_too_few_draws_and_a_game_of_another_size_are_refused():
    with pytest.raises(InputError, match="allowed: 2 or more"):
        sampled_shapley(sets(1, 3), seed=1, draws=1)
    with pytest.raises(InputError, match="the worth of 3 coalitions"):
        exact_shapley([0, 1, 2])
