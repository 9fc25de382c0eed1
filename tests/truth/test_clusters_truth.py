"""Does the comparison of whole accounts err as often as it says? Per-account sums of true nulls, many at once.

``pytest -m slow tests/truth/test_clusters_truth.py`` runs the grid and writes ``results/clusters.json``. A cell is a
number of accounts, a split, how unequal they are, how alike an account's contacts are, and whether accounts react
differently (with a mean effect of zero). Where the method refuses, it says so and does not err.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from incrementality.stats import (
    FEWEST_DEGREES_OF_FREEDOM,
    FEWEST_EFFECTIVE_CLUSTERS,
    ClusteredMean,
    intraclass_correlation,
    robust_sums,
)

RESULTS = Path(__file__).with_name("results") / "clusters.json"
SEED, ALPHA, BAR = 20_261_122, 0.05, 0.055
FAST, SLOW = 2000, 20_000
LEAST_ANSWERED = 0.02  # cells in which nearly every experiment is refused show nothing


@dataclass(frozen=True)
class Cell:
    accounts: int
    control_share: float
    icc: float
    sizes: str = "gamma"
    reaction: float = 0.0  # standard deviation of accounts' own effects, in those of a contact
    levels: str = "normal"


FEW = [
    Cell(40, 0.5, 0.05),
    Cell(40, 0.5, 0.3, reaction=0.5),
    Cell(100, 0.2, 0.3, levels="skewed"),
    Cell(100, 0.8, 0.1, "log-normal"),
    Cell(300, 0.2, 0.05, "log-normal", reaction=0.5),
]
GRID = [
    Cell(accounts, share, icc, sizes, reaction, levels)
    for accounts, share, icc, sizes, reaction, levels in itertools.product(
        (20, 40, 100, 300), (0.5, 0.2, 0.8), (0.05, 0.1, 0.3), ("gamma", "log-normal"), (0.0, 0.5), ("normal", "skewed")
    )
]


def sizes_of(cell, rng, shape):
    if cell.sizes == "gamma":
        return 1.0 + rng.poisson(rng.gamma(3, 19 / 3, shape))
    return np.minimum(400.0, 1 + np.floor(rng.lognormal(2, 1, shape)))


def arm_of(cell, rng, replications, accounts, reaction):
    """Per-account sums of contacts whose variance is one: sizes, totals, and contacts' squares within accounts."""
    shape = (replications, accounts)
    size = sizes_of(cell, rng, shape)
    level = rng.normal(size=shape) if cell.levels == "normal" else rng.gamma(1, 1, shape) - 1
    level = math.sqrt(cell.icc) * level + reaction * rng.normal(size=shape)
    total = size * level + rng.normal(size=shape) * np.sqrt(size * (1 - cell.icc))
    within = (1 - cell.icc) * rng.chisquare(np.maximum((size - 1).sum(1), 1e-9))
    mean = total.sum(1) / size.sum(1)
    centred = total - size * mean[:, None]
    units = within + (centred**2 / size).sum(1)
    return mean, ClusteredMean(value=0.0, size=size, count=np.ones(shape), squares=centred**2, units=units)


def effective(arm):
    return arm.size.sum(1) ** 2 / (arm.size**2).sum(1)


def cr1(treatment, control, effect):
    """The usual method: totals by account, t with Welch's degrees of freedom of accounts less one."""
    parts = [(arm.squares.sum(1) / arm.size.sum(1) ** 2, arm.size.shape[1]) for arm in (treatment, control)]
    variances = [v * g / (g - 1) for v, g in parts]
    df = sum(variances) ** 2 / sum(v**2 / (g - 1) for v, (_, g) in zip(variances, parts, strict=True))
    return np.abs(effect) > special.stdtrit(df, 1 - ALPHA / 2) * np.sqrt(sum(variances))


def rates(cell, replications):
    """Return how often CR2 answers, how often it rejects where it does, and how often CR1 rejects there."""
    rng = np.random.default_rng([SEED, *(ord(letter) for letter in repr(cell))])
    n_control = round(cell.accounts * cell.control_share)
    m0, control = arm_of(cell, rng, replications, n_control, 0.0)
    m1, treatment = arm_of(cell, rng, replications, cell.accounts - n_control, cell.reaction)
    rho = intraclass_correlation([treatment, control])
    sums = [robust_sums(arm.size, arm.count, arm.squares, rho) for arm in (treatment, control)]
    df = sum(s.expected for s in sums) ** 2 / sum(s.spread for s in sums)
    enough = np.minimum(effective(treatment), effective(control)) >= FEWEST_EFFECTIVE_CLUSTERS
    answered = enough & (df >= FEWEST_DEGREES_OF_FREEDOM)
    rejected = np.abs(m1 - m0) > special.stdtrit(df, 1 - ALPHA / 2) * np.sqrt(sum(s.variance for s in sums))
    usual = cr1(treatment, control, m1 - m0)
    n = int(answered.sum())
    share = {"cr2": None, "cr1": None}
    if n >= LEAST_ANSWERED * replications:
        share = {"cr2": float(rejected[answered].mean()), "cr1": float(usual[answered].mean())}
    return {"answered": n / replications, "n": n, **share}


def allowed(n):
    """The bar, and three Monte-Carlo standard errors."""
    return BAR + 3 * math.sqrt(BAR * (1 - BAR) / n)


@pytest.mark.domain("X3")
@pytest.mark.parametrize("cell", FEW, ids=str)
def test_whole_accounts_keep_the_rate_of_false_alarms(cell):
    found = rates(cell, FAST)
    assert found["answered"] > 0.5
    assert 0.02 < found["cr2"] <= allowed(found["n"])


def test_the_usual_clustered_test_errs_too_often():
    found = rates(Cell(100, 0.8, 0.1, "log-normal"), FAST)
    assert found["cr1"] > allowed(found["n"])


def test_the_committed_grid_holds_the_bar_wherever_it_answers():
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert len(rows) == len(GRID)
    answered = [row for row in rows if row["cr2"] is not None]
    assert len(answered) > len(GRID) / 2
    assert [row for row in answered if row["cr2"] > allowed(row["n"])] == []


@pytest.mark.slow
def test_the_grid_of_false_alarms():
    rows = [{**asdict(cell), **rates(cell, SLOW)} for cell in GRID]
    lines = ",\n".join(f" {json.dumps(row)}" for row in rows)
    RESULTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    assert [row for row in rows if row["cr2"] is not None and row["cr2"] > allowed(row["n"])] == []
