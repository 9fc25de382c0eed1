"""Accounts permuted whole: against CR2 computed for each assignment anew, and under the sharp null."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.stats import cluster_estimate, cluster_mean, compare_clusters_by_permutation, moments_of_rows
from incrementality.stats.permutation import compare_over_sums, units_compared
from incrementality.stats.permutation_clusters import cluster_statistics, robust_cluster_sums
from incrementality.stats.permutation_inversion import tails_of_statistics
from incrementality.stats.permutation_sums import drawn_assignments

SIZES = np.array([3, 8, 1, 5, 2, 9, 4, 6])
ACCOUNT = np.repeat(np.arange(8), SIZES)
REGION = ACCOUNT % 2
RNG = np.random.default_rng(2)
SPEND = RNG.lognormal(1, 0.8, 8)[ACCOUNT] * RNG.lognormal(0, 0.5, len(ACCOUNT))
SESSIONS = 1.0 + RNG.poisson(3, len(ACCOUNT))
TREATED = np.isin(np.arange(8), [0, 1, 2, 5])
RHO = 0.3


def assignments(strata):
    """Every other assignment of whole accounts, four treated, two in each stratum where there are two."""
    labels = np.array([np.isin(np.arange(8), chosen) for chosen in itertools.combinations(range(8), 4)])
    if strata is not None:
        labels = labels[labels[:, ::2].sum(1) == TREATED[::2].sum()]
    return labels[~(labels == TREATED).all(1)]


def directly(columns, label, strata):
    """Difference and variance of one assignment, through moments of the rows."""
    strata = np.zeros(8, dtype=int) if strata is None else strata
    difference = variance = 0.0
    for stratum in np.unique(strata):
        weight = SIZES[strata == stratum].sum() / SIZES.sum()
        for sign, arm in ((1, label), (-1, ~label)):
            inside = (arm & (strata == stratum))[ACCOUNT]
            rows = {name: values[inside] for name, values in columns.items()}
            found = cluster_estimate(cluster_mean(moments_of_rows(rows, clusters=ACCOUNT[inside]), list(rows)), RHO)
            difference, variance = difference + sign * weight * found.value, variance + weight**2 * found.variance
    return difference, math.sqrt(variance)


@pytest.mark.parametrize("strata", [None, np.arange(8) % 2])
@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize(("a", "t"), [(1.0, 0.0), (1.0, 0.7), (0.6, 0.0)])
def test_every_assignment_has_the_statistic_of_cr2_from_its_rows(strata, ratio, a, t):
    below = SESSIONS if ratio else np.ones(len(ACCOUNT))
    totals, denominator = (np.bincount(ACCOUNT, weights=part) for part in (SPEND, below))
    whole = units_compared(totals, TREATED, denominator=denominator, strata=strata)
    labels = assignments(strata)
    sums = robust_cluster_sums(whole, SIZES.astype(float), labels, RHO)
    difference, error = cluster_statistics(sums, a, t + (1 - a) * whole.shift)
    undone = np.where(TREATED[ACCOUNT], a * SPEND - t * below, SPEND)
    columns = {"y": undone, "x": below} if ratio else {"y": undone}
    expected = [directly(columns, label, strata) for label in (TREATED, *labels)]
    assert difference.tolist() == pytest.approx([d for d, _ in expected], rel=1e-9, abs=1e-12)
    assert error.tolist() == pytest.approx([e for _, e in expected], rel=1e-9)


def test_the_tails_count_assignments():
    whole = units_compared(np.bincount(ACCOUNT, weights=SPEND), TREATED, denominator=SIZES.astype(float))
    sums = robust_cluster_sums(whole, SIZES.astype(float), assignments(None), RHO)
    expected = np.array([np.divide(*directly({"y": SPEND}, label, None)) for label in (TREATED, *assignments(None))])
    answer = compare_over_sums(sums, cluster_statistics)
    assert answer.upper_tail == pytest.approx(np.mean(expected >= expected[0] - 1e-9))
    assert answer.lower_tail == pytest.approx(np.mean(expected <= expected[0] + 1e-9))


def accounts(rng, n=30, lift=0.0):
    """Unequal accounts of zero-inflated spend, a third of them treated, two strata."""
    size = 1 + rng.poisson(rng.gamma(1.0, 6, n))
    account = np.repeat(np.arange(n), size)
    treated = rng.permuted(np.tile(np.arange(n // 2) < n // 6, (2, 1)), axis=1).T.ravel()
    level = rng.lognormal(0, 1, n)[account] * (1 + lift * treated[account])
    return np.where(rng.random(len(account)) < 0.5, level, 0.0), account, treated[account], account % 2


def pvalue_alone(values, account, treated, strata, rng):
    totals, size = np.bincount(account, weights=values), np.bincount(account).astype(float)
    first = np.unique(account, return_index=True)[1]
    whole = units_compared(totals, treated[first], denominator=size, strata=strata[first])
    sums = robust_cluster_sums(whole, size, drawn_assignments(whole, 199, rng), RHO)
    difference, error = cluster_statistics(sums, 1.0, 0.0)
    return tails_of_statistics(np.divide(difference, error, out=np.zeros(200), where=error > 0)).pvalue


@pytest.mark.domain("X3", "X9")
def test_few_unequal_accounts_without_an_effect_are_rejected_as_often_as_it_says():
    rng, replications = np.random.default_rng(5), 800
    rejected = np.mean([pvalue_alone(*accounts(rng), rng) <= 0.05 for _ in range(replications)])
    assert rejected == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / replications))


@pytest.mark.parametrize("lift", [0.0, 1.0, 4.0])
def test_pvalue_and_both_intervals_agree_about_zero(lift):
    for seed in range(4):
        values, account, treated, strata = accounts(np.random.default_rng(seed), lift=lift)
        answer = compare_clusters_by_permutation(values, account, treated, strata=strata, seed=1, permutations=399)
        assert (0 in answer.effect_interval) == (0 in answer.rel_interval) == (answer.pvalue > 0.05)
        assert answer.effect in answer.effect_interval


def test_the_order_of_rows_and_the_names_of_accounts_do_not_matter():
    values, account, treated, _ = accounts(np.random.default_rng(6))
    order = np.random.default_rng(7).permutation(len(values))
    one = compare_clusters_by_permutation(values, account, treated, seed=1, permutations=199)
    names = np.char.add("a", np.char.zfill(account.astype(str), 3))
    other = compare_clusters_by_permutation(values[order], names[order], treated[order], seed=1, permutations=199)
    assert (other.pvalue, other.effect) == pytest.approx((one.pvalue, one.effect), rel=1e-12)


def test_the_designs_rule_of_acceptance_sees_whole_accounts():
    values, account, treated, _ = accounts(np.random.default_rng(8))
    size = np.bincount(account)
    seen = []

    def balanced(labels):
        seen.append(labels.shape[1])
        gap = np.abs((labels * size).sum(1) / labels.sum(1) - size.mean())
        return gap <= max(3.0, abs(size[treated[np.unique(account, return_index=True)[1]]].mean() - size.mean()))

    compare_clusters_by_permutation(values, account, treated, seed=1, permutations=99, accept=balanced)
    assert set(seen) == {30}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"treated": [1, 0, 1, 1, 0, 0, 0, 0]}, "1 clusters lie in both arms"),
        ({"strata": [0, 1, 0, 0, 0, 0, 0, 0]}, "1 clusters lie in both arms or in several strata"),
        ({"clusters": [1, 2, 3]}, "values and clusters differ in length"),
        ({"permutations": 10}, "10 permutations cannot reach"),
    ],
)
def test_what_cannot_be_permuted_is_refused(changes, message):
    call = {
        "values": np.arange(8.0),
        "clusters": [0, 0, 1, 1, 2, 2, 3, 3],
        "treated": [1, 1, 1, 1, 0, 0, 0, 0],
    } | changes
    with pytest.raises(InputError, match=rf"(?s){message}.*Next:"):
        compare_clusters_by_permutation(**call, seed=1)
