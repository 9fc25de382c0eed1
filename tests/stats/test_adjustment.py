from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings, strategies as st
from linearmodels.iv import IV2SLS

from incrementality.errors import InputError
from incrementality.stats.adjustment import (
    adjust_mean,
    independent_covariates,
    residual_sum,
    robust_estimate,
    small_sample_power,
)
from incrementality.stats.comparison import compare_means
from incrementality.stats.means import estimate_mean
from incrementality.stats.moments import moments_of_rows

few = settings(deadline=None, derandomize=True, max_examples=40)
ARMS = ("a", "b", "holdout")
ONE = ("before",)
THREE = ("before", "tenure", "is_partner")
EIGHT = (*THREE, "visits", "mrr", "emea", "apac", "latam")
MESSY = ("region_known", "before", "mrr", "mrr_in_cents", "emea", "apac", "not_apac", "before_plus_mrr")


def experiment(seed, n=400):
    """Three unequal arms; spend and orders depend on covariates differently by arm, with unequal variances."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"arm": rng.choice(ARMS, n, p=[0.5, 0.3, 0.2]), "before": rng.gamma(2, 10, n)})
    frame["tenure"] = rng.normal(24, 6, n)
    frame["is_partner"] = (rng.random(n) < 0.3) * 1.0
    frame["visits"] = rng.poisson(3, n).astype(float)
    frame["mrr"] = rng.normal(5e6, 1e6, n)
    region = rng.choice(["na", "emea", "apac", "latam"], n)
    for name in ("emea", "apac", "latam"):
        frame[name] = (region == name) * 1.0
    frame["stratum"] = region
    frame["not_apac"] = 1 - frame["apac"]
    frame["region_known"] = 1.0
    frame["mrr_in_cents"] = 100 * frame["mrr"]
    frame["before_plus_mrr"] = frame["before"] + frame["mrr"]
    slope = frame["arm"].map({"a": 0.5, "b": 0.8, "holdout": 0.3})
    noise = rng.normal(0, 1, n) * (2 + frame["before"] / 10)
    frame["sessions"] = 5 + 0.1 * frame["before"] + rng.gamma(2, 1, n)
    frame["spend"] = 3 * (frame["arm"] == "a") + slope * frame["before"] + 2 * frame["is_partner"] + noise
    frame["spend"] += 1e-6 * frame["mrr"]
    frame["account"] = rng.integers(0, 25, n) + 1000 * frame["arm"].map({arm: i for i, arm in enumerate(ARMS)})
    return frame


def estimates(frame, covariates, *, outcomes=("spend",), power=1, clusters=False):
    """Adjusted mean of each arm, at the covariates' mean over all arms."""
    names = [*outcomes, *covariates]
    cluster = frame["account"] if clusters else None
    moments = moments_of_rows({name: frame[name] for name in names}, groups=frame["arm"], clusters=cluster)
    kept = independent_covariates(moments, covariates)
    target = {name: float(frame[name].mean()) for name in kept}
    found = {}
    for arm, rows in frame.groupby("arm"):
        part = moments.select((arm,))
        adjusted = adjust_mean(part, outcomes=outcomes, covariates=kept, target=target)
        columns = {name: rows[name].to_numpy() for name in names}
        total = residual_sum(adjusted, columns, power=power, clusters=rows["account"].to_numpy() if clusters else None)
        found[arm] = robust_estimate(adjusted, total, clusters=float(part.clusters.count.sum()) if clusters else None)
    return found


def interacted_design(frame, covariates):
    """Lin's design: a constant, arms, covariates centred over all arms and scaled, arms times covariates."""
    x = frame[list(covariates)].to_numpy()
    x = (x - x.mean(0)) / x.std(0)
    arms = np.column_stack([(frame["arm"] == arm) * 1.0 for arm in ("a", "b")])
    products = [arms[:, [j]] * x for j in range(2)]
    return np.column_stack([np.ones(len(frame)), arms, x, *products])


