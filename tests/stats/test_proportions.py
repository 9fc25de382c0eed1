from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy import optimize, stats
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    test_proportions_2indep as score_test_of_statsmodels,
)

from incrementality.errors import InputError
from incrementality.stats.proportions import compare_proportions, proportion_interval

TABLES = [(120, 1000, 90, 1000), (7, 50, 3, 60), (56, 70, 48, 80), (6, 7, 2, 7), (5300, 50000, 230, 2500)]
EXTREMES = [(0, 10, 0, 10), (10, 10, 10, 10), (10, 10, 0, 10), (0, 10, 10, 10), (0, 40, 3, 50), (3, 50, 0, 40)]
few = settings(deadline=None, derandomize=True, max_examples=200)


@st.composite
def tables(draw):
    n_treatment, n_control = draw(st.integers(2, 400)), draw(st.integers(2, 400))
    return draw(st.integers(0, n_treatment)), n_treatment, draw(st.integers(0, n_control)), n_control


def bounds(interval):
    return interval.lower, interval.upper


def most_likely_control_share(table, to_treatment, low, high):
    """The constrained maximum found by a search over the likelihood itself."""
    x1, n1, x0, n0 = table

    def loss(p0):
        p1 = to_treatment(p0)
        terms = [(x1, p1), (n1 - x1, 1 - p1), (x0, p0), (n0 - x0, 1 - p0)]
        return -sum(count * math.log(max(share, 1e-300)) for count, share in terms if count)

    return optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-13}).x


def difference_score(x1, n1, x0, n0, delta):
    low, high = max(0, -delta), min(1, 1 - delta)
    p0 = most_likely_control_share((x1, n1, x0, n0), lambda p: p + delta, low, high)
    p1 = p0 + delta
    variance = (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0) * (n1 + n0) / (n1 + n0 - 1)
    return (x1 / n1 - x0 / n0 - delta) / math.sqrt(variance)


def ratio_score(x1, n1, x0, n0, phi):
    p0 = most_likely_control_share((x1, n1, x0, n0), lambda p: p * phi, 0, min(1, 1 / phi))
    p1 = p0 * phi
    variance = (p1 * (1 - p1) / n1 + phi**2 * p0 * (1 - p0) / n0) * (n1 + n0) / (n1 + n0 - 1)
    return (x1 / n1 - phi * x0 / n0) / math.sqrt(variance)


@pytest.mark.oracle("relative lift of shares (score interval)", "statsmodels", "1e-9")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_the_lift_equals_statsmodels_ratio(table, alpha):
    theirs = confint_proportions_2indep(*table, compare="ratio", method="score", correction=True, alpha=alpha)
    ours = compare_proportions(*table, alpha=alpha).rel_interval
    assert (ours.lower + 1, ours.upper + 1) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.oracle("p-value of two shares (score test)", "statsmodels", "1e-10")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("compare", ["diff", "ratio"])
def test_the_pvalue_equals_statsmodels_score_tests(table, compare):
    theirs = score_test_of_statsmodels(*table, compare=compare, method="score", correction=True)
    assert compare_proportions(*table).pvalue == pytest.approx(theirs.pvalue, rel=1e-10)


# The difference meets published tables instead: statsmodels up to 0.15 has a wrong coefficient in its cubic
# (https://github.com/statsmodels/statsmodels/issues/10269), which moves its bounds in the third digit.


@pytest.mark.oracle("difference of shares (Miettinen-Nurminen)", "Newcombe (1998), table II, as printed", "4 decimals")
@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ((56, 70, 48, 80), (0.0528, 0.3382)),
        ((9, 10, 3, 10), (0.1700, 0.8406)),
        ((6, 7, 2, 7), (0.0342, 0.8534)),
        ((5, 56, 0, 29), (-0.0326, 0.1933)),
        ((0, 10, 0, 20), (-0.1658, 0.2844)),
        ((0, 10, 0, 10), (-0.2879, 0.2879)),
        ((10, 10, 0, 20), (0.7156, 1.0000)),
    ],
)
def test_the_difference_equals_newcombes_table(table, expected):
    # Newcombe (1998), Table II, method 6, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
    assert bounds(compare_proportions(*table).effect_interval) == pytest.approx(expected, abs=5.1e-5)


def test_the_difference_equals_the_r_package_propcis():
    # PropCIs::diffscoreci(7, 34, 1, 34, 0.95), as printed in the tests of statsmodels
    interval = compare_proportions(7, 34, 1, 34).effect_interval
    assert bounds(interval) == pytest.approx((0.0270416, 0.3452912), abs=6e-8)


def test_all_against_none_has_a_closed_form():
    z_squared = stats.norm.ppf(0.975) ** 2
    odds = z_squared / 19
    assert compare_proportions(10, 10, 0, 10).effect_interval.lower == pytest.approx((1 - odds) / (1 + odds), rel=1e-12)


@pytest.mark.parametrize("table", TABLES)
def test_the_difference_bounds_invert_the_score_test(table):
    answer = compare_proportions(*table)
    z = stats.norm.ppf(0.975)
    lower = optimize.brentq(lambda delta: difference_score(*table, delta) - z, -0.99, answer.effect)
    upper = optimize.brentq(lambda delta: difference_score(*table, delta) + z, answer.effect, 0.99)
    assert bounds(answer.effect_interval) == pytest.approx((lower, upper), abs=2e-7)


@pytest.mark.parametrize("table", [(7, 50, 3, 60), (9, 10, 3, 10), (1, 12, 5, 30), (2, 40, 1, 9)])
def test_the_intervals_hold_exactly_the_values_that_are_not_rejected(table):
    answer = compare_proportions(*table)
    z = stats.norm.ppf(0.975)
    for delta in np.linspace(-0.98, 0.98, 197):
        assert (abs(difference_score(*table, delta)) < z) == (delta in answer.effect_interval)
    for phi in np.geomspace(0.01, 100, 197):
        assert (abs(ratio_score(*table, phi)) < z) == (phi - 1 in answer.rel_interval)


