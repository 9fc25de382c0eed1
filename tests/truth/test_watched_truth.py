"""Looked at twenty times, do registered ways to watch err in five per cent of null worlds, and what does peeking do?

Everything here starts from cumulative summaries, as ``read_summaries`` takes them: bounds and always-valid p-values are
those that it states, checked against it on some worlds and applied to all. Bands are three Monte-Carlo standard errors.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from incrementality import Experiment
from incrementality.lift import read_summaries
from incrementality.stats import anytime_margin

RESULTS = Path(__file__).parent / "results" / "watched.json"
LOOKS = 20
WORLDS = {
    "mean 50/50": ("mean", (6_000, 6_000), 1.0),
    "conversion 20/80": ("conversion", (4_000, 16_000), 0.1),
    "revenue 50/50": ("revenue", (10_000, 10_000), 0.1),
    "revenue 10/90": ("revenue", (8_000, 72_000), 0.1),
}
PLANS = {
    "obrien-fleming": {"kind": "group sequential", "looks": LOOKS},
    "pocock": {"kind": "group sequential", "looks": LOOKS, "spending": "pocock"},
    "power": {"kind": "group sequential", "looks": LOOKS, "spending": "power", "rho": 2.0},
    "sequence": {"kind": "confidence sequence"},
    "one-sided sequence": {"kind": "confidence sequence", "sides": "one"},
}


def experiment(plan, kind):
    return Experiment.model_validate({
        "id": "mail", "question": "Does it work?", "data": {"unit": "id"},
        "request": {"decision": "Send it, or stop it.", "monitoring": plan},
        "arms": [{"name": "holdout", "share": "50%", "control": True}, {"name": "mail", "share": "50%"}],
        "metrics": [{"name": "y", "kind": kind, "role": "primary"}],
    })  # fmt: skip


def arm(rng, kind, n, share, worlds):
    """Units, means, variances and payers so far at each look, each of shape (worlds, looks)."""
    part = n // LOOKS
    units = np.tile(part * np.arange(1.0, LOOKS + 1), (worlds, 1))
    if kind == "mean":
        total = rng.normal(10 * part, 6 * math.sqrt(part), (worlds, LOOKS)).cumsum(1)
        return units, total / units, 36 * rng.chisquare(units - 1) / (units - 1), units
    payers = rng.binomial(part, share, (worlds, LOOKS))
    if kind == "conversion":
        share_so_far = payers.cumsum(1) / units
        return units, share_so_far, share_so_far * (1 - share_so_far) * units / (units - 1), payers.cumsum(1)
    values = rng.lognormal(3, 1, int(payers.sum()))
    owner = np.repeat(np.arange(payers.size), payers.ravel())
    total, squares = (
        np.bincount(owner, weights=values**k, minlength=payers.size).reshape(payers.shape).cumsum(1) for k in (1, 2)
    )
    means = total / units
    return units, means, (squares - units * means**2) / (units - 1), payers.cumsum(1)


def table(arms, world):
    return [
        {"date": f"2026-{1 + k // 28:02d}-{1 + k % 28:02d}", "arm": name, "n": int(units[world, k]),
         "mean": means[world, k], "variance": variances[world, k], "payers": payers[world, k]}
        for k in range(LOOKS)
        for name, (units, means, variances, payers) in arms.items()
    ]  # fmt: skip


def watched(name, plan, *, worlds, seed=5):
    """Shares of null worlds with an effect at any look: by the plan, by fixed tests; and the share checked in full."""
    kind, sizes, share = WORLDS[name]
    rng = np.random.default_rng(seed)
    arms = {who: arm(rng, kind, n, share, worlds) for who, n in zip(("holdout", "mail"), sizes, strict=True)}
    (n0, m0, v0, p0), (n1, m1, v1, _) = arms["holdout"], arms["mail"]
    error = np.sqrt(v0 / n0 + v1 / n1)
    if kind == "conversion":
        pooled = (m0 * n0 + m1 * n1) / (n0 + n1)
        error = np.sqrt(pooled * (1 - pooled) * (1 / n0 + 1 / n1) * (n0 + n1) / (n0 + n1 - 1))
    z, asked = (m1 - m0) / error, experiment(PLANS[plan], kind)
    started = np.ones_like(z, dtype=bool) if kind == "mean" or "sequence" not in plan else p0 >= 100
    critical = _critical(asked, arms, plan)
    crossed = ((z if plan.startswith("one") else np.abs(z)) > critical) & started
    agreed = [
        any(_shown(step, plan) for step in read_summaries(asked, table(arms, w), planned_units=sum(sizes)).effects)
        == bool(crossed[w].any())
        for w in range(12)
    ]
    return {
        "rejected": float(crossed.any(1).mean()),
        "peeking": float((np.abs(z) > 1.96).any(1).mean()),
        "agreed": float(np.mean(agreed)),
    }


def _critical(asked, arms, plan):
    """The bound at each look of each world; worlds that have enough payers from the same look on share theirs."""
    (n0, _, _, p0), (n1, _, _, p1) = arms["holdout"], arms["mail"]
    units = n0 + n1
    if "sequence" in plan:
        return anytime_margin(units, planned_units=float(units[0, -1]), sides=1 if plan.startswith("one") else 2)
    expected = (p0 + p1) / units * n0
    enough = (expected >= 100) & ((expected >= 400) | (n0 / units >= 0.2))
    waits = enough.argmax(1) if asked.primary[0].kind == "revenue" else np.zeros(len(units), dtype=int)
    critical = np.empty_like(units)
    for first in np.unique(waits):
        world = int(np.flatnonzero(waits == first)[0])
        steps = read_summaries(asked, table(arms, world), planned_units=float(units[0, -1])).effects
        critical[waits == first] = [math.inf if step.critical is None else step.critical for step in steps]
    return critical


def _shown(step, plan):
    if "sequence" in plan:
        return step.pvalue < 0.05
    return step.critical is not None and step.pvalue < math.erfc(step.critical / math.sqrt(2))


@pytest.mark.domain("X1")
@pytest.mark.parametrize("plan", PLANS)
def test_twenty_looks_err_as_registered_where_peeking_errs_far_more(plan):
    worlds = 3000
    found = watched("conversion 20/80" if "sequence" in plan else "mean 50/50", plan, worlds=worlds)
    assert found["agreed"] == 1.0
    assert found["rejected"] <= 0.055 + 3 * math.sqrt(0.055 * 0.945 / worlds)
    assert found["peeking"] > 0.2


def test_a_true_effect_is_found_at_its_look():
    """The tests above can fail: the same bounds stop for an effect."""
    rng = np.random.default_rng(1)
    arms = {"holdout": arm(rng, "mean", 6000, 1.0, 40), "mail": arm(rng, "mean", 6000, 1.0, 40)}
    units, means, variances, payers = arms["mail"]
    arms["mail"] = (units, means + 0.5, variances, payers)
    asked = experiment(PLANS["pocock"], "mean")
    answers = [read_summaries(asked, table(arms, w), planned_units=12_000).answers[0] for w in range(40)]
    assert np.mean([answer.crossed for answer in answers]) > 0.8
    assert np.mean([answer.effect < answer.raw_effect for answer in answers if answer.crossed]) > 0.9


@pytest.mark.slow
def test_watched_tests_on_the_full_grid():
    worlds = 2000
    rows = [
        {"world": name, "plan": plan}
        | {key: round(value, 4) for key, value in watched(name, plan, worlds=worlds).items()}
        for name in WORLDS
        for plan in PLANS
    ]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    limit = 0.055 + 3 * math.sqrt(0.055 * 0.945 / worlds)
    assert [row for row in rows if row["rejected"] > limit] == []
