"""Watched every week, do confidence sequences err at one date or more in at most five per cent of true nulls?"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from incrementality.stats.confidence_sequences import CumulativeArm, anytime_margin, confidence_sequence

RESULTS = Path(__file__).parent / "results" / "confidence_sequences.json"
REPLICATIONS = 2000
LOOKS = 25
LARGEST = 0.055


def sums_of_payers(rng, counts, values):
    """Sums and sums of squares of drawn values, for each number of payers."""
    drawn = values(rng, int(counts.sum()))
    owner = np.repeat(np.arange(counts.size), counts.ravel())
    return [np.bincount(owner, weights=drawn**k, minlength=counts.size).reshape(counts.shape) for k in (1, 2)]


def arms_by_date(rng, n, share_of_payers, values, shape):
    """One arm whose units come in equal parts; each column has the shape (replications, looks)."""
    part = n // shape[1]
    payers = rng.binomial(part, share_of_payers, shape)
    total, squares = (part.cumsum(1) for part in sums_of_payers(rng, payers, values))
    units = np.tile(part * np.arange(1.0, shape[1] + 1), (shape[0], 1))
    means = total / units
    return CumulativeArm(
        n=units, means=means, variances=(squares - units * means**2) / (units - 1), payers=payers.cumsum(1)
    )


def at(arm, row):
    return CumulativeArm(n=arm.n[row], means=arm.means[row], variances=arm.variances[row], payers=arm.payers[row])


WORLDS = {
    "normal 50/50": ((5_000, 5_000), 1.0, lambda rng, n: rng.normal(10, 5, n)),
    "conversion 10/90": ((5_000, 45_000), 0.05, lambda _, n: np.ones(n)),
    "conversion 5/95": ((4_000, 76_000), 0.05, lambda _, n: np.ones(n)),
    "revenue 50/50": ((10_000, 10_000), 0.05, lambda rng, n: rng.lognormal(3, 1, n)),
    "revenue 20/80": ((5_000, 20_000), 0.05, lambda rng, n: rng.lognormal(3, 1, n)),
    "revenue 5/95": ((5_000, 95_000), 0.05, lambda rng, n: rng.lognormal(3, 1, n)),
}


def found_in(name, *, sides=2, replications=REPLICATIONS, looks=LOOKS, seed=3):
    (n_control, n_treatment), share, values = WORLDS[name]
    rng = np.random.default_rng(seed)
    control, treatment = (arms_by_date(rng, n, share, values, (replications, looks)) for n in (n_control, n_treatment))
    planned = n_control + n_treatment
    found = [
        confidence_sequence(at(treatment, row), at(control, row), planned_units=planned, sides=sides)
        for row in range(replications)
    ]
    se = np.sqrt(treatment.variances / treatment.n + control.variances / control.n)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.nan_to_num((treatment.means - control.means) / se, posinf=99, neginf=-99)
    margin = anytime_margin(treatment.n + control.n, planned_units=planned, sides=sides)
    return {
        "rejected": float(np.mean([one.first_excluded is not None for one in found])),
        "without_start": float(((z if sides == 1 else np.abs(z)) > margin).any(1).mean()),
        "fixed_tests": float((np.abs(z) > 1.96).any(1).mean()),
    }


@pytest.mark.parametrize("name", ["normal 50/50", "conversion 10/90", "revenue 50/50"])
def test_twenty_five_looks_reject_at_most_five_per_cent_of_true_nulls(name):
    found = found_in(name)
    assert found["rejected"] <= LARGEST
    assert found["fixed_tests"] > 0.2  # what looking costs a fixed test


def test_without_the_start_a_small_holdout_rejects_too_often():
    """A hundred looks, so that the first ones see two or three payers in the holdout."""
    found = found_in("revenue 5/95", looks=100, replications=1000)
    assert found["without_start"] > 0.08  # four Monte-Carlo errors above 0.05
    assert found["rejected"] <= LARGEST


def test_one_sided_sequences_err_at_most_five_per_cent():
    assert found_in("conversion 10/90", sides=1)["rejected"] <= LARGEST


@pytest.mark.slow
def test_confidence_sequences_on_the_full_grid():
    rows = [
        {"world": name, "sides": sides} | {k: round(v, 4) for k, v in found_in(name, sides=sides, seed=17).items()}
        for name in WORLDS
        for sides in (1, 2)
    ]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    noise = 2 * math.sqrt(0.05 * 0.95 / REPLICATIONS)
    assert [row for row in rows if row["rejected"] > LARGEST + noise] == []
