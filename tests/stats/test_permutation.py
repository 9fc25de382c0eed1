"""The permutation test against full enumeration, scipy and brute force; what holds for every table."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats import compare_by_permutation
from incrementality.stats.permutation import compare_over_sums, units_compared, welch_statistics
from incrementality.stats.permutation_sums import (
    _chosen_by_bytes,
    _chosen_by_keys,
    drawn_assignments,
    permuted_sums,
    sums_over_assignments,
)

SPEND = np.array([3.1, 0.0, 12.5, 0.0, 0.0, 7.25, 0.0, 1.0, 2.2, 0.0])
TREATED = np.array([1, 0, 1, 0, 0, 1, 0, 0, 1, 0], dtype=bool)
VISITS = np.array([2.0, 1.0, 4.0, 3.0, 1.0, 2.0, 5.0, 1.0, 3.0, 2.0])
BLOCK = np.array(list("aaaaabbbbb"))
few = settings(deadline=None, derandomize=True, max_examples=60)


def enumerated(treated, strata=None):
    """Every other assignment with the same arms in each stratum."""
    strata = np.zeros(len(treated)) if strata is None else strata
    choices = []
    for name in np.unique(strata):
        inside = np.flatnonzero(strata == name)
        choices.append(list(itertools.combinations(inside, int(treated[inside].sum()))))
    labels = np.zeros((math.prod(map(len, choices)), len(treated)), dtype=bool)
    for row, chosen in zip(labels, itertools.product(*choices), strict=True):
        row[list(itertools.chain(*chosen))] = True
    return labels[~(labels == treated).all(1)]


def over_all(values, treated, *, denominator=None, strata=None, alpha=0.05):
    units = units_compared(values, treated, denominator=denominator, strata=strata)
    return compare_over_sums(sums_over_assignments(units, enumerated(treated, strata)), welch_statistics, alpha=alpha)


def welch(one, other):
    """The statistic written from its definition."""
    error = math.sqrt(np.var(one, ddof=1) / len(one) + np.var(other, ddof=1) / len(other))
    return (np.mean(one) - np.mean(other)) / error


def brute_tails(values, treated, strata=None, denominator=None):
    """Tails over all assignments, from rows, one assignment at a time."""
    x = np.ones(len(values)) if denominator is None else denominator
    influence = values - values.sum() / x.sum() * x
    strata = np.zeros(len(values)) if strata is None else strata

    def statistic(label):
        difference = variance = 0.0
        for name in np.unique(strata):
            inside = strata == name
            one, other = influence[inside & label], influence[inside & ~label]
            difference += inside.mean() * (one.mean() - other.mean())
            variance += inside.mean() ** 2 * (np.var(one, ddof=1) / len(one) + np.var(other, ddof=1) / len(other))
        return difference / math.sqrt(variance)

    found = np.array([statistic(label) for label in (treated, *enumerated(treated, strata))])
    return np.mean(found <= found[0] + 1e-9), np.mean(found >= found[0] - 1e-9)


@pytest.mark.parametrize("values", [SPEND, SPEND + VISITS, np.round(SPEND)])
@pytest.mark.parametrize(("alternative", "tail"), [("less", "lower_tail"), ("greater", "upper_tail")])
def test_all_assignments_give_scipys_exact_pvalue(values, alternative, tail):
    theirs = stats.permutation_test(
        (values[TREATED], values[~TREATED]), welch, alternative=alternative, n_resamples=1e4
    )
    assert getattr(over_all(values, TREATED), tail) == pytest.approx(theirs.pvalue, rel=1e-12)


@pytest.mark.parametrize("strata", [None, BLOCK])
@pytest.mark.parametrize("denominator", [None, VISITS])
def test_strata_and_ratios_equal_brute_force_over_rows(strata, denominator):
    answer = over_all(SPEND, TREATED, denominator=denominator, strata=strata)
    tails = brute_tails(SPEND, TREATED, strata, denominator)
    assert (answer.lower_tail, answer.upper_tail) == pytest.approx(tails, rel=1e-12)
    assert answer.pvalue == pytest.approx(min(1, 2 * min(tails)), rel=1e-12)


@pytest.mark.parametrize("strata", [None, BLOCK])
@pytest.mark.parametrize("denominator", [None, VISITS])
def test_the_additive_interval_holds_what_brute_force_does_not_reject(strata, denominator):
    answer = over_all(SPEND, TREATED, denominator=denominator, strata=strata, alpha=0.2)
    x = np.ones(10) if denominator is None else denominator
    for tau in np.linspace(-3, 9, 61):
        kept = min(brute_tails(SPEND - tau * x * TREATED, TREATED, strata, denominator)) > 0.1
        assert kept == (tau in answer.effect_interval)


@pytest.mark.parametrize("denominator", [None, VISITS])
def test_the_scale_interval_holds_what_brute_force_does_not_reject(denominator):
    values = np.where(SPEND == 0, 0.5, SPEND)
    answer = over_all(values, TREATED, denominator=denominator, alpha=0.2)
    for lift in np.geomspace(0.3, 60, 61) - 1:
        undone = np.where(TREATED, values / (1 + lift), values)
        assert (min(brute_tails(undone, TREATED, None, denominator)) > 0.1) == (lift in answer.rel_interval)


def test_effect_and_error_are_those_of_welch_and_of_the_delta_method():
    plain, ratio = over_all(SPEND, TREATED), over_all(SPEND, TREATED, denominator=VISITS)
    one, other = SPEND[TREATED], SPEND[~TREATED]
    assert plain.effect == pytest.approx(one.mean() - other.mean(), rel=1e-12)
    assert plain.standard_error == pytest.approx(math.sqrt(one.var(ddof=1) / 4 + other.var(ddof=1) / 6), rel=1e-12)
    assert plain.rel_effect == pytest.approx(one.mean() / other.mean() - 1, rel=1e-12)
    rates = [SPEND[arm].sum() / VISITS[arm].sum() for arm in (TREATED, ~TREATED)]
    assert (ratio.effect, ratio.rel_effect) == pytest.approx((rates[0] - rates[1], rates[0] / rates[1] - 1), rel=1e-12)
    residuals = [SPEND[arm] - rate * VISITS[arm] for arm, rate in zip((TREATED, ~TREATED), rates, strict=True)]
    slope = VISITS[TREATED].mean() * VISITS[~TREATED].mean() / VISITS.mean()
    error = math.sqrt(sum(part.var(ddof=1) / len(part) for part in residuals)) / slope
    assert ratio.standard_error == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("choose", [_chosen_by_keys, _chosen_by_bytes])
def test_every_subset_is_as_likely_as_any_other(choose):
    rng = np.random.default_rng(3)
    chosen = choose(7, np.full(35_000, 3), rng)
    assert (chosen.sum(1) == 3).all()
    _, counts = np.unique(chosen @ 2 ** np.arange(7), return_counts=True)
    assert len(counts) == 35
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("choose", [_chosen_by_keys, _chosen_by_bytes])
@pytest.mark.parametrize("units", [5, 3000])
def test_subsets_have_the_sizes_asked_for(choose, units):
    asked = np.random.default_rng(4).integers(0, units + 1, 200)
    assert choose(units, asked, np.random.default_rng(5)).sum(1).tolist() == asked.tolist()


@pytest.mark.parametrize("payer_share", [0.02, 0.5, 1.0])
def test_drawing_payers_only_gives_the_distribution_of_drawing_everybody(payer_share):
    rng = np.random.default_rng(6)
    values = np.where(rng.random(5000) < payer_share, rng.lognormal(2, 1, 5000), 0.0)
    treated = np.arange(5000) >= 400
    units = units_compared(values, treated, strata=np.arange(5000) % 2)
    short = permuted_sums(units, 3000, rng)
    long = sums_over_assignments(units, drawn_assignments(units, 3000, rng))
    for hypothesis in ((1.0, 0.0), (1.0, 0.3), (0.7, 0.0)):
        one, other = (np.divide(*welch_statistics(sums, *hypothesis)) for sums in (short, long))
        assert one[0] == pytest.approx(other[0], rel=1e-9)
        assert stats.ks_2samp(one[1:], other[1:]).pvalue > 1e-4


def zero_inflated(seed, n=600, share=0.1):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.08, rng.lognormal(2, 1, n), 0.0), rng.random(n) >= share


def test_the_random_pvalue_is_that_of_full_enumeration_but_for_its_own_error():
    exact, drawn = over_all(SPEND, TREATED), compare_by_permutation(SPEND, TREATED, seed=7, permutations=10_000)
    band = 4 * math.sqrt(exact.upper_tail * (1 - exact.upper_tail) / 10_000)
    assert drawn.upper_tail == pytest.approx(exact.upper_tail, abs=band)


def test_the_same_seed_gives_the_same_answer_and_another_unit_of_money_the_same_pvalue():
    values, treated = zero_inflated(8)
    one = compare_by_permutation(values, treated, seed=1, permutations=999)
    assert one == compare_by_permutation(values, treated, seed=1, permutations=999)
    cents = compare_by_permutation(values * 128, treated, seed=1, permutations=999)
    assert (cents.pvalue, cents.rel_interval) == (one.pvalue, one.rel_interval)
    assert cents.effect_interval.upper == pytest.approx(128 * one.effect_interval.upper, rel=1e-9)


def test_exchanging_the_arms_exchanges_the_tails_and_turns_the_interval():
    one, other = over_all(SPEND, TREATED, alpha=0.2), over_all(SPEND, ~TREATED, alpha=0.2)
    assert (one.lower_tail, one.upper_tail) == (other.upper_tail, other.lower_tail)
    turned = -other.effect_interval.upper, -other.effect_interval.lower
    assert (one.effect_interval.lower, one.effect_interval.upper) == pytest.approx(turned, abs=1e-6)


@few
@given(seed=st.integers(0, 10**6), alpha=st.sampled_from([0.05, 0.2, 0.5]), lift=st.sampled_from([0.0, 0.6, 3.0]))
def test_pvalue_and_both_intervals_agree_about_zero(seed, alpha, lift):
    values, treated = zero_inflated(seed, n=200, share=0.3)
    values = np.where(treated, values * (1 + lift), values)
    answer = compare_by_permutation(values, treated, seed=seed, permutations=199, alpha=alpha)
    assert (0 in answer.effect_interval) == (answer.pvalue > alpha)
    if answer.rel_interval is not None:
        assert (0 in answer.rel_interval) == (answer.pvalue > alpha)


def test_no_pvalue_is_below_two_over_the_permutations():
    values = np.concatenate([np.arange(50.0), 1000 + np.arange(50.0)])
    answer = compare_by_permutation(values, np.arange(100) >= 50, seed=1, permutations=999)
    assert (answer.pvalue, answer.upper_tail, answer.lower_tail) == (0.002, 0.001, 1.0)


def test_ties_count_to_both_tails():
    # one payer among 100, in the treatment arm of 90: a tenth of the relabellings moves it, the others are ties
    answer = compare_by_permutation(np.arange(100) == 99, np.arange(100) >= 10, seed=2, permutations=9999)
    assert (answer.lower_tail, answer.upper_tail) == pytest.approx((1.0, 0.9), abs=0.015)


def test_large_amounts_keep_their_digits():
    rng = np.random.default_rng(9)
    values, treated = rng.normal(0, 1, 400), np.arange(400) >= 100
    near = compare_by_permutation(values, treated, seed=3, permutations=999)
    far = compare_by_permutation(values + 1e8, treated, seed=3, permutations=999)
    assert far.pvalue == near.pvalue
    assert far.effect_interval.lower == pytest.approx(near.effect_interval.lower, abs=1e-6)


def test_a_rerandomised_design_is_permuted_by_its_own_rule():
    rng = np.random.default_rng(10)
    covariate = rng.normal(size=60)
    values = 2 * covariate + rng.normal(size=60)

    def balanced(labels):
        gap = [abs(covariate[row].mean() - covariate[~row].mean()) for row in labels]
        return np.array(gap) < 0.1

    treated = next(label for label in rng.permuted(np.tile(np.arange(60) < 30, (200, 1)), axis=1) if balanced([label]))
    units = units_compared(values, treated)
    assert balanced(drawn_assignments(units, 300, rng, balanced)).all()
    followed = compare_by_permutation(values, treated, seed=4, permutations=1999, accept=balanced)
    ignored = compare_by_permutation(values, treated, seed=4, permutations=1999)
    width = [i.effect_interval.upper - i.effect_interval.lower for i in (followed, ignored)]
    assert width[0] < 0.7 * width[1]  # the rule takes the covariate's part out of the chance differences


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.where(TREATED, SPEND, 0.0), "the control's mean is zero"),
        (np.where(TREATED, 0.0, VISITS), "the treatment arm's mean is zero"),
        (SPEND - 1, "the outcome can be negative"),
    ],
)
def test_a_relative_effect_that_does_not_exist_is_refused_with_its_reason(values, reason):
    answer = compare_by_permutation(values, TREATED, seed=1, permutations=99)
    assert answer.rel_effect is answer.rel_interval is None
    assert answer.no_relative == reason


@pytest.mark.parametrize("level", [0.0, 4.0])
def test_outcomes_that_are_all_equal_show_no_effect(level):
    answer = compare_by_permutation(np.full(10, level), TREATED, seed=1, permutations=99)
    assert (answer.pvalue, answer.effect) == (1.0, 0.0)
    assert 0 in answer.effect_interval


def test_arms_too_small_to_reject_anything_have_no_bounds():
    answer = compare_by_permutation([1.0, 2.0, 3.0, 5.0], [1, 1, 0, 0], seed=1, permutations=999)
    assert (answer.effect_interval.lower, answer.effect_interval.upper) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": [1.0, math.nan, 2.0, 3.0]}, "no missing"),
        ({"treated": [1, 0, 1]}, "differ in length"),
        ({"treated": [1, 0, 2, 0]}, "neither true nor false"),
        ({"treated": [1, 0, 0, 0]}, "1 units in an arm"),
        ({"strata": list("abab")}, "0 units in an arm"),
        ({"denominator": [1.0, -1.0, 0.0, 0.0]}, "denominator sums to zero"),
        ({"permutations": 38}, "38 permutations cannot reach an alpha of 0.05"),
        ({"alpha": 0.0}, "alpha of 0.0"),
        ({"accept": lambda labels: labels[:, 1]}, "refuses the assignment"),
        ({"accept": lambda labels: (labels == [1, 0, 1, 0]).all(1) & (len(labels) == 1)}, "the rule accepted 0"),
    ],
)
def test_what_cannot_be_permuted_is_refused(changes, message):
    call = {"values": [1.0, 2.0, 3.0, 4.0], "treated": [1, 0, 1, 0], "permutations": 99} | changes
    with pytest.raises(InputError, match=rf"(?s){message}.*Next:"):
        compare_by_permutation(call.pop("values"), call.pop("treated"), seed=1, **call)
