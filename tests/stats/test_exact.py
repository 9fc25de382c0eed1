"""Exact unconditional tests against scipy, against every table there is, and against their own definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats import compare_proportions, compare_proportions_exactly, exact_tails
from incrementality.stats.exact_orders import difference_score, fisher_order, ratio_score
from incrementality.stats.proportions import _difference_score, _ratio_score

TABLES = [(3, 10, 0, 20), (8, 40, 1, 30), (0, 12, 5, 9), (2, 50, 3, 8), (6, 33, 1, 9)]
FEW_EVENTS = [(9, 950, 4, 50), (3, 9500, 4, 500), (30, 9500, 0, 500), (0, 400, 3, 60), (2, 100_000, 9, 100_000)]


def pvalue_pair(test, table):
    x1, n1, x0, n0 = table
    cells = [[x1, x0], [n1 - x1, n0 - x0]]
    return tuple(test(cells, alternative=side, n=256).pvalue for side in ("less", "greater"))


def pair(tails):
    return tails.lower, tails.upper


@pytest.mark.parametrize("table", [*TABLES, (7, 15, 12, 15)])
def test_fishers_order_gives_scipys_boschloo_test(table):
    ours = exact_tails(*table, order="fisher", gamma=0)
    assert pair(ours) == pytest.approx(pvalue_pair(stats.boschloo_exact, table), rel=1e-9)
    cells = [[table[0], table[2]], [table[1] - table[0], table[3] - table[2]]]
    assert ours.pvalue == pytest.approx(stats.boschloo_exact(cells, n=256).pvalue, rel=1e-9)


@pytest.mark.parametrize("table", TABLES)
def test_the_score_gives_scipys_barnard_test(table):
    theirs = pvalue_pair(stats.barnard_exact, table)
    assert pair(exact_tails(*table, gamma=0)) == pytest.approx(theirs, rel=1e-9)


def brute_upper_tail(table, difference, shares):
    """The largest probability over a grid of shares of all tables at least as extreme, by the other module's score."""
    _, n1, _, n0 = table
    every = [(a, b) for a in range(n1 + 1) for b in range(n0 + 1)]
    seen = _difference_score(*table, difference)
    extreme = np.array([_difference_score(a, n1, b, n0, difference) >= seen - 1e-9 for a, b in every])
    a, b = np.array(every).T
    found = [
        (stats.binom.pmf(a, n1, p + difference) * stats.binom.pmf(b, n0, p) * extreme).sum()
        for p in shares
        if 0 <= p + difference <= 1
    ]
    return max(found)


@pytest.mark.parametrize("difference", [0.0, 0.2, -0.15])
@pytest.mark.parametrize("table", [(7, 15, 12, 15), (5, 18, 1, 7)])  # the first has ties, which scipy's test misses
def test_tails_are_those_of_every_table_there_is(table, difference):
    shares = np.linspace(0, 1, 1001)
    ours = exact_tails(*table, difference=difference, gamma=0)
    assert ours.upper == pytest.approx(brute_upper_tail(table, difference, shares), abs=2e-5)
    assert ours.lower == pytest.approx(brute_upper_tail((*table[2:], *table[:2]), -difference, shares), abs=2e-5)


@pytest.mark.parametrize("order", ["score", "fisher"])
def test_excluding_shares_adds_gamma_at_most(order):
    for table in FEW_EVENTS[:1] + TABLES:
        everywhere, near = (exact_tails(*table, order=order, gamma=gamma) for gamma in (0, 1e-6))
        assert near.upper <= everywhere.upper + 1.1e-6
        assert near.lower <= everywhere.lower + 1.1e-6


@pytest.mark.parametrize(("n1", "n0"), [(30, 6), (14, 14), (95, 5)])
@pytest.mark.parametrize("order", ["score", "fisher"])
def test_no_share_is_rejected_more_often_than_it_says(n1, n0, order):
    # summed over every table: no Monte-Carlo error
    reject = np.array(
        [[exact_tails(a, n1, b, n0, order=order).pvalue <= 0.05 for b in range(n0 + 1)] for a in some(n1)]
    )
    for share in np.linspace(0.002, 0.2, 30):
        weight = np.outer(stats.binom.pmf(some(n1), n1, share), stats.binom.pmf(np.arange(n0 + 1), n0, share))
        assert (weight * reject).sum() + stats.binom.sf(max(some(n1)), n1, share) <= 0.05 + 1e-9


def some(n):
    return range(min(n, 40) + 1)


def test_intervals_cover_every_difference_and_lift_of_a_small_experiment():
    n1, n0 = 40, 8
    found = {(a, b): compare_proportions_exactly(a, n1, b, n0, alpha=0.1) for a in range(6) for b in range(3)}
    for p1, p0 in [(0.02, 0.02), (0.03, 0.01), (0.01, 0.03)]:
        weight = {t: stats.binom.pmf(t[0], n1, p1) * stats.binom.pmf(t[1], n0, p0) for t in found}
        outside = 1 - sum(weight.values())
        missed = [
            sum(weight[t] for t, a in found.items() if p1 - p0 not in a.effect_interval),
            sum(weight[t] for t, a in found.items() if a.rel_interval and p1 / p0 - 1 not in a.rel_interval),
        ]
        assert max(missed) + outside <= 0.1


@pytest.mark.parametrize("table", FEW_EVENTS)
def test_pvalue_and_both_intervals_agree_and_hold_the_estimates(table):
    pvalue = compare_proportions_exactly(*table).pvalue
    for alpha in (pvalue * 0.98, min(pvalue * 1.02, 0.9)):
        answer = compare_proportions_exactly(*table, alpha=alpha)
        assert (0 in answer.effect_interval) == (answer.pvalue > alpha)
        assert answer.effect in answer.effect_interval
        if answer.rel_interval is not None:
            assert (0 in answer.rel_interval) == (answer.pvalue > alpha)
            assert answer.rel_effect in answer.rel_interval


