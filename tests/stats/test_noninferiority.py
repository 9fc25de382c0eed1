from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats.comparison import MeanEstimate
from incrementality.stats.noninferiority import guardrail_test, relative_guardrail_test


def samples(seed, n_treatment=80, n_control=50):
    rng = np.random.default_rng(seed)
    return rng.normal(10.0, 2.0, n_treatment), rng.normal(10.2, 3.0, n_control)


def estimate(y):
    return MeanEstimate(value=y.mean(), variance=y.var(ddof=1) / len(y), df=len(y) - 1)


@pytest.mark.oracle("guardrail against a margin", "scipy's one-sided Welch test of shifted data", "1e-10")
@pytest.mark.parametrize("higher_is_better", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_pvalue_is_that_of_scipys_one_sided_test(seed, higher_is_better):
    y1, y0 = samples(seed)
    shift, side = (0.8, "greater") if higher_is_better else (-0.8, "less")
    theirs = stats.ttest_ind(y1 + shift, y0, equal_var=False, alternative=side)
    ours = guardrail_test(estimate(y1), estimate(y0), margin=0.8, higher_is_better=higher_is_better)
    assert ours.pvalue == pytest.approx(theirs.pvalue, rel=1e-10)
    one_sided = stats.ttest_ind(y1, y0, equal_var=False).confidence_interval(0.9)
    ends = (-one_sided.high, -one_sided.low) if higher_is_better else (one_sided.low, one_sided.high)
    assert (ours.interval.lower, ours.interval.upper) == pytest.approx(ends, rel=1e-10)


@pytest.mark.oracle("guardrail against a relative margin", "scipy's one-sided Welch test of the scaled control", "2e-3")
@pytest.mark.parametrize("seed", range(5))
def test_the_relative_test_is_that_of_the_scaled_control(seed):
    """Their degrees of freedom are those of the scaled control, ours of the plain difference: 400 units hide that."""
    y1, y0 = samples(seed, 400, 400)
    theirs = stats.ttest_ind(y1, 0.97 * y0, equal_var=False, alternative="greater")
    ours = relative_guardrail_test(estimate(y1), estimate(y0), margin=0.03, higher_is_better=True)
    assert ours.pvalue == pytest.approx(theirs.pvalue, rel=2e-3)


@pytest.mark.parametrize("higher_is_better", [True, False])
@pytest.mark.parametrize("margin", [0.0, 0.01, 0.05, 0.3])
def test_pvalue_and_interval_agree(margin, higher_is_better):
    for seed in range(30):
        y1, y0 = samples(seed)
        for test, unit in ((guardrail_test, 10.0), (relative_guardrail_test, 1.0)):
            ours = test(estimate(y1), estimate(y0), margin=margin * unit, higher_is_better=higher_is_better)
            assert (ours.verdict == "held") == (ours.interval.upper <= ours.margin)
            assert (ours.verdict == "violated") == (ours.interval.lower > ours.margin)
            assert ours.harm in ours.interval


def test_a_negated_metric_turns_better_and_nothing_else():
    y1, y0 = samples(1)
    plain = guardrail_test(estimate(y1), estimate(y0), margin=0.5, higher_is_better=True)
    assert guardrail_test(estimate(-y1), estimate(-y0), margin=0.5, higher_is_better=False) == plain


def test_a_large_harm_violates_and_a_small_sample_decides_nothing():
    control = MeanEstimate(value=0.01, variance=1e-8, df=math.inf)
    worse = MeanEstimate(value=0.02, variance=1e-8, df=math.inf)
    vague = MeanEstimate(value=0.011, variance=1e-4, df=math.inf)
    assert guardrail_test(worse, control, margin=0.002, higher_is_better=False).verdict == "violated"
    assert guardrail_test(vague, control, margin=0.002, higher_is_better=False).verdict == "undecided"


def test_known_means_are_held_or_violated_outright():
    one, two = (MeanEstimate(value=v, variance=0.0, df=math.inf) for v in (1.0, 2.0))
    assert guardrail_test(two, one, margin=0.5, higher_is_better=True).pvalue == 0.0
    assert guardrail_test(one, two, margin=0.5, higher_is_better=True).verdict == "violated"


def test_at_the_margin_five_per_cent_are_called_held():
    rng = np.random.default_rng(4)
    y1, y0 = rng.normal(9.5, 2, (2000, 60)), rng.normal(10, 2, (2000, 40))
    held = [
        guardrail_test(estimate(a), estimate(b), margin=0.5, higher_is_better=True).verdict == "held"
        for a, b in zip(y1, y0, strict=True)
    ]
    assert np.mean(held) == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 2000))


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"margin": -0.1}, "margin is -0.1"), ({"margin": math.inf}, "margin is inf"), ({"alpha": 0.5}, "alpha is 0.5")],
)
def test_impossible_margins_are_refused(changed, message):
    mean = MeanEstimate(value=1.0, variance=0.01, df=9)
    with pytest.raises(InputError, match=message):
        guardrail_test(mean, mean, **{"margin": 0.1, "higher_is_better": True, **changed})


def test_a_share_of_nothing_is_refused():
    mean = MeanEstimate(value=0.1, variance=0.01, df=9)
    with pytest.raises(InputError, match="in the metric's unit"):
        relative_guardrail_test(mean, mean, margin=0.1, higher_is_better=True)
