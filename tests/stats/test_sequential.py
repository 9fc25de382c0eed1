"""Group sequential bounds: published tables, the multivariate normal distribution, invariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats.boundary_crossing import Walk, crossing_probabilities
from incrementality.stats.power_looks import look_inflation, wang_tsiatis_bound
from incrementality.stats.sequential import (
    drift_for_power,
    expected_information,
    group_sequential_bounds,
    information_inflation,
    repeated_interval,
    stopping_probabilities,
)
from incrementality.stats.spending import Spending
from incrementality.stats.stopping import after_stopping

FIFTHS = [0.2, 0.4, 0.6, 0.8, 1.0]
UNEQUAL = [0.13, 0.5, 0.62, 1.0]
KINDS = [Spending(kind="obrien_fleming"), Spending(kind="pocock"), Spending(kind="power", rho=2.0)]
# Jennison and Turnbull (2000), table 2.1: Pocock, alpha 0.05; three decimals
POCOCK = {1: 1.960, 2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413, 10: 2.555}


def normal_inside(times, upper, lower, drift=0.0):
    """P(every statistic is inside) from scipy's multivariate normal distribution, by inclusion and exclusion."""
    times = np.asarray(times)
    covariance = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    joint = stats.multivariate_normal(drift * np.sqrt(times), covariance, abseps=1e-7, releps=1e-7, maxpts=2_000_000)
    return float(joint.cdf(np.asarray(upper), lower_limit=np.asarray(lower), rng=np.random.default_rng(1)))


@pytest.mark.oracle("Pocock's bounds", "Jennison and Turnbull (2000), table 2.1, as printed", "3 decimals")
@pytest.mark.parametrize(("looks", "bound"), POCOCK.items())
def test_pococks_bounds_are_those_of_the_published_table(looks, bound):
    assert wang_tsiatis_bound(looks, shape=0.5) == pytest.approx(bound, abs=6e-4)


