"""The path over several looks: each look's statistic from its rows, who stops counted path by path, bounds kept."""

from __future__ import annotations

import math

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.stats import (
    Spending,
    after_stopping,
    compare_by_permutation,
    compare_path_by_permutation,
    group_sequential_bounds,
)
from incrementality.stats.boundary_crossing import crossing_probabilities
from incrementality.stats.permutation import units_compared, welch_statistics
from incrementality.stats.permutation_inversion import studentised
from incrementality.stats.permutation_path import path_sums
from incrementality.stats.permutation_stops import stopped_at

POCOCK = Spending(kind="pocock")
# Two sets of 10,000 permutations differ in a tail by at most three Monte-Carlo errors.
MONTE_CARLO = 3 * math.sqrt(2 * 0.25 / 10_000)


def bounds_of(looks, **options):
    return group_sequential_bounds([(k + 1) / looks for k in range(looks)], **{"spending": POCOCK} | options)


def sparse(seed=1, n=3000, looks=3, effect=0.0, holdout=0.1):
    rng = np.random.default_rng(seed)
    treated, entry = rng.random(n) >= holdout, rng.integers(0, looks, n)
    values = np.where(rng.random(n) < 0.1, rng.lognormal(1, 1, n), 0.0) * (1 + effect * treated)
    return values, treated, entry


def welch_at(values, label, strata):
    """One look's statistic from its rows, written from its definition."""
    difference = variance = 0.0
    for name in np.unique(strata):
        inside = strata == name
        one, other = values[inside & label], values[inside & ~label]
        difference += inside.mean() * (one.mean() - other.mean())
        variance += inside.mean() ** 2 * (np.var(one, ddof=1) / len(one) + np.var(other, ddof=1) / len(other))
    return difference / math.sqrt(variance)


@pytest.mark.oracle("permuted path: the statistic at each look", "rows of each look, one assignment at a time", "1e-9")
@pytest.mark.parametrize("stratified", [False, True])
def test_each_look_of_each_path_has_the_statistic_of_its_rows(stratified):
    rng, n = np.random.default_rng(3), 240
    values, treated, entry = rng.lognormal(0, 1, n), rng.random(n) < 0.4, rng.integers(0, 3, n)
    strata, seen = rng.integers(0, 2, n) * stratified, []

    def kept(labels):
        seen.append(labels)
        return np.ones(len(labels), dtype=bool)

    units = units_compared(values, treated, strata=strata)
    path = path_sums(units, entry, looks=3, permutations=20, rng=rng, accept=kept)
    found = np.stack([studentised(*welch_statistics(sums, 1.0, 0.0)) for sums in path])
    for k in range(3):
        there = entry <= k
        expected = [welch_at(values[there], label[there], strata[there]) for label in (treated, *seen[1])]
        assert found[k].tolist() == pytest.approx(expected, rel=1e-9)


def test_labels_move_among_units_that_came_in_together():
    values, treated, entry = sparse()
    units = units_compared(values, treated)
    path = path_sums(units, entry, looks=3, permutations=50, rng=np.random.default_rng(1))
    for k, sums in enumerate(path):
        assert sums.sizes[0].tolist() == [np.sum(treated & (entry <= k)), np.sum(~treated & (entry <= k))]
        assert (sums.treated + sums.control)[:, 0, :2].sum(1) == pytest.approx(values[entry <= k].sum())


def stopped_one_by_one(statistics, spent, signs):
    """Each look in turn: a running path stops if it and those at least as extreme are few enough."""
    paths = statistics.shape[1]
    found, side = np.full(paths, len(spent)), np.zeros(paths)
    for k, share in enumerate(spent):
        running = [b for b in range(paths) if side[b] == 0]
        for sign in signs:
            left = share * paths - np.sum(side == sign)
            for b in running:
                as_extreme = sum(sign * statistics[k, other] >= sign * statistics[k, b] for other in running)
                if as_extreme <= left and found[b] == len(spent):
                    found[b] = k
            side[(found == k) & (side == 0)] = sign
    return found


@pytest.mark.oracle("permuted path: who stops at which look", "counted path by path", "exact")
@pytest.mark.parametrize(("sides", "upward", "signs"), [(2, True, (1, -1)), (1, True, (1,)), (1, False, (-1,))])
@pytest.mark.parametrize("digits", [0, 1, 9], ids=["many ties", "some ties", "no ties"])
def test_paths_stop_where_counting_says(sides, upward, signs, digits):
    rng = np.random.default_rng(4)
    statistics = np.round(rng.normal(size=(4, 120)).cumsum(0) / np.sqrt(np.arange(1, 5))[:, None], digits)
    spent = [0.01, 0.04, 0.06, 0.11]
    found = stopped_at(statistics, spent, sides=sides, upward=upward)
    assert found.look.tolist() == stopped_one_by_one(statistics, spent, signs).tolist()
    assert np.mean(found.look < 4) <= sides * 0.11


def test_what_ties_keep_from_being_spent_is_left_for_later_looks():
    tied, free = np.repeat([0.0, 1.0], [90, 10]), np.random.default_rng(1).normal(size=100)
    assert np.sum(stopped_at(np.stack([tied, free]), [0.05, 0.1], sides=1).look == 1) == 10


