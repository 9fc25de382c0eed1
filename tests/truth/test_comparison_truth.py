"""Do the tests err, and the intervals cover, as often as they say? Bands are four Monte-Carlo standard errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from incrementality.stats.comparison import MeanEstimate, compare_means
from incrementality.stats.proportions import compare_proportions

ALPHA = 0.05
REPETITIONS = 8000
BAND = 4 * math.sqrt(ALPHA * (1 - ALPHA) / REPETITIONS)
WELCH = 0.004  # how far Welch's approximation itself may be off in these designs


def simulated_means(rng, mean, deviation, n):
    """Means of Normal samples with their estimated variances, drawn by their exact distributions."""
    values = rng.normal(mean, deviation / math.sqrt(n), REPETITIONS)
    variances = deviation**2 * rng.chisquare(n - 1, REPETITIONS) / (n - 1) / n
    return [MeanEstimate(value=v, variance=s, df=n - 1) for v, s in zip(values, variances, strict=True)]


def answers(seed, treatment, control):
    rng = np.random.default_rng(seed)
    pairs = zip(simulated_means(rng, *treatment), simulated_means(rng, *control), strict=True)
    return [compare_means(t, c, alpha=ALPHA) for t, c in pairs]


@pytest.mark.parametrize(
    ("treatment", "control"),
    [((10, 3, 2000), (10, 3, 100)), ((10, 1, 60), (10, 4, 12)), ((10, 5, 25), (10, 5, 25)), ((10, 6, 95), (10, 2, 5))],
)
def test_without_an_effect_five_per_cent_are_rejected(treatment, control):
    rejected = np.mean([answer.pvalue < ALPHA for answer in answers(11, treatment, control)])
    assert rejected == pytest.approx(ALPHA, abs=BAND + WELCH)


@pytest.mark.parametrize(
    ("treatment", "control"),
    [((11, 3, 2000), (10, 3, 100)), ((9, 1, 60), (10, 4, 12)), ((-8, 5, 25), (-10, 5, 25))],
)
def test_ninety_five_per_cent_of_the_intervals_hold_the_difference(treatment, control):
    truth = treatment[0] - control[0]
    covered = np.mean([truth in answer.effect_interval for answer in answers(12, treatment, control)])
    assert covered == pytest.approx(1 - ALPHA, abs=BAND + WELCH)


@pytest.mark.parametrize("control_cv", [0.02, 0.10, 0.20])
@pytest.mark.parametrize("lift", [-0.3, 0.0, 0.5])
def test_fiellers_intervals_hold_the_lift_where_the_control_is_noisy(control_cv, lift):
    n = 200
    deviation = control_cv * math.sqrt(n)
    found = answers(13, (1 + lift, deviation, n), (1.0, deviation, n))
    missed = np.mean([answer.rel_interval is not None and lift not in answer.rel_interval for answer in found])
    assert missed == pytest.approx(ALPHA, abs=BAND + WELCH)


def test_the_lift_is_withheld_where_the_control_is_mostly_noise():
    found = answers(14, (1.0, 10, 100), (1.0, 10, 100))
    withheld = np.mean([answer.rel_interval is None for answer in found])
    assert withheld == pytest.approx(stats.norm.cdf(0.97) - stats.norm.cdf(-2.97), abs=0.02)


def exact_rates(n_treatment, p_treatment, n_control, p_control):
    """Rejection and non-coverage of difference and lift, summed over every table that can occur."""
    rejected = missed_difference = missed_lift = 0.0
    weights_control = stats.binom.pmf(np.arange(n_control + 1), n_control, p_control)
    weights_treatment = stats.binom.pmf(np.arange(n_treatment + 1), n_treatment, p_treatment)
    for x1, x0 in np.argwhere(np.outer(weights_treatment, weights_control) > 1e-7):
        weight = weights_treatment[x1] * weights_control[x0]
        answer = compare_proportions(int(x1), n_treatment, int(x0), n_control, alpha=ALPHA)
        rejected += weight * (answer.pvalue < ALPHA)
        missed_difference += weight * (p_treatment - p_control not in answer.effect_interval)
        lift = p_treatment / p_control - 1
        missed_lift += weight * (answer.rel_interval is not None and lift not in answer.rel_interval)
    return rejected, missed_difference, missed_lift


@pytest.mark.parametrize(
    ("n_treatment", "n_control", "share"), [(60, 60, 0.2), (190, 10, 0.4), (400, 60, 0.15), (30, 30, 0.5)]
)
def test_the_score_test_rejects_about_five_per_cent_of_true_nulls(n_treatment, n_control, share):
    # summed exactly, so no Monte-Carlo error: the band is the lattice of small counts
    rejected, _, _ = exact_rates(n_treatment, share, n_control, share)
    assert rejected == pytest.approx(ALPHA, abs=0.015)


@pytest.mark.parametrize(
    ("n_treatment", "p_treatment", "n_control", "p_control"),
    [(60, 0.3, 60, 0.2), (300, 0.12, 60, 0.1), (40, 0.9, 40, 0.6), (150, 0.05, 150, 0.08)],
)
def test_the_score_intervals_hold_difference_and_lift(n_treatment, p_treatment, n_control, p_control):
    _, missed_difference, missed_lift = exact_rates(n_treatment, p_treatment, n_control, p_control)
    assert missed_difference == pytest.approx(ALPHA, abs=0.015)
    assert missed_lift == pytest.approx(ALPHA, abs=0.015)


def test_the_score_intervals_hold_in_a_five_per_cent_holdout():
    rng = np.random.default_rng(15)
    repetitions, n_treatment, n_control = 1500, 38_000, 2_000
    band = 4 * math.sqrt(ALPHA * (1 - ALPHA) / repetitions)
    tables = zip(
        rng.binomial(n_treatment, 0.024, repetitions).tolist(),
        rng.binomial(n_control, 0.02, repetitions).tolist(),
        strict=True,
    )
    found = [compare_proportions(x1, n_treatment, x0, n_control, alpha=ALPHA) for x1, x0 in tables]
    assert np.mean([0.004 not in a.effect_interval for a in found]) == pytest.approx(ALPHA, abs=band)
    assert np.mean([0.2 not in a.rel_interval for a in found]) == pytest.approx(ALPHA, abs=band)
