from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy import optimize, stats

from incrementality.errors import InputError
from incrementality.stats.comparison import MeanEstimate, compare_means

means = st.floats(-100, 100).filter(lambda value: abs(value) > 1e-3)
variances = st.floats(1e-6, 1e3)
freedoms = st.one_of(st.floats(1, 1e6), st.just(math.inf))
estimates = st.builds(MeanEstimate, value=means, variance=variances, df=freedoms)
few = settings(deadline=None, derandomize=True, max_examples=300)


def mean_of(values):
    return MeanEstimate(value=np.mean(values), variance=np.var(values, ddof=1) / len(values), df=len(values) - 1)


def two_samples(seed, n_treatment, n_control):
    rng = np.random.default_rng(seed)
    return rng.normal(11, 4, n_treatment), rng.gamma(4, 2.4, n_control)


def scaled(estimate, factor):
    return MeanEstimate(value=factor * estimate.value, variance=factor**2 * estimate.variance, df=estimate.df)


def bounds(interval):
    return interval.lower, interval.upper


@pytest.mark.oracle("difference of means: p-value, interval, degrees of freedom", "scipy's Welch test", "1e-10")
@pytest.mark.parametrize(("n_treatment", "n_control"), [(3, 2), (8, 40), (900, 50), (5000, 5000)])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_the_difference_equals_scipys_welch(n_treatment, n_control, alpha):
    treatment, control = two_samples(n_treatment, n_treatment, n_control)
    ours = compare_means(mean_of(treatment), mean_of(control), alpha=alpha)
    theirs = stats.ttest_ind(treatment, control, equal_var=False)
    interval = theirs.confidence_interval(1 - alpha)
    assert ours.pvalue == pytest.approx(theirs.pvalue, rel=1e-10)
    assert ours.df == pytest.approx(theirs.df, rel=1e-12)
    assert bounds(ours.effect_interval) == pytest.approx((interval.low, interval.high), rel=1e-10)


@pytest.mark.oracle("difference of means that are correlated", "scipy's paired t test", "1e-10")
def test_the_covariance_of_pairs_gives_the_paired_t():
    rng = np.random.default_rng(7)
    control = rng.normal(10, 3, 30)
    treatment = control + rng.normal(0.5, 1, 30)
    covariance = np.cov(treatment, control)[0, 1] / 30
    ours = compare_means(mean_of(treatment), mean_of(control), covariance=covariance)
    theirs = stats.ttest_rel(treatment, control)
    assert ours.df == 29
    assert ours.pvalue == pytest.approx(theirs.pvalue, rel=1e-10)


@pytest.mark.oracle("relative lift (Fieller)", "scipy's root of the t test of each ratio", "1e-9")
@pytest.mark.parametrize("covariance", [-0.3, 0.0, 0.4])
@pytest.mark.parametrize("control_value", [5.0, -5.0, 1.9])
def test_fiellers_bounds_invert_the_t_test_of_each_ratio(covariance, control_value):
    treatment = MeanEstimate(value=6.0, variance=0.9, df=14)
    control = MeanEstimate(value=control_value, variance=0.3, df=22)
    answer = compare_means(treatment, control, covariance=covariance)
    critical = stats.t.ppf(0.975, answer.df)

    def excess(lift):
        ratio = 1 + lift
        variance = treatment.variance + ratio**2 * control.variance - 2 * ratio * covariance
        return abs(treatment.value - ratio * control.value) / math.sqrt(variance) - critical

    lower = optimize.brentq(excess, answer.rel_effect - 40, answer.rel_effect, xtol=1e-13)
    upper = optimize.brentq(excess, answer.rel_effect, answer.rel_effect + 40, xtol=1e-13)
    assert bounds(answer.rel_interval) == pytest.approx((lower, upper), rel=1e-9)


@few
@given(treatment=estimates, control=estimates, alpha=st.sampled_from([0.01, 0.05, 0.2]))
def test_pvalue_and_both_intervals_agree(treatment, control, alpha):
    answer = compare_means(treatment, control, alpha=alpha)
    assume(abs(answer.pvalue - alpha) > 1e-9)
    assert (0 in answer.effect_interval) == (answer.pvalue > alpha)
    if answer.rel_interval is not None:
        assert (0 in answer.rel_interval) == (answer.pvalue > alpha)
        assert answer.rel_interval.lower <= answer.rel_effect <= answer.rel_interval.upper


