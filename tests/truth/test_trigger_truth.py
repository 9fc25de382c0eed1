"""The expansion trigger: what the account-level readout says, and what three usual shortcuts say instead.

Estimates are per account, in EUR of net yearly revenue (list price of seats added, less seats dropped). Bands are three
Monte-Carlo standard errors; ``python -m pytest -m slow tests/truth/test_trigger_truth.py`` runs 1,000 worlds and writes
``results/trigger.json``.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from incrementality import read_out
from incrementality.experiment import parse_experiment
from incrementality.simulate import expansion_trigger_holdout

RESULT = Path(__file__).parent / "results" / "trigger.json"
METRIC = "net_expansion_arr"
ACCOUNTS = 300


def account_level(seed, **knobs):
    """Truth, registered estimate, bounds, p-value of one world."""
    world = expansion_trigger_holdout(accounts=ACCOUNTS, seed=seed, **knobs)
    experiment = parse_experiment(world.experiment_yaml("seat-limit", "accounts.csv"))
    e = read_out(experiment, data=world.accounts).headline(METRIC, "nudge")
    return world.truth[METRIC].effect, e.effect, e.effect_ci_lower, e.effect_ci_upper, e.pvalue


def contact_level(world, metric=METRIC):
    """Difference of contacts' means with Welch's z, as if contacts had been drawn one by one."""
    y, treated = world.contacts[metric], world.contacts["arm"] == "nudge"
    effect = y[treated].mean() - y[~treated].mean()
    error = math.sqrt(y[treated].var(ddof=1) / treated.sum() + y[~treated].var(ddof=1) / (~treated).sum())
    return effect, effect / error


def fired_then_expanded(world):
    """All that nudged accounts added after the trigger, per nudged account."""
    return float(world.accounts[METRIC][world.accounts["arm"] == "nudge"].mean())


def spilled(seed):
    """Contacts drawn one by one: the contacts' difference, scaled to an account, beside the truth."""
    world = expansion_trigger_holdout(accounts=ACCOUNTS, seed=seed, randomised="contact")
    return contact_level(world)[0] * len(world.contacts["arm"]) / ACCOUNTS, world.truth[METRIC].effect


def measure(worlds, cheap):
    """Run so many worlds through the readout, and the cheap shortcuts over so many."""
    found = np.array([account_level(seed) for seed in range(worlds)])
    truth, effect, lower, upper, _ = found.T
    population = float(
        np.mean([expansion_trigger_holdout(accounts=ACCOUNTS, seed=s).truth[METRIC].effect for s in range(cheap)])
    )
    nulls = [
        contact_level(expansion_trigger_holdout(accounts=ACCOUNTS, seed=s, strength=0.0), "expanded")
        for s in range(cheap)
    ]
    claimed = [fired_then_expanded(expansion_trigger_holdout(accounts=ACCOUNTS, seed=s)) for s in range(cheap)]
    leaked = np.array([spilled(seed) for seed in range(cheap)])
    return {
        "worlds": worlds,
        "truth": float(truth.mean()),
        "ours": float(effect.mean()),
        "ours_error": float((effect - truth).std(ddof=1) / math.sqrt(worlds)),
        "coverage_of_these_accounts": float(np.mean((lower <= truth) & (truth <= upper))),
        "coverage_of_the_population": float(np.mean((lower <= population) & (population <= upper))),
        "false_positives_of_contact_rows": float(np.mean([abs(z) > 1.96 for _, z in nulls])),
        "fired_then_expanded": float(np.mean(claimed)),
        "contacts_drawn_one_by_one": float(leaked[:, 0].mean()),
        "contacts_drawn_one_by_one_error": float((leaked[:, 0] - leaked[:, 1]).std(ddof=1) / math.sqrt(cheap)),
        "cheap_worlds": cheap,
    }  # fmt: skip


def check(found):
    """The readout is right within its Monte-Carlo error, and each shortcut is visibly wrong."""
    n, cheap = found["worlds"], found["cheap_worlds"]
    band = 3 * math.sqrt(0.05 * 0.95 / n)
    assert abs(found["ours"] - found["truth"]) <= 2 * found["ours_error"] * (1.5 if n < 1000 else 1)
    for kind in ("coverage_of_these_accounts", "coverage_of_the_population"):
        assert 0.95 - band <= found[kind] <= 1.0
    assert found["false_positives_of_contact_rows"] > 0.05 + 3 * math.sqrt(0.05 * 0.95 / cheap)
    assert found["fired_then_expanded"] > 1.5 * found["truth"]
    assert found["contacts_drawn_one_by_one"] < found["truth"] - 3 * found["contacts_drawn_one_by_one_error"]


@pytest.mark.domain("X3", "X1")
def test_accounts_give_the_truth_and_shortcuts_do_not():
    check(measure(40, 600))


@pytest.mark.slow
def test_accounts_give_the_truth_over_a_thousand_worlds():
    found = measure(1000, 2000)
    check(found)
    assert 0.93 <= found["coverage_of_the_population"] <= 0.97
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def test_the_measured_figures_still_pass():
    check(json.loads(RESULT.read_text(encoding="utf-8")))
