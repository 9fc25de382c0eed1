from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings, strategies as st

from incrementality.errors import InputError
from incrementality.stats.means import estimate_mean, mean_covariance
from incrementality.stats.moments import add_moments, moments_of_rows

few = settings(deadline=None, derandomize=True, max_examples=50)


def recurring_revenue(rng, n):
    return {"y": rng.normal(1e6, 1e3, n), "x": rng.normal(1e6, 1e3, n)}


def zero_inflated_revenue(rng, n):
    pays = rng.random(n) < 0.03
    return {"y": pays * rng.lognormal(5, 2, n), "x": pays * 1.0}


def sorted_drifting(rng, n):
    y = np.sort(rng.normal(1e4, 1e3, n))
    return {"y": y, "x": y + rng.normal(0, 10, n)}


WORLDS = [recurring_revenue, zero_inflated_revenue, sorted_drifting]


def pilot_shift(columns):
    return {name: float(values[:10_000].mean()) for name, values in columns.items()}


def clustered(seed, clusters=40, arms=("a", "b")):
    """Orders and sessions of contacts in accounts of unequal size; whole accounts are in one arm."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 30, clusters)
    account = np.repeat(np.arange(clusters), size)
    sessions = 3 + rng.gamma(2, 1, clusters)[account] + rng.poisson(2, len(account))
    orders = sessions * rng.beta(2, 3, clusters)[account] + rng.normal(0, 1, len(account))
    arm = np.array(arms)[np.arange(clusters) % len(arms)][account]
    return pd.DataFrame({"account": account, "arm": arm, "orders": orders, "sessions": sessions})


def moments_of_frame(frame, *, shift=None, group="arm", cluster="account"):
    columns = {name: frame[name] for name in ("orders", "sessions")}
    return moments_of_rows(
        columns,
        groups=None if group is None else frame[group],
        clusters=None if cluster is None else frame[cluster],
        shift=shift,
    )


def assert_same(first, second, rel=1e-11):
    assert first.groups == second.groups
    for name in ("n", "count", "sums", "products"):
        scale = np.abs(getattr(second, name)).max()
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=rel, atol=rel * scale)
    assert (first.clusters is None) == (second.clusters is None)
    for name in ("count", "nn", "ns", "ss") if second.clusters is not None else ():
        theirs = getattr(second.clusters, name)
        np.testing.assert_allclose(getattr(first.clusters, name), theirs, rtol=rel, atol=rel * np.abs(theirs).max())


@pytest.mark.oracle("shifted moments", "numpy in long double", "1e-11")
@pytest.mark.parametrize("world", WORLDS)
def test_means_and_covariances_keep_eleven_digits(world):
    columns = world(np.random.default_rng(1), 60_000)
    moments = moments_of_rows(columns, shift=pilot_shift(columns))
    exact = np.column_stack(list(columns.values())).astype(np.longdouble)
    mean = exact.mean(0)
    covariance = (exact - mean).T @ (exact - mean) / (len(exact) - 1)
    np.testing.assert_allclose(moments.means(), mean.astype(float), rtol=1e-13)
    np.testing.assert_allclose(moments.covariance(), covariance.astype(float), rtol=1e-11)


def test_raw_sums_of_squares_would_lose_the_variance():
    columns = recurring_revenue(np.random.default_rng(1), 60_000)
    exact = float(columns["y"].astype(np.longdouble).var(ddof=1))
    error = {
        shift: abs(moments_of_rows(columns, shift={"y": shift, "x": shift}).covariance()[0, 0] / exact - 1)
        for shift in (0.0, 1e6)
    }
    assert error[1e6] < 1e-13
    assert error[0.0] > 100 * error[1e6]


@pytest.mark.parametrize("world", WORLDS)
def test_days_add_up_to_all_rows(world):
    columns = world(np.random.default_rng(2), 30_000)
    shift, arm = pilot_shift(columns), np.arange(30_000) % 3
    parts = [
        moments_of_rows({k: v[rows] for k, v in columns.items()}, groups=arm[rows].astype(str), shift=shift)
        for rows in np.array_split(np.arange(30_000), 7)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = add_moments(total, part)
    assert_same(total, moments_of_rows(columns, groups=arm.astype(str), shift=shift))


def test_days_with_different_groups_add_up():
    shift = {"y": 1.0}
    first = moments_of_rows({"y": [1.0, 2.0, 4.0]}, groups=["a", "a", "c"], shift=shift)
    second = moments_of_rows({"y": [8.0, 5.0]}, groups=["b", "c"], shift=shift)
    both = moments_of_rows({"y": [1.0, 2.0, 4.0, 8.0, 5.0]}, groups=["a", "a", "c", "b", "c"], shift=shift)
    assert_same(add_moments(first, second), both)


def test_adding_leaves_both_parts_untouched():
    first, second = (
        moments_of_rows({"y": y}, groups=list(g), shift={"y": 0}) for y, g in (([1, 2], "ab"), ([3, 4], "bc"))
    )
    before = first.sums.copy(), second.sums.copy()
    add_moments(first, second)
    np.testing.assert_array_equal(first.sums, before[0])
    np.testing.assert_array_equal(second.sums, before[1])


def test_whole_accounts_add_up():
    frame = clustered(3)
    shift = {"orders": 2.0, "sessions": 7.0}
    halves = [moments_of_frame(part, shift=shift) for _, part in frame.groupby(frame["account"] < 17)]
    assert_same(add_moments(*halves), moments_of_frame(frame, shift=shift))


def test_moments_with_different_shifts_do_not_add():
    with pytest.raises(InputError, match="different columns or shifts"):
        add_moments(moments_of_rows({"y": [1, 2]}), moments_of_rows({"y": [3, 4]}))


def test_moments_with_and_without_clusters_do_not_add():
    shift = {"y": 0.0}
    with pytest.raises(InputError, match="with clusters and moments without"):
        add_moments(moments_of_rows({"y": [1, 2]}, shift=shift), moments_of_rows({"y": [3]}, clusters=[1], shift=shift))


def test_selected_groups_are_the_rows_of_that_arm():
    frame = clustered(4, arms=("a", "b", "c"))
    shift = {"orders": 0.0, "sessions": 5.0}
    alone = moments_of_frame(frame[frame["arm"] == "b"], shift=shift)
    assert_same(moments_of_frame(frame, shift=shift).select(("b",)), alone)


def test_pooled_groups_are_all_rows():
    frame = clustered(5)
    shift = {"orders": 0.0, "sessions": 5.0}
    assert_same(moments_of_frame(frame, shift=shift).pooled(), moments_of_frame(frame, shift=shift, group=None))


@few
@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed):
    frame = clustered(6)
    shuffled = frame.sample(frac=1, random_state=seed)
    shift = {"orders": 2.0, "sessions": 7.0}
    assert_same(moments_of_frame(shuffled, shift=shift), moments_of_frame(frame, shift=shift), rel=1e-12)


@few
@given(seed=st.integers(0, 10_000), c=st.floats(-20, 20), d=st.floats(-20, 20))
def test_the_shift_does_not_matter(seed, c, d):
    frame = clustered(seed)
    first, second = (moments_of_frame(frame, shift=s) for s in (None, {"orders": c, "sessions": d}))
    for denominator in (None, "sessions"):
        ours, theirs = (estimate_mean(m.select(("a",)), "orders", denominator) for m in (first, second))
        assert ours.value == pytest.approx(theirs.value, rel=1e-11)
        assert ours.variance == pytest.approx(theirs.variance, rel=1e-9)


def test_cluster_sums_are_those_of_a_group_by():
    frame = clustered(7)
    c = np.array([2.0, 7.0])
    moments = moments_of_frame(frame, shift={"orders": 2.0, "sessions": 7.0})
    for i, (_, arm) in enumerate(frame.groupby("arm")):
        by_account = arm.groupby("account")
        size = by_account.size().to_numpy()
        totals = by_account[["orders", "sessions"]].sum().to_numpy() - np.outer(size, c)
        assert moments.clusters.count[i] == len(size)
        assert moments.clusters.nn[i] == (size**2).sum()
        np.testing.assert_allclose(moments.clusters.ns[i], size @ totals, rtol=1e-11)
        np.testing.assert_allclose(moments.clusters.ss[i], totals.T @ totals, rtol=1e-11)


def test_a_mean_has_its_textbook_variance():
    y = np.random.default_rng(8).gamma(1, 5, 300)
    estimate = estimate_mean(moments_of_rows({"y": y}), "y")
    assert estimate.value == pytest.approx(y.mean(), rel=1e-13)
    assert estimate.variance == pytest.approx(y.var(ddof=1) / 300, rel=1e-12)
    assert estimate.df == 299


def test_a_ratio_has_the_variance_of_its_influence_values():
    frame = clustered(9)
    estimate = estimate_mean(moments_of_frame(frame, group=None, cluster=None), "orders", "sessions")
    y, x, n = frame["orders"], frame["sessions"], len(frame)
    ratio = y.sum() / x.sum()
    gradient = np.array([1 / x.mean(), -y.mean() / x.mean() ** 2])
    assert estimate.value == pytest.approx(ratio, rel=1e-12)
    assert estimate.variance == pytest.approx(((y - ratio * x) / x.mean()).var(ddof=1) / n, rel=1e-11)
    assert estimate.variance == pytest.approx(gradient @ np.cov(y, x) @ gradient / n, rel=1e-11)


@pytest.mark.oracle("ratio metric and its variance", "statsmodels WLS", "1e-9")
def test_a_ratio_equals_statsmodels_weighted_regression_on_a_constant():
    """WLS of y / x on 1 with weights x is the ratio; HC0 with the factor n / (n - 1) is the delta method."""
    frame = clustered(10)
    y, x = frame["orders"], frame["sessions"]
    theirs = sm.WLS(y / x, np.ones(len(x)), weights=x).fit(cov_type="HC1")
    ours = estimate_mean(moments_of_frame(frame, group=None, cluster=None), "orders", "sessions")
    assert ours.value == pytest.approx(theirs.params.iloc[0], rel=1e-11)
    assert ours.variance == pytest.approx(theirs.cov_params().iloc[0, 0], rel=1e-9)


@pytest.mark.oracle("mean and ratio with clusters (CR1)", "statsmodels", "1e-9")
@pytest.mark.parametrize("denominator", [None, "sessions"])
def test_clusters_give_cr1_of_the_regression_on_a_constant(denominator):
    """Its factor is G / (G - 1) alone: with one parameter statsmodels' (n - 1) / (n - k) is one."""
    frame = clustered(11)
    weight = np.ones(len(frame)) if denominator is None else frame[denominator].to_numpy()
    model = sm.WLS(frame["orders"].to_numpy() / weight, np.ones(len(frame)), weights=weight)
    theirs = model.fit(cov_type="cluster", cov_kwds={"groups": frame["account"].to_numpy()})
    bare = model.fit(cov_type="cluster", cov_kwds={"groups": frame["account"].to_numpy(), "use_correction": False})
    ours = estimate_mean(moments_of_frame(frame, group=None), "orders", denominator)
    assert ours.value == pytest.approx(theirs.params[0], rel=1e-11)
    assert ours.variance == pytest.approx(theirs.cov_params()[0, 0], rel=1e-9)
    assert ours.variance == pytest.approx(bare.cov_params()[0, 0] * 40 / 39, rel=1e-9)
    assert ours.df == 39


