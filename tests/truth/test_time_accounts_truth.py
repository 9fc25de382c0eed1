"""Restricted means of whole accounts: CR2 on pseudo-observations holds its size, units taken one by one do not."""

from __future__ import annotations

import numpy as np
import pytest

from incrementality.stats import (
    cluster_means,
    compare_restricted_means,
    kaplan_meier,
    moments_of_rows,
    restricted_mean_pseudo_values,
)

HORIZON = 60.0
REPLICATIONS = 300
ACCOUNTS, UNITS = 24, 15  # accounts in each arm, units in each account
# Three Monte-Carlo errors of a share of 0.05 in 300 replications.
SPREAD = 3 * (0.05 * 0.95 / REPLICATIONS) ** 0.5


def arm(rng):
    """Units of an account share its pace; data cuts end some watches early; no effect of any arm."""
    pace = np.repeat(rng.gamma(3, 20, ACCOUNTS), UNITS)
    time, watch = rng.exponential(pace), rng.uniform(30, 150, ACCOUNTS * UNITS)
    return np.minimum(time, watch), time <= watch


def of_accounts(days, came):
    values = restricted_mean_pseudo_values(days, came, HORIZON)
    return moments_of_rows({"time": values}, clusters=np.repeat(np.arange(ACCOUNTS), UNITS))


@pytest.fixture(scope="module")
def pvalues():
    rng, found = np.random.default_rng(11), []
    for _ in range(REPLICATIONS):
        one, other = arm(rng), arm(rng)
        alone = compare_restricted_means(kaplan_meier(*one), kaplan_meier(*other), HORIZON)
        whole = cluster_means([(of_accounts(*one), of_accounts(*other))], ["time"], shares=[1.0]).compare()
        found.append((alone.pvalue, whole.pvalue))
    return np.array(found)


def test_cr2_on_pseudo_observations_rejects_a_true_null_as_often_as_it_says(pvalues):
    assert (pvalues[:, 1] < 0.05).mean() == pytest.approx(0.05, abs=SPREAD)


def test_units_of_accounts_taken_one_by_one_reject_far_too_often(pvalues):
    assert (pvalues[:, 0] < 0.05).mean() > 0.15
