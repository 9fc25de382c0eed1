from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats.quantile_bootstrap import bootstrap_quantile_effect
from incrementality.stats.quantiles import compare_quantiles, estimate_quantile


def samples(seed, n_treatment=150, n_control=90):
    rng = np.random.default_rng(seed)
    return rng.lognormal(0.2, 1, n_treatment), rng.lognormal(0, 1, n_control)


def ends(interval):
    return interval.lower, interval.upper


@pytest.mark.oracle("interval of one quantile", "scipy's binomial quantile test", "exact")
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("probability", [0.1, 0.37, 0.5, 0.9])
def test_order_statistic_intervals_equal_scipys(probability, alpha):
    for n in (90, 91, 257):
        y, _ = samples(n, n)
        theirs = stats.quantile_test(y, q=1.0, p=probability).confidence_interval(1 - alpha)
        found = estimate_quantile(y, probability, alpha=alpha)
        assert ends(found.interval) == (theirs.low, theirs.high)
        assert found.value == np.quantile(y, probability, method="inverted_cdf")


@pytest.mark.oracle("difference of quantiles", "MOVER by its formula from scipy's intervals", "1e-12")
@pytest.mark.parametrize("probability", [0.25, 0.5, 0.8])
def test_the_interval_of_the_difference_is_mover_on_scipys_intervals(probability):
    y1, y0 = samples(3)
    one, two = (stats.quantile_test(y, q=1.0, p=probability).confidence_interval(0.95) for y in (y1, y0))
    q1, q0 = (np.quantile(y, probability, method="inverted_cdf") for y in (y1, y0))
    found = compare_quantiles(y1, y0, probability)
    lower = q1 - q0 - math.sqrt((q1 - one.low) ** 2 + (two.high - q0) ** 2)
    upper = q1 - q0 + math.sqrt((one.high - q1) ** 2 + (q0 - two.low) ** 2)
    assert ends(found.interval) == pytest.approx((lower, upper), rel=1e-12)


def test_pvalue_and_interval_agree():
    for seed in range(60):
        y1, y0 = samples(seed)
        found = compare_quantiles(1.2 * y1, y0, 0.5)
        assert (found.pvalue <= 0.05) == (0.0 not in found.interval)
        again = bootstrap_quantile_effect(
            1.2 * y1, y0, 0.5, accounts=(np.arange(150), np.arange(90)), seed=seed, replications=199
        )
        assert (again.pvalue <= 0.05) == (0.0 not in again.interval)


def test_order_and_currency_do_not_matter():
    y1, y0 = samples(2)
    found, shuffled = compare_quantiles(y1, y0, 0.7), compare_quantiles(y1[::-1], np.sort(y0), 0.7)
    cents = compare_quantiles(128 * y1, 128 * y0, 0.7)
    assert found == shuffled
    assert (cents.effect, cents.pvalue) == (128 * found.effect, found.pvalue)


def test_relabelled_arms_turn_the_sign():
    one, other = (compare_quantiles(a, b, 0.5) for a, b in (samples(4), samples(4)[::-1]))
    assert ends(one.interval) == pytest.approx((-other.interval.upper, -other.interval.lower), rel=1e-12)
    assert one.pvalue == other.pvalue


def test_each_unit_as_its_own_account_gives_nearly_the_exact_interval():
    y1, y0 = samples(5, 900, 700)
    plain = compare_quantiles(y1, y0, 0.5)
    accounts = compare_quantiles(y1, y0, 0.5, accounts=(np.arange(900), np.arange(700)))
    assert ends(accounts.interval) == pytest.approx(ends(plain.interval), abs=0.02)


def test_accounts_of_equal_units_count_once():
    y1, y0 = samples(6, 60, 50)
    repeated = compare_quantiles(
        np.repeat(y1, 9), np.repeat(y0, 9), 0.5, accounts=(np.repeat(np.arange(60), 9), np.repeat(np.arange(50), 9))
    )
    one_each = compare_quantiles(y1, y0, 0.5, accounts=(np.arange(60), np.arange(50)))
    assert ends(repeated.interval) == pytest.approx(ends(one_each.interval), rel=0.15)
    assert repeated.interval.lower < compare_quantiles(np.repeat(y1, 9), np.repeat(y0, 9), 0.5).interval.lower


def test_the_bootstrap_draws_what_repeating_the_rows_would_give():
    """Its draws against whole samples built row by row, from the same random numbers."""
    y1, y0 = samples(7, 80, 60)
    ids = (np.arange(80) % 20, np.arange(60) % 15)
    found = bootstrap_quantile_effect(y1, y0, 0.6, accounts=ids, seed=5, replications=99)
    rng, drawn = np.random.default_rng(5), []
    for y, code, count in ((y1, ids[0], 20), (y0, ids[1], 15)):
        chosen = [rng.integers(0, count, count) for _ in range(99)]
        rows = [np.concatenate([y[code == account] for account in draw]) for draw in chosen]
        drawn.append([np.quantile(part, 0.6, method="inverted_cdf") for part in rows])
    effects = np.sort(np.subtract(*drawn))
    assert ends(found.interval) == (effects[1], effects[-2])


def test_the_same_seed_gives_the_same_bootstrap():
    y1, y0 = samples(8)
    asked = {"accounts": (np.arange(150), np.arange(90)), "replications": 99}
    assert bootstrap_quantile_effect(y1, y0, 0.5, seed=1, **asked) == bootstrap_quantile_effect(
        y1, y0, 0.5, seed=1, **asked
    )


def test_where_most_are_zero_the_median_shows_nothing():
    y1, y0 = np.r_[np.zeros(90), np.ones(10)], np.r_[np.zeros(80), np.ones(20)]
    found = compare_quantiles(y1, y0, 0.5)
    assert (found.effect, ends(found.interval), found.pvalue) == (0, (0, 0), 1)


def test_separate_arms_have_a_small_pvalue():
    found = compare_quantiles(np.arange(500.0) + 1000, np.arange(500.0), 0.5)
    assert found.pvalue <= 1e-14


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: estimate_quantile([1, 2, 3], 0.5), "3 units are too few for an interval of the 50% quantile"),
        (lambda: estimate_quantile(range(50), 0.99), "too few"),
        (lambda: estimate_quantile(range(50), 1.0), "share is 1.0"),
        (lambda: estimate_quantile([], 0.5), "0 of 0"),
        (lambda: estimate_quantile([1, math.nan], 0.5), "1 of 2"),
        (lambda: estimate_quantile(range(50), 0.5, accounts=[1] * 50), "1 of them distinct"),
        (
            lambda: bootstrap_quantile_effect(
                range(50), range(50), 0.5, accounts=(range(50), range(50)), seed=1, replications=30
            ),
            "30 draws",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()