def lin_by_statsmodels(frame, covariates, *, y=None, **fit):
    result = sm.OLS(frame["spend"].to_numpy() if y is None else y, interacted_design(frame, covariates)).fit(**fit)
    return dict(zip(("holdout", "a", "b"), result.params[:3], strict=True)), np.sqrt(np.diag(result.cov_params()))[:3]


@pytest.mark.oracle("adjustment (Lin) with HC2 and HC3", "statsmodels OLS on the rows, fully interacted", "1e-9")
@pytest.mark.parametrize("covariates", [ONE, THREE, EIGHT], ids=len)
@pytest.mark.parametrize(("power", "kind"), [(1, "HC2"), (2, "HC3")])
def test_effects_and_errors_equal_statsmodels_interacted_ols(covariates, power, kind):
    frame = experiment(1)
    params, errors = lin_by_statsmodels(frame, covariates, cov_type=kind)
    found = estimates(frame, covariates, power=power)
    assert found["holdout"].value == pytest.approx(params["holdout"], rel=1e-9)
    assert found["holdout"].variance == pytest.approx(errors[0] ** 2, rel=1e-9)
    for arm, error in (("a", errors[1]), ("b", errors[2])):
        comparison = compare_means(found[arm], found["holdout"])
        assert comparison.effect == pytest.approx(params[arm], rel=1e-9)
        assert comparison.standard_error == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize(("power", "kind"), [(1, "HC2"), (2, "HC3")])
def test_constant_and_dependent_covariates_change_nothing(power, kind):
    frame = experiment(2)
    params, errors = lin_by_statsmodels(frame, ("before", "mrr", "emea", "apac"), cov_type=kind)
    comparison = compare_means(*(estimates(frame, MESSY, power=power)[arm] for arm in ("a", "holdout")))
    assert comparison.effect == pytest.approx(params["a"], rel=1e-9)
    assert comparison.standard_error == pytest.approx(errors[1], rel=1e-9)


@pytest.mark.oracle("adjusted mean of one arm", "linearmodels", "1e-9")
def test_one_arm_equals_linearmodels_with_hc0():
    """linearmodels offers HC0 and HC1 only; power 0 leaves the leverage out."""
    frame = experiment(3)
    rows = frame[frame["arm"] == "b"]
    centred = rows[list(THREE)] - frame[list(THREE)].mean()
    theirs = IV2SLS(rows["spend"], centred.assign(constant=1.0), None, None).fit(cov_type="robust")
    ours = estimates(frame, THREE, power=0)["b"]
    assert ours.value == pytest.approx(theirs.params["constant"], rel=1e-9)
    assert ours.variance == pytest.approx(theirs.cov.loc["constant", "constant"], rel=1e-9)


def test_covariates_are_centred_over_all_arms():
    frame = experiment(4)
    two_arms = frame[frame["arm"] != "b"]
    alone, together = estimates(two_arms, ONE)["a"].value, estimates(frame, ONE)["a"].value
    rows = frame[frame["arm"] == "a"]
    slope, level = np.polyfit(rows["before"], rows["spend"], 1)
    assert together == pytest.approx(level + slope * frame["before"].mean(), rel=1e-9)
    assert alone == pytest.approx(level + slope * two_arms["before"].mean(), rel=1e-9)
    assert alone != pytest.approx(together, rel=1e-6)


def test_without_covariates_the_mean_and_its_variance_are_welchs():
    frame = experiment(5)
    moments = moments_of_rows({"spend": frame["spend"]}, groups=frame["arm"])
    for arm, ours in estimates(frame, ()).items():
        plain = estimate_mean(moments.select((arm,)), "spend")
        assert (ours.value, ours.df) == pytest.approx((plain.value, plain.df), rel=1e-12)
        assert ours.variance == pytest.approx(plain.variance, rel=1e-11)


