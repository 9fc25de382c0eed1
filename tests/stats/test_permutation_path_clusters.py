"""Accounts followed over several looks: CR2 of each look's own rows, and one look alone is the test of accounts."""

from __future__ import annotations

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.stats import (
    Spending,
    cluster_estimate,
    cluster_mean,
    compare_cluster_path_by_permutation,
    compare_clusters_by_permutation,
    group_sequential_bounds,
    intraclass_correlation,
    moments_of_rows,
    permutation_path_clusters as module,
)
from incrementality.stats.permutation_clusters import cluster_statistics

BOUNDS = group_sequential_bounds([0.4, 0.7, 1.0], spending=Spending(kind="pocock"))


def accounts(seed=1, n=30, lift=0.0):
    """Contacts of unequal accounts that come in over three looks, sparse spend, two strata."""
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(n), 2 + rng.poisson(rng.gamma(1.0, 6, n)))
    treated = rng.permuted(np.arange(n) < n // 2)
    level = rng.lognormal(0, 1, n) * (1 + lift * treated)
    values = np.where(rng.random(len(account)) < 0.4, level[account], 0.0)
    return values, account, treated[account], rng.integers(0, 3, len(account))


@pytest.mark.oracle("permuted path of accounts: the statistic at each look", "CR2 of each look's rows", "1e-9")
@pytest.mark.parametrize("ratio", [False, True])
def test_each_look_of_each_path_is_cr2_of_its_rows(monkeypatch, ratio):
    values, account, treated, entry = accounts()
    below = 1.0 + np.arange(len(values)) % 3
    seen = {}
    monkeypatch.setattr(module, "compare_over_path", lambda path, *_, **__: seen.update(path=path))

    def kept(labels):
        seen.setdefault("labels", []).append(labels)
        return np.ones(len(labels), dtype=bool)

    options = {"denominator": below} if ratio else {}
    compare_cluster_path_by_permutation(
        values, account, treated, entry, BOUNDS, seed=1, permutations=15, accept=kept, **options
    )
    for k, sums in enumerate(seen["path"]):
        there = entry <= k
        columns = {"y": values[there]} | ({"x": below[there]} if ratio else {})
        rho = float(
            intraclass_correlation([cluster_mean(moments_of_rows(columns, clusters=account[there]), list(columns))])
        )
        difference, error = cluster_statistics(sums, 1.0, 0.0)
        for b, label in enumerate(np.concatenate(seen["labels"])):
            arms = [(label[account] == arm) & there for arm in (True, False)]
            found = []
            for arm in arms:
                rows = {"y": values[arm]} | ({"x": below[arm]} if ratio else {})
                found.append(cluster_estimate(cluster_mean(moments_of_rows(rows, clusters=account[arm]), [*rows]), rho))
            assert difference[b] == pytest.approx(found[0].value - found[1].value, rel=1e-9, abs=1e-12)
            assert error[b] ** 2 == pytest.approx(found[0].variance + found[1].variance, rel=1e-9)


def test_one_look_is_the_permutation_test_of_accounts():
    values, account, treated, _ = accounts(lift=1.0)
    one = compare_cluster_path_by_permutation(
        values, account, treated, np.zeros(len(values)), group_sequential_bounds([1.0]), seed=3, permutations=999
    )
    other = compare_clusters_by_permutation(values, account, treated, seed=3, permutations=999)
    assert (one.pvalue, one.effect) == pytest.approx((other.pvalue, other.effect), rel=1e-12)
    assert one.effect_interval.lower == pytest.approx(other.effect_interval.lower, rel=1e-9)


@pytest.mark.parametrize("lift", [0.0, 2.0, 20.0])
def test_intervals_hold_zero_exactly_where_the_path_goes_on(lift):
    values, account, treated, entry = accounts(lift=lift, seed=4)
    found = compare_cluster_path_by_permutation(
        values, account, treated, entry, BOUNDS, seed=1, permutations=499, strata=account % 2
    )
    assert (0 in found.effect_interval) == (0 in found.rel_interval)
    assert found.effect in found.effect_interval


def test_a_look_with_one_account_in_an_arm_is_refused():
    values, account, treated, entry = accounts()
    late = np.where((account == account[treated][0]) | ~treated, entry, 2)
    with pytest.raises(InputError, match="1 units in an arm"):
        compare_cluster_path_by_permutation(values, account, treated, late, BOUNDS, seed=1, permutations=99)