def test_the_interval_holds_the_differences_that_are_not_rejected():
    table = (9, 95, 2, 15)
    interval = compare_proportions_exactly(*table).effect_interval
    for difference in np.linspace(-0.5, 0.4, 46):
        assert (exact_tails(*table, difference=difference).pvalue > 0.05) == (difference in interval)


def test_exchanging_the_arms_turns_the_answer():
    one, other = compare_proportions_exactly(9, 950, 4, 50), compare_proportions_exactly(4, 50, 9, 950)
    assert other.pvalue == pytest.approx(one.pvalue, rel=1e-7)
    assert other.effect_interval.lower == pytest.approx(-one.effect_interval.upper, rel=1e-6)
    assert 1 + other.rel_interval.lower == pytest.approx(1 / (1 + one.rel_interval.upper), rel=1e-6)


def test_with_many_events_the_exact_answer_is_the_asymptotic_one():
    exact, score = (compare(300, 5000, 120, 2500) for compare in (compare_proportions_exactly, compare_proportions))
    assert exact.pvalue == pytest.approx(score.pvalue, rel=0.08)
    assert exact.effect_interval.lower == pytest.approx(score.effect_interval.lower, abs=0.04 * score.standard_error)
    assert exact.rel_interval.upper == pytest.approx(score.rel_interval.upper, rel=0.03)


def test_rare_events_depend_on_counts_only():
    rare, rarer = compare_proportions_exactly(9, 10_000, 2, 10_000), compare_proportions_exactly(9, 10**5, 2, 10**5)
    assert rarer.pvalue == pytest.approx(rare.pvalue, rel=2e-3)
    assert 10 * rarer.effect_interval.upper == pytest.approx(rare.effect_interval.upper, rel=2e-3)


def test_without_events_nothing_is_found():
    answer = compare_proportions_exactly(0, 900, 0, 100)
    assert (answer.pvalue, answer.effect, answer.rel_effect) == (1.0, 0.0, None)
    assert 0 in answer.effect_interval
    assert answer.effect_interval.upper < 0.01 < -answer.effect_interval.lower


@pytest.mark.parametrize("difference", [-0.3, -0.001, 0.0005, 0.2])
@pytest.mark.parametrize(("n1", "n0"), [(30, 12), (9500, 500)])
def test_the_score_of_a_difference_is_the_other_modules(difference, n1, n0):
    factor = math.sqrt((n1 + n0 - 1) / (n1 + n0))  # theirs is Miettinen and Nurminen's
    for x1 in range(0, min(n1, 60) + 1, 6):
        x0 = np.arange(min(n0, 40) + 1.0)
        theirs = [_difference_score(x1, n1, int(b), n0, difference) for b in x0]
        ours = difference_score(np.full(len(x0), float(x1)), n1, x0, n0, difference)
        assert (ours * factor).tolist() == pytest.approx(theirs, rel=1e-7, abs=1e-9)


def test_the_score_of_a_ratio_is_the_other_modules():
    x0 = np.arange(41.0)
    theirs = [_ratio_score(7, 950, int(b), 50, 1.7) for b in x0]
    ours = ratio_score(np.full(41, 7.0), 950, x0, 50, 1.7) * math.sqrt(0.999)
    assert ours.tolist() == pytest.approx(theirs, rel=1e-9)


def test_fishers_order_is_scipys_hypergeometric_distribution():
    x0 = np.arange(31.0)
    theirs = -stats.hypergeom.cdf(x0, 9500 + 500, 500, x0 + 12)
    assert fisher_order(np.full(31, 12.0), 9500, x0, 500).tolist() == pytest.approx(theirs.tolist(), rel=1e-8)


@pytest.mark.parametrize(
    "order",
    [
        lambda x1, x0: fisher_order(x1, 90, x0, 20),
        lambda x1, x0: difference_score(x1, 90, x0, 20, 0.15),
        lambda x1, x0: difference_score(x1, 90, x0, 20, -0.15),
        lambda x1, x0: ratio_score(x1, 90, x0, 20, 3.0),
        lambda x1, x0: ratio_score(x1, 90, x0, 20, 0.2),
    ],
)
def test_every_order_rises_with_the_treatments_count_and_falls_with_the_controls(order):
    table = np.array([order(np.full(21, float(x1)), np.arange(21.0)) for x1 in range(91)])
    with np.errstate(invalid="ignore"):  # infinite less infinite
        rises, falls = np.diff(table, axis=0), np.diff(table, axis=1)
    assert (np.nan_to_num(rises) >= -1e-9).all()
    assert (np.nan_to_num(falls) <= 1e-9).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare_proportions_exactly(1, 1, 2, 10), "treatment arm has 1 units"),
        (lambda: exact_tails(11, 10, 2, 10), "11 events among 10"),
        (lambda: exact_tails(1, 10, 2, 10, difference=1.0), "difference of 1.0"),
        (lambda: exact_tails(1, 10, 2, 10, difference=0.1, order="fisher"), "order 'fisher'"),
        (lambda: exact_tails(1, 10, 2, 10, gamma=-0.1), "gamma -0.1"),
        (lambda: compare_proportions_exactly(1, 10, 2, 10, alpha=math.nan), "alpha is nan"),
    ],
)
def test_impossible_questions_are_refused(call, message):
    with pytest.raises(InputError, match=rf"(?s){message}.*Next:"):
        call()
