"""What the truth grid measures of a cell, and what the bar says of it; see ``readout_grid`` for the bar."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections import Counter
from pathlib import Path

SIZE, TAIL, LEAST_SIZE = 0.055, 0.035, 0.043
COVERAGE, COVERAGE_OF_LIFT_BY_PERMUTATION = 0.945, 0.93
WIDTH = 1.05
LEAST_ANSWERED = 50  # experiments; of fewer nothing is said
SIZE_ONLY = frozenset({"exact", "confidence sequence", "O'Brien-Fleming", "Pocock"})
EVENTS, PAYERS, ACCOUNTS_AN_ARM, EFFECTIVE_ACCOUNTS = 100, 50, 40, 100


def loaded(name):
    """A module that lies beside this one; test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


worlds, looking = loaded("grid_worlds"), loaded("grid_looks")
cells = loaded("make_grid")
MEASURE = {"conversion": worlds.conversions, "accounts": worlds.accounts, "twenty looks": looking.looks}


def measured(cell, replications):
    """Return what a cell shows: rates with their numbers of experiments."""
    measure = MEASURE.get(cell["family"], worlds.values)
    null, effect = (measure(cell, world, replications) for world in ("null", "effect"))
    answered = [one for one in null.ours if one is not None]
    covering = [one for one in effect.ours if one is not None]
    lifts = [one.lift_holds for one in covering if one.lift_holds is not None]
    found = {
        **cell,
        "replications": replications,
        "refused": replications - len(answered),
        "tests_used": dict(Counter(one.test for one in answered)),
        "answered": len(answered),
        "answered_with_effect": len(covering),
        "lifts_stated": len(lifts),
        "width": None if null.width is None else round(null.width, 4),
        "usual": {name: _sides(null.ours, found) for name, found in null.usual.items()},
    }
    rates = {"loses": None, "wins": None, "covers_effect": None, "covers_lift": None}
    if min(len(answered), len(covering)) >= LEAST_ANSWERED:
        rates["loses"], rates["wins"] = (_share([getattr(one, s) for one in answered]) for s in ("loses", "wins"))
        rates["covers_effect"] = _share([one.effect_holds for one in covering])
        rates["covers_lift"] = _share(lifts) if len(lifts) >= LEAST_ANSWERED else None
    return found | rates


def replications_of(cell):
    """Return how many experiments of a cell are drawn: many where they are quick, 500 where they are slowest."""
    family = cell["family"]
    if family == "accounts":
        return 20_000
    if family == "twenty looks":
        slow = {"Pocock": 1000, "O'Brien-Fleming": 500} if cell["outcome"] == "revenue" else {}
        return slow.get(cell["bounds"], 2000)
    if family == "conversion":
        return 3000 if cell["test"] == "exact" else 10_000
    if family in {"normal", "orders per session"}:
        return 10_000 if cell["n"] <= 5000 else 2000
    drawn = cell["n"] * (cell["payers"] if family == "revenue" else 1.0)
    if drawn <= 5000 and cell["n"] <= 20_000:
        return 2000 if drawn <= 500 else 1000
    return 600


def _sides(ours, usual):
    """The usual test's tails, in the experiments that ours answers."""
    kept = [sides for one, sides in zip(ours, usual, strict=True) if one is not None]
    return [_share([side[k] for side in kept]) for k in (0, 1)] if len(kept) >= LEAST_ANSWERED else None


def _share(hits):
    return round(sum(hits) / len(hits), 4)


def noise(rate, n):
    """Three Monte-Carlo standard errors."""
    return 3 * math.sqrt(rate * (1 - rate) / n)


def main_test(row):
    """The test that most of the experiments used; the planned one where none was answered."""
    used = row["tests_used"]
    return max(used, key=used.get) if used else row["test"]


def missed(row):
    """Return what of the bar a cell misses: (what, measured, bar, whether beyond three Monte-Carlo errors)."""
    if row["loses"] is None:
        return []
    test, n, m = main_test(row), row["answered"], row["answered_with_effect"]
    size = round(row["loses"] + row["wins"], 4)
    found = [_above("size", size, SIZE, n)]
    found += [_above(f"tail ({side})", row[side], TAIL, n) for side in ("loses", "wins")]
    if test not in SIZE_ONLY:
        found.append(_below("coverage", row["covers_effect"], COVERAGE, m))
        least = COVERAGE_OF_LIFT_BY_PERMUTATION if test == "permutation" else COVERAGE
        found.append(_below("coverage of the lift", row["covers_lift"], least, max(row["lifts_stated"], 1)))
        if is_plentiful(row):
            found.append(_below("size, at least", size, LEAST_SIZE, n))
            found.append(("width", row["width"], WIDTH, True) if (row["width"] or 0) > WIDTH else None)
    return [one for one in found if one is not None]


def _above(what, rate, bar, n):
    return (what, rate, bar, rate - bar > noise(bar, n)) if rate > bar else None


def _below(what, rate, bar, n):
    return (what, rate, bar, bar - rate > noise(bar, n)) if rate is not None and rate < bar else None


def is_plentiful(row):
    """Whether the cell is one of those for which the bar also asks for power: 50/50, enough events or accounts."""
    if row["holdout"] != 0.5 or row["family"] == "twenty looks":
        return False
    if row["family"] == "accounts":
        return row["accounts"] / (1 + cells.VARIANCE_OF_SIZE / cells.MEAN_SIZE**2) / 2 >= EFFECTIVE_ACCOUNTS
    return worlds.events_in_smaller(row) >= EVENTS


def must_answer(row):
    """Whether the bar allows no refusal: 50 payers, 40 accounts or 100 conversions in the smaller arm."""
    if row["family"] == "accounts":
        return min(row["holdout"], 1 - row["holdout"]) * row["accounts"] >= ACCOUNTS_AN_ARM
    if row["family"] == "twenty looks":
        return True
    least = EVENTS if row["family"] == "conversion" else PAYERS
    return worlds.events_in_smaller(row) >= least
