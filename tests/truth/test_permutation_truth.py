"""Zero-inflated revenue and small holdouts: how often the permutation test errs and its intervals cover.

Revenue is lognormal among payers and zero for the others. Three worlds: no effect; everybody's spend grows by the
same share; and the same lift because more units pay, which no inversion undoes exactly. Beside it stands Welch's t on
the same data. Bands are three Monte-Carlo standard errors.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from incrementality.stats import MeanEstimate, compare_by_permutation, compare_means
from incrementality.stats.permutation import units_compared, welch_statistics
from incrementality.stats.permutation_inversion import tails_of_statistics
from incrementality.stats.permutation_sums import permuted_sums

RESULTS = Path(__file__).parent / "results" / "permutation.json"
SPREAD = 1.5  # of the logarithm of a payer's spend
MEAN = math.exp(SPREAD**2 / 2)
LIFT = 0.3
PERMUTATIONS = 499
TEN = 10.5  # payers in both arms together, up to which the absolute interval covers too seldom


class Cell(NamedTuple):
    n: int
    holdout: float
    payers: float


FAST = [Cell(2000, 0.05, 0.05), Cell(1000, 0.2, 0.02), Cell(500, 0.5, 0.3)]
GRID = [Cell(n, h, p) for n in (500, 2000, 20_000) for h in (0.05, 0.2, 0.5) for p in (0.02, 0.05, 0.3)]


def drawn_world(cell, kind, rng):
    """Values and arms of one experiment; the lift of the treatment arm's expected mean is LIFT unless ``null``."""
    treated = np.arange(cell.n) >= round(cell.holdout * cell.n)
    share = np.where(treated & (kind == "more payers"), (1 + LIFT) * cell.payers, cell.payers)
    spend = np.where(rng.random(cell.n) < share, rng.lognormal(0, SPREAD, cell.n), 0.0)
    return np.where(treated & (kind == "more spend"), (1 + LIFT) * spend, spend), treated


def tails_at(values, treated, hypotheses, rng):
    sums = permuted_sums(units_compared(values, treated), PERMUTATIONS, rng)
    found = []
    for hypothesis in hypotheses:
        difference, error = welch_statistics(sums, *hypothesis)
        infinite = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
        found.append(tails_of_statistics(np.divide(difference, error, out=infinite, where=error > 0)))
    return found


def welch(values, treated):
    arms = [values[treated], values[~treated]]
    return compare_means(*(MeanEstimate(value=a.mean(), variance=a.var(ddof=1) / len(a), df=len(a) - 1) for a in arms))


def rates_without_effect(cell, replications, seed):
    """Share of experiments rejected in each tail, by permutation and by Welch: treatment loses, treatment wins."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((2, 2))
    for _ in range(replications):
        values, treated = drawn_world(cell, "null", rng)
        (tails,) = tails_at(values, treated, [(1.0, 0.0)], rng)
        usual = welch(values, treated)
        counts[0] += tails.lower <= 0.025, tails.upper <= 0.025
        counts[1] += (usual.pvalue <= 0.05) * np.array([usual.effect < 0, usual.effect > 0])
    return counts / replications


def coverage(cell, kind, replications, seed):
    """Share of experiments in which the absolute and the relative interval hold the truth."""
    rng = np.random.default_rng(seed)
    truth = LIFT * cell.payers * MEAN
    covered = np.zeros(2)
    for _ in range(replications):
        tails = tails_at(*drawn_world(cell, kind, rng), [(1.0, truth), (1 / (1 + LIFT), 0.0)], rng)
        covered += [t.pvalue > 0.05 for t in tails]
    return covered / replications


def band(rate, replications):
    return 3 * math.sqrt(rate * (1 - rate) / replications)


@pytest.mark.parametrize("cell", FAST, ids=str)
def test_without_an_effect_at_most_five_per_cent_are_rejected_and_each_tail_has_its_half(cell):
    lower, upper = rates_without_effect(cell, 2000, 21)[0]
    assert lower + upper <= 0.055 + band(0.05, 2000)
    assert max(lower, upper) <= 0.035


def test_welch_lets_the_treatment_win_far_too_often():
    (_, ours), (welch_loses, welch_wins) = rates_without_effect(Cell(2000, 0.05, 0.05), 1000, 22)
    assert ours < 0.035
    assert welch_wins > 0.1 > welch_loses


@pytest.mark.parametrize("kind", ["more spend", "more payers"])
def test_the_intervals_cover(kind):
    absolute, relative = coverage(Cell(2000, 0.05, 0.05), kind, 1000, 23)
    assert absolute >= 0.945 - band(0.05, 1000)
    assert relative >= 0.93 - band(0.05, 1000)


def test_an_interval_holds_the_truth_exactly_where_the_test_of_the_truth_does_not_reject():
    truth, agreed = LIFT * 0.05 * MEAN, []
    for seed in range(60):
        values, treated = drawn_world(Cell(2000, 0.05, 0.05), "more payers", np.random.default_rng(seed))
        answer = compare_by_permutation(values, treated, seed=seed, permutations=PERMUTATIONS)
        tails = tails_at(values, treated, [(1.0, truth), (1 / (1 + LIFT), 0.0)], np.random.default_rng(seed))
        held = [truth in answer.effect_interval, answer.rel_interval is None or LIFT in answer.rel_interval]
        agreed.append(held == [tails[0].pvalue > 0.05, answer.rel_interval is None or tails[1].pvalue > 0.05])
    assert all(agreed)


@pytest.mark.slow
def test_size_and_coverage_on_the_full_grid():
    rows = [measured(cell, seed) for seed, cell in enumerate(GRID)]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    sizes = [row["permutation_loses"] + row["permutation_wins"] - band(0.05, row["replications"]) for row in rows]
    tails = [max(row["permutation_loses"], row["permutation_wins"]) - band(0.025, row["replications"]) for row in rows]
    assert max(sizes) <= 0.055
    assert max(tails) <= 0.025
    for kind in ("more_spend", "more_payers"):
        absolute = [(row, row[f"absolute_covers_{kind}"] + band(0.05, row["replications"])) for row in rows]
        assert min(covered for row, covered in absolute if row["n"] * row["payers"] > TEN) >= 0.945
        assert min(covered for row, covered in absolute if row["n"] * row["payers"] <= TEN) < 0.945  # a known limit
        assert min(row[f"relative_covers_{kind}"] + band(0.05, row["replications"]) for row in rows) >= 0.93
    assert max(row["welch_wins"] for row in rows) > 0.15


def measured(cell, seed):
    replications = 200 if cell.n * cell.payers > 2000 else 400 if cell.n * cell.payers > 500 else 1000
    (loses, wins), (welch_loses, welch_wins) = rates_without_effect(cell, replications, seed)
    row = {
        **cell._asdict(),
        "payers_in_holdout": round(cell.n * min(cell.holdout, 1 - cell.holdout) * cell.payers, 1),
        "replications": replications,
        "permutation_loses": loses,
        "permutation_wins": wins,
        "welch_loses": welch_loses,
        "welch_wins": welch_wins,
    }
    for kind in ("more spend", "more payers"):
        absolute, relative = coverage(cell, kind, replications, seed + 1000)
        row |= {f"absolute_covers_{kind.replace(' ', '_')}": absolute}
        row |= {f"relative_covers_{kind.replace(' ', '_')}": relative}
    return row
