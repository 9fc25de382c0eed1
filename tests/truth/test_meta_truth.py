"""Pooling of small skewed holdouts, and what intervals of pooled, shrunken and further effects cover."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from incrementality.stats.meta import pool_effects, pooled_arm_variance
from incrementality.stats.moments import moments_of_rows
from incrementality.stats.shrinkage import shrink_effects

RESULTS = Path(__file__).parent / "results" / "meta.json"
REPLICATIONS = 2000
TRUE_MEAN = 1.0


def revenue(rng, n):
    """One in twenty pays, log-normally."""
    return np.where(rng.random(n) < 0.05, rng.lognormal(3.0, 1.5, n), 0.0)


def null_experiments(count, seed):
    """Effects of true nulls at 500 against 9,500 with both variances, shape (count, 3), and the control's mean."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(count):
        arms = [moments_of_rows({"y": revenue(rng, n)}, shift={"y": 3.0}) for n in (9500, 500)]
        own = sum(float(arm.covariance()[0, 0] / arm.n[0]) for arm in arms)
        effect = float(arms[0].means()[0] - arms[1].means()[0])
        found.append([effect, pooled_arm_variance(*arms, "y"), own])
    return np.array(found), 0.05 * math.exp(3.0 + 1.5**2 / 2)


def test_weights_from_both_arms_keep_true_nulls_at_zero_and_weights_from_each_arm_do_not():
    found, control_mean = null_experiments(200, seed=5)
    effects, pooled, own = found.T
    right, wrong = pool_effects(effects, pooled), pool_effects(effects, own)
    error = math.sqrt(pooled.mean() / len(effects))
    assert abs(right.mean) < 2 * error
    assert np.average(effects, weights=1 / own) > 0.2 * control_mean  # about a third, by precision alone
    assert wrong.mean > 0.2 * control_mean
    assert wrong.pvalue < 1e-6


def normal_experiments(k, tau, seed, replications=REPLICATIONS):
    """True effects, estimates and variances of experiments of unequal size, each of shape (replications, k)."""
    rng = np.random.default_rng(seed)
    variances = np.tile(np.linspace(0.3, 1.7, k), (replications, 1))
    truth = rng.normal(TRUE_MEAN, tau, (replications, k))
    return truth, rng.normal(truth, np.sqrt(variances)), variances


def covered_mean(k, tau, seed):
    _, effects, variances = normal_experiments(k, tau, seed)
    return float(np.mean([TRUE_MEAN in pool_effects(y, v).interval for y, v in zip(effects, variances, strict=True)]))


def shrunken(k, tau, seed, replications):
    truth, effects, variances = normal_experiments(k, tau, seed, replications)
    found = [shrink_effects(y, v) for y, v in zip(effects, variances, strict=True)]
    each = np.array(
        [[t in i for t, i in zip(row, s.intervals, strict=True)] for row, s in zip(truth, found, strict=True)]
    )
    best = np.array([np.argmax(s.effects) for s in found])
    loudest = effects.argmax(1)
    new = np.random.default_rng(seed + 1000).normal(TRUE_MEAN, tau, replications)
    rows = np.arange(replications)
    means = np.array([s.effects for s in found])
    return {
        "each": float(each.mean()),
        "next": float(np.mean([at in s.next_interval for at, s in zip(new, found, strict=True)])),
        "winner": float(each[rows, best].mean()),
        "winner_bias": float((means[rows, best] - truth[rows, best]).mean()),
        "raw_winner_bias": float((effects[rows, loudest] - truth[rows, loudest]).mean()),
    }


@pytest.mark.parametrize(("k", "tau"), [(3, 0.0), (3, 1.0), (8, 0.0), (8, 1.0)])
def test_the_mean_effect_is_covered(k, tau):
    band = 4 * math.sqrt(0.05 * 0.95 / REPLICATIONS)
    found = covered_mean(k, tau, seed=11)
    assert found > 0.95 - band  # conservative where nothing differs, and for few experiments
    assert tau == 0 or k == 3 or found < 0.95 + band


@pytest.mark.parametrize("tau", [0.3, 1.0])
def test_winners_are_pulled_back_and_each_experiment_is_covered(tau):
    """At one fixed tau a posterior covers 92 % or more; four Monte-Carlo errors of 300 x 8 intervals are 0.02."""
    found = shrunken(8, tau, seed=13, replications=300)
    assert found["each"] > 0.92 - 0.02
    assert found["winner"] > 0.92 - 4 * math.sqrt(0.08 * 0.92 / 300)
    assert found["next"] > 0.92 - 4 * math.sqrt(0.08 * 0.92 / 300)
    assert abs(found["winner_bias"]) < 0.4 * found["raw_winner_bias"]


@pytest.mark.slow
def test_pooling_and_shrinkage_on_the_full_grid():
    rows = []
    for k in (3, 5, 8, 20):
        for tau in (0.0, 0.5, 1.0, 2.0):
            found = {"mean": covered_mean(k, tau, seed=21)} | shrunken(k, tau, seed=22, replications=400)
            rows.append({"experiments": k, "tau": tau} | {key: round(value, 4) for key, value in found.items()})
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    assert [row for row in rows if row["mean"] < 0.95 - 4 * math.sqrt(0.05 * 0.95 / REPLICATIONS)] == []
    noise = 4 * math.sqrt(0.08 * 0.92 / 400)
    assert [row for row in rows if row["each"] < 0.91] == []
    assert [row for row in rows if min(row["next"], row["winner"]) < 0.92 - noise] == []
    assert [row for row in rows if abs(row["winner_bias"]) > 0.5 * row["raw_winner_bias"]] == []