@pytest.mark.oracle("adjusted ratio metric", "statsmodels OLS on linearised rows", "1e-9")
@pytest.mark.parametrize("covariates", [(), ONE, EIGHT], ids=len)
@pytest.mark.parametrize(("power", "kind"), [(1, "HC2"), (2, "HC3")])
def test_a_ratio_is_the_ratio_of_adjusted_means_linearised(covariates, power, kind):
    frame = experiment(6)
    found = estimates(frame, covariates, outcomes=("spend", "sessions"), power=power)
    for arm, rows in frame.groupby("arm"):
        centred = (rows[list(covariates)] - frame[list(covariates)].mean()) / (rows[list(covariates)].std())
        X = np.column_stack([np.ones(len(rows)), centred])
        above, below = (sm.OLS(rows[name].to_numpy(), X).fit().params[0] for name in ("spend", "sessions"))
        influence = (rows["spend"] - above / below * rows["sessions"]).to_numpy() / below
        linear = sm.OLS(influence, X).fit(cov_type=kind)
        assert found[arm].value == pytest.approx(above / below, rel=1e-9)
        assert found[arm].variance == pytest.approx(linear.cov_params()[0, 0], rel=1e-9)


def test_a_ratio_without_covariates_is_the_delta_methods():
    frame = experiment(7)
    columns = {name: frame[name] for name in ("spend", "sessions")}
    moments = moments_of_rows(columns, groups=frame["arm"])
    for arm, ours in estimates(frame, (), outcomes=("spend", "sessions")).items():
        plain = estimate_mean(moments.select((arm,)), "spend", "sessions")
        assert ours.value == pytest.approx(plain.value, rel=1e-12)
        assert ours.variance == pytest.approx(plain.variance, rel=1e-10)


@pytest.mark.oracle("post-stratified mean and its variance", "pandas, by the textbook", "1e-11")
def test_stratum_indicators_give_the_post_stratified_mean():
    """Value sum of w_s mean_s, and with HC2 exactly sum of w_s^2 s_s^2 / n_s."""
    frame = experiment(8)
    shares = frame["stratum"].value_counts(normalize=True)
    for arm, ours in estimates(frame, ("emea", "apac", "latam")).items():
        cells = frame[frame["arm"] == arm].groupby("stratum")["spend"]
        assert ours.value == pytest.approx((shares * cells.mean()).sum(), rel=1e-11)
        assert ours.variance == pytest.approx((shares**2 * cells.var() / cells.size()).sum(), rel=1e-11)


@pytest.mark.oracle("adjusted mean with clusters (CR1)", "statsmodels", "1e-9")
@pytest.mark.parametrize("covariates", [(), ONE, EIGHT], ids=len)
def test_clusters_equal_statsmodels_cluster_covariance(covariates):
    """statsmodels' factor is left out and G / (G - 1) of each arm put in its place."""
    frame = experiment(9)
    found = estimates(frame, covariates, clusters=True)
    for arm, rows in frame.groupby("arm"):
        centred = (rows[list(covariates)] - frame[list(covariates)].mean()) / rows[list(covariates)].std()
        theirs = sm.OLS(rows["spend"].to_numpy(), np.column_stack([np.ones(len(rows)), centred])).fit(
            cov_type="cluster", cov_kwds={"groups": rows["account"].to_numpy(), "use_correction": False}
        )
        g = rows["account"].nunique()
        assert found[arm].value == pytest.approx(theirs.params[0], rel=1e-9)
        assert found[arm].variance == pytest.approx(theirs.cov_params()[0, 0] * g / (g - 1), rel=1e-9)
        assert found[arm].df == g - 1


def test_clustered_effects_equal_one_interacted_regression_of_all_arms():
    frame = experiment(10)
    _, errors = lin_by_statsmodels(
        frame, THREE, cov_type="cluster", cov_kwds={"groups": frame["account"].to_numpy(), "use_correction": False}
    )
    found = estimates(frame, THREE, clusters=True)
    bare = {arm: found[arm].variance * found[arm].df / (found[arm].df + 1) for arm in ARMS}
    assert bare["a"] + bare["holdout"] == pytest.approx(errors[1] ** 2, rel=1e-9)


