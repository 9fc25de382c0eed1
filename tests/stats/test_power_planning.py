"""Looks, the small-holdout guard and money: published tables, closed forms, thresholds, invariances."""

from __future__ import annotations

import math

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.stats import (
    EffectPrior,
    allocate_holdout,
    anytime_margin,
    anytime_plan,
    expected_money,
    look_inflation,
    obrien_fleming_bound,
    simulate_power,
    small_holdout_guard,
    units_for_plan,
    wang_tsiatis_plan,
)

# Jennison and Turnbull (2000), tables 2.3 and 2.4: O'Brien and Fleming, alpha 0.05; three decimals
BOUNDS = {1: 1.960, 2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040, 10: 2.087}
INFLATIONS = {2: 1.008, 3: 1.017, 4: 1.024, 5: 1.028, 10: 1.040}


@pytest.mark.parametrize(("looks", "bound"), BOUNDS.items())
def test_boundaries_are_those_of_the_published_table(looks, bound):
    assert obrien_fleming_bound(looks) == pytest.approx(bound, abs=6e-4)


@pytest.mark.parametrize(("looks", "factor"), INFLATIONS.items())
def test_inflation_is_that_of_the_published_table(looks, factor):
    assert look_inflation(looks) == pytest.approx(factor, abs=6e-4)


def test_one_look_costs_nothing():
    assert look_inflation(1, alpha=0.01, power=0.9) == 1.0


@pytest.mark.parametrize(
    ("counts", "fires"),
    [
        ({"n_smaller": 10_000, "share_smaller": 0.5, "payer_share": 0.05, "skewness": 5.0}, False),
        ({"n_smaller": 1_900, "share_smaller": 0.5, "payer_share": 0.05, "skewness": 5.0}, True),  # 95 payers
        ({"n_smaller": 4_000, "share_smaller": 0.5, "payer_share": 0.05, "skewness": 20.0}, True),  # skewed
        ({"n_smaller": 6_000, "share_smaller": 0.1, "payer_share": 0.05, "skewness": 5.0}, True),  # 90/10, 300 payers
        ({"n_smaller": 9_000, "share_smaller": 0.1, "payer_share": 0.05, "skewness": 5.0}, False),
    ],
)
def test_the_guard_fires_by_its_rule(counts, fires):
    assert small_holdout_guard(**counts).fires is fires


def test_equal_arms_meet_the_closed_form_of_test_and_roll():
    total, sd, sigma = 100_000, 15.0, 1.0  # sigma: prior sd of each arm's mean, so sqrt(2) of their difference
    prior = EffectPrior(mean=0.0, sd=math.sqrt(2) * sigma)
    sizes = np.arange(100, 5000)
    money = [expected_money(0.5, prior=prior, sd=sd, n_test=2 * n, n_after=total - 2 * n) for n in sizes]
    ratio = (sd / sigma) ** 2
    closed = math.sqrt(total / 4 * ratio + (3 / 4 * ratio) ** 2) - 3 / 4 * ratio
    assert sizes[int(np.argmax(money))] == pytest.approx(closed, abs=1.0)


def test_expected_money_is_what_simulated_decisions_earn():
    prior, sd, n, after, share, cost = EffectPrior(mean=0.1, sd=0.5), 10.0, 2000, 8000, 0.2, 0.15
    rng = np.random.default_rng(5)
    effect = rng.normal(prior.mean, prior.sd, 400_000)
    error = sd * sd / n * (1 / share + 1 / (1 - share))
    seen = rng.normal(effect, math.sqrt(error))
    posterior = (prior.mean / prior.sd**2 + seen / error) / (1 / prior.sd**2 + 1 / error)
    money = n * (1 - share) * (effect - cost) + after * (effect - cost) * (posterior > cost)
    expected = expected_money(share, prior=prior, sd=sd, n_test=n, n_after=after, unit_cost=cost)
    assert expected == pytest.approx(money.mean(), abs=4 * money.std() / math.sqrt(len(money)))


