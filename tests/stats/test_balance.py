from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats.balance import compare_covariates
from incrementality.stats.moments import moments_of_rows

few = settings(deadline=None, derandomize=True, max_examples=50)
ALPHA = 0.05
NAMES = ("before", "tenure", "is_partner")


def covariates(rng, n):
    before = rng.gamma(2, 10, n)
    tenure = 24 + 0.3 * before + rng.normal(0, 6, n)
    return np.column_stack([before, tenure, rng.random(n) < 0.3])


def moments(x, *, clusters=None, names=NAMES):
    return moments_of_rows(dict(zip(names, x.T, strict=True)), clusters=clusters, shift=dict.fromkeys(names, 10.0))


def compared(x, treated, *, clusters=None, strata=None, names=NAMES):
    """Balance of the treated rows against the others, within strata."""
    strata = np.zeros(len(x)) if strata is None else strata
    pairs = []
    for stratum in np.unique(strata):
        sides = [(strata == stratum) & (treated == side) for side in (True, False)]
        parts = [moments(x[s], clusters=None if clusters is None else clusters[s], names=names) for s in sides]
        pairs.append(tuple(parts))
    return compare_covariates(pairs, names)


def test_standardised_differences_are_those_of_a_plain_computation():
    rng = np.random.default_rng(1)
    a, b = covariates(rng, 300), covariates(rng, 90)
    found = compare_covariates([(moments(a), moments(b))], NAMES)
    plain = (a.mean(0) - b.mean(0)) / np.sqrt((a.var(0, ddof=1) + b.var(0, ddof=1)) / 2)
    np.testing.assert_allclose(found.differences, plain, rtol=1e-10)


def test_differences_within_strata_are_weighted_by_units():
    rng = np.random.default_rng(2)
    x, treated, strata = covariates(rng, 600), rng.random(600) < 0.4, rng.integers(0, 3, 600)
    distance, spread = np.zeros(3), np.zeros(3)
    for s in range(3):
        a, b = x[(strata == s) & treated], x[(strata == s) & ~treated]
        share = (strata == s).mean()
        distance += share * (a.mean(0) - b.mean(0))
        spread += share * (a.var(0, ddof=1) + b.var(0, ddof=1)) / 2
    found = compared(x, treated, strata=strata)
    np.testing.assert_allclose(found.differences, distance / np.sqrt(spread), rtol=1e-10)


def test_each_pvalue_is_students():
    rng = np.random.default_rng(3)
    a, b = covariates(rng, 12), covariates(rng, 7)
    found = compare_covariates([(moments(a), moments(b))], NAMES)
    np.testing.assert_allclose(found.pvalues, stats.ttest_ind(a, b).pvalue, rtol=1e-9)


@pytest.mark.oracle("joint balance of covariates", "Hotelling's T squared by numpy and scipy", "1e-9")
def test_the_joint_pvalue_is_hotellings():
    rng = np.random.default_rng(4)
    a, b = covariates(rng, 40), covariates(rng, 25)
    pooled = (39 * np.cov(a.T) + 24 * np.cov(b.T)) / 63
    d = a.mean(0) - b.mean(0)
    t_squared = d @ np.linalg.solve(pooled * (1 / 40 + 1 / 25), d)
    found = compare_covariates([(moments(a), moments(b))], NAMES)
    assert found.joint_pvalue == pytest.approx(stats.f.sf(t_squared * 61 / (3 * 63), 3, 61), rel=1e-9)


