"""The truth grid: how often readouts err where there is no effect, and how often their intervals hold one that is.

The bar. Size at most 5.5 % and coverage at least 94.5 % wherever the engine answers (the relative interval under the
small-holdout guard at least 93 %), no tail above 3.5 %. At fixed looks, with at least 100 events in the smaller arm, at
least 100 effective accounts and a split of 50/50, also size at least 4.3 % and mean width at most 1.05 times that of
the oracle's interval, which knows the variances. Confidence sequences, exact tests and fewer accounts: size only. The
cells in which the engine answers are listed in ``grid_cells.json`` before the run, at least 85 % of the grid; refusals
are counted and listed; none where the smaller arm has 50 payers, 40 accounts an arm or 100 conversions.

Each experiment is drawn twice: without an effect, for size, tails and width, and with one, for coverage. An interval
holds the truth exactly where the test of the truth does not reject, so that the test is asked and no interval searched.
A permutation test is drawn in parts, and no further once enough draws lie beyond the data on both sides: the answer is
that of all 499.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import special

from incrementality.lift.methods import compare_counts, expected_in_control, fewest_of_counts, share_method, states_lift
from incrementality.stats import (
    MeanEstimate,
    compare_by_permutation,
    compare_means,
    exact_tails,
    pooled_small_holdout,
    skewness_of_sums,
)
from incrementality.stats.exact import _GAMMA, _Null, _Table, _tails
from incrementality.stats.exact_orders import difference_score, ratio_score
from incrementality.stats.permutation import units_compared, welch_statistics
from incrementality.stats.permutation_inversion import tails_of_statistics
from incrementality.stats.permutation_sums import permuted_sums

ALPHA, CRITICAL, SEED = 0.05, float(special.ndtri(0.975)), 20_261_123
LIFT = 0.2
PARTS = (64, 128, 307)  # permutations drawn at a time
PERMUTATIONS = sum(PARTS)


def loaded(name):
    """A module that lies beside this one; test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


class Truth(NamedTuple):
    """The true effect of a world, and its true lift."""

    effect: float
    lift: float


class Judged(NamedTuple):
    """One experiment: which test, the tails that reject no effect, and whether the intervals hold the truth.

    ``lift_holds`` is None where no relative effect is stated. Where there is an effect, a permutation test is not asked
    whether there is none.
    """

    test: str
    loses: bool
    wins: bool
    effect_holds: bool
    lift_holds: bool | None


def generator(cell, world):
    """Random numbers that belong to a cell and one of its worlds."""
    return np.random.default_rng([SEED, *world.encode(), *cell["cell"].encode()])


def judged_counts(x1, n1, x0, n0, truth):
    """Many experiments on shares, in arrays: score or exact as the engine chooses, with a lift where it states one."""
    pairs, back = np.unique(np.stack([x1, x0]), axis=1, return_inverse=True)
    by_score = _judged_by_score(*pairs.astype(float), n1, n0, truth)
    found = [_chosen((int(a), n1), (int(b), n0), truth, score) for (a, b), score in zip(pairs.T, by_score, strict=True)]
    return [found[k] for k in back.ravel()]


def _chosen(treatment, control, truth, by_score):
    test = share_method(fewest_of_counts(treatment, control))
    found = by_score if test == "score" else _judged_exactly(*treatment, *control, truth)
    expected = expected_in_control(treatment[0] + control[0], treatment[1], control[1])
    return found if control[0] and states_lift(expected) else found._replace(lift_holds=None)


def _judged_by_score(x1, x0, n1, n0, truth):
    bias = math.sqrt(1 - 1 / (n1 + n0))
    none = difference_score(x1, n1, x0, n0, 0.0) * bias
    effect = difference_score(x1, n1, x0, n0, truth.effect) * bias
    lift = ratio_score(x1, n1, x0, n0, 1 + truth.lift) * bias
    sides = (none < -CRITICAL, none > CRITICAL, np.abs(effect) <= CRITICAL, np.abs(lift) <= CRITICAL)
    return [Judged("score", *map(bool, row)) for row in zip(*sides, strict=True)]


def _judged_exactly(x1, n1, x0, n0, truth):
    none = exact_tails(x1, n1, x0, n0)
    effect = lift = none
    if truth.effect:
        effect = exact_tails(x1, n1, x0, n0, difference=truth.effect)
        lift = _tails(_Table(x1, n1, x0, n0), _Null(1 + truth.lift, 0.0), "score", _GAMMA)
    half = ALPHA / 2
    return Judged("exact", none.lower <= half, none.upper <= half, effect.pvalue > ALPHA, lift.pvalue > ALPHA)