def test_one_look_is_the_permutation_test():
    values, treated, _ = sparse(effect=0.5)
    one = compare_path_by_permutation(values, treated, np.zeros(len(values)), group_sequential_bounds([1.0]), seed=5)
    assert one == compare_by_permutation(values, treated, seed=5)


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("effect", [-0.6, 0.0, 0.7, 2.0, 5.0])
def test_intervals_hold_zero_exactly_where_the_path_goes_on(effect, ratio):
    bounds = bounds_of(3)
    level = math.erfc(bounds.critical[-1] / math.sqrt(2))
    values, treated, entry = sparse(effect=effect, seed=7)
    options = {"denominator": 1.0 + np.arange(len(values)) % 4} if ratio else {}
    found = compare_path_by_permutation(values, treated, entry, bounds, seed=1, permutations=999, **options)
    assert (0 in found.effect_interval) is (0 in found.rel_interval) is (found.pvalue > level)
    assert found.effect in found.effect_interval


def test_normal_values_meet_the_bounds_of_normal_statistics():
    rng, n, bounds = np.random.default_rng(11), 4000, bounds_of(4)
    treated, entry = np.arange(n) % 2 == 0, np.arange(n) * 4 // n
    values = rng.normal(size=n) + 0.05 * treated
    found = compare_path_by_permutation(values, treated, entry, bounds, seed=1)
    assert found.pvalue == pytest.approx(math.erfc(abs(found.statistic) / math.sqrt(2)), abs=2 * MONTE_CARLO)
    half = (found.effect_interval.upper - found.effect_interval.lower) / 2 / found.standard_error
    assert half == pytest.approx(bounds.critical[-1], rel=0.06)


def test_the_stagewise_pvalue_is_the_share_of_paths_at_least_as_extreme():
    values, treated, entry = sparse(effect=0.9, seed=2)
    bounds = bounds_of(3)
    found = compare_path_by_permutation(values, treated, entry, bounds, seed=1)
    spent = crossing_probabilities(bounds.times, bounds.critical, bounds.lower).upper.cumsum()
    rng = np.random.default_rng(1)
    path = path_sums(units_compared(values, treated), entry, looks=3, permutations=10_000, rng=rng)
    statistics = np.stack([studentised(*welch_statistics(sums, 1.0, 0.0)) for sums in path])
    side = stopped_at(statistics[:-1], list(spent[:-1])).side
    as_extreme = (side == 1) | ((side == 0) & (statistics[-1] >= statistics[-1, 0]))
    assert found.effect > 0
    z = math.sqrt(2) * _erfcinv(found.pvalue)
    assert after_stopping(z, 1.0, bounds).pvalue == pytest.approx(2 * np.mean(as_extreme), rel=1e-6)


def _erfcinv(p):
    from scipy import special

    return float(special.erfcinv(p))


@pytest.mark.parametrize("upward", [True, False])
def test_one_side_stops_in_its_direction_alone(upward):
    values, treated, entry = sparse(effect=3.0, holdout=0.4)
    bounds = bounds_of(3, sides=1)
    flipped = treated if upward else ~treated
    good = compare_path_by_permutation(values, flipped, entry, bounds, seed=1, permutations=999, upward=upward)
    level = math.erfc(bounds.critical[-1] / math.sqrt(2))
    assert good.pvalue <= level
    assert (good.upper_tail if upward else good.lower_tail) <= level / 2


def test_a_look_that_may_spend_less_than_one_permutation_excludes_nothing():
    values, treated, entry = sparse(effect=30.0)
    early = group_sequential_bounds([0.1, 0.2])
    found = compare_path_by_permutation(values, treated, np.minimum(entry, 1), early, seed=1, permutations=999)
    assert found.pvalue > math.erfc(early.critical[-1] / math.sqrt(2))
    assert (found.effect_interval.lower, found.effect_interval.upper) == (-math.inf, math.inf)


def test_the_designs_rule_of_acceptance_sees_whole_assignments():
    values, treated, entry = sparse(n=400, holdout=0.5)
    x = np.random.default_rng(2).normal(size=400)

    def balanced(labels):
        gap = np.abs((labels * x).sum(1) / labels.sum(1) - (~labels * x).sum(1) / (~labels).sum(1))
        return gap <= max(0.1, abs(x[treated].mean() - x[~treated].mean()))

    found = compare_path_by_permutation(values, treated, entry, bounds_of(3), seed=1, permutations=399, accept=balanced)
    assert 0 < found.pvalue <= 1


@pytest.mark.parametrize(
    ("entry", "message"),
    [([0, 1], "differ in length"), ([0, 0, 1, 1, 2, 0], "are not 0 to 1"), ([0, 1, 1, 0, 1, 1], "at one of the looks")],
)
def test_what_has_no_path_is_refused(entry, message):
    with pytest.raises(InputError, match=rf"(?s){message}.*Next:"):
        compare_path_by_permutation(np.arange(6.0), [1, 1, 1, 0, 0, 0], entry, bounds_of(2), seed=1)
