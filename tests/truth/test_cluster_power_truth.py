"""Power of whole accounts by formula against counted power: the readout's own test on accounts drawn from a history.

``pytest -m slow tests/truth/test_cluster_power_truth.py`` runs the grid and writes ``results/cluster_power.json``.
Effects are those that the formula says are seen with a power of 0.5 and 0.8, up to a doubling.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from incrementality.stats import (
    minimal_detectable_effect,
    moments_of_rows,
    outcome_of_moments,
    power_of_effect,
    simulate_power,
)

RESULTS = Path(__file__).with_name("results") / "cluster_power.json"
SEED, FAST, SLOW = 20_261_123, 2000, 4000
LARGEST_EFFECT = 1.0
FEWEST_EFFECTIVE = 9.0  # in the smaller arm; nearer to 8, drawn accounts are refused by chance


@dataclass(frozen=True)
class World:
    kind: str
    icc: float
    accounts: int
    control_share: float
    power: float

    @property
    def seed(self):
        return [SEED, *(ord(letter) for letter in repr(self))]


FEW = [
    World("mean", 0.3, 40, 0.5, 0.8),
    World("conversion", 0.05, 100, 0.2, 0.8),
    World("revenue", 0.05, 100, 0.5, 0.5),
    World("ratio", 0.3, 300, 0.1, 0.5),
]
GRID = [
    World(*cell)
    for cell in itertools.product(
        ("mean", "conversion", "revenue", "ratio"), (0.05, 0.3), (40, 100, 300), (0.5, 0.2, 0.1), (0.5, 0.8)
    )
]


def history_of(kind, icc, accounts=4000):
    """Contacts of unequal accounts: values, clusters and, for a ratio, denominators."""
    rng = np.random.default_rng(SEED)
    size = 1 + rng.poisson(rng.gamma(3, 19 / 3, accounts))
    account, odds = np.repeat(np.arange(accounts), size), (1 - icc) / icc
    level = rng.normal(size=accounts)[account]
    n = len(account)
    if kind == "mean":
        return {"values": 10 + 3 * (np.sqrt(icc) * level + np.sqrt(1 - icc) * rng.normal(size=n)), "clusters": account}
    if kind == "conversion":
        rate = rng.beta(0.2 * odds, 0.8 * odds, accounts)
        return {"values": (rng.random(n) < rate[account]).astype(float), "clusters": account}
    if kind == "revenue":
        pays = rng.random(n) < special.ndtr(-0.8 + np.sqrt(icc) * level)
        return {"values": pays * rng.lognormal(3, 0.8, n), "clusters": account}
    sessions = 1 + rng.poisson(3, n)
    rate = rng.beta(0.3 * odds, 0.7 * odds, accounts)
    orders = rng.binomial(sessions, rate[account]).astype(float)
    return {"values": orders, "denominator": sessions.astype(float), "clusters": account}


def outcome_of(world, history):
    columns = {"y": history["values"], "x": history.get("denominator", np.ones(len(history["values"])))}
    moments = moments_of_rows(columns, clusters=history["clusters"])
    outcome = outcome_of_moments(moments, "y", "x" if "denominator" in history else None)
    residual = columns["y"] - outcome.mean * columns["x"]
    spread = np.bincount(history["clusters"], weights=residual)
    second, third, fourth = ((spread**power).mean() for power in (2, 3, 4))
    shape = {"skewness": float(third / second**1.5), "kurtosis": float(fourth / second**2 - 3)}
    return replace(outcome, binary=world.kind == "conversion", **shape)


def measured(world, replications):
    """Return the effect, the power by formula and the counted one; ``None`` where the world has no such cell."""
    history = history_of(world.kind, world.icc)
    outcome = outcome_of(world, history)
    units = world.accounts * outcome.units_per_cluster
    arms = {"n_control": units * world.control_share, "n_treatment": units * (1 - world.control_share)}
    smaller = world.accounts * min(world.control_share, 1 - world.control_share)
    effect = minimal_detectable_effect(outcome, **arms, power=world.power, variance="unequal")
    if smaller * outcome.effective_share < FEWEST_EFFECTIVE or effect is None or effect / outcome.mean > LARGEST_EFFECT:
        return None
    sizes = {name: round(n) for name, n in arms.items()}
    options = {"seed": world.seed, "replications": replications}
    found = simulate_power(**history, relative_effect=effect / outcome.mean, **sizes, **options)
    return {
        **asdict(world),
        "effect": round(effect / outcome.mean, 4),
        "formula": round(power_of_effect(outcome, effect, **arms, variance="unequal"), 4),
        "counted": round(found.power, 4),
        "standard_error": round(found.standard_error, 4),
        "refused": round(found.refused, 4),
    }


def miss(row):
    """By how much the formula is off beyond Monte-Carlo error (3.5 standard errors, of 91 cells) and the refusals."""
    return abs(row["formula"] - row["counted"]) - 3.5 * row["standard_error"] - row["refused"]


@pytest.mark.parametrize("world", FEW, ids=str)
def test_power_of_accounts_by_formula_is_what_simulation_counts(world):
    row = measured(world, FAST)
    assert miss(row) <= 0
    assert row["refused"] < 0.05


def test_few_accounts_are_counted_as_refused():
    history = history_of("mean", 0.05)
    found = simulate_power(**history, relative_effect=0.5, n_control=140, n_treatment=140, seed=1, replications=200)
    assert (found.power, found.refused) == (0.0, 1.0)


def test_the_committed_grid_agrees():
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert {row["kind"] for row in rows} == {"mean", "conversion", "revenue", "ratio"}
    assert [row for row in rows if miss(row) > 0] == []


@pytest.mark.slow
def test_power_of_accounts_on_the_full_grid():
    rows = [row for world in GRID if (row := measured(world, SLOW)) is not None]
    lines = ",\n".join(f" {json.dumps(row)}" for row in rows)
    RESULTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    assert [row for row in rows if miss(row) > 0] == []
