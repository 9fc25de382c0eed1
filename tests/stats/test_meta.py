from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats
from statsmodels.stats.meta_analysis import combine_effects

from incrementality.errors import InputError
from incrementality.stats.meta import between_variance, pool_effects, pooled_arm_variance
from incrementality.stats.moments import moments_of_rows
from incrementality.stats.shrinkage import shrink_effects


def experiments(seed, k=6, tau=0.5):
    rng = np.random.default_rng(seed)
    variances = rng.uniform(0.02, 0.4, k)
    return rng.normal(1.0, np.sqrt(tau**2 + variances)), variances


@pytest.mark.oracle("random effects (Paule-Mandel, Hartung-Knapp-Sidik-Jonkman)", "statsmodels", "1e-9")
@pytest.mark.filterwarnings("ignore:.*use_t=True:UserWarning")
@pytest.mark.parametrize("tau", [0.2, 0.8])
@pytest.mark.parametrize("seed", range(5))  # where a last step rounds below its root, statsmodels answers zero
def test_pooling_equals_statsmodels(seed, tau):
    y, v = experiments(seed, 5 + seed, tau)
    theirs = combine_effects(y, v, method_re="iterated", use_t=True, atol=1e-12, maxiter=10_000)
    ours = pool_effects(y, v)
    assert ours.tau_squared == pytest.approx(max(theirs.tau2, 0.0), rel=1e-9, abs=1e-12)
    assert ours.mean == pytest.approx(theirs.mean_effect_re, rel=1e-9)
    assert ours.standard_error == pytest.approx(theirs.sd_eff_w_re_hksj, rel=1e-9)
    ends = theirs.conf_int()[3]
    assert (ours.interval.lower, ours.interval.upper) == pytest.approx(ends, rel=1e-9)
    assert ours.weights == pytest.approx(theirs.weights_rel_re, rel=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_the_variance_between_solves_its_equation(seed):
    y, v = experiments(seed, 10, 1.2)
    w = 1 / (v + between_variance(y, v))
    assert w @ (y - w @ y / w.sum()) ** 2 == pytest.approx(9.0, rel=1e-9)


def test_two_to_four_experiments_that_agree_get_the_wider_interval():
    agreeing = pool_effects([1.0, 1.01, 0.99], [0.04, 0.04, 0.04])
    assert agreeing.method == "fixed_effect"
    assert agreeing.interval.upper - agreeing.mean == pytest.approx(1.959964 * 0.2 / math.sqrt(3), rel=1e-6)
    assert pool_effects([1.0, 2.0, 0.0], [0.04, 0.04, 0.04]).method == "hksj"
    assert pool_effects([1.0, 1.01, 0.99, 1.0, 1.0], [0.04] * 5).method == "hksj"
    assert pool_effects([1.0] * 5, [0.04] * 5).method == "fixed_effect"  # no scatter at all is no certainty


def test_pvalue_and_interval_agree():
    for seed in range(60):
        y, v = experiments(seed, 2 + seed % 6)
        found = pool_effects(y - 0.8, v)
        assert (found.pvalue < 0.05) == (0.0 not in found.interval)


def test_another_currency_rescales_everything():
    y, v = experiments(2)
    one, cents = pool_effects(y, v), pool_effects(1e6 * y, 1e12 * v)
    assert cents.mean == pytest.approx(1e6 * one.mean, rel=1e-12)
    assert cents.tau_squared == pytest.approx(1e12 * one.tau_squared, rel=1e-9)
    shrunk, in_cents = shrink_effects(y, v), shrink_effects(1e6 * y, 1e12 * v)
    assert in_cents.effects == pytest.approx(1e6 * np.array(shrunk.effects), rel=1e-9)
    assert in_cents.intervals[0].lower == pytest.approx(1e6 * shrunk.intervals[0].lower, rel=1e-9)


def test_effects_that_agree_show_no_variance_between_them():
    assert between_variance([1.0, 1.1, 0.9], [0.5, 0.5, 0.5]) == 0.0


@pytest.mark.oracle("shrunken effects (hierarchical posterior)", "scipy's adaptive integration over tau", "1e-7")
@pytest.mark.parametrize("seed", range(3))
def test_posterior_means_and_intervals_are_those_of_adaptive_integration(seed):
    y, v = experiments(seed, 4)
    scale = 3 * math.sqrt(4 / (1 / v).sum())
    shrunk = shrink_effects(y, v)

    def parts(tau):
        w = 1 / (v + tau**2)
        mean = w @ y / w.sum()
        likelihood = math.sqrt(np.prod(w) / w.sum()) * math.exp(-(w @ (y - mean) ** 2) / 2)
        return likelihood * scale / (scale + tau) ** 2, w, mean

    def posterior(value):
        return integrate.quad(value, 0, scale, epsabs=1e-13)[0] + integrate.quad(value, scale, np.inf, epsabs=1e-13)[0]

    def tail(tau, place, below):
        density, w, mean = parts(tau)
        b = v[place] * w[place]
        sd = math.sqrt((1 - b) * v[place] + b * b / w.sum())
        return density * stats.norm.cdf(below, y[place] + b * (mean - y[place]), sd)

    total = posterior(lambda tau: parts(tau)[0])
    for place in range(4):
        b_mean = posterior(
            lambda tau, i=place: parts(tau)[0] * (y[i] + v[i] * parts(tau)[1][i] * (parts(tau)[2] - y[i]))
        )
        assert shrunk.effects[place] == pytest.approx(b_mean / total, rel=1e-7)
        low = shrunk.intervals[place].lower
        assert posterior(lambda tau, i=place, at=low: tail(tau, i, at)) / total == pytest.approx(0.025, abs=1e-7)


def test_shrunken_effects_lie_between_their_own_and_the_mean():
    y, v = experiments(5, 8, tau=0.3)
    shrunk = shrink_effects(y, v)
    for raw, effect, interval in zip(y, shrunk.effects, shrunk.intervals, strict=True):
        assert min(raw, shrunk.mean) - 0.05 <= effect <= max(raw, shrunk.mean) + 0.05
        assert effect in interval


def arms(seed, clusters=None):
    rng = np.random.default_rng(seed)
    columns = [{"y": rng.gamma(2, 3, n), "x": rng.uniform(1, 2, n)} for n in (90, 40)]
    keys = [None, None] if clusters is None else [np.arange(n) // clusters + 1000 * n for n in (90, 40)]
    shift = {"y": 6.0, "x": 1.5}
    return columns, [moments_of_rows(c, shift=shift, clusters=k) for c, k in zip(columns, keys, strict=True)]


def test_pooled_arm_variance_is_that_of_all_units_taken_together():
    (one, two), moments = arms(1)
    everybody = np.concatenate([one["y"], two["y"]])
    assert pooled_arm_variance(*moments, "y") == pytest.approx(everybody.var(ddof=1) * (1 / 90 + 1 / 40), rel=1e-12)


def test_pooled_arm_variance_of_a_ratio_linearises_around_the_common_ratio():
    (one, two), moments = arms(1)
    y, x = (np.concatenate([one[name], two[name]]) for name in "yx")
    linear = (y - y.sum() / x.sum() * x) / x.mean()
    expected = linear.var(ddof=1) * (1 / 90 + 1 / 40)
    assert pooled_arm_variance(*moments, "y", "x") == pytest.approx(expected, rel=1e-12)


def test_pooled_arm_variance_takes_clusters_as_wholes():
    _, moments = arms(1, clusters=1)
    _, plain = arms(1)
    assert pooled_arm_variance(*moments, "y") == pytest.approx(pooled_arm_variance(*plain, "y"), rel=1e-9)


@pytest.mark.parametrize(
    ("effects", "variances"),
    [([1], [1]), ([1, 2], [1]), ([1, math.nan], [1, 1]), ([1, 2], [1, 0]), ([1, 2], [1, math.inf])],
)
@pytest.mark.parametrize("method", [pool_effects, between_variance, shrink_effects])
def test_impossible_experiments_are_refused(method, effects, variances):
    with pytest.raises(InputError, match="Next:"):
        method(effects, variances)
