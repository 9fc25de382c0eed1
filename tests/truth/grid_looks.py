"""Twenty looks in the truth grid, from cumulative summaries: confidence sequences and group sequential bounds.

Units come in twenty equal parts. Normal values have a mean of 2 standard deviations; a fifth of the units convert; a
tenth pay, lognormally. Bounds meet what a readout brings to them: the p-value of Welch's t, or of the score or the
exact test, as a normal deviate. Revenue, which the small-holdout rule guards, is drawn by rows; see ``grid_look_rows``.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
from scipy import special

from incrementality.errors import InputError
from incrementality.lift.methods import FEWEST_EVENTS
from incrementality.lift.monitored import deviate
from incrementality.stats import CumulativeArm, Spending, confidence_sequence, exact_tails, group_sequential_bounds
from incrementality.stats.exact_orders import difference_score


def loaded(name):
    """A module that lies beside this one; test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


worlds, by_rows = loaded("grid_worlds"), loaded("grid_look_rows")
grid = worlds.grid
LOOKS = 20
PAYERS = {"normal": 1.0, "conversion": 0.2, "revenue": 0.1}
SPREAD = 1.0


def arm_by_look(rng, n, outcome, shape, *, payers, mean):
    """One arm's cumulative summaries, each of shape (replications, looks); ``mean`` is that of a payer."""
    part = n // LOOKS
    paid = np.full(shape, part) if outcome == "normal" else rng.binomial(part, payers, shape)
    if outcome == "conversion":
        total = squares = paid.astype(float)
    elif outcome == "normal":
        total = part * mean + math.sqrt(part) * rng.normal(size=shape)
        squares = total**2 / part + rng.chisquare(part - 1, shape)
    else:
        spent = rng.lognormal(0, SPREAD, int(paid.sum()))
        owner = np.repeat(np.arange(paid.size), paid.ravel())
        total, squares = (np.bincount(owner, spent**k, paid.size).reshape(shape) for k in (1, 2))
    units = np.tile(part * np.arange(1.0, LOOKS + 1), (shape[0], 1))
    total, squares = total.cumsum(1), squares.cumsum(1)
    means = total / units
    return CumulativeArm(
        n=units, means=means, variances=(squares - units * means**2) / (units - 1), payers=paid.cumsum(1)
    )


def looks(cell, world, replications):
    """Tests that are looked at twenty times: an error at any look counts, and all intervals together must hold."""
    if cell["outcome"] == "revenue" and cell["bounds"] in by_rows.KINDS:
        return by_rows.revenue_looks(cell, world, replications)
    rng, (n1, n0) = grid.generator(cell, world), worlds.sizes_of(cell)
    outcome, lift = cell["outcome"], worlds.LIFT / 4 if world == "effect" else 0.0
    payers, mean = PAYERS[outcome], {"normal": 2.0, "conversion": 1.0, "revenue": math.exp(SPREAD**2 / 2)}[outcome]
    more, raised = (1.0, 1 + lift) if outcome == "normal" else (1 + lift, 1.0)
    shape, effect = (replications, LOOKS), lift * payers * mean
    treatment = arm_by_look(rng, n1, outcome, shape, payers=payers * more, mean=mean * raised)
    control = arm_by_look(rng, n0, outcome, shape, payers=payers, mean=mean)
    error = np.sqrt(treatment.variances / treatment.n + control.variances / control.n)
    error = np.where(error > 0, error, np.inf)
    z = (treatment.means - control.means) / error
    usual = {"Welch": _first_sides(z, worlds.CRITICAL)}
    if cell["bounds"] == "confidence sequence":
        arms = [(_at(treatment, k), _at(control, k)) for k in range(replications)]
        return worlds.Drawn([_judged_sequence(*pair, n1 + n0, effect) for pair in arms], usual, None)
    spending = Spending(kind=by_rows.KINDS[cell["bounds"]])
    critical = np.array(group_sequential_bounds(by_rows.TIMES, spending=spending).critical)
    deviates = _deviates_of_shares if outcome == "conversion" else _deviates_of_means
    z = deviates(treatment, control, 0.0)
    holds = (np.abs(deviates(treatment, control, effect)) <= critical).all(1)
    ours = [
        grid.Judged(cell["bounds"], low, high, bool(held), None)
        for (low, high), held in zip(_first_sides(z, critical), holds, strict=True)
    ]
    return worlds.Drawn(ours, usual, None)


def _deviates_of_means(treatment, control, effect):
    """Welch's t of a difference, as the normal deviate of its p-value."""
    parts = [arm.variances / arm.n for arm in (treatment, control)]
    error = np.sqrt(sum(parts))
    df = error**4 / sum(part**2 / (arm.n - 1) for part, arm in zip(parts, (treatment, control), strict=True))
    return special.ndtri(special.stdtr(df, (treatment.means - control.means - effect) / error))


def _deviates_of_shares(treatment, control, effect):
    """The score statistic of a difference; where an arm has few of a kind, the deviate of the exact p-value."""
    x1, n1, x0, n0 = (part.ravel() for part in (treatment.payers, treatment.n, control.payers, control.n))
    found = difference_score(x1.astype(float), n1, x0.astype(float), n0, effect) * np.sqrt(1 - 1 / (n1 + n0))
    few = np.minimum.reduce([x1, n1 - x1, x0, n0 - x0]) < FEWEST_EVENTS
    for k in np.flatnonzero(few):
        counts = (int(part[k]) for part in (x1, n1, x0, n0))
        found[k] = deviate(found[k], exact_tails(*counts, difference=effect).pvalue)
    return found.reshape(treatment.n.shape)


def _at(arm, row):
    return CumulativeArm(n=arm.n[row], means=arm.means[row], variances=arm.variances[row], payers=arm.payers[row])


def _first_sides(z, critical):
    """Whether the first crossing is below, or above."""
    crossed = np.abs(z) >= critical
    first = np.where(crossed.any(1), crossed.argmax(1), 0)
    signs = np.sign(z[np.arange(len(z)), first]) * crossed.any(1)
    return [(bool(sign < 0), bool(sign > 0)) for sign in signs]


def _judged_sequence(treatment, control, planned, effect):
    try:
        found = confidence_sequence(treatment, control, planned_units=planned)
    except InputError:  # fewer than 100 payers in the smaller arm on the last day
        return None
    first = found.first_excluded
    holds = bool(((found.lower <= effect) & (effect <= found.upper)).all())
    sign = 0.0 if first is None else float(np.sign(found.effects[first]))
    return grid.Judged("confidence sequence", sign < 0, sign > 0, holds, None)
