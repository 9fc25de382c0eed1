"""The small-holdout rule on the data of an experiment, arms unseen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats import pooled_small_holdout, skewness_of_sums, small_holdout_guard


def sums(values):
    return len(values), values.sum(), (values**2).sum(), (values**3).sum()


@pytest.mark.parametrize("seed", range(3))
def test_skewness_from_sums_equals_scipys(seed):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(5000) < 0.1, rng.lognormal(3, 1.2, 5000), 0.0)
    assert skewness_of_sums(*sums(values)) == pytest.approx(stats.skew(values), rel=1e-10)


@pytest.mark.parametrize("level", [0.0, 0.1, 3e7])
def test_equal_values_have_no_skewness(level):
    assert skewness_of_sums(*sums(np.full(900, level))) == 0


def test_the_pooled_rule_is_the_one_of_the_design():
    pooled = pooled_small_holdout((1000, 19_000), payers=600, skewness=6.5)
    assert pooled == small_holdout_guard(n_smaller=1000, share_smaller=0.05, payer_share=0.03, skewness=6.5)
    assert pooled == pooled_small_holdout((19_000, 1000), payers=600, skewness=6.5)


@pytest.mark.parametrize(
    ("sizes", "payers", "skewness", "reasons"),
    [
        ((500, 9500), 300, 2.0, ["15 payers"]),
        ((5000, 5000), 2000, 20.0, ["skewed by 0.28"]),
        ((2500, 47_500), 5000, 3.0, ["beyond 80/20 with 250 payers"]),
        ((400, 7600), 800, 8.0, ["40 payers", "skewed by 0.40"]),
        ((50, 950), 780, 0.8, ["difference is skewed by 0.104, more than 0.08"]),
        ((500, 500), 780, 0.8, []),
        ((10_000, 10_000), 2000, 9.0, []),
    ],
)
def test_each_reason_is_given_in_words(sizes, payers, skewness, reasons):
    answer = pooled_small_holdout(sizes, payers=payers, skewness=skewness)
    assert answer.fires == bool(reasons)
    assert all(reason in answer.sentence for reason in reasons)
    assert len(answer.reasons) == len(reasons)
    assert answer.sentence.startswith("Tested by permutation" if reasons else "A permutation test is not needed")


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_unequal_arms_are_held_to_the_skewness_of_their_difference(share):
    """Edgeworth's expansion, against Welch's own errors on exponential values: each tail is off as far as it says."""
    n, worlds, rng = 400, 20_000, np.random.default_rng(17)
    small, large = round(share * n), n - round(share * n)
    arms = [rng.exponential(size=(worlds, size)) for size in (small, large)]
    error = np.sqrt(sum(arm.var(1, ddof=1) / arm.shape[1] for arm in arms))
    z = (arms[1].mean(1) - arms[0].mean(1)) / error
    skewness = 2 * (large - small) / math.sqrt(small * large * n)
    excess = skewness / 6 * (2 * 1.96**2 + 1) * float(stats.norm.pdf(1.96))
    asymmetry = float(np.mean(z > 1.96) - np.mean(z < -1.96)) / 2
    assert asymmetry == pytest.approx(excess, rel=0.35, abs=0.0025)
    assert pooled_small_holdout((small, large), payers=n, skewness=2.0).fires is (skewness > 0.08 or small < 100)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pooled_small_holdout((0, 10), payers=1, skewness=0), "not empty"),
        (lambda: pooled_small_holdout((5, 10), payers=16, skewness=0), "16 pay"),
        (lambda: skewness_of_sums(0, 0, 0, 0), "0 values"),
    ],
)
def test_impossible_counts_are_refused(call, message):
    with pytest.raises(InputError, match=rf"(?s){message}.*Next:"):
        call()
