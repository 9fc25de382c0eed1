"""Restricted means under unequal follow-up: size and coverage; the naive share without event is biased."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from incrementality.stats.survival import compare_restricted_means, kaplan_meier, log_rank

RESULTS = Path(__file__).parent / "results" / "survival.json"
REPLICATIONS = 2000
HORIZON = 45.0
SCALE = 50.0


def arm(rng, n, scale, earliest):
    """Durations and events; the watch ends by a data cut between ``earliest`` and 90 days after entry."""
    came, watch = rng.exponential(scale, n), rng.uniform(earliest, 90, n)
    return np.minimum(came, watch), came <= watch


def true_mean(scale):
    return scale * -math.expm1(-HORIZON / scale)


def answers(n_treatment, n_control, lift, *, replications=REPLICATIONS, seed=1):
    """P-values and coverage of the restricted mean, p-values of the log-rank test; the treatment arm ramps late."""
    rng, found = np.random.default_rng(seed), []
    truth = true_mean(SCALE * (1 + lift)) - true_mean(SCALE)
    for _ in range(replications):
        treated = arm(rng, n_treatment, SCALE * (1 + lift), earliest=5)
        held = arm(rng, n_control, SCALE, earliest=30)
        answer = compare_restricted_means(kaplan_meier(*treated), kaplan_meier(*held), HORIZON)
        ranks = log_rank(*map(np.concatenate, zip(treated, held, strict=True)), [1] * n_treatment + [0] * n_control)
        naive = float((treated[1] & (treated[0] < HORIZON)).mean() - (held[1] & (held[0] < HORIZON)).mean())
        found.append((answer.pvalue < 0.05, truth in answer.effect_interval, ranks.pvalue < 0.05, naive))
    return np.array(found, dtype=float).mean(0)


def band(replications=REPLICATIONS):
    return 4 * math.sqrt(0.05 * 0.95 / replications)


def test_unequal_follow_up_leaves_the_restricted_mean_alone_and_moves_the_naive_share():
    rejected, covered, ranks, naive = answers(400, 200, 0.0)
    assert rejected == pytest.approx(0.05, abs=band() + 0.005)  # the plug-in variance is asymptotic
    assert covered == 1 - rejected
    assert ranks == pytest.approx(0.05, abs=band())
    assert naive < -0.05  # watched for less, fewer events are seen


def test_the_restricted_mean_covers_a_true_effect():
    assert answers(300, 300, 0.3, seed=2)[1] == pytest.approx(0.95, abs=band() + 0.005)


@pytest.mark.slow
def test_restricted_means_on_the_full_grid():
    rows = []
    for n_treatment, n_control in ((100, 100), (400, 100), (950, 50), (1900, 100), (2000, 2000)):
        for lift in (0.0, 0.3):
            rejected, covered, ranks, naive = answers(n_treatment, n_control, lift, seed=9)
            row = {"n_treatment": n_treatment, "n_control": n_control, "lift": lift, "rejected": rejected}
            rows.append(row | {"covered": covered, "log_rank_rejected": ranks, "naive": round(naive, 4)})
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    allowed = {50: 0.025, 100: 0.012}
    assert [r for r in rows if abs(r["covered"] - 0.95) > band() + allowed.get(r["n_control"], 0.005)] == []
