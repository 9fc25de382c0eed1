"""What intervals of quantile effects cover: skewed, zero-inflated and tied values, and whole accounts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from incrementality.stats.quantile_bootstrap import bootstrap_quantile_effect
from incrementality.stats.quantiles import compare_quantiles

RESULTS = Path(__file__).parent / "results" / "quantiles.json"
REPLICATIONS = 2000
LIFT = 1.25  # exact in binary, so that tied values meet the truth exactly


def paying_or_zero(rng, n):
    return np.where(rng.random(n) < 0.2, rng.lognormal(3, 1, n), 0.0)


# values of one arm, and their true quantile
WORLDS = {
    "lognormal": (lambda rng, n: rng.lognormal(0, 1, n), stats.lognorm(1).ppf),
    "zero-inflated": (paying_or_zero, lambda p: math.exp(3 + stats.norm.ppf((p - 0.8) / 0.2))),
    "counts": (lambda rng, n: rng.poisson(6, n).astype(float), stats.poisson(6).ppf),
}


def answers(world, probability, n_treatment, n_control, *, lift, seed=1, replications=REPLICATIONS):
    draw, quantile = WORLDS[world]
    rng, truth = np.random.default_rng(seed), (lift - 1) * float(quantile(probability))
    found = [
        compare_quantiles(lift * draw(rng, n_treatment), draw(rng, n_control), probability) for _ in range(replications)
    ]
    return {
        "covered": float(np.mean([truth in answer.interval for answer in found])),
        "rejected": float(np.mean([answer.pvalue <= 0.05 for answer in found])),
    }


def band(replications=REPLICATIONS):
    return 4 * math.sqrt(0.05 * 0.95 / replications)


@pytest.mark.parametrize(
    ("world", "probability", "n_treatment", "n_control"),
    [("lognormal", 0.5, 200, 200), ("zero-inflated", 0.9, 900, 300), ("counts", 0.5, 200, 200)],
)
def test_intervals_cover_and_never_too_seldom(world, probability, n_treatment, n_control):
    found = answers(world, probability, n_treatment, n_control, lift=LIFT)
    assert 0.95 - band() <= found["covered"]
    assert world == "counts" or found["covered"] <= 0.975  # ties make intervals longer


def test_true_nulls_are_rejected_at_most_five_per_cent_of_the_time():
    assert answers("lognormal", 0.75, 400, 100, lift=1.0)["rejected"] <= 0.05 + band()


def account_rows(rng, count):
    """Units of accounts that differ in size and level; the median of all units is 1."""
    sizes = 1 + rng.poisson(8, count)
    level = np.repeat(rng.normal(0, 0.7, count), sizes)
    return np.exp(level + rng.normal(0, 0.7, sizes.sum())), np.repeat(np.arange(count), sizes)


def covered_by_accounts(count, *, replications, seed, bootstrap):
    rng, hits = np.random.default_rng(seed), {"accounts": [], "units": [], "bootstrap": []}
    for draw in range(replications):
        (y1, id1), (y0, id0) = account_rows(rng, count), account_rows(rng, count)
        y1 = LIFT * y1
        hits["accounts"].append(LIFT - 1 in compare_quantiles(y1, y0, 0.5, accounts=(id1, id0)).interval)
        hits["units"].append(LIFT - 1 in compare_quantiles(y1, y0, 0.5).interval)
        if bootstrap:
            drawn = bootstrap_quantile_effect(y1, y0, 0.5, accounts=(id1, id0), seed=draw, replications=399)
            hits["bootstrap"].append(LIFT - 1 in drawn.interval)
    return {name: float(np.mean(found)) for name, found in hits.items() if found}


def test_accounts_are_counted_as_wholes():
    found = covered_by_accounts(60, replications=1000, seed=3, bootstrap=False)
    assert found["accounts"] == pytest.approx(0.95, abs=band(1000) + 0.01)  # sixty accounts: the share is nearly normal
    assert found["units"] < 0.8


def test_the_bootstrap_of_accounts_covers():
    found = covered_by_accounts(60, replications=150, seed=4, bootstrap=True)
    assert found["bootstrap"] == pytest.approx(0.95, abs=band(150))


@pytest.mark.slow
def test_quantile_intervals_on_the_full_grid():
    rows = []
    for world, probability in (("lognormal", 0.25), ("lognormal", 0.5), ("lognormal", 0.9), ("zero-inflated", 0.9)):
        for n_treatment, n_control in ((100, 100), (950, 150), (3800, 200), (2000, 2000)):
            found = answers(world, probability, n_treatment, n_control, lift=LIFT, seed=8, replications=1000)
            null = answers(world, probability, n_treatment, n_control, lift=1.0, seed=9, replications=1000)
            sizes = {"n_treatment": n_treatment, "n_control": n_control}
            rows.append({"world": world, "probability": probability} | sizes | found | {"false": null["rejected"]})
    for count in (20, 60, 200):
        found = covered_by_accounts(count, replications=300, seed=10, bootstrap=True)
        rows.append({"world": "accounts", "probability": 0.5, "each_arm": count} | found)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    assert [row for row in rows if "covered" in row and row["covered"] < 0.95 - band(1000)] == []
    assert [row for row in rows if "false" in row and row["false"] > 0.05 + band(1000)] == []
    assert [
        row for row in rows if "bootstrap" in row and min(row["bootstrap"], row["accounts"]) < 0.94 - band(300)
    ] == []
