"""Pseudo-observations of a restricted mean against the jackknife and against Greenwood's variance."""

from __future__ import annotations

import numpy as np
import pytest

from incrementality.stats import kaplan_meier, restricted_mean, restricted_mean_pseudo_values

# The infinitesimal jackknife is a derivative: leaving one of n units out differs from it by terms of 1/n.
JACKKNIFE = 0.2
EXACT = 1e-10


def watched(n=300, seed=1, *, ties=True):
    rng = np.random.default_rng(seed)
    time, cut = rng.exponential(50, n), rng.uniform(5, 120, n)
    time, cut = (np.ceil(time), np.ceil(cut)) if ties else (time, cut)
    return np.minimum(time, cut), time <= cut


@pytest.mark.oracle("Pseudo-observations", "the jackknife, unit by unit", "0.2 of 60 days, of order 1/n")
def test_they_are_those_of_leaving_out_one_unit():
    days, came = watched()
    n, whole = len(days), restricted_mean(kaplan_meier(days, came), 60.0).value
    without = [
        restricted_mean(kaplan_meier(np.delete(days, i), np.delete(came, i)), 60.0).value for i in range(0, n, 7)
    ]
    jackknife = n * whole - (n - 1) * np.array(without)
    assert restricted_mean_pseudo_values(days, came, 60.0)[::7] == pytest.approx(jackknife, abs=JACKKNIFE)


@pytest.mark.parametrize("ties", [True, False])
def test_their_mean_is_the_estimate_and_their_variance_is_greenwoods(ties):
    days, came = watched(ties=ties)
    found = restricted_mean_pseudo_values(days, came, 60.0)
    mean = restricted_mean(kaplan_meier(days, came), 60.0)
    assert found.mean() == pytest.approx(mean.value, rel=EXACT)
    assert found.var() / len(found) == pytest.approx(mean.variance, rel=EXACT)


def test_without_censoring_each_is_its_own_time_cut_at_the_horizon():
    days = np.array([3.0, 8.0, 8.0, 20.0, 31.0, 90.0])
    assert restricted_mean_pseudo_values(days, np.ones(6), 30.0) == pytest.approx(np.minimum(days, 30.0), rel=EXACT)


def test_no_event_before_the_horizon_leaves_nothing_to_vary():
    assert restricted_mean_pseudo_values([40, 50, 60], [0, 1, 0], 30.0).tolist() == [30.0, 30.0, 30.0]