def test_clusters_without_covariates_are_those_of_the_moments():
    frame = experiment(11)
    moments = moments_of_rows({"spend": frame["spend"]}, groups=frame["arm"], clusters=frame["account"])
    for arm, ours in estimates(frame, (), clusters=True).items():
        assert ours.variance == pytest.approx(estimate_mean(moments.select((arm,)), "spend").variance, rel=1e-9)


@pytest.mark.parametrize("power", [1, 2])
def test_the_residual_sum_is_the_sandwich_by_brute_force(power):
    rows = experiment(12)[lambda f: f["arm"] == "a"]
    columns = {name: rows[name].to_numpy() for name in ("spend", *THREE)}
    target = {"before": 25.0, "tenure": 20.0, "is_partner": 0.5}
    adjusted = adjust_mean(moments_of_rows(columns), outcomes=["spend"], covariates=THREE, target=target)
    X = np.column_stack([np.ones(len(rows)), *(columns[name] for name in THREE)])
    bread, at = np.linalg.inv(X.T @ X), np.array([1.0, *target.values()])
    hat = np.einsum("ij,jk,ik->i", X, bread, X)
    e = columns["spend"] - X @ (bread @ X.T @ columns["spend"])
    total = sum((at @ bread @ X[i]) ** 2 * e[i] ** 2 / (1 - hat[i]) ** power for i in range(len(rows)))
    assert residual_sum(adjusted, columns, power=power) == pytest.approx(total, rel=1e-9)
    scores = pd.Series(X @ bread @ at * e).groupby(rows["account"].to_numpy()).sum()
    clustered = residual_sum(adjusted, columns, power=power, clusters=rows["account"].to_numpy())
    assert clustered == pytest.approx((scores**2).sum(), rel=1e-9)


def test_small_arms_get_hc3():
    assert [small_sample_power(n, p) for n, p in ((49, 0), (50, 0), (199, 3), (200, 3))] == [2, 1, 2, 1]


def kept(columns, names=None, **options):
    return independent_covariates(moments_of_rows(columns, **options), names or list(columns))


def test_the_first_of_dependent_covariates_is_kept():
    names = ["mrr", "region_known", "mrr_in_cents", "before", "before_plus_mrr"]
    assert kept(experiment(13)[names]) == ("mrr", "before")


def test_a_covariate_that_is_constant_in_one_arm_is_left_out_everywhere():
    frame = experiment(14).assign(emea=lambda f: f["emea"] * (f["arm"] != "b"))
    columns = {name: frame[name] for name in ("before", "emea")}
    assert kept(columns, groups=frame["arm"]) == ("before",)


def test_a_spread_of_rounding_is_no_covariate():
    assert kept({"x": [0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2], "y": [1, 2, 3, 5]}) == ("y",)


@pytest.mark.parametrize("shift", [None, {"x": 0.0}])
@pytest.mark.parametrize("x", [[1, 0, 0, 0, 0], [0, 1, 1, 1, 1]])
def test_an_indicator_of_a_single_unit_is_left_out(x, shift):
    assert kept({"x": x, "y": [1, 2, 4, 8, 9]}, shift=shift) == ("y",)


def test_an_indicator_of_two_units_stays():
    assert kept({"x": [1, 1, 0, 0, 0]}) == ("x",)


@pytest.mark.parametrize("power", [1, 2])
def test_a_unit_that_is_fitted_exactly_is_refused(power):
    columns = {"y": np.array([1.0, 2.0, 4.0, 5.0]), "x": np.array([7.0, 0.0, 0.0, 0.0])}
    adjusted = adjust_mean(moments_of_rows(columns), outcomes=["y"], covariates=["x"], target={"x": 2.0})
    total = residual_sum(adjusted, columns, power=power)
    assert np.isnan(total)
    with pytest.raises(InputError, match="fitted exactly by the covariates 'x'"):
        robust_estimate(adjusted, total)