@pytest.mark.parametrize("clustered", [False, True])
def test_the_joint_test_of_one_covariate_is_its_own(clustered):
    rng = np.random.default_rng(5)
    x, treated = rng.normal(0, 1, (80, 1)), np.arange(80) % 4 == 0
    found = compared(x, treated, clusters=np.arange(80) // 8 * 4 + np.arange(80) % 4 if clustered else None, names="x")
    assert found.joint_pvalue == pytest.approx(found.pvalues[0], rel=1e-9)


def test_clusters_of_one_unit_are_units():
    rng = np.random.default_rng(6)
    x, treated = covariates(rng, 70), rng.random(70) < 0.5
    ours, theirs = compared(x, treated, clusters=np.arange(70)), compared(x, treated)
    np.testing.assert_allclose(ours.pvalues, theirs.pvalues, rtol=1e-9)
    assert ours.joint_pvalue == pytest.approx(theirs.joint_pvalue, rel=1e-9)


def test_equal_clusters_are_compared_by_their_means():
    rng = np.random.default_rng(7)
    x, cluster = covariates(rng, 30)[np.repeat(np.arange(30), 5)] + rng.normal(0, 1, (150, 3)), np.arange(150) // 5
    treated = cluster % 3 == 0
    means = np.array([x[cluster == g].mean(0) for g in range(30)])
    theirs = compared(means, np.arange(30) % 3 == 0)
    ours = compared(x, treated, clusters=cluster)
    np.testing.assert_allclose(ours.pvalues, theirs.pvalues, rtol=1e-9)
    assert ours.joint_pvalue == pytest.approx(theirs.joint_pvalue, rel=1e-9)


def test_identical_arms_are_alike():
    x = covariates(np.random.default_rng(8), 200)
    found = compare_covariates([(moments(x), moments(x))], NAMES)
    assert found.differences.tolist() == [0, 0, 0]
    assert found.pvalues.tolist() == [1, 1, 1]
    assert found.joint_pvalue == 1


def test_a_moved_arm_is_noticed():
    x = covariates(np.random.default_rng(9), 2000)
    found = compare_covariates([(moments(x[:1000] + np.array([0, 3, 0])), moments(x[1000:]))], NAMES)
    assert found.differences[1] > 0.3
    assert found.joint_pvalue < 1e-10


def test_dependent_covariates_do_not_change_the_joint_test():
    rng = np.random.default_rng(10)
    x, treated = covariates(rng, 120), rng.random(120) < 0.5
    wider = np.column_stack([x, x[:, 0] + x[:, 1], np.full(120, 3.3)])
    found = compared(wider, treated, names=(*NAMES, "sum", "constant"))
    assert found.joint_pvalue == pytest.approx(compared(x, treated).joint_pvalue, rel=1e-7)
    assert (found.differences[4], found.pvalues[4]) == (0, 1)


def test_a_covariate_that_strata_fix_is_alike():
    rng = np.random.default_rng(11)
    strata = rng.integers(0, 3, 300)
    x = np.column_stack([rng.normal(0, 1, 300), strata == 1, 1e6 + 0.1 * strata])
    found = compared(x, rng.random(300) < 0.3, strata=strata)
    assert found.differences[1:].tolist() == [0, 0]
    assert found.pvalues[1:].tolist() == [1, 1]
    assert found.joint_pvalue == pytest.approx(found.pvalues[0], rel=1e-9)


def test_a_covariate_equally_composed_in_every_cluster_is_alike():
    x = np.column_stack([np.random.default_rng(12).normal(0, 1, 80), np.arange(80) % 2])
    found = compared(x, np.arange(80) < 24, clusters=np.arange(80) // 4, names=("x", "z"))
    assert found.pvalues[1] == 1
    assert found.joint_pvalue == pytest.approx(found.pvalues[0], rel=1e-9)


def test_arms_that_a_covariate_tells_apart_are_not_alike():
    x = np.column_stack([np.random.default_rng(13).normal(0, 1, 20), np.arange(20) < 10])
    found = compared(x, np.arange(20) < 10, names=("x", "z"))
    assert found.differences[1] == math.inf
    assert (found.pvalues[1], found.joint_pvalue) == (0, 0)


def test_strata_without_two_units_in_both_arms_are_left_out():
    rng = np.random.default_rng(14)
    x, treated, strata = covariates(rng, 200), np.arange(200) % 2 == 0, np.zeros(200)
    strata[:3], treated[:3] = 1, [True, False, True]
    ours, theirs = compared(x, treated, strata=strata), compared(x[3:], treated[3:])
    assert ours.joint_pvalue == theirs.joint_pvalue
    with pytest.raises(InputError, match="no stratum has two units"):
        compared(x[:3], treated[:3])


def test_too_few_units_give_no_joint_pvalue():
    x = np.random.default_rng(15).normal(0, 1, (6, 3))
    found = compared(x, np.arange(6) < 3)
    assert found.joint_pvalue is None
    assert np.isfinite(found.pvalues).all()


def test_no_covariates_are_no_test():
    found = compare_covariates([(moments(np.ones((4, 3))), moments(np.ones((4, 3))))], ())
    assert (found.columns, found.differences.shape, found.joint_pvalue) == ((), (0,), None)


@few
@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3), clustered=st.booleans())
def test_units_of_measurement_and_names_of_arms_do_not_matter(seed, scale, clustered):
    rng = np.random.default_rng(seed)
    x, cluster = covariates(rng, 160), rng.integers(0, 40, 160)
    treated = cluster % 2 == 0
    clusters = cluster if clustered else None
    base = compared(x, treated, clusters=clusters)
    flipped, scaled = compared(x, ~treated, clusters=clusters), compared(scale * x + 5, treated, clusters=clusters)
    np.testing.assert_allclose(flipped.differences, -base.differences, rtol=1e-9)
    np.testing.assert_allclose(scaled.differences, base.differences, rtol=1e-7)
    for other in (flipped, scaled):
        assert other.joint_pvalue == pytest.approx(base.joint_pvalue, rel=1e-6)


def rejections(seed, draw, repetitions):
    rng = np.random.default_rng(seed)
    return np.mean([draw(rng).joint_pvalue < ALPHA for _ in range(repetitions)])


def band(repetitions):
    """Four Monte-Carlo standard errors."""
    return 4 * math.sqrt(ALPHA * (1 - ALPHA) / repetitions)


def assign(rng, n, share):
    return rng.permutation(n) < round(share * n)


def in_units(n, share):
    return lambda rng: compared(covariates(rng, n), assign(rng, n, share))


def in_strata(rng):
    strata = np.repeat([0, 1, 2], [30, 90, 300])
    x = covariates(rng, 420) + 20 * strata[:, None]
    treated = np.concatenate([assign(rng, 30, 0.3), assign(rng, 90, 0.5), assign(rng, 300, 0.9)])
    return compared(x, treated, strata=strata)


def in_clusters(clusters, share):
    def draw(rng):
        size = rng.integers(3, 15, clusters)
        cluster = np.repeat(np.arange(clusters), size)
        x = covariates(rng, clusters)[cluster] + covariates(rng, len(cluster))
        return compared(x, assign(rng, clusters, share)[cluster], clusters=cluster)

    return draw


@pytest.mark.parametrize(
    "draw",
    [in_units(40, 0.5), in_units(300, 0.9), in_strata, in_clusters(30, 0.5), in_clusters(120, 0.5)],
    ids=["40 units", "30 of 300 held out", "unequal shares in strata", "30 accounts", "120 accounts"],
)
def test_chance_fails_the_joint_test_in_five_per_cent(draw):
    assert rejections(16, draw, 1000) == pytest.approx(ALPHA, abs=band(1000))


def test_ignoring_accounts_fails_the_joint_test_far_too_often():
    def naive(rng):
        cluster = np.repeat(np.arange(60), 10)
        x = covariates(rng, 60)[cluster] + covariates(rng, 600)
        return compared(x, assign(rng, 60, 0.5)[cluster])

    assert rejections(17, naive, 300) > 0.5
