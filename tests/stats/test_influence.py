from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats.compliance import complier_effect
from incrementality.stats.influence import (
    adjusted_influence,
    complier_influence,
    difference_influence,
    influence_covariance,
    ratio_influence,
)
from incrementality.stats.means import estimate_mean
from incrementality.stats.moments import moments_of_rows


def rows(seed, n=400):
    rng = np.random.default_rng(seed)
    arm = rng.random(n) < 0.7
    x = rng.normal(2, 1, (n, 2))
    delivered = (arm & (rng.random(n) < 0.8)).astype(float)
    y = 3 + x @ [1.0, -0.5] + delivered * (1 + 0.8 * x[:, 0]) + rng.normal(0, 1, n)
    return {"y": y, "x": x, "arm": arm, "delivered": delivered, "sessions": 1.0 + rng.poisson(2, n)}


def variance(found):
    return influence_covariance([found])[0, 0]


def arms_of(columns, arm):
    return [moments_of_rows({k: v[side] for k, v in columns.items()}) for side in (arm, ~arm)]


@pytest.mark.oracle("influence values of a difference of means", "scipy's Welch test", "1e-10")
@pytest.mark.parametrize("seed", range(3))
def test_the_squares_of_a_differences_values_are_welchs_variance(seed):
    r = rows(seed)
    found = difference_influence(r["y"], r["arm"], accounts=np.arange(400))
    theirs = stats.ttest_ind(r["y"][r["arm"]], r["y"][~r["arm"]], equal_var=False)
    assert found.estimate / math.sqrt(variance(found)) == pytest.approx(theirs.statistic, rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_differences_and_ratios_have_the_variance_of_their_moments(seed):
    r = rows(seed)
    ids = np.arange(len(r["y"]))
    plain = difference_influence(r["y"], r["arm"], accounts=ids)
    ratio = ratio_influence(r["y"], r["sessions"], r["arm"], accounts=ids)
    parts = arms_of({"y": r["y"], "s": r["sessions"]}, r["arm"])
    for found, columns in ((plain, ("y", None)), (ratio, ("y", "s"))):
        treatment, control = (estimate_mean(part, *columns) for part in parts)
        assert found.estimate == pytest.approx(treatment.value - control.value, rel=1e-12)
        assert variance(found) == pytest.approx(treatment.variance + control.variance, rel=1e-10)


@pytest.mark.oracle("influence values of Lin's estimate", "statsmodels OLS, fully interacted, HC2", "1e-9")
@pytest.mark.parametrize("seed", range(3))
def test_adjusted_values_have_the_variance_of_interacted_least_squares(seed):
    r = rows(seed)
    t, centred = r["arm"].astype(float), r["x"] - r["x"].mean(0)
    design = np.column_stack([np.ones(len(t)), t, centred, t[:, None] * centred])
    fit = sm.OLS(r["y"], design).fit(cov_type="HC2")
    ids = np.arange(len(t))
    units = adjusted_influence(r["y"], r["x"], r["arm"], accounts=ids, estimand="units")
    assert units.estimate == pytest.approx(fit.params[1], rel=1e-10)
    assert variance(units) == pytest.approx(fit.bse[1] ** 2, rel=1e-9)
    slopes = fit.params[4:]
    extra = slopes @ np.cov(r["x"].T, ddof=0) @ slopes / len(t)
    population = adjusted_influence(r["y"], r["x"], r["arm"], accounts=ids)
    cross = 2 * units.values @ (population.values - units.values)
    assert variance(population) == pytest.approx(variance(units) + extra + cross, rel=1e-9)
    assert abs(cross) < 0.1 * variance(units)  # residuals and covariates are uncorrelated within an arm


def test_complier_values_have_the_variance_of_the_delta_method():
    r = rows(4)
    found = complier_influence(r["y"], r["delivered"], r["arm"], accounts=np.arange(len(r["y"])))
    treatment, control = arms_of({"y": r["y"], "d": r["delivered"]}, r["arm"])
    known = complier_effect([(treatment, control)], ["y"], "d")
    assert found.estimate == pytest.approx(known.effect, rel=1e-10)
    assert variance(found) == pytest.approx(known.standard_error**2, rel=1e-10)


def test_two_arms_against_one_control_share_the_variance_of_its_mean():
    rng = np.random.default_rng(1)
    control, one, two = (rng.normal(5, 2, n) for n in (80, 50, 60))
    ids = np.arange(190)

    def against(y, at):
        arm = np.repeat([False, True], [80, len(y)])
        return difference_influence(np.append(control, y), arm, accounts=np.append(ids[:80], at))

    found = influence_covariance([against(one, ids[80:130]), against(two, ids[130:])])
    assert found[0, 1] == pytest.approx(control.var(ddof=1) / 80, rel=1e-12)
    assert found[0, 0] == pytest.approx(control.var(ddof=1) / 80 + one.var(ddof=1) / 50, rel=1e-12)


def test_disjoint_accounts_are_uncorrelated():
    r = rows(2)
    one, two = (difference_influence(r["y"], r["arm"], accounts=ids) for ids in (np.arange(400), 400 + np.arange(400)))
    assert influence_covariance([one, two])[0, 1] == 0


def test_rows_of_an_account_add_up_as_a_cluster_robust_regression_says():
    r = rows(6)
    account = np.arange(400) // 4
    arm = np.repeat(r["arm"][::4], 4)
    found = difference_influence(r["y"], arm, accounts=account)
    fit = sm.OLS(r["y"], sm.add_constant(arm.astype(float))).fit(
        cov_type="cluster", cov_kwds={"groups": account, "use_correction": False}
    )
    # the values carry n / (n - 1) of each arm
    assert variance(found) == pytest.approx(fit.bse[1] ** 2, rel=0.02)
    assert variance(found) > 0.3 * difference_influence(r["y"], arm, accounts=np.arange(400)).values.var() * 400


def test_covariance_of_metrics_is_what_a_bootstrap_counts():
    rng = np.random.default_rng(8)
    r = rows(9, 600)
    ids = np.arange(600)

    def estimates(take):
        y, x, arm = r["y"][take], r["x"][take], r["arm"][take]
        return [
            difference_influence(y, arm, accounts=ids),
            adjusted_influence(y, x, arm, accounts=ids),
            complier_influence(y, r["delivered"][take], arm, accounts=ids),
            ratio_influence(y, r["sessions"][take], arm, accounts=ids),
        ]

    closed = influence_covariance(estimates(ids))
    drawn = np.array([[e.estimate for e in estimates(rng.integers(0, 600, 600))] for _ in range(1500)])
    counted = np.cov(drawn.T)
    scale = np.sqrt(np.outer(np.diag(closed), np.diag(closed)))
    assert counted / scale == pytest.approx(closed / scale, abs=4 * math.sqrt(2 / 1500))
    assert np.linalg.eigvalsh(closed).min() > -1e-15


def test_order_and_names_of_accounts_do_not_matter():
    r = rows(3)
    order = np.random.default_rng(0).permutation(400)
    names = np.array([f"a{i % 90}" for i in range(400)])
    plain = difference_influence(r["y"], r["arm"], accounts=names)
    shuffled = difference_influence(r["y"][order], r["arm"][order], accounts=names[order])
    found = influence_covariance([plain, shuffled])
    assert found == pytest.approx(np.full((2, 2), found[0, 0]), rel=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: difference_influence([1, 2, 3], [0, 1], accounts=[1, 2, 3]), "2 arms"),
        (lambda: difference_influence([1, 2, 3], [0, 1, 1], accounts=[1, 2, 3]), "fewer than two"),
        (lambda: difference_influence([1, 2, 3, math.nan], [0, 0, 1, 1], accounts=range(4)), "missing"),
        (lambda: ratio_influence([1] * 4, [0, 0, 1, 1], [0, 0, 1, 1], accounts=range(4)), "denominator"),
        (lambda: complier_influence([1] * 4, [1] * 4, [0, 0, 1, 1], accounts=range(4)), "delivery is the same"),
        (lambda: adjusted_influence([1] * 4, [1, 2, 3, 4], [0, 0, 1, 1], accounts=range(4)), "cannot carry"),
        (lambda: adjusted_influence(range(8), [1] * 8, [0, 1] * 4, accounts=range(8)), "cannot carry"),
        (lambda: influence_covariance([]), "no estimate"),
    ],
)
def test_what_cannot_be_linearised_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()