@few
@given(table=tables(), alpha=st.sampled_from([0.01, 0.05, 0.2]))
def test_pvalue_and_both_intervals_agree(table, alpha):
    answer = compare_proportions(*table, alpha=alpha)
    assume(abs(answer.pvalue - alpha) > 1e-9)
    assert (0 in answer.effect_interval) == (answer.pvalue > alpha)
    assert answer.effect_interval.lower <= answer.effect <= answer.effect_interval.upper
    if answer.rel_interval is not None:
        assert (0 in answer.rel_interval) == (answer.pvalue > alpha)
        assert answer.rel_interval.lower <= answer.rel_effect <= answer.rel_interval.upper


@few
@given(table=tables())
def test_relabelling_the_arms_flips_difference_and_inverts_ratio(table):
    one, other = compare_proportions(*table), compare_proportions(*table[2:], *table[:2])
    assert other.pvalue == pytest.approx(one.pvalue, rel=1e-10)
    flipped = (-one.effect_interval.upper, -one.effect_interval.lower)
    assert bounds(other.effect_interval) == pytest.approx(flipped, rel=1e-9, abs=1e-12)
    if table[0] and table[2]:
        inverted = (1 / (1 + one.rel_interval.upper), 1 / (1 + one.rel_interval.lower))
        ratios = (1 + other.rel_interval.lower, 1 + other.rel_interval.upper)
        assert ratios == pytest.approx(inverted, rel=1e-9)


@few
@given(table=tables())
def test_counting_non_events_flips_the_difference(table):
    x1, n1, x0, n0 = table
    one, other = compare_proportions(*table), compare_proportions(n1 - x1, n1, n0 - x0, n0)
    flipped = (-one.effect_interval.upper, -one.effect_interval.lower)
    assert bounds(other.effect_interval) == pytest.approx(flipped, rel=1e-9, abs=1e-12)


def test_the_standard_error_is_welchs():
    treatment, control = np.repeat([1.0, 0.0], [7, 43]), np.repeat([1.0, 0.0], [3, 57])
    welch = math.sqrt(np.var(treatment, ddof=1) / 50 + np.var(control, ddof=1) / 60)
    assert compare_proportions(7, 50, 3, 60).standard_error == pytest.approx(welch, rel=1e-14)


@pytest.mark.parametrize("table", EXTREMES)
def test_extreme_tables_give_finite_differences(table):
    answer = compare_proportions(*table)
    assert -1 <= answer.effect_interval.lower <= answer.effect <= answer.effect_interval.upper <= 1
    assert 0 <= answer.pvalue <= 1


def test_a_control_without_events_has_no_relative_effect():
    answer = compare_proportions(3, 50, 0, 40)
    assert answer.rel_effect is answer.rel_interval is None


def test_a_treatment_without_events_has_a_lower_bound_of_minus_one():
    answer = compare_proportions(0, 40, 3, 50)
    assert (answer.rel_effect, answer.rel_interval.lower) == (-1, -1)
    assert -1 < answer.rel_interval.upper < math.inf


def test_equal_arms_without_any_event_show_no_effect():
    assert compare_proportions(0, 10, 0, 30).pvalue == compare_proportions(10, 10, 30, 30).pvalue == 1


@pytest.mark.parametrize(("rate_treatment", "rate_control"), [(1.3e-6, 1e-6), (0.031, 0.03), (0.6, 0.59)])
def test_large_arms_keep_their_digits(rate_treatment, rate_control):
    n = 10**8
    answer = compare_proportions(round(rate_treatment * n), n, round(rate_control * n), n)
    wald = answer.effect - stats.norm.ppf(0.975) * answer.standard_error
    assert answer.effect_interval.lower == pytest.approx(wald, abs=0.02 * answer.standard_error)
    assert (1 + answer.rel_interval.lower) * rate_control == pytest.approx(
        rate_control + answer.effect_interval.lower, abs=0.2 * answer.standard_error
    )


def test_ten_times_smaller_rates_in_ten_times_larger_arms_scale_as_counts_do():
    poisson, rarer = compare_proportions(90, 10**7, 40, 10**7), compare_proportions(90, 10**8, 40, 10**8)
    assert bounds(rarer.rel_interval) == pytest.approx(bounds(poisson.rel_interval), rel=1e-5)
    assert rarer.effect_interval.lower * 10 == pytest.approx(poisson.effect_interval.lower, rel=1e-5)


@pytest.mark.oracle("one share (Wilson)", "statsmodels", "1e-9")
@pytest.mark.parametrize(("events", "n"), [(0, 1), (0, 20), (5, 100), (100, 100), (30, 10**8)])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_interval_of_one_share_equals_statsmodels_wilson(events, n, alpha):
    theirs = proportion_confint(events, n, alpha=alpha, method="wilson")
    assert bounds(proportion_interval(events, n, alpha=alpha)) == pytest.approx(theirs, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(
    "table", [(-1, 10, 2, 10), (11, 10, 2, 10), (1, 1, 2, 10), (1.5, 10, 2, 10), (1, math.nan, 2, 10), (1, 9, 2, 0)]
)
def test_impossible_counts_are_refused(table):
    with pytest.raises(InputError, match=r"(?s)the (treatment|control) arm has .*Next:"):
        compare_proportions(*table)


def test_an_impossible_alpha_is_refused():
    with pytest.raises(InputError, match="alpha is 0"):
        proportion_interval(1, 10, alpha=0)