def test_clusters_of_one_unit_are_units():
    frame = clustered(12).assign(account=lambda f: np.arange(len(f)))
    ours, theirs = (moments_of_frame(frame, group=None, cluster=c) for c in ("account", None))
    columns = ["orders", "sessions"]
    np.testing.assert_allclose(mean_covariance(ours, columns), mean_covariance(theirs, columns), rtol=1e-11)


@few
@given(seed=st.integers(0, 1000), rate=st.floats(1e-6, 1e6), denominator=st.sampled_from([None, "sessions"]))
def test_another_currency_scales_and_a_negated_metric_flips(seed, rate, denominator):
    frame = clustered(seed)
    base = estimate_mean(moments_of_frame(frame), "orders", denominator)
    for factor in (rate, -1.0):
        other = estimate_mean(moments_of_frame(frame.assign(orders=factor * frame["orders"])), "orders", denominator)
        assert other.value == pytest.approx(factor * base.value, rel=1e-10)
        assert other.variance == pytest.approx(factor**2 * base.variance, rel=1e-9)


def test_a_column_with_missing_rows_is_refused():
    moments = moments_of_rows({"y": [1.0, 2.0, 3.0]})
    moments.count[0, 0] = 2
    with pytest.raises(InputError, match="'y' is missing in 1 of 3 rows"):
        estimate_mean(moments, "y")


@pytest.mark.parametrize("bad", [[1.0, np.nan], [np.inf, 1.0], []])
def test_rows_that_are_no_numbers_are_refused(bad):
    with pytest.raises(InputError, match="missing or infinite values"):
        moments_of_rows({"y": bad})


def test_a_single_unit_or_cluster_has_no_variance():
    with pytest.raises(InputError, match="1 units are too few"):
        estimate_mean(moments_of_rows({"y": [1.0]}), "y")
    with pytest.raises(InputError, match="1 units are too few"):
        estimate_mean(moments_of_rows({"y": [1.0, 2.0]}, clusters=[7, 7]), "y")


def test_a_denominator_of_zero_is_refused():
    moments = moments_of_rows({"y": [1.0, 2.0], "x": [1.0, -1.0]})
    with pytest.raises(InputError, match="'x' sums to zero"):
        estimate_mean(moments, "y", "x")
