"""Power by formula against statsmodels and scipy, known figures, and invariances."""

from __future__ import annotations

import math

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.stats import (
    MeanEstimate,
    adjusted_outcome,
    clustered_outcome,
    compare_means,
    comparison_alpha,
    effective_sample_size,
    minimal_detectable_effect,
    moments_of_rows,
    outcome_of_mean,
    outcome_of_moments,
    outcome_of_rate,
    power_of_effect,
    sample_size,
    t_test_power,
)

ARMS = [(250, 4750), (500, 500), (1000, 9000), (40, 200)]


@pytest.mark.parametrize(("variance", "told"), [("null", "79%"), ("unequal", "81%")])
def test_a_five_percent_holdout_of_5000_contacts_sees_only_a_large_change(variance, told):
    mde = minimal_detectable_effect(outcome_of_rate(0.05), n_control=250, n_treatment=4750, variance=variance)
    assert f"{mde / 0.05:.0%}" == told


@pytest.mark.oracle("power of the t test", "scipy", "1e-9")
@pytest.mark.parametrize("df", [5, 20, 98, 1000])
@pytest.mark.parametrize("shift", [0.0, 0.5, 2.8, 6.0])
def test_t_power_is_scipys_noncentral_t(shift, df):
    from scipy import stats

    critical = stats.t.isf(0.025, df)
    expected = stats.nct.sf(critical, df, shift) + stats.nct.cdf(-critical, df, shift)
    assert t_test_power(shift, df=df) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shift", [-60.0, -8.0, 0.0, 8.0, 60.0, 400.0])
@pytest.mark.parametrize("df", [1, 4, 50, 1e5, math.inf])
def test_power_stays_a_probability_in_far_tails(shift, df):
    assert 0.0 <= t_test_power(shift, df=df) <= 1.0 + 1e-12


@pytest.mark.oracle("power and size of equal arms", "statsmodels", "1e-9")
@pytest.mark.parametrize("rise", [0.2, 0.5, 1.0])
def test_equal_arms_meet_statsmodels_t_power(rise):
    from statsmodels.stats.power import TTestIndPower

    found = power_of_effect(outcome_of_mean(10.0, 4.0), rise * 4, n_control=50, n_treatment=50)
    assert found == pytest.approx(TTestIndPower().power(rise, nobs1=50, alpha=0.05, ratio=1), abs=1e-9)


@pytest.mark.parametrize("ratio", [1.0, 4.0, 19.0])
def test_sample_size_of_a_mean_meets_statsmodels_normal_power(ratio):
    from statsmodels.stats.power import NormalIndPower

    n_control = NormalIndPower().solve_power(0.05, alpha=0.05, power=0.8, ratio=ratio)
    found = sample_size(outcome_of_mean(10.0, 4.0), 0.2, control_share=1 / (1 + ratio))
    assert found.n_control == pytest.approx(n_control, rel=2e-3)  # t with thousands of degrees of freedom