def test_the_best_share_is_best_among_its_neighbours_and_scales_with_currency():
    terms = {"n_test": 20_000, "n_after": 100_000}
    best = allocate_holdout(prior=EffectPrior(mean=0.2, sd=0.3), sd=20.0, **terms)
    for factor in (0.8, 1.25):
        assert expected_money(best.share * factor, prior=best.prior, sd=20.0, **terms) <= best.expected_money
    cents = allocate_holdout(prior=EffectPrior(mean=20.0, sd=30.0), sd=2000.0, **terms)
    assert cents.share == best.share
    assert cents.expected_money == pytest.approx(100 * best.expected_money)


def test_more_to_roll_out_asks_for_a_larger_holdout():
    shares = [
        allocate_holdout(prior=EffectPrior(mean=0.3, sd=0.3), sd=20.0, n_test=20_000, n_after=after).share
        for after in (0, 20_000, 2_000_000)
    ]
    assert shares == sorted(shares)
    assert shares[0] < 0.001


def test_the_same_seed_gives_the_same_power():
    rng = np.random.default_rng(3)
    history = np.where(rng.random(3000) < 0.1, rng.lognormal(3, 1, 3000), 0.0)
    asked = {"relative_effect": 0.3, "n_control": 200, "n_treatment": 800, "replications": 200}
    assert simulate_power(history, seed=1, **asked) == simulate_power(history, seed=1, **asked)
    assert simulate_power(history, seed=1, **asked) == simulate_power(1024 * history, seed=1, **asked)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: obrien_fleming_bound(0), "0 looks"),
        (lambda: look_inflation(2, power=0.01), "power is 0.01"),
        (lambda: EffectPrior(mean=0.0, sd=0.0), "standard deviation 0.0"),
        (lambda: allocate_holdout(prior=EffectPrior(mean=0, sd=1), sd=1, n_test=2, n_after=9), "at least 2 in each"),
        (lambda: expected_money(1.0, prior=EffectPrior(mean=0, sd=1), sd=1, n_test=9, n_after=9), "share is 1.0"),
        (lambda: small_holdout_guard(n_smaller=9, share_smaller=0.9, payer_share=0, skewness=0), "smaller arm"),
        (lambda: simulate_power([1], relative_effect=0, n_control=9, n_treatment=9, seed=1), "at least 2 entries"),
        (lambda: simulate_power([0, 1], relative_effect=0, n_control=1, n_treatment=9, seed=1), "each needs 2"),
        (lambda: simulate_power([0, 1], relative_effect=2, n_control=9, n_treatment=9, seed=1), "takes the share"),
        (lambda: simulate_power([0, 1], relative_effect=-2, n_control=9, n_treatment=9, seed=1), "-1 or more"),
        (
            lambda: simulate_power(
                [0, 1, 1], denominator=[1, 1], relative_effect=0, n_control=9, n_treatment=9, seed=1
            ),
            "differ in length",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_the_price_of_a_confidence_sequence_is_what_the_formula_of_one_reading_bounds():
    """Reading once, at the planned size, needs margin plus power; reading on the way there can only help."""
    margin = float(anytime_margin([1.0], planned_units=1.0)[0])
    once = ((margin + 0.8416212) / (1.9599640 + 0.8416212)) ** 2
    assert 0.8 * once < units_for_plan(anytime_plan(dates=20)) < once
    assert units_for_plan(anytime_plan(dates=1)) == pytest.approx(once, rel=1e-3)


def test_a_plan_of_equal_looks_spends_its_error_rate():
    plan = wang_tsiatis_plan(5, shape=0.5)
    assert plan.spent[-1] == pytest.approx(0.05, abs=1e-6)
    assert units_for_plan(plan) == pytest.approx(look_inflation(5, shape=0.5), rel=1e-6)
