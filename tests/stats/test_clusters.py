"""CR2 and Satterthwaite's degrees of freedom against a dense brute force, statsmodels and linearmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from linearmodels.panel import PooledOLS

from incrementality.errors import InputError, TooFewClusters
from incrementality.stats import (
    adjust_mean,
    adjusted_cluster_means,
    adjusted_clusters,
    cluster_estimate,
    cluster_mean,
    cluster_means,
    intraclass_correlation,
    moments_of_rows,
    robust_sums,
)
from incrementality.stats.cluster_adjustment import ClusterProducts

EXACT = 1e-9


def root(matrix, power):
    """A symmetric matrix to a power, directions without variance left out."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    kept = values > 1e-9 * values.max()
    return (vectors[:, kept] * values[kept] ** power) @ vectors[:, kept].T


def brute_force(x, y, account, contrast, rho):
    """Pustejovsky and Tipton's CR2 and degrees of freedom with n x n matrices: variance, df."""
    n = len(y)
    phi = (1 - rho) * np.eye(n) + rho * (account[:, None] == account[None, :])
    bread = np.linalg.inv(x.T @ x)
    left = np.eye(n) - x @ bread @ x.T
    residual, working = left @ y, left @ phi @ left.T
    columns = []
    for g in np.unique(account):
        own = np.flatnonzero(account == g)
        inner = np.linalg.cholesky(phi[np.ix_(own, own)]).T
        multiplier = inner.T @ root(inner @ working[np.ix_(own, own)] @ inner.T, -0.5) @ inner
        column = np.zeros(n)
        column[own] = multiplier.T @ x[own] @ bread @ contrast
        columns.append(column)
    weights = np.column_stack(columns)
    covariance = weights.T @ working @ weights
    return ((residual @ weights) ** 2).sum(), np.trace(covariance) ** 2 / (covariance**2).sum()


def accounts(seed, *, clusters=24, largest=9):
    """Contacts of unequal accounts: account, arm, stratum, a covariate of the contact and one of the account."""
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(clusters), rng.integers(1, largest, clusters))
    seats = rng.gamma(2, 1, clusters)[account]
    x = rng.normal(size=len(account)) + 0.5 * seats
    y = 10 + rng.normal(size=clusters)[account] + x + rng.normal(size=len(account))
    return {
        "account": account, "treated": account % 2 == 0, "stratum": account // 2 % 2, "y": y,
        "sessions": 1 + rng.poisson(3, len(account)), "x": x, "seats": seats,
    }  # fmt: skip


def arm(rows, mask, columns=("y",)):
    return moments_of_rows({name: rows[name][mask] for name in columns}, clusters=rows["account"][mask])


def pair(rows, columns=("y",), within=True):  # noqa: FBT002 - a mask or all
    return tuple(arm(rows, (rows["treated"] == side) & within, columns) for side in (True, False))


def rho_of(moments, columns=("y",)):
    return float(intraclass_correlation([cluster_mean(part, columns) for part in moments]))


