from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from incrementality.errors import InputError
from incrementality.stats.survival import (
    compare_restricted_means,
    kaplan_meier,
    log_rank,
    restricted_mean,
    survival_at,
)


def watched(seed, n=120, *, ties=True):
    """Durations and events of one arm; whole days make ties."""
    rng = np.random.default_rng(seed)
    came, ended = rng.exponential(30, n), rng.uniform(5, 60, n)
    time = np.minimum(came, ended)
    return np.ceil(time) if ties else time, came <= ended


@pytest.mark.oracle("retention curve (Kaplan-Meier, Greenwood)", "statsmodels", "1e-9")
@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_the_curve_equals_statsmodels(seed, ties):
    time, event = watched(seed, ties=ties)
    theirs, ours = SurvfuncRight(time, event), kaplan_meier(time, event)
    assert ours.times == pytest.approx(theirs.surv_times, rel=1e-12)
    assert ours.survival == pytest.approx(theirs.surv_prob, rel=1e-9)
    assert ours.at_risk == pytest.approx(theirs.n_risk)
    assert ours.standard_errors == pytest.approx(theirs.surv_prob_se, rel=1e-9)
    assert survival_at(ours, 30.5).value == pytest.approx(theirs.surv_prob[theirs.surv_times <= 30.5][-1], rel=1e-9)


@pytest.mark.oracle("restricted mean time", "areas under statsmodels' curve, integrated by scipy", "1e-9")
@pytest.mark.parametrize("horizon", [7.0, 30.0, 41.5])
@pytest.mark.parametrize("seed", range(3))
def test_the_restricted_mean_is_the_area_under_statsmodels_curve(seed, horizon):
    time, event = watched(seed)
    theirs, ours = SurvfuncRight(time, event), restricted_mean(kaplan_meier(time, event), horizon)

    def area(start):
        knots = theirs.surv_times[(theirs.surv_times > start) & (theirs.surv_times < horizon)]
        ends = np.concatenate([[start], knots, [horizon]])

        def level(t):
            return theirs.surv_prob[np.searchsorted(theirs.surv_times, t, side="right") - 1] if t >= 1 else 1.0

        return sum(integrate.quad(level, a, b)[0] for a, b in pairwise(ends))

    d, n = theirs.n_events, theirs.n_risk
    kept = theirs.surv_times < horizon
    variance = sum(area(t) ** 2 * e / (r * (r - e)) for t, e, r in zip(theirs.surv_times[kept], d, n, strict=False))
    assert ours.value == pytest.approx(area(0.0), rel=1e-9)
    assert ours.variance == pytest.approx(variance, rel=1e-9)


@pytest.mark.oracle("log-rank test", "statsmodels", "1e-9")
@pytest.mark.parametrize("arms", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_the_log_rank_test_equals_statsmodels(seed, arms):
    time, event = watched(seed, 90)
    arm = np.random.default_rng(seed).integers(0, arms, 90)
    time = np.ceil(time * (1 + 0.3 * arm))
    statistic, pvalue = survdiff(time, event, arm)
    ours = log_rank(time, event, arm)
    assert ours.statistic == pytest.approx(statistic, rel=1e-9)
    assert ours.pvalue == pytest.approx(pvalue, rel=1e-8)
    assert sum(ours.observed) == pytest.approx(sum(ours.expected), rel=1e-12) == event.sum()


def test_without_censoring_the_restricted_mean_is_a_plain_mean():
    time = np.random.default_rng(2).exponential(10, 400)
    mean = restricted_mean(kaplan_meier(time, np.ones(400)), 15.0)
    capped = np.minimum(time, 15.0)
    assert mean.value == pytest.approx(capped.mean(), rel=1e-12)
    assert mean.variance == pytest.approx(capped.var() / 400, rel=1e-9)


def test_units_in_another_order_and_other_units_of_time_change_nothing_else():
    time, event = watched(4)
    order = np.random.default_rng(1).permutation(len(time))
    assert restricted_mean(kaplan_meier(time[order], event[order]), 30) == restricted_mean(
        kaplan_meier(time, event), 30
    )
    hours = restricted_mean(kaplan_meier(24 * time, event), 24 * 30)
    assert hours.value == pytest.approx(24 * restricted_mean(kaplan_meier(time, event), 30).value, rel=1e-12)


def test_relabelled_arms_turn_the_sign():
    one, two = (kaplan_meier(*watched(seed)) for seed in (5, 6))
    ahead, behind = compare_restricted_means(one, two, 30), compare_restricted_means(two, one, 30)
    assert ahead.effect == -behind.effect
    assert ahead.pvalue == behind.pvalue


def test_an_arm_without_events_keeps_everybody():
    curve = kaplan_meier([5, 6, 7], [0, 0, 0])
    assert restricted_mean(curve, 7).value == 7
    assert restricted_mean(curve, 7).variance == 0
    assert survival_at(curve, 6).value == 1


def test_an_arm_whose_last_unit_has_the_event_ends_at_zero():
    curve = kaplan_meier([1, 2, 3], [1, 1, 1])
    assert (curve.survival[-1], curve.standard_errors[-1]) == (0, 0)
    assert restricted_mean(curve, 3).value == pytest.approx(2.0)
    assert restricted_mean(curve, 9) == restricted_mean(curve, 3)


def test_a_million_units_are_no_matter():
    rng = np.random.default_rng(0)
    time, event = rng.exponential(30, 1_000_000), rng.random(1_000_000) < 0.4
    curve = kaplan_meier(time, event)
    assert curve.events.sum() == event.sum()
    # events come at 40 % of the hazard of leaving: the share without event is exp(-0.4 t / 30)
    assert survival_at(curve, 30.0).value == pytest.approx(math.exp(-0.4), abs=2e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kaplan_meier([], []), "0 durations"),
        (lambda: kaplan_meier([1, 2], [1]), "2 durations and 1 events"),
        (lambda: kaplan_meier([1, -2], [1, 1]), "1 durations are negative"),
        (lambda: kaplan_meier([1, math.nan], [1, 1]), "missing"),
        (lambda: kaplan_meier([1, 2], [1, 2]), "1 events are neither"),
        (
            lambda: restricted_mean(kaplan_meier([1, 2], [1, 0]), 3),
            "horizon is 3; units of this arm were watched for 2",
        ),
        (lambda: restricted_mean(kaplan_meier([1, 2], [1, 0]), 0), "horizon is 0"),
        (lambda: log_rank([1, 2], [1, 1], ["a", "a"]), "1 distinct"),
        (lambda: log_rank([1, 2, 3], [0, 0, 1], ["a", "a", "b"]), "no event came while two arms"),
    ],
)
def test_what_cannot_be_estimated_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()