def guard_of(y, treated, x=None):
    """What the small-holdout rule says of both arms together."""
    part = y - y.mean() if x is None else y - y.sum() / x.sum() * x
    skewness = skewness_of_sums(len(y), part.sum(), (part**2).sum(), (part**3).sum())
    sizes = int(treated.sum()), int((~treated).sum())
    return pooled_small_holdout(sizes, payers=int(np.count_nonzero(y)), skewness=skewness)


def mean_of_arm(y, x=None):
    """An arm's mean, or ratio by the delta method."""
    n = len(y)
    if x is None:
        return MeanEstimate(value=float(y.mean()), variance=float(y.var(ddof=1)) / n, df=n - 1)
    ratio = float(y.sum() / x.sum())
    variance = float(((y - ratio * x) ** 2).sum()) / (n - 1) / n / float(x.mean()) ** 2
    return MeanEstimate(value=ratio, variance=variance, df=n - 1)


def welch(y, treated, x=None):
    """Welch's t, with Fieller's interval."""
    return compare_means(*(mean_of_arm(y[arm], None if x is None else x[arm]) for arm in (treated, ~treated)))


def compared_values(y, treated, x=None, *, seed, permutations):
    """Two arms of means, money or ratios, by the test that the engine chooses; with intervals."""
    if not guard_of(y, treated, x).fires:
        return welch(y, treated, x)
    found = compare_by_permutation(y, treated, seed=seed, denominator=x, permutations=permutations)
    return found if states_lift(_expected(y, treated)) else replace(found, rel_effect=None, rel_interval=None)


def _expected(y, treated):
    return expected_in_control(np.count_nonzero(y), *(int(arm.sum()) for arm in (treated, ~treated)))


def compared_shares(treatment, control):
    """Two arms of conversions by the test that the engine chooses; with intervals."""
    return compare_counts(treatment, control)[0]


def judged_values(y, treated, truth, rng, x=None, *, parts=PARTS):
    """One experiment on a mean, money or a ratio, and Welch's answer beside."""
    usual = _judged_by_welch(welch(y, treated, x), truth)
    if not guard_of(y, treated, x).fires:
        return usual, usual
    return _judged_by_permutation((y, treated, x), truth, rng, parts), usual


def _judged_by_welch(found, truth):
    rejects, lift = found.pvalue < ALPHA, found.rel_interval
    return Judged(
        "Welch",
        rejects and found.effect < 0,
        rejects and found.effect > 0,
        truth.effect in found.effect_interval,
        None if lift is None else truth.lift in lift,
    )


def _judged_by_permutation(rows, truth, rng, parts):
    y, treated, x = rows
    units, scale = units_compared(y, treated, denominator=x), 1 / (1 + truth.lift)
    shifted = [(1.0, truth.effect), (scale, (1 - scale) * units.shift)] if truth.effect else [(1.0, 0.0)]
    rejected = rejections(units, shifted, ALPHA / 2, parts, rng)
    sides, holds = ((False, False), ~rejected.any(1)) if truth.effect else (rejected[0], [not rejected.any()] * 2)
    stated = y.min() >= 0 and y[treated].sum() > 0 and y[~treated].sum() > 0 and states_lift(_expected(y, treated))
    return Judged("permutation", *map(bool, sides), bool(holds[0]), bool(holds[1]) if stated else None)


def rejections(units, hypotheses, level, parts, rng):
    """Whether each hypothesis is rejected at the lower and the upper tail, shape (hypotheses, 2).

    Drawing ends once no tail can come down to the level any more.
    """
    beyond, most = np.zeros((len(hypotheses), 2)), level * (sum(parts) + 1) - 1
    for part in parts:
        sums = permuted_sums(units, part, rng)
        tails = [_permuted(sums, *hypothesis) for hypothesis in hypotheses]
        beyond += np.rint([[(part + 1) * tail - 1 for tail in (one.lower, one.upper)] for one in tails])
        if (beyond > most + 1e-9).all():
            break
    return beyond <= most + 1e-9


def _permuted(sums, a, t):
    difference, error = welch_statistics(sums, a, t)
    infinite = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
    return tails_of_statistics(np.divide(difference, error, out=infinite, where=error > 0))