@few
@given(treatment=estimates, control=estimates)
def test_the_relative_effect_is_withheld_exactly_where_the_controls_interval_holds_zero(treatment, control):
    answer = compare_means(treatment, control)
    reach = -stats.t.ppf(0.025, answer.df) * math.sqrt(control.variance)
    assume(abs(abs(control.value) - reach) > 1e-9 * reach)
    assert (answer.rel_effect is None) == (answer.rel_interval is None) == (abs(control.value) < reach)


@few
@given(treatment=estimates, control=estimates)
def test_relabelling_the_arms_flips_the_sign(treatment, control):
    one, other = compare_means(treatment, control), compare_means(control, treatment)
    assert other.effect == -one.effect
    assert other.pvalue == pytest.approx(one.pvalue, rel=1e-12)
    assert bounds(other.effect_interval) == pytest.approx((-one.effect_interval.upper, -one.effect_interval.lower))


@few
@given(treatment=estimates, control=estimates, factor=st.sampled_from([1e-9, 0.01, 117.3, 1e12]))
def test_another_currency_scales_the_effect_and_keeps_the_lift(treatment, control, factor):
    one, other = compare_means(treatment, control), compare_means(scaled(treatment, factor), scaled(control, factor))
    assume(abs(one.effect) > 1e-6)
    assert other.effect == pytest.approx(factor * one.effect, rel=1e-8)
    assert other.pvalue == pytest.approx(one.pvalue, rel=1e-6, abs=1e-300)
    if one.rel_interval is not None and one.rel_interval.upper < 1e6:
        assert bounds(other.rel_interval) == pytest.approx(bounds(one.rel_interval), rel=1e-5, abs=1e-8)


def test_negating_the_metric_keeps_the_lift():
    treatment = MeanEstimate(value=-8.0, variance=0.2, df=50)
    control = MeanEstimate(value=-10.0, variance=0.1, df=40)
    loss, gain = compare_means(treatment, control), compare_means(scaled(treatment, -1), scaled(control, -1))
    assert loss.effect == -gain.effect == 2
    assert loss.rel_effect == gain.rel_effect == pytest.approx(-0.2)
    assert bounds(loss.rel_interval) == bounds(gain.rel_interval)


@pytest.mark.parametrize(("effect", "pvalue"), [(0.0, 1.0), (1e-9, 0.0), (-2.0, 0.0)])
def test_means_known_exactly_give_points(effect, pvalue):
    answer = compare_means(
        MeanEstimate(value=4.0 + effect, variance=0, df=9), MeanEstimate(value=4.0, variance=0, df=9)
    )
    assert answer.standard_error == 0
    assert answer.pvalue == pvalue
    assert bounds(answer.effect_interval) == (answer.effect, answer.effect)
    assert bounds(answer.rel_interval) == pytest.approx((effect / 4, effect / 4), rel=1e-6)


def test_a_control_of_exactly_zero_has_no_relative_effect():
    answer = compare_means(MeanEstimate(value=4.0, variance=1, df=9), MeanEstimate(value=0.0, variance=0, df=9))
    assert answer.rel_effect is answer.rel_interval is None


def test_one_arm_known_exactly_leaves_the_other_arms_degrees_of_freedom():
    answer = compare_means(MeanEstimate(value=4.0, variance=1, df=9), MeanEstimate(value=3.0, variance=0, df=2))
    assert answer.df == 9


@pytest.mark.parametrize("df", [5, math.inf])
def test_the_degrees_of_freedom_may_be_infinite(df):
    answer = compare_means(MeanEstimate(value=4.0, variance=1, df=math.inf), MeanEstimate(value=3.0, variance=1, df=df))
    assert answer.df == (math.inf if math.isinf(df) else pytest.approx(20))


@pytest.mark.parametrize(
    "fields",
    [
        {"value": math.nan},
        {"value": math.inf},
        {"variance": -1e-9},
        {"variance": math.inf},
        {"variance": math.nan},
        {"df": 0},
        {"df": math.nan},
    ],
)
def test_an_impossible_mean_is_refused(fields):
    with pytest.raises(InputError, match="Next:"):
        MeanEstimate(**{"value": 1.0, "variance": 1.0, "df": 5, **fields})


@pytest.mark.parametrize("options", [{"alpha": 0}, {"alpha": 1.2}, {"covariance": 1.1}, {"covariance": math.nan}])
def test_an_impossible_comparison_is_refused(options):
    mean = MeanEstimate(value=1.0, variance=1.0, df=5)
    with pytest.raises(InputError, match="Next:"):
        compare_means(mean, mean, **options)