@pytest.mark.oracle("power of the score test", "statsmodels", "1e-12")
@pytest.mark.parametrize(("n_control", "n_treatment"), ARMS)
@pytest.mark.parametrize("effect", [0.01, 0.03, -0.03])
def test_score_power_meets_statsmodels_two_proportions(n_control, n_treatment, effect):
    from statsmodels.stats.proportion import power_proportions_2indep

    found = power_of_effect(
        outcome_of_rate(0.05), effect, n_control=n_control, n_treatment=n_treatment, variance="score"
    )
    expected = power_proportions_2indep(effect, 0.05, nobs1=n_treatment, ratio=n_control / n_treatment)
    assert found == pytest.approx(expected.power, abs=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
def test_sample_size_reaches_its_power_and_one_unit_less_does_not(share):
    outcome = outcome_of_rate(0.1)
    found = sample_size(outcome, 0.01, control_share=share)
    assert found.power >= 0.8
    less = power_of_effect(outcome, 0.01, n_control=(found.n - 4) * share, n_treatment=(found.n - 4) * (1 - share))
    assert less < 0.8


@pytest.mark.parametrize(("n_control", "n_treatment"), [(1001, 1001), (1500, 28500)])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_interval_bound_is_the_detectable_effect_at_power_one_half(n_control, n_treatment, alpha):
    mde = minimal_detectable_effect(
        outcome_of_mean(10.0, 4.0), n_control=n_control, n_treatment=n_treatment, alpha=alpha, power=0.5
    )
    arms = [MeanEstimate(value=10.0, variance=16 / n, df=math.inf) for n in (n_treatment, n_control)]
    assert mde == pytest.approx(compare_means(*arms, alpha=alpha).effect_interval.upper, rel=1e-3)


def test_power_at_no_effect_is_alpha():
    assert power_of_effect(outcome_of_mean(1.0, 9.0), 0.0, n_control=30, n_treatment=90, alpha=0.1) == pytest.approx(
        0.1
    )


def test_effects_scale_with_the_currency():
    euro, cent = outcome_of_mean(1.0, 15.0), outcome_of_mean(100.0, 1500.0)
    sizes = [minimal_detectable_effect(o, n_control=900, n_treatment=8000) for o in (euro, cent)]
    assert sizes[1] == pytest.approx(100 * sizes[0], rel=1e-9)


def test_power_does_not_care_which_arm_is_called_control():
    outcome = outcome_of_mean(1.0, 15.0)
    there = power_of_effect(outcome, 2.0, n_control=100, n_treatment=900)
    assert there == pytest.approx(power_of_effect(outcome, -2.0, n_control=900, n_treatment=100), rel=1e-12)


def test_moments_of_a_mean_give_its_mean_and_variance():
    y = np.array([0.0, 0.0, 3.0, 9.0])
    outcome = outcome_of_moments(moments_of_rows({"y": y}), "y")
    assert (outcome.mean, outcome.variance) == (pytest.approx(3.0), pytest.approx(y.var(ddof=1)))


def test_a_ratio_is_linearised():
    rng = np.random.default_rng(1)
    x = rng.integers(1, 6, 500).astype(float)
    y = rng.binomial(x.astype(int), 0.3).astype(float)
    outcome = outcome_of_moments(moments_of_rows({"y": y, "x": x}), "y", "x")
    ratio = y.sum() / x.sum()
    assert outcome.variance == pytest.approx(((y - ratio * x) / x.mean()).var(ddof=1), rel=1e-9)


def test_the_design_effect_of_equal_clusters_follows_from_their_correlation():
    rng = np.random.default_rng(2)
    size, between, within = 20, 0.5, 3.0
    means = rng.normal(0, between, 4000)
    y = np.repeat(means, size) + rng.normal(0, within, 4000 * size)
    moments = moments_of_rows({"y": y}, clusters=np.repeat(np.arange(4000), size))
    icc = between**2 / (between**2 + within**2)
    expected = clustered_outcome(outcome_of_mean(0.0, 1.0), icc=icc, mean_size=size).design_effect
    assert outcome_of_moments(moments, "y").design_effect == pytest.approx(expected, rel=0.05)


def test_adjustment_acts_like_more_units():
    outcome = outcome_of_rate(0.1)
    adjusted = power_of_effect(adjusted_outcome(outcome, 0.5), 0.02, n_control=1000, n_treatment=1000)
    assert adjusted == pytest.approx(power_of_effect(outcome, 0.02, n_control=2000, n_treatment=2000), rel=1e-12)
    assert effective_sample_size(adjusted_outcome(outcome, 0.5), 1000) == 2000


def test_several_arms_need_more_units_at_holms_strictest_step():
    alpha = comparison_alpha(0.05, 3)
    two = sample_size(outcome_of_rate(0.1), 0.02, control_share=0.25)
    four = sample_size(outcome_of_rate(0.1), 0.02, control_share=0.25, treatment_arms=3, alpha=alpha)
    assert four.n > two.n
    assert four.n == four.n_control + 3 * four.n_treatment


def test_an_effect_beyond_every_share_is_not_detectable():
    assert minimal_detectable_effect(outcome_of_rate(0.9), n_control=10, n_treatment=10) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: outcome_of_rate(5.0), "conversion rate is 5.0"),
        (lambda: outcome_of_mean(1.0, 0.0), "standard deviation is 0.0"),
        (lambda: sample_size(outcome_of_rate(0.1), 0.0), "the effect is 0"),
        (lambda: sample_size(outcome_of_rate(0.1), 0.01, control_share=1.0), "share is 1.0"),
        (lambda: sample_size(outcome_of_rate(0.1), 0.95), "takes the share"),
        (lambda: power_of_effect(outcome_of_rate(0.1), 0.01, n_control=1, n_treatment=9), "control has 1 units"),
        (lambda: comparison_alpha(0.05, 0), "0 comparisons"),
        (
            lambda: power_of_effect(outcome_of_mean(1, 1), 1, n_control=9, n_treatment=9, variance="score"),
            "conversions",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()