@pytest.mark.oracle("bounds by alpha spending", "R's ldbounds, values of its vignette", "2e-4")
@pytest.mark.parametrize(
    ("kind", "published"),
    [
        ("obrien_fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_spending_bounds_are_those_of_ldbounds(kind, published):
    # its vignette prints four decimals of a coarser grid: the third of O'Brien and Fleming differs by 1e-4
    found = group_sequential_bounds(FIFTHS, spending=Spending(kind=kind)).critical
    assert found == pytest.approx(published, abs=2e-4)


@pytest.mark.oracle("bounds by alpha spending", "scipy's multivariate normal distribution", "1e-5 absolute")
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("spending", KINDS, ids=lambda s: s.kind)
def test_what_is_spent_is_what_the_multivariate_normal_says(spending, sides):
    bounds = group_sequential_bounds(UNEQUAL, spending=spending, alpha=0.05, sides=sides)
    for k in range(1, len(UNEQUAL) + 1):
        inside = normal_inside(UNEQUAL[:k], bounds.critical[:k], bounds.lower[:k])
        assert bounds.spent[k - 1] == pytest.approx(1 - inside, abs=1e-5)
    assert bounds.spent[-1] == 0.05


@pytest.mark.oracle("power over several looks", "scipy's multivariate normal distribution", "1e-5 absolute")
@pytest.mark.parametrize("drift", [-1.5, 0.7, 2.9])
def test_power_is_what_the_multivariate_normal_says(drift):
    bounds = group_sequential_bounds(UNEQUAL, spending=KINDS[2])
    inside = stopping_probabilities(bounds, drift).inside
    assert inside == pytest.approx(normal_inside(UNEQUAL, bounds.critical, bounds.lower, drift), abs=1e-5)


def test_one_look_is_the_fixed_test():
    bounds = group_sequential_bounds([1.0], alpha=0.1)
    assert bounds.critical == pytest.approx([stats.norm.isf(0.05)], rel=1e-12)
    assert information_inflation(bounds) == pytest.approx(1.0, rel=1e-9)
    answer = after_stopping(2.0, 0.5, bounds)
    assert answer.effect == pytest.approx(2.0, rel=1e-9)
    assert answer.pvalue == pytest.approx(2 * stats.norm.sf(4), rel=1e-9)
    half = stats.norm.isf(0.05) * 0.5
    assert (answer.interval.lower, answer.interval.upper) == pytest.approx((2 - half, 2 + half), rel=1e-9)


@pytest.mark.parametrize("spending", KINDS, ids=lambda s: s.kind)
def test_bounds_of_early_looks_do_not_depend_on_later_ones(spending):
    whole = group_sequential_bounds(UNEQUAL, spending=spending)
    assert group_sequential_bounds(UNEQUAL[:2], spending=spending).critical == pytest.approx(
        whole.critical[:2], rel=1e-12
    )


def test_a_plan_that_ends_early_spends_what_is_left():
    early = group_sequential_bounds([0.3, 0.7], last=True)
    assert early.spent[-1] == 0.05
    assert early.critical[1] < group_sequential_bounds([0.3, 0.7]).critical[1]
    assert 1 - normal_inside([0.3, 0.7], early.critical, early.lower) == pytest.approx(0.05, abs=1e-5)


def test_an_overrun_keeps_the_error_rate_at_the_information_it_really_had():
    bounds = group_sequential_bounds([0.5, 1.3])
    assert 1 - normal_inside([0.5, 1.3], bounds.critical, bounds.lower) == pytest.approx(0.05, abs=1e-5)


def test_a_look_too_early_to_spend_anything_never_stops():
    bounds = group_sequential_bounds([0.001, 0.5, 1.0])
    assert bounds.critical[0] == math.inf
    assert bounds.critical[1:] == pytest.approx(group_sequential_bounds([0.5, 1.0]).critical, rel=1e-9)


def test_classic_boundaries_cost_what_their_crossing_says():
    bound = wang_tsiatis_bound(4, shape=0.25)
    critical = [bound * (k / 4) ** -0.25 for k in range(1, 5)]
    assert normal_inside([1, 2, 3, 4], critical, [-c for c in critical]) == pytest.approx(0.95, abs=1e-5)
    assert look_inflation(4, shape=0.0) < look_inflation(4, shape=0.25) < look_inflation(4, shape=0.5)


def test_the_power_of_the_drift_for_power_is_that_power():
    bounds = group_sequential_bounds(UNEQUAL, spending=KINDS[1], sides=1)
    drift = drift_for_power(bounds, 0.9)
    assert 1 - stopping_probabilities(bounds, drift).inside == pytest.approx(0.9, rel=1e-9)
    assert expected_information(bounds, drift) < 1 < information_inflation(bounds, 0.9)


def test_steps_of_time_do_not_change_what_one_look_sees():
    """A look without bounds in between is no look: Chapman and Kolmogorov's equation."""
    direct = Walk.start(0.8).step(0.3, -1.0, 1.5, following=1.0)
    detour = direct.step(0.55, -math.inf, math.inf, following=1.0)
    assert detour.beyond(1.0, 2.0) == pytest.approx(direct.beyond(1.0, 2.0), rel=1e-10)


def test_relabelled_arms_turn_the_sign_and_nothing_else():
    bounds = group_sequential_bounds(UNEQUAL[:3])
    one, other = after_stopping(2.4, 1.0, bounds), after_stopping(-2.4, 1.0, bounds)
    assert other.effect == pytest.approx(-one.effect, rel=1e-9)
    assert other.pvalue == pytest.approx(one.pvalue, rel=1e-9)
    assert (-other.interval.upper, -other.interval.lower) == pytest.approx(
        (one.interval.lower, one.interval.upper), rel=1e-9
    )


def test_another_currency_rescales_the_stopped_estimate():
    bounds = group_sequential_bounds(UNEQUAL[:3])
    euros, cents = after_stopping(2.4, 1.0, bounds), after_stopping(240.0, 100.0, bounds)
    assert cents.effect == pytest.approx(100 * euros.effect, rel=1e-9)
    assert cents.pvalue == euros.pvalue


@pytest.mark.parametrize("spending", KINDS, ids=lambda s: s.kind)
@pytest.mark.parametrize("sides", [1, 2])
def test_the_pvalue_is_alpha_just_at_the_bound(spending, sides):
    bounds = group_sequential_bounds(UNEQUAL, spending=spending, sides=sides)
    at_bound = after_stopping(bounds.critical[-1], 1.0, bounds)
    assert at_bound.pvalue == pytest.approx(0.05, rel=1e-6)
    assert at_bound.interval.lower == pytest.approx(0.0, abs=1e-6)


def test_the_estimate_of_an_early_stop_is_pulled_towards_zero():
    bounds = group_sequential_bounds([0.3, 0.6], spending=Spending(kind="pocock"))
    answer = after_stopping(bounds.critical[1] + 0.05, 1.0, bounds)
    assert 0 < answer.effect < answer.raw_effect
    assert answer.interval.lower > 0


def test_a_one_sided_interval_has_one_end():
    bounds = group_sequential_bounds([0.5], sides=1)
    assert repeated_interval(1.0, 0.2, bounds).upper == math.inf
    assert after_stopping(1.0, 0.2, bounds).interval.upper == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: group_sequential_bounds([]), "the information at the looks"),
        (lambda: group_sequential_bounds([0.5, 0.5]), "rise by 0.1 %"),
        (lambda: group_sequential_bounds([0.5, 0.4]), "rise by 0.1 %"),
        (lambda: group_sequential_bounds([0.5, math.nan]), "rise by 0.1 %"),
        (lambda: group_sequential_bounds([1.0, 1.2]), "follows one that spent everything"),
        (lambda: group_sequential_bounds([0.5], alpha=0.0), "alpha is 0.0"),
        (lambda: Spending(kind="haybittle"), "'haybittle'"),
        (lambda: Spending(kind="power", rho=0.0), "rho is 0.0"),
        (lambda: Spending().spent(-0.1, alpha=0.05), "-0.1"),
        (lambda: repeated_interval(1.0, 0.0, group_sequential_bounds([1.0])), "standard error is 0.0"),
        (lambda: after_stopping(math.nan, 1.0, group_sequential_bounds([1.0])), "effect is nan"),
        (lambda: drift_for_power(group_sequential_bounds([1.0]), 0.01), "power is 0.01"),
        (lambda: crossing_probabilities([1.0], [1.0], [2.0]), "the lower below the upper"),
        (lambda: wang_tsiatis_bound(3, shape=0.7), "shape is 0.7"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()
