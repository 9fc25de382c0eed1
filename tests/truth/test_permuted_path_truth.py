"""Zero-inflated revenue looked at several times: how often a permuted path errs, and normal bounds on the same data.

Revenue is lognormal among payers and zero for the others, and the treatment changes nothing. Units come in in equal
parts. A world errs if any look stops, as readouts at each of its looks would have it. Bands are three Monte-Carlo
standard errors.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from incrementality.stats import Spending, compare_path_by_permutation, group_sequential_bounds
from incrementality.stats.boundary_crossing import crossing_probabilities
from incrementality.stats.permutation import units_compared, welch_statistics
from incrementality.stats.permutation_inversion import studentised
from incrementality.stats.permutation_path import path_sums
from incrementality.stats.permutation_stops import stopped_at

RESULTS = Path(__file__).parent / "results" / "permuted_path.json"
SPREAD = 1.0  # of the logarithm of a payer's spend


class Cell(NamedTuple):
    n: int
    holdout: float
    payers: float
    looks: int
    spending: str
    permutations: int


FIVE = Cell(4000, 0.05, 0.1, 5, "pocock", 999)
GRID = [
    Cell(4000, 0.05, 0.1, 5, "pocock", 1999),
    Cell(4000, 0.05, 0.1, 5, "obrien_fleming", 1999),
    Cell(8000, 0.05, 0.02, 5, "pocock", 1999),
    Cell(4000, 0.2, 0.1, 20, "pocock", 1999),
]


def bounds_of(cell):
    times = [(k + 1) / cell.looks for k in range(cell.looks)]
    return group_sequential_bounds(times, spending=Spending(kind=cell.spending))


def world(cell, rng, effect=0.0):
    """Values, arms and looks of entry; each look has its share of the holdout."""
    place = np.arange(cell.n)
    treated, entry = place % round(1 / cell.holdout) > 0, place * cell.looks // cell.n
    spend = np.where(rng.random(cell.n) < cell.payers, rng.lognormal(0, SPREAD, cell.n), 0.0)
    return spend * (1 + effect * treated), treated, entry


def stopped(cell, replications, seed, effect=0.0):
    """Share of worlds that stop at any look, by the permuted path and by normal bounds."""
    rng, bounds, counts = np.random.default_rng(seed), bounds_of(cell), np.zeros(2)
    spent = list(crossing_probabilities(bounds.times, bounds.critical, bounds.lower).upper.cumsum())
    for _ in range(replications):
        values, treated, entry = world(cell, rng, effect)
        units = units_compared(values, treated)
        path = path_sums(units, entry, looks=cell.looks, permutations=cell.permutations, rng=rng)
        statistics = np.stack([studentised(*welch_statistics(sums, 1.0, 0.0)) for sums in path])
        counts += (
            stopped_at(statistics, spent).look[0] < cell.looks,
            (np.abs(statistics[:, 0]) >= bounds.critical).any(),
        )
    return counts / replications


def band(replications):
    return 3 * math.sqrt(0.05 * 0.95 / replications)


@pytest.mark.domain("X1")
def test_five_looks_at_a_five_per_cent_holdout_err_as_registered_and_normal_bounds_far_more():
    ours, normal = stopped(FIVE, 600, 31)
    assert ours == pytest.approx(0.05, abs=band(600))
    assert normal > 0.05 + 2 * band(600)


def test_an_effect_stops_the_path():
    """The test above can fail: the same paths stop for an effect."""
    assert stopped(FIVE, 60, 32, effect=3.0)[0] > 0.8


def test_a_readout_at_each_look_stops_where_the_path_does():
    """What the worlds above count is what the comparison says, look by look."""
    cell, rng = FIVE._replace(n=1000, permutations=499), np.random.default_rng(33)
    bounds = bounds_of(cell)
    spent = list(crossing_probabilities(bounds.times, bounds.critical, bounds.lower).upper.cumsum())
    for effect in (0.0, 2.0, 6.0):
        values, treated, entry = world(cell, rng, effect)
        found = compare_path_by_permutation(values, treated, entry, bounds, seed=1, permutations=499)
        units = units_compared(values, treated)
        path = path_sums(units, entry, looks=5, permutations=499, rng=np.random.default_rng(1))
        statistics = np.stack([studentised(*welch_statistics(sums, 1.0, 0.0)) for sums in path])
        last = stopped_at(statistics, spent).look[0]
        crossed = found.pvalue <= math.erfc(bounds.critical[-1] / math.sqrt(2))
        assert last < 4 or crossed is bool(last == 4)


@pytest.mark.slow
def test_size_on_the_full_grid():
    replications, rows = 2000, []
    for seed, cell in enumerate(GRID):
        ours, normal = stopped(cell, replications, seed)
        rows.append(cell._asdict() | {"replications": replications, "permuted_path": ours, "normal_bounds": normal})
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    assert max(row["permuted_path"] for row in rows) <= 0.05 + band(replications)
    assert [row["permuted_path"] for row in rows if row["n"] * row["payers"] >= 400] == pytest.approx(
        [0.05] * 3, abs=band(replications)
    )
    assert max(row["normal_bounds"] for row in rows) > 0.1
