"""Do stopped tests err, cover and estimate as they say? Bands are four Monte-Carlo standard errors."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from incrementality.stats.sequential import group_sequential_bounds
from incrementality.stats.spending import Spending
from incrementality.stats.stopping import after_stopping

RESULTS = Path(__file__).parent / "results" / "sequential.json"
REPLICATIONS = 2000
TIMES = [0.3, 0.55, 1.0]
KINDS = ("obrien_fleming", "pocock", "power")


def paths(drift, times, replications, seed):
    """Test statistics at each look, shape (replications, looks)."""
    rng = np.random.default_rng(seed)
    steps = np.diff(times, prepend=0.0)
    motion = (drift * steps + rng.normal(size=(replications, len(times))) * np.sqrt(steps)).cumsum(1)
    return motion / np.sqrt(times)


def stopped(drift, kind, *, times=TIMES, replications=REPLICATIONS, seed=1):
    """The answers of tests that stop at their first crossing, or at the last look; effects are drifts."""
    plan = group_sequential_bounds(times, spending=Spending(kind=kind))
    so_far = [group_sequential_bounds(times[:k], spending=Spending(kind=kind)) for k in range(1, len(times) + 1)]
    z = paths(drift, times, replications, seed)
    crossed = np.abs(z) >= np.array(plan.critical)
    last = np.where(crossed.any(1), crossed.argmax(1), len(times) - 1)
    return [
        after_stopping(float(row[k]) / math.sqrt(times[k]), 1 / math.sqrt(times[k]), so_far[k])
        for row, k in zip(z, last, strict=True)
    ]


def summary(drift, answers):
    return {
        "rejected": float(np.mean([a.pvalue <= 0.05 for a in answers])),
        "covered": float(np.mean([drift in a.interval for a in answers])),
        "above_truth": float(np.mean([a.effect > drift for a in answers])),
        "raw_above_truth": float(np.mean([a.raw_effect > drift for a in answers])),
        "bias": float(np.mean([a.effect for a in answers]) - drift),
        "raw_bias": float(np.mean([a.raw_effect for a in answers]) - drift),
    }


def band(share, replications=REPLICATIONS):
    return 4 * math.sqrt(share * (1 - share) / replications)


@pytest.mark.parametrize("kind", KINDS)
def test_several_looks_reject_five_per_cent_of_true_nulls(kind):
    for looks in (3, 20):
        times = (np.arange(1, looks + 1) / looks).tolist()
        bounds = group_sequential_bounds(times, spending=Spending(kind=kind))
        z = paths(0.0, times, 40_000, seed=looks)
        rejected = np.mean((np.abs(z) >= np.array(bounds.critical)).any(1))
        assert rejected == pytest.approx(0.05, abs=band(0.05, 40_000))


def test_twenty_looks_at_a_fixed_test_reject_far_more():
    times = (np.arange(1, 21) / 20).tolist()
    assert np.mean((np.abs(paths(0.0, times, 40_000, seed=3)) >= 1.96).any(1)) > 0.2


def first_z(bounds, exceeds):
    """The statistic from which an answer at the last look of the bounds exceeds something; answers rise with it."""
    error = 1 / math.sqrt(bounds.times[-1])
    low, high = -12.0, 18.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if exceeds(after_stopping(middle * error, error, bounds)) else (middle, high)
    return high


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_tests_cover_and_are_median_unbiased(kind):
    """200,000 tests: at each look it is found once from which statistic on the answer lies above the truth."""
    drift, draws = 2.8, 200_000
    so_far = [group_sequential_bounds(TIMES[:k], spending=Spending(kind=kind)) for k in (1, 2, 3)]
    z = paths(drift, TIMES, draws, seed=1)
    crossed = np.abs(z) >= np.array(so_far[-1].critical)
    last = np.where(crossed.any(1), crossed.argmax(1), 2)
    seen = z[np.arange(draws), last]
    above = {
        "estimate": lambda answer: answer.effect > drift,
        "lower": lambda answer: answer.interval.lower > drift,
        "upper": lambda answer: answer.interval.upper > drift,
    }
    shares = {
        name: np.mean(seen > np.array([first_z(bounds, exceeds) for bounds in so_far])[last])
        for name, exceeds in above.items()
    }
    assert shares["estimate"] == pytest.approx(0.5, abs=band(0.5, draws))
    assert shares["lower"] == pytest.approx(0.025, abs=band(0.025, draws))
    assert shares["upper"] == pytest.approx(0.975, abs=band(0.025, draws))
    plain = seen / np.sqrt(np.array(TIMES))[last]
    assert plain.mean() > drift + 0.1  # the plain estimate of a stopped test is too large


@pytest.mark.slow
def test_stopped_tests_on_the_full_grid():
    rows = []
    for kind in KINDS:
        for name, times in {"3": TIMES, "6": (np.arange(1, 7) / 6).tolist()}.items():
            for drift in (0.0, 2.8):
                answers = stopped(drift, kind, times=times, replications=1000, seed=7)
                found = {key: round(value, 4) for key, value in summary(drift, answers).items()}
                rows.append({"spending": kind, "looks": name, "drift": drift, **found})
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    assert all(abs(row["covered"] - 0.95) <= band(0.05, 1000) for row in rows)
    assert all(abs(row["above_truth"] - 0.5) <= band(0.5, 1000) for row in rows)
    assert all(abs(row["rejected"] - 0.05) <= band(0.05, 1000) for row in rows if row["drift"] == 0)
