from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from incrementality.errors import InputError
from incrementality.stats.confidence_sequences import (
    CumulativeArm,
    anytime_margin,
    confidence_sequence,
    confidence_sequence_of_estimates,
)


def mixture(z, x, sides):
    """Robbins's mixture martingale of a normal sum at z standard errors; x is rho^2 n."""
    shares = {1: (0.0, math.inf), 2: (-math.inf, math.inf)}[sides]
    density = stats.norm(0, math.sqrt(x))
    value = integrate.quad(lambda u: math.exp(u * z - u * u / 2) * density.pdf(u), *shares, epsabs=1e-13)[0]
    return value * (3 - sides)


def tuned_x(alpha):
    """The rho^2 n that makes the two-sided interval shortest, by search."""
    found = optimize.minimize_scalar(
        lambda x: (x + 1) / x * math.log((x + 1) / alpha**2),
        bounds=(1, 100),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return found.x


@pytest.mark.oracle("confidence sequence", "Robbins's normal mixture, integrated by scipy", "1e-6")
@pytest.mark.parametrize("share", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_the_bound_is_where_the_mixture_martingale_reaches_one_over_alpha(share, alpha):
    margin = float(anytime_margin(1000 * share, planned_units=1000, alpha=alpha))
    assert mixture(margin, tuned_x(alpha) * share, 2) * alpha == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("share", [0.1, 1.0, 4.0])
def test_the_one_sided_bound_is_at_most_a_little_wider_than_the_half_normal_mixture_needs(share):
    margin = float(anytime_margin(1000 * share, planned_units=1000, alpha=0.05, sides=1))
    x = tuned_x(0.1) * share
    assert mixture(margin, x, 1) * 0.05 >= 1.0
    assert mixture(margin - 0.1, x, 1) * 0.05 < 1.0
    assert margin < anytime_margin(1000 * share, planned_units=1000, alpha=0.05)


def test_the_interval_is_shortest_at_the_planned_size():
    widths = [float(anytime_margin(1000, planned_units=1000 * factor)) for factor in (0.5, 0.8, 1.0, 1.25, 2.0)]
    assert min(widths) == widths[2]


def arm(n, mean, variance, payers):
    parts = {"n": n, "means": mean, "variances": variance, "payers": payers}
    return CumulativeArm(**{name: np.asarray(value, dtype=float) for name, value in parts.items()})


@pytest.mark.parametrize("sides", [1, 2])
def test_pvalues_and_intervals_agree_at_every_date(sides):
    rng = np.random.default_rng(1)
    z, n = rng.normal(0, 2.5, 400), np.linspace(500, 50_000, 400)
    found = confidence_sequence_of_estimates(z, np.ones(400), units=n, payers=n / 10, planned_units=20_000, sides=sides)
    assert ((found.pvalues < 0.05) == ((found.lower > 0) | (found.upper < 0))).all()
    assert found.pvalues[found.started].min() < 0.05 < found.pvalues[found.started].max()


def test_nothing_is_said_before_the_start():
    found = confidence_sequence_of_estimates(
        [9.0, 9.0], [1.0, 1.0], units=[900, 1100], payers=[99, 100], planned_units=1000
    )
    assert (found.lower[0], found.upper[0], found.pvalues[0]) == (-math.inf, math.inf, 1.0)
    assert found.started.tolist() == [False, True]
    assert found.first_excluded == 1


def test_the_difference_of_means_is_that_of_its_summaries():
    treatment, control = arm([900, 9500], [5, 6], [4, 4], [90, 950]), arm([100, 500], [4, 5], [9, 9], [50, 200])
    found = confidence_sequence(treatment, control, planned_units=10_000)
    assert found.effects.tolist() == [1, 1]
    assert found.standard_errors[1] == pytest.approx(math.sqrt(4 / 9500 + 9 / 500), rel=1e-12)
    assert found.started.tolist() == [False, True]  # the control is the smaller arm
    margin = anytime_margin(10_000, planned_units=10_000) * found.standard_errors[1]
    assert found.lower[1] == pytest.approx(1 - float(margin), rel=1e-12)


def test_relabelled_arms_turn_the_sign():
    treatment, control = arm([9500], [6], [4], [950]), arm([500], [5], [9], [200])
    one, other = (
        confidence_sequence(a, b, planned_units=1000) for a, b in ((treatment, control), (control, treatment))
    )
    assert (one.lower, one.pvalues) == (-other.upper, other.pvalues)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"payers": [200, 99]}, "has 99 payers"),
        ({"payers": [200]}, "1 payers"),
        ({"standard_errors": [1, 0]}, "not above 0"),
        ({"effects": [1, math.nan]}, "missing"),
        ({"units": [0, 10]}, "0 units"),
        ({"planned_units": 0}, "0 planned"),
        ({"alpha": 0.5}, "alpha 0.5"),
    ],
)
def test_what_cannot_be_watched_is_refused_by_name(changed, message):
    asked = {"effects": [1, 2], "standard_errors": [1, 1], "units": [10, 20], "payers": [100, 200], "planned_units": 9}
    with pytest.raises(InputError, match=message):
        confidence_sequence_of_estimates(**{**asked, **changed})


def test_arms_without_units_are_refused():
    with pytest.raises(InputError, match="two units each"):
        confidence_sequence(arm([1], [1], [0], [1]), arm([9], [1], [1], [9]), planned_units=10)
