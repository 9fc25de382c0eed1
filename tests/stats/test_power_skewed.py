from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from incrementality.stats.power_noncentral import t_test_power
from incrementality.stats.power_skewed import skewed_t_power


@pytest.mark.oracle("power of a t test on skewed clusters, without skewness", "scipy", "1e-6")
@pytest.mark.parametrize("df", [6, 20, 200])
@pytest.mark.parametrize("shift", [0.0, 1.5, 2.8])
def test_without_skewness_it_is_the_noncentral_t(df, shift):
    critical = stats.t.ppf(0.975, df)
    theirs = stats.nct.sf(critical, df, shift) + stats.nct.cdf(-critical, df, shift)
    assert skewed_t_power(shift, df=df, skewness=0.0, noise=2 / df) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("shift", [50.0, -50.0, 1e4])
def test_far_tails_are_numbers(shift):
    assert skewed_t_power(shift, df=10, skewness=-0.5, noise=0.4) == pytest.approx(1.0)


def test_a_skewed_mean_is_seen_as_often_as_simulation_counts():
    """Thirty exponential values, tested against a mean that is half a standard deviation off."""
    rng, n, effect = np.random.default_rng(7), 30, 0.5
    values = rng.exponential(1, (40_000, n)) - 1 + effect
    t = values.mean(1) / (values.std(1, ddof=1) / math.sqrt(n))
    counted = np.mean(np.abs(t) > stats.t.ppf(0.975, n - 1))
    noise = 2 / (n - 1) + 6 / n
    found = skewed_t_power(effect * math.sqrt(n), df=n - 1, skewness=2 / math.sqrt(n), noise=noise)
    normal = t_test_power(effect * math.sqrt(n), df=n - 1)
    assert found == pytest.approx(counted, abs=0.02)
    assert abs(found - counted) < abs(normal - counted)