@pytest.mark.parametrize("x", [[1.0, 1.0, 1.0, 1.0], [2.0, 4.0, 6.0, 8.0]])
def test_dependent_covariates_are_refused(x):
    moments = moments_of_rows({"y": [1, 2, 4, 5], "w": [1, 2, 3, 4], "x": x})
    with pytest.raises(InputError, match="constant or depend on each other"):
        adjust_mean(moments, outcomes=["y"], covariates=["w", "x"], target={"w": 1.0, "x": 1.0})


def test_more_parameters_than_units_are_refused():
    moments = moments_of_rows({"y": [1, 2], "x": [1, 3]})
    with pytest.raises(InputError, match="2 units cannot carry 1 covariates"):
        adjust_mean(moments, outcomes=["y"], covariates=["x"], target={"x": 1.0})


def test_an_adjusted_denominator_of_zero_is_refused():
    moments = moments_of_rows({"y": [1, 2], "x": [1, -1]})
    with pytest.raises(InputError, match="'x' is zero"):
        adjust_mean(moments, outcomes=["y", "x"], covariates=[], target={})


def test_one_cluster_has_no_variance():
    adjusted = adjust_mean(moments_of_rows({"y": [1, 2]}), outcomes=["y"], covariates=[], target={})
    with pytest.raises(InputError, match="1 clusters are too few"):
        robust_estimate(adjusted, 1.0, clusters=1.0)


def effect(frame, treatment="a", control="holdout", *, covariates=THREE, outcomes=("spend",), clusters=False):
    found = estimates(frame, covariates, outcomes=outcomes, clusters=clusters)
    comparison = compare_means(found[treatment], found[control])
    return comparison.effect, comparison.standard_error


designs = {
    "seed": st.integers(0, 1000),
    "outcomes": st.sampled_from([("spend",), ("spend", "sessions")]),
    "clusters": st.booleans(),
}


@few
@given(**designs)
def test_relabelled_arms_flip_the_sign(seed, outcomes, clusters):
    frame = experiment(seed)
    swapped = frame.assign(arm=frame["arm"].replace({"a": "holdout", "holdout": "a"}))
    value, error = effect(frame, outcomes=outcomes, clusters=clusters)
    assert effect(swapped, outcomes=outcomes, clusters=clusters) == pytest.approx((-value, error), rel=1e-9)


@few
@given(rate=st.one_of(st.floats(1e-6, 1e6), st.just(-1.0)), **designs)
def test_another_currency_scales_and_a_negated_metric_flips_the_effect(seed, outcomes, clusters, rate):
    frame = experiment(seed)
    value, error = effect(frame, outcomes=outcomes, clusters=clusters)
    other = effect(frame.assign(spend=rate * frame["spend"]), outcomes=outcomes, clusters=clusters)
    assert other == pytest.approx((rate * value, abs(rate) * error), rel=1e-8)


@few
@given(**designs)
def test_permuted_rows_change_nothing(seed, outcomes, clusters):
    frame = experiment(seed)
    permuted = frame.sample(frac=1, random_state=seed)
    ours = effect(permuted, outcomes=outcomes, clusters=clusters)
    assert ours == pytest.approx(effect(frame, outcomes=outcomes, clusters=clusters), rel=1e-9)


@few
@given(shift=st.floats(-1e4, 1e4), scale=st.one_of(st.floats(1e-3, 1e3), st.floats(-1e3, -1e-3)), **designs)
def test_a_covariates_origin_and_unit_change_nothing(seed, outcomes, clusters, shift, scale):
    frame = experiment(seed)
    moved = frame.assign(tenure=shift + scale * frame["tenure"])
    ours = effect(moved, outcomes=outcomes, clusters=clusters)
    assert ours == pytest.approx(effect(frame, outcomes=outcomes, clusters=clusters), rel=1e-6)
