"""Twenty looks at revenue in the truth grid, from rows: a look that the small-holdout rule guards permutes the path.

Units come in twenty equal parts, each split as planned; a tenth pay, lognormally. At each look the rule reads all units
so far, blind to their arm: where it fires, the path is permuted and stops as ``compare_path_by_permutation`` has it,
else z meets its bound. Worlds with an effect are a quarter as many: no bar is set for their coverage.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np

from incrementality.stats import Spending, group_sequential_bounds, pooled_small_holdout, skewness_of_sums
from incrementality.stats.permutation import units_compared, welch_statistics
from incrementality.stats.permutation_inversion import studentised
from incrementality.stats.permutation_path import _spendable, path_sums, stopped_at


def loaded(name):
    """A module that lies beside this one; test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


worlds = loaded("grid_worlds")
grid = worlds.grid
LOOKS, PAYERS, SPREAD, PERMUTATIONS = 20, 0.1, 1.0, 1999
KINDS = {"O'Brien-Fleming": "obrien_fleming", "Pocock": "pocock"}
TIMES = [k / LOOKS for k in range(1, LOOKS + 1)]


def revenue_looks(cell, world, replications):
    """Group sequential looks at revenue: an error at any look counts, and all intervals together must hold."""
    rng, lift = grid.generator(cell, world), worlds.LIFT / 4 if world == "effect" else 0.0
    bounds = group_sequential_bounds(TIMES, spending=Spending(kind=KINDS[cell["bounds"]]))
    effect, ours, usual = lift * PAYERS * math.exp(SPREAD**2 / 2), [], []
    for _ in range(replications if world == "null" else replications // 4):
        rows = drawn(cell, lift, rng)
        z, guards = read(*rows)
        usual.append(first_side(z, np.abs(z) >= worlds.CRITICAL))
        sides = sides_crossed(rows, bounds, 0.0, rng, guards) if world == "null" else None
        held = not any(sides or sides_crossed(rows, bounds, effect, rng, guards))
        ours.append(grid.Judged(cell["bounds"], *(sides or (False, False)), held, None))
    return worlds.Drawn(ours, {"Welch": usual}, None)


def drawn(cell, lift, rng):
    """Spend, arms and looks of entry of a world."""
    n1, n0 = (size // LOOKS for size in worlds.sizes_of(cell))
    entry = np.repeat(np.arange(LOOKS), n1 + n0)
    treated = np.tile(np.arange(n1 + n0) < n1, LOOKS)
    y = np.zeros(len(entry))
    pays = np.flatnonzero(rng.random(len(y)) < PAYERS * (1 + lift * treated))
    y[pays] = rng.lognormal(0, SPREAD, len(pays))
    return y, treated, entry


def read(y, treated, entry, effect=0.0):
    """The z statistic of each look, less an effect, and whether the small-holdout rule guards it."""
    place = 2 * entry + treated
    n, *powers = (np.bincount(place, y**k, 2 * LOOKS).reshape(LOOKS, 2).cumsum(0) for k in range(4))
    mean = powers[0] / n
    error = np.sqrt(((powers[1] - n * mean**2) / (n - 1) / n).sum(1))
    payers = np.bincount(entry, y > 0, LOOKS).cumsum()
    shapes = [skewness_of_sums(sizes.sum(), *(p[k].sum() for p in powers)) for k, sizes in enumerate(n)]
    guards = [
        pooled_small_holdout(tuple(sizes), payers=float(paid), skewness=skewness).fires
        for sizes, paid, skewness in zip(n, payers, shapes, strict=True)
    ]
    return (mean[:, 1] - mean[:, 0] - effect) / error, np.array(guards)


def sides_crossed(rows, bounds, effect, rng, guards):
    """Whether the first look that rejects an effect finds less than it, or more."""
    (y, treated, entry), (z, _) = rows, read(*rows, effect)
    crossed = np.abs(z) >= bounds.critical
    if guards.any():
        looks = 1 + int(np.flatnonzero(guards)[-1])
        seen = entry < looks
        units = units_compared(y[seen], treated[seen])
        path = path_sums(units, entry[seen], looks=looks, permutations=PERMUTATIONS, rng=rng)
        found = np.stack([studentised(*welch_statistics(sums, 1.0, effect)) for sums in path])
        stops = np.arange(LOOKS) == stopped_at(found, _spendable(bounds, PERMUTATIONS + 1)[:looks]).look[0]
        crossed, z[:looks] = np.where(guards, stops, crossed), found[:, 0]
    return first_side(z, crossed)


def first_side(z, crossed):
    """Whether the first crossing is below, or above."""
    sign = float(np.sign(z[int(crossed.argmax())])) if crossed.any() else 0.0
    return sign < 0, sign > 0
