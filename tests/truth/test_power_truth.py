"""Power by formula against counted power, for every kind of outcome of single units; the guard against permutation."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from incrementality.stats import moments_of_rows, outcome_of_moments, outcome_of_rate, power_of_effect, simulate_power

RESULTS = Path(__file__).with_name("power_truth_results.json")
SEED = 20_260_301
FORMULA_ERROR = 0.02  # beyond Monte-Carlo error: the formula is asymptotic


@dataclass(frozen=True)
class World:
    name: str
    n_control: int
    n_treatment: int
    effect: float


FAST = [
    World("conversion", 2000, 2000, 0.4),
    World("conversion", 1000, 9000, 0.5),
    World("revenue", 3000, 3000, 0.3),
    World("ratio", 600, 600, 0.15),
]
SLOW = [
    World(name, round(n * share), round(n * (1 - share)), effect)
    for name, n, effects in (
        ("conversion", 20_000, (0.1, 0.2, -0.2)),
        ("revenue", 20_000, (0.1, 0.2, 0.3)),
        ("ratio", 4_000, (0.05, 0.08, -0.08)),
    )
    for share in (0.5, 0.2, 0.1, 0.05)
    for effect in effects
]


def history_of(name):
    """Return the arguments of the history: values and, where there is one, the denominator."""
    rng = np.random.default_rng(SEED)
    if name == "conversion":
        return {"values": (np.arange(20_000) < 1000).astype(float)}
    if name == "revenue":
        return {"values": np.where(rng.random(20_000) < 0.2, rng.lognormal(3, 0.8, 20_000), 0.0)}
    sessions = 1.0 + rng.poisson(rng.gamma(2, 1.5, 20_000))
    return {"values": rng.binomial(sessions.astype(int), 0.2).astype(float), "denominator": sessions}


def formula(world, history):
    if world.name == "conversion":
        outcome, variance = outcome_of_rate(history["values"].mean()), "score"
    else:
        columns = {"y": history["values"], "x": history.get("denominator", np.ones(len(history["values"])))}
        moments = moments_of_rows(columns)
        outcome, variance = outcome_of_moments(moments, "y", "x" if "denominator" in history else None), "unequal"
    arms = {"n_control": world.n_control, "n_treatment": world.n_treatment}
    return power_of_effect(outcome, world.effect * outcome.mean, **arms, variance=variance)


def counted(world, history, replications):
    arms = {"n_control": world.n_control, "n_treatment": world.n_treatment}
    return simulate_power(**history, relative_effect=world.effect, **arms, seed=SEED + 1, replications=replications)


@pytest.mark.parametrize("world", FAST, ids=str)
def test_power_by_formula_is_what_simulation_counts(world):
    history = history_of(world.name)
    found = counted(world, history, 2000)
    allowed = 3 * found.standard_error + FORMULA_ERROR
    assert formula(world, history) == pytest.approx(found.power, abs=allowed)
    assert 0.15 < found.power < 0.95  # neither end hides a difference


@pytest.mark.parametrize("name", ["conversion", "ratio"])
def test_without_an_effect_the_simulated_power_is_alpha(name):
    found = counted(World(name, 1000, 1000, 0.0), history_of(name), 4000)
    assert found.power == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 4000))


def test_the_guard_restores_the_rate_of_false_alarms():
    rng = np.random.default_rng(SEED)
    heavy = np.where(rng.random(20_000) < 0.03, rng.lognormal(3, 1.5, 20_000), 0.0)
    asked = {"relative_effect": 0.0, "n_control": 500, "n_treatment": 9500, "seed": 7, "replications": 1500}
    plain, guarded = simulate_power(heavy, **asked), simulate_power(heavy, **asked, guarded=True)
    assert plain.power > 0.06
    assert guarded.power == pytest.approx(0.05, abs=0.02)


@pytest.mark.slow
def test_power_by_formula_on_the_full_grid():
    rows = []
    for world in SLOW:
        history = history_of(world.name)
        found, expected = counted(world, history, 4000), formula(world, history)
        rows.append(
            {
                "world": world.name,
                "n_control": world.n_control,
                "n_treatment": world.n_treatment,
                "effect": world.effect,
                "formula": round(expected, 4),
                "counted": round(found.power, 4),
                "standard_error": round(found.standard_error, 4),
                "false_alarms": round(counted(replace(world, effect=0.0), history, 4000).power, 4),
            }
        )
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    wrong = [abs(row["formula"] - row["counted"]) - 3 * row["standard_error"] for row in rows]
    even = [(row, miss) for row, miss in zip(rows, wrong, strict=True) if row["n_control"] == row["n_treatment"]]
    assert [row for row, miss in even if miss > FORMULA_ERROR] == []


@pytest.mark.slow
def test_the_guards_critical_values_are_those_of_permutation():
    """Power of the permutation test itself, 400 experiments of 199 permutations, against the short cut."""
    rng = np.random.default_rng(SEED)
    heavy = np.where(rng.random(5000) < 0.05, rng.lognormal(3, 1.0, 5000), 0.0)
    n0, n1, effect, seen = 150, 1350, 1.5, 0
    for _ in range(400):
        y = np.concatenate([rng.choice(heavy, n0), (1 + effect) * rng.choice(heavy, n1)])
        order = np.argsort(rng.random((200, n0 + n1)), axis=1)
        order[0] = np.arange(n0 + n1)
        control, treated = y[order[:, :n0]], y[order[:, n0:]]
        error = np.sqrt(control.var(1, ddof=1) / n0 + treated.var(1, ddof=1) / n1)
        t = np.divide(treated.mean(1) - control.mean(1), error, out=np.zeros(200), where=error > 0)
        seen += min(np.mean(t >= t[0]), np.mean(t <= t[0])) <= 0.025
    short = simulate_power(heavy, relative_effect=effect, n_control=n0, n_treatment=n1, seed=3, guarded=True)
    assert short.power == pytest.approx(seen / 400, abs=3 * math.sqrt(0.25 / 400))
