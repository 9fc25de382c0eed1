"""The worlds of the truth grid: what is drawn in each family of cells, and what each experiment drawn gives.

A world is ``null`` (no effect) or ``effect``: a lift of 20 % in the mean of the treatment arm. Money is lognormal for a
share of payers and zero for the others; in its ``effect`` world more units pay, which no inversion undoes exactly.
Accounts are of unequal size and may each react in their own way, around the effect in the mean. Each family gives rows
of one shape: the experiments judged, Welch's judgement beside, and how wide the absolute intervals are.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import special

from incrementality.stats import (
    FEWEST_DEGREES_OF_FREEDOM,
    FEWEST_EFFECTIVE_CLUSTERS,
    ClusteredMean,
    intraclass_correlation,
    robust_sums,
)


def loaded(name):
    """A module that lies beside this one; test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


grid, cells = loaded("readout_grid"), loaded("make_grid")
ALPHA, CRITICAL, LIFT, Truth = grid.ALPHA, grid.CRITICAL, grid.LIFT, grid.Truth
NORMAL_MEAN = 2.0  # in standard deviations of a unit
SESSIONS, ORDERS = 2.0, 0.5  # further sessions of a unit, orders of a session
LEVEL = 5.0  # of an account's units, in standard deviations
WIDTHS = 100  # experiments whose intervals are searched, where a search takes long


class Drawn(NamedTuple):
    """Experiments of one world: judged by ours, by the usual tests (by name), and widths over the oracle's."""

    ours: list
    usual: dict
    width: float | None


def sizes_of(cell):
    """Units of the treatment arm and of the control."""
    control = round(cell["n"] * cell["holdout"])
    return cell["n"] - control, control