@pytest.mark.domain("X3")
@pytest.mark.oracle("whole clusters: CR2, Satterthwaite's df, exchangeable model", "dense matrices, numpy", "1e-9")
@pytest.mark.parametrize("working", ["exchangeable", "identity"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_difference_in_means_is_that_of_the_brute_force(seed, working):
    rows = accounts(seed)
    both = pair(rows)
    ours = cluster_means([both], ["y"], working=working).compare()
    x = np.column_stack([np.ones(len(rows["y"])), rows["treated"]])
    rho = rho_of(both) if working == "exchangeable" else 0.0
    variance, df = brute_force(x, rows["y"], rows["account"], np.array([0.0, 1.0]), rho)
    assert (ours.standard_error**2, ours.df) == pytest.approx((variance, df), rel=EXACT)


def test_an_arms_own_mean_is_that_of_the_brute_force():
    rows = accounts(4)
    moments = arm(rows, rows["treated"])
    ours = cluster_estimate(cluster_mean(moments, ["y"]), 0.2)
    y, account = rows["y"][rows["treated"]], rows["account"][rows["treated"]]
    variance, df = brute_force(np.ones((len(y), 1)), y, account, np.ones(1), 0.2)
    assert (ours.value, ours.variance, ours.df) == pytest.approx((y.mean(), variance, df), rel=EXACT)


def test_a_ratio_is_compared_by_its_influence_values():
    rows = accounts(5)
    both = pair(rows, ("y", "sessions"))
    ours = cluster_means([both], ["y", "sessions"]).compare()
    influence, treated = np.zeros(len(rows["y"])), rows["treated"]
    for side in (treated, ~treated):
        y, below = rows["y"][side], rows["sessions"][side]
        ratio = y.sum() / below.sum()
        influence[side] = ratio + (y - ratio * below) / below.mean()
    rows = rows | {"y": influence}
    alone = cluster_means([pair(rows)], ["y"]).compare()
    assert (ours.effect, ours.standard_error, ours.df) == pytest.approx(
        (alone.effect, alone.standard_error, alone.df), rel=EXACT
    )


def test_strata_are_one_regression_on_arm_and_stratum():
    rows = accounts(6, clusters=40)
    pairs = [pair(rows, within=rows["stratum"] == s) for s in (0, 1)]
    ours = cluster_means(pairs, ["y"]).compare()
    cells = [(s, side) for s in (0, 1) for side in (True, False)]
    x = np.column_stack([(rows["stratum"] == s) & (rows["treated"] == side) for s, side in cells]).astype(float)
    share = [(rows["stratum"] == s).mean() for s, _ in cells]
    contrast = np.array([w if side else -w for w, (_, side) in zip(share, cells, strict=True)])
    rho = rho_of([moments for both in pairs for moments in both])
    variance, df = brute_force(x, rows["y"], rows["account"], contrast, rho)
    assert (ours.standard_error**2, ours.df) == pytest.approx((variance, df), rel=EXACT)


def products_of(rows, mask, columns):
    """Each cluster's sums, around a shift of 1."""
    values = np.column_stack([rows[name][mask] for name in columns]) - 1.0
    _, code = np.unique(rows["account"][mask], return_inverse=True)
    pairs = [(j, k) for j in range(len(columns)) for k in range(j, len(columns))]
    return ClusterProducts(
        columns=tuple(columns),
        shift=np.ones(len(columns)),
        size=np.bincount(code).astype(float),
        totals=np.column_stack([np.bincount(code, weights=column) for column in values.T]),
        products={(j, k): np.bincount(code, weights=values[:, j] * values[:, k]) for j, k in pairs},
    )


def adjusted_arms(rows, covariates):
    """Both arms' adjusted clusters, the regression's design and contrast, and its residuals."""
    target = {name: float(rows[name].mean()) for name in covariates}
    found, design, contrast, n = [], [], [], len(rows["y"])
    for side, sign in ((rows["treated"], 1), (~rows["treated"], -1)):
        columns = ("y", *covariates)
        fit = adjust_mean(arm(rows, side, columns), outcomes=["y"], covariates=covariates, target=target)
        part = np.column_stack([np.ones(n), *(rows[name] - target[name] for name in covariates)]) * side[:, None]
        design.append(part)
        contrast += [sign, *[0.0] * len(covariates)]
        coefficients = np.linalg.lstsq(part[side], rows["y"][side], rcond=None)[0]
        squares = ((rows["y"][side] - part[side] @ coefficients) ** 2).sum()
        found.append(adjusted_clusters(fit, products_of(rows, side, columns), float(squares)))
    return found, np.hstack(design), np.array(contrast, float)


@pytest.mark.oracle("adjusted mean of whole clusters (CR2)", "dense matrices, numpy", "1e-9")
@pytest.mark.parametrize("working", ["exchangeable", "identity"])
@pytest.mark.parametrize("covariates", [["x"], ["seats"], ["x", "seats"]], ids=str)
def test_lins_regression_is_that_of_the_brute_force(covariates, working):
    rows = accounts(7, clusters=30)
    arms, x, contrast = adjusted_arms(rows, covariates)
    ours = adjusted_cluster_means(*arms, working=working).compare()
    rho = float(intraclass_correlation([part.residuals for part in arms])) if working == "exchangeable" else 0.0
    variance, df = brute_force(x, rows["y"], rows["account"], contrast, rho)
    fit = sm.OLS(rows["y"], x).fit()
    assert ours.effect == pytest.approx(float(contrast @ fit.params), rel=EXACT)
    assert (ours.standard_error**2, ours.df) == pytest.approx((variance, df), rel=EXACT)


def test_without_covariates_both_ways_agree():
    rows = accounts(8)
    arms, _, _ = adjusted_arms(rows, [])
    ours, theirs = adjusted_cluster_means(*arms).compare(), cluster_means([pair(rows)], ["y"]).compare()
    assert (ours.standard_error, ours.df) == pytest.approx((theirs.standard_error, theirs.df), rel=EXACT)


@pytest.mark.oracle("whole clusters of one size (CR2)", "statsmodels and linearmodels", "1e-9")
def test_equal_clusters_are_the_cr1_of_statsmodels_and_linearmodels():
    """With equal clusters CR2 is CR1 with each arm's own factor: all three agree."""
    import pandas as pd

    rows = accounts(9, clusters=20)
    account = np.repeat(np.arange(20), 6)
    y = np.random.default_rng(3).normal(size=20)[account] + np.random.default_rng(4).normal(size=120)
    rows = {"account": account, "treated": account % 2 == 0, "y": y}
    ours = cluster_means([pair(rows)], ["y"]).compare()
    x = np.column_stack([np.ones(120), rows["treated"]]).astype(float)
    fit = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": account, "use_correction": False})
    assert ours.standard_error**2 == pytest.approx(fit.cov_params()[1, 1] * 10 / 9, rel=EXACT)
    assert ours.df == pytest.approx(18.0, rel=EXACT)
    frame = pd.DataFrame({"y": y, "one": 1.0, "treated": x[:, 1]})
    frame.index = pd.MultiIndex.from_arrays([np.arange(120), np.zeros(120, int)])
    theirs = PooledOLS(frame["y"], frame[["one", "treated"]]).fit(
        cov_type="clustered", clusters=pd.DataFrame({"account": account}, index=frame.index), group_debias=False,
        debiased=False,
    )  # fmt: skip
    assert ours.standard_error**2 == pytest.approx(theirs.cov.loc["treated", "treated"] * 10 / 9, rel=EXACT)


@pytest.mark.oracle("clusters of one unit (CR2)", "statsmodels HC2", "1e-9")
def test_clusters_of_one_unit_are_hc2():
    rows = accounts(10, clusters=40, largest=2)
    x = np.column_stack([np.ones(40), rows["treated"]]).astype(float)
    theirs = sm.OLS(rows["y"], x).fit(cov_type="HC2")
    assert cluster_means([pair(rows)], ["y"]).compare().standard_error == pytest.approx(theirs.bse[1], rel=EXACT)


def test_the_correlation_is_that_of_the_analysis_of_variance():
    rows = accounts(11)
    treated, ssb, ssw, n0 = rows["treated"], 0.0, 0.0, len(rows["y"])
    for side in (treated, ~treated):
        y, account = rows["y"][side], rows["account"][side]
        for g in np.unique(account):
            own = y[account == g]
            ssw, ssb = ssw + ((own - own.mean()) ** 2).sum(), ssb + len(own) * (own.mean() - y.mean()) ** 2
            n0 -= len(own) ** 2 / len(y)
    between, within = ssb / 22, ssw / (len(rows["y"]) - 24)
    sigma = (between - within) / (n0 / 22)
    assert rho_of(pair(rows)) == pytest.approx(sigma / (sigma + within), rel=EXACT)


def test_units_that_disagree_within_clusters_have_no_correlation():
    rows = {"y": np.tile([1.0, 5.0], 20), "account": np.repeat(np.arange(20), 2)}
    assert rho_of([arm(rows, np.ones(40, bool))]) == 0.0


def test_clusters_one_by_one_and_by_size_agree():
    rows = accounts(12)
    mean = cluster_mean(arm(rows, rows["treated"]), ["y"])
    y, account = rows["y"][rows["treated"]], rows["account"][rows["treated"]]
    _, code = np.unique(account, return_inverse=True)
    centred = np.bincount(code, weights=y - y.mean())
    alone = robust_sums(np.bincount(code).astype(float), np.ones(code.max() + 1), centred**2, 0.3)
    assert tuple(alone) == pytest.approx(tuple(robust_sums(mean.size, mean.count, mean.squares, 0.3)), rel=EXACT)


@pytest.mark.parametrize("scale", [1e-6, 1e9])
def test_a_currency_changes_no_degree_of_freedom(scale):
    rows = accounts(13)
    ours, theirs = (cluster_means([pair(part)], ["y"]).compare() for part in (rows, rows | {"y": rows["y"] * scale}))
    assert theirs.standard_error == pytest.approx(ours.standard_error * scale, rel=1e-7)
    assert (theirs.df, theirs.pvalue) == pytest.approx((ours.df, ours.pvalue), rel=1e-7)


def test_p_value_and_both_intervals_agree():
    rows = accounts(14, clusters=60)
    for shift in np.linspace(-2, 2, 17):
        found = cluster_means([pair(rows | {"y": rows["y"] + shift * rows["treated"]})], ["y"]).compare()
        assert (0 in found.effect_interval) == (0 in found.rel_interval) == (found.pvalue > 0.05)


def test_few_or_unequal_clusters_are_refused():
    with pytest.raises(TooFewClusters, match=r"as much as [\d.]+ equal ones; an interval needs at least 8"):
        cluster_means([pair(accounts(15, clusters=14))], ["y"]).compare()
    rows = accounts(16, clusters=40)
    giant = np.where(np.arange(len(rows["y"])) < len(rows["y"]) / 2, 0, rows["account"])
    rows = rows | {"account": giant, "treated": giant % 2 == 0}
    with pytest.raises(TooFewClusters, match="equal ones"):
        cluster_means([pair(rows)], ["y"]).compare()


def test_moments_without_clusters_are_refused():
    with pytest.raises(InputError, match="hold no clusters"):
        cluster_mean(moments_of_rows({"y": [1.0, 2.0]}), ["y"])


def test_a_metric_that_never_varies_has_no_error():
    rows = accounts(17) | {"y": np.full(len(accounts(17)["y"]), 3.0)}
    found = cluster_means([pair(rows)], ["y"]).compare()
    assert (found.effect, found.standard_error, found.pvalue) == (0.0, 0.0, 1.0)