def conversions(cell, world, replications):
    """Shares, drawn as two binomial counts."""
    rng, (n1, n0), rate = grid.generator(cell, world), sizes_of(cell), cell["rate"]
    truth = Truth(LIFT * rate, LIFT) if world == "effect" else Truth(0.0, 0.0)
    x1, x0 = rng.binomial(n1, rate + truth.effect, replications), rng.binomial(n0, rate, replications)
    ours = grid.judged_counts(x1, n1, x0, n0, truth)
    p1, p0 = x1 / n1, x0 / n0
    variance = p1 * (1 - p1) / (n1 - 1) + p0 * (1 - p0) / (n0 - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(p1 == p0, 0.0, (p1 - p0) / np.sqrt(variance))
        spread = (p1 * (1 - p1) / (n1 - 1)) ** 2 / (n1 - 1) + (p0 * (1 - p0) / (n0 - 1)) ** 2 / (n0 - 1)
        limit = special.stdtrit(np.where(spread > 0, variance**2 / spread, 1e9), 1 - ALPHA / 2)
    usual = {"Welch": [(bool(low), bool(high)) for low, high in zip(t < -limit, t > limit, strict=True)]}
    width = None
    if world == "null" and measures_width(cell):
        oracle = 2 * CRITICAL * math.sqrt(rate * (1 - rate) * (1 / n1 + 1 / n0))
        counts = list(zip(x1[:WIDTHS].tolist(), x0[:WIDTHS].tolist(), strict=True))
        width = _mean_width([grid.compared_shares((a, n1), (b, n0)) for a, b in counts]) / oracle
    return Drawn(ours, usual, width)


def _mean_width(found):
    return float(np.mean([one.effect_interval.upper - one.effect_interval.lower for one in found]))


def events_in_smaller(cell):
    """Expected events, payers or units with a value in the smaller arm."""
    share = cell.get("rate", cell.get("payers", 1.0))
    return share * cell["n"] * min(cell["holdout"], 1 - cell["holdout"])


def measures_width(cell):
    """Whether the bar asks for the width: 50/50, 100 events in the smaller arm."""
    return cell["holdout"] == 0.5 and events_in_smaller(cell) >= 100


def values(cell, world, replications):
    """Means, money and ratios, drawn unit by unit."""
    rng, treated = grid.generator(cell, world), np.arange(cell["n"]) < sizes_of(cell)[0]
    draw, truth, spread = WORLDS[cell["family"]](cell, world)
    ours, usual, widths = [], [], []
    for k in range(replications):
        y, x = draw(rng, treated)
        one, welch = grid.judged_values(y, treated, truth, rng, x)
        ours.append(one)
        usual.append((welch.loses, welch.wins))
        if world == "null" and k < WIDTHS and measures_width(cell):
            widths.append(grid.compared_values(y, treated, x, seed=k, permutations=grid.PERMUTATIONS))
    n1, n0 = sizes_of(cell)
    oracle = 2 * CRITICAL * spread * math.sqrt(1 / n1 + 1 / n0)
    return Drawn(ours, {"Welch": usual}, _mean_width(widths) / oracle if widths else None)


def _normal(cell, world):
    effect = LIFT * NORMAL_MEAN if world == "effect" else 0.0

    def draw(rng, treated):
        return NORMAL_MEAN + effect * treated + rng.normal(size=len(treated)), None

    return draw, Truth(effect, effect / NORMAL_MEAN), 1.0


def _spend(payers, spread, world):
    """The draw of spend, its lift, and the standard deviation of a unit without effect."""
    lift = LIFT if world == "effect" else 0.0
    mean, square = (payers * math.exp(k * k * spread * spread / 2) for k in (1, 2))

    def draw(rng, treated):
        y = np.zeros(len(treated))
        pays = np.flatnonzero(rng.random(len(treated)) < payers * (1 + lift * treated))
        y[pays] = rng.lognormal(0, spread, len(pays))
        return y

    return draw, Truth(lift * mean, lift), mean, math.sqrt(square - mean * mean)


def _revenue(cell, world):
    draw, truth, _, spread = _spend(cell["payers"], cells.SPREAD, world)
    return (lambda rng, treated: (draw(rng, treated), None)), truth, spread


def _orders(_, world):
    lift = LIFT if world == "effect" else 0.0

    def draw(rng, treated):
        sessions = 1.0 + rng.poisson(SESSIONS, len(treated))
        return rng.poisson(ORDERS * (1 + lift * treated) * sessions).astype(float), sessions

    return draw, Truth(lift * ORDERS, lift), math.sqrt(ORDERS / (1 + SESSIONS))


def _revenue_per_session(cell, world):
    spend, truth, mean, spread = _spend(cell["payers"], cells.SPREAD_OF_RATIO, world)
    per, ratio = 1 + SESSIONS, mean / (1 + SESSIONS)

    def draw(rng, treated):
        return spend(rng, treated), 1.0 + rng.poisson(SESSIONS, len(treated))

    unit = math.sqrt(spread**2 + ratio**2 * SESSIONS) / per
    return draw, Truth(truth.effect / per, truth.lift), unit


WORLDS = {
    "normal": _normal,
    "revenue": _revenue,
    "orders per session": _orders,
    "revenue per session": _revenue_per_session,
}


def accounts_arm(cell, rng, shape, *, reaction, level):
    """Sums by account of units whose variance is one: mean, and the arm as the statistics read it."""
    size = 1.0 + rng.poisson(rng.gamma(3, 19 / 3, shape))
    own = level + math.sqrt(cell["icc"]) * rng.normal(size=shape) + reaction * rng.normal(size=shape)
    total = size * own + rng.normal(size=shape) * np.sqrt(size * (1 - cell["icc"]))
    within = (1 - cell["icc"]) * rng.chisquare(np.maximum((size - 1).sum(1), 1e-9))
    return arm_of_sums(size, total, within)


def arm_of_sums(size, total, within):
    """The arm of accounts' sizes, totals, and the squares of units around their accounts' means."""
    mean = total.sum(1) / size.sum(1)
    centred = total - size * mean[:, None]
    units = within + (centred**2 / size).sum(1)
    return mean, ClusteredMean(value=0.0, size=size, count=np.ones(size.shape), squares=centred**2, units=units)


def accounts(cell, world, replications):
    """Whole accounts randomised, from their sums."""
    rng, n0 = grid.generator(cell, world), round(cell["accounts"] * cell["holdout"])
    n1, effect = cell["accounts"] - n0, LIFT * LEVEL if world == "effect" else 0.0
    if min(n0, n1) < 2:
        return Drawn([None] * replications, {}, None)
    m1, treatment = accounts_arm(cell, rng, (replications, n1), reaction=cell["reaction"], level=LEVEL + effect)
    m0, control = accounts_arm(cell, rng, (replications, n0), reaction=0.0, level=LEVEL)
    ours, error = judged_accounts(m1, treatment, m0, control, Truth(effect, effect / LEVEL))
    usual = {name: _sides(z, limit) for name, (z, limit) in usual_tests(m1, treatment, m0, control).items()}
    expected = sum(_known(arm, cell["icc"], part) for arm, part in ((treatment, cell["reaction"]), (control, 0.0)))
    answered = [one is not None for one in ours]
    width = float((error / (CRITICAL * np.sqrt(expected)))[answered].mean()) if any(answered) else None
    return Drawn(ours, usual, width)


def _known(arm, icc, reaction):
    return (arm.size**2 * (icc + reaction**2) + arm.size * (1 - icc)).sum(1) / arm.size.sum(1) ** 2


def _sides(z, limit):
    return [(bool(low), bool(high)) for low, high in zip(z < -limit, z > limit, strict=True)]


def judged_accounts(m1, treatment, m0, control, truth):
    """Many experiments by CR2: each judged, and half the width of its absolute interval."""
    rho = intraclass_correlation([treatment, control])
    sums = [robust_sums(arm.size, arm.count, arm.squares, rho) for arm in (treatment, control)]
    df = sum(s.expected for s in sums) ** 2 / sum(s.spread for s in sums)
    effective = [arm.size.sum(1) ** 2 / (arm.size**2).sum(1) for arm in (treatment, control)]
    answered = (np.minimum(*effective) >= FEWEST_EFFECTIVE_CLUSTERS) & (df >= FEWEST_DEGREES_OF_FREEDOM)
    limit, (v1, v0) = special.stdtrit(df, 1 - ALPHA / 2), (s.variance for s in sums)
    error, effect, ratio = limit * np.sqrt(v1 + v0), m1 - m0, 1 + truth.lift
    lift_holds = np.abs(m1 - ratio * m0) <= limit * np.sqrt(v1 + ratio**2 * v0)
    stated = m0**2 > limit**2 * v0
    ours = [
        grid.Judged(
            "CR2",
            bool(effect[k] < -error[k]),
            bool(effect[k] > error[k]),
            bool(abs(effect[k] - truth.effect) <= error[k]),
            bool(lift_holds[k]) if stated[k] else None,
        )
        if answered[k]
        else None
        for k in range(len(m1))
    ]
    return ours, error


def usual_tests(m1, treatment, m0, control):
    """Statistic and limit of Welch on units, and of statsmodels' cluster-robust regression (normal limits)."""
    arms = (treatment, control)
    n = [arm.size.sum(1) for arm in arms]
    units = sum(arm.units / k / (k - 1) for arm, k in zip(arms, n, strict=True))
    robust = sum(arm.squares.sum(1) / k**2 for arm, k in zip(arms, n, strict=True))
    g, total = sum(arm.size.shape[1] for arm in arms), sum(n)
    robust = robust * g / (g - 1) * (total - 1) / (total - 2)
    z = m1 - m0
    return {"Welch": (z / np.sqrt(units), CRITICAL), "statsmodels, cluster-robust": (z / np.sqrt(robust), CRITICAL)}
