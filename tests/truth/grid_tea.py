"""What tea-tasting says of the cells of the truth grid that it answers: ``python tests/truth/grid_tea.py``.

Means and money are read by its ``Mean``, ratios by ``RatioOfMeans``, conversions by ``Proportion``, all as it sets them
up by itself: Welch's t with a delta-method interval of the logarithm of the lift; for shares the normal test with a
continuity correction from 1,000 units on, Barnard's test (without intervals) below. Its formulas are written again
over arrays, since a call takes milliseconds; the first worlds of each cell go through the package too, and must agree.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import special

TEA = Path(__file__).parent / "results" / "tea_tasting_grid.json"
REPLICATIONS, CHECKED = 2000, 10
FEWEST_FOR_NORMAL = 1000
LEAST_ANSWERED = 50


def loaded(name):
    """A module that lies beside this one; test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


worlds = loaded("grid_worlds")
grid, cells = worlds.grid, worlds.cells
FAMILIES = ("conversion", *worlds.WORLDS)


class Arm(NamedTuple):
    """Sums of one arm in many worlds: units, means and variances; of a ratio also those of the denominator."""

    n: int
    mean: np.ndarray
    variance: np.ndarray
    below: np.ndarray | None = None
    below_variance: np.ndarray | None = None
    covariance: np.ndarray | None = None


class Said(NamedTuple):
    """What is said of many worlds: the effect, its p-value, and the ends of both intervals; NaN where nothing is."""

    effect: np.ndarray
    pvalue: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    lift_lower: np.ndarray
    lift_upper: np.ndarray


def of_means(treatment, control):
    """Two arms of means or of ratios."""
    (m1, v1), (m0, v0) = _metric(treatment), _metric(control)
    with np.errstate(all="ignore"):
        scale, df = _welch(v1, treatment.n, v0, control.n)
        log_scale, log_df = _welch(v1 / m1**2, treatment.n, v0 / m0**2, control.n)
        half = special.stdtrit(df, 0.975) * scale
        factor = np.exp(special.stdtrit(log_df, 0.975) * log_scale)
        effect, ratio = m1 - m0, m1 / m0
        pvalue = 2 * special.stdtr(df, -np.abs(effect) / scale)
        return Said(effect, pvalue, effect - half, effect + half, ratio / factor - 1, ratio * factor - 1)


def _metric(arm):
    if arm.below is None:
        return arm.mean, arm.variance
    ratio = arm.mean / arm.below
    spread = arm.variance + ratio**2 * arm.below_variance - 2 * ratio * arm.covariance
    return ratio, spread / arm.below**2


def _welch(v1, n1, v0, n0):
    a, b = v1 / n1, v0 / n0
    return np.sqrt(a + b), (a + b) ** 2 / (a**2 / (n1 - 1) + b**2 / (n0 - 1))


def of_shares(treatment, control):
    """Two arms of shares by the normal test with its continuity correction."""
    (n1, p1, *_), (n0, p0, *_) = treatment, control
    with np.errstate(all="ignore"):
        pooled, step = (p1 * n1 + p0 * n0) / (n1 + n0), 0.5 * (1 / n1 + 1 / n0)
        scale = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
        effect, ratio = p1 - p0, p1 / p0
        pvalue = 2 * special.ndtr(-np.maximum(np.abs(effect) - step * (effect != 0), 0) / scale)
        half, factor = grid.CRITICAL * scale + step, np.exp(grid.CRITICAL * scale / pooled + step / p0)
        ends = np.maximum(effect - half, -1), np.minimum(effect + half, 1)
        return Said(effect, pvalue, *ends, ratio / factor - 1, ratio * factor - 1)


def by_package(treatment, control, k, *, share):
    """What the package itself says of world ``k``: effect, p-value and the ends of both intervals."""
    import tea_tasting
    from tea_tasting.aggr import Aggregates

    def sums(arm):
        x = {} if arm.below is None else {"x": float(arm.below[k])}
        spread = {} if arm.below is None else {"x": float(arm.below_variance[k])}
        both = {} if arm.below is None else {("x", "y"): float(arm.covariance[k])}
        return Aggregates(arm.n, {"y": float(arm.mean[k]), **x}, {"y": float(arm.variance[k]), **spread}, both)

    ratio = tea_tasting.RatioOfMeans("y", None if treatment.below is None else "x")
    found = (tea_tasting.Proportion("y") if share else ratio).analyze_aggregates(sums(control), sums(treatment))
    lift = found.rel_effect_size_ci_lower, found.rel_effect_size_ci_upper
    return found.effect_size, found.pvalue, found.effect_size_ci_lower, found.effect_size_ci_upper, *lift


def drawn(cell, world, replications):
    """Both arms' sums in many worlds, and the truth."""
    rng, (n1, n0) = grid.generator(cell, world), worlds.sizes_of(cell)
    if cell["family"] == "conversion":
        rate = cell["rate"]
        truth = grid.Truth(grid.LIFT * rate, grid.LIFT) if world == "effect" else grid.Truth(0.0, 0.0)
        shares = ((n, rng.binomial(n, p, replications) / n) for n, p in ((n1, rate + truth.effect), (n0, rate)))
        return *(Arm(n, p, p * (1 - p) * n / (n - 1)) for n, p in shares), truth
    draw, truth, _ = worlds.WORLDS[cell["family"]](cell, world)
    treated, found = np.arange(cell["n"]) < n1, ([], [])
    for _ in range(replications):
        y, x = draw(rng, treated)
        for rows, part in zip(found, (slice(None, n1), slice(n1, None)), strict=True):
            rows.append(_sums(y[part], None if x is None else x[part]))
    return *(Arm(n, *np.array(rows).T) for n, rows in zip((n1, n0), found, strict=True)), truth


def _sums(y, x):
    if x is None:
        return y.mean(), y.var(ddof=1)
    return y.mean(), y.var(ddof=1), x.mean(), x.var(ddof=1), np.cov(y, x)[0, 1]


def said(cell, treatment, control):
    """What tea-tasting says of each world of a cell."""
    if cell["family"] != "conversion":
        return of_means(treatment, control)
    return of_shares(treatment, control) if cell["n"] >= FEWEST_FOR_NORMAL else _by_barnard(treatment, control)


def _by_barnard(treatment, control):
    pairs, back = np.unique(np.stack([treatment.mean, control.mean]), axis=1, return_inverse=True)
    arms = [arm._replace(mean=p, variance=p * (1 - p)) for arm, p in zip((treatment, control), pairs, strict=True)]
    found = np.array([by_package(*arms, k, share=True)[1] for k in range(pairs.shape[1])])[back.ravel()]
    nothing = np.full(found.shape, np.nan)
    return Said(treatment.mean - control.mean, found, nothing, nothing, nothing, nothing)


def measured(cell, replications=REPLICATIONS):
    """Return the rates of a cell: tails without an effect, coverage with one; None where nothing is said."""
    treatment, control, _ = drawn(cell, "null", replications)
    null = said(cell, treatment, control)
    agree(cell, treatment, control, null)
    answered = ~np.isnan(null.pvalue)
    rejects = answered & (null.pvalue < grid.ALPHA)
    rates = {"loses": (rejects & (null.effect < 0))[answered], "wins": (rejects & (null.effect > 0))[answered]}
    if cell["family"] != "conversion" or cell["n"] >= FEWEST_FOR_NORMAL:
        treatment, control, truth = drawn(cell, "effect", replications)
        found = said(cell, treatment, control)
        for name, low, high, value in (("effect", found.lower, found.upper, truth.effect),
                                       ("lift", found.lift_lower, found.lift_upper, truth.lift)):  # fmt: skip
            stated = ~np.isnan(low) & ~np.isnan(high)
            rates[f"covers_{name}"] = ((low <= value) & (value <= high))[stated]
    shown = {
        name: round(float(hits.mean()), 4) if len(hits) >= LEAST_ANSWERED else None for name, hits in rates.items()
    }
    return {"cell": cell["cell"], "replications": replications, "answered": int(answered.sum()), **shown}


def agree(cell, treatment, control, found):
    """Refuse formulas that differ from the package in the first worlds."""
    if cell["family"] == "conversion" and cell["n"] < FEWEST_FOR_NORMAL:
        return
    for k in range(CHECKED):
        if not math.isfinite(found.lift_lower[k] + found.lift_upper[k]):
            continue
        theirs = by_package(treatment, control, k, share=cell["family"] == "conversion")
        np.testing.assert_allclose([part[k] for part in found], theirs, rtol=1e-9, atol=1e-12)


if __name__ == "__main__":
    grid_cells = [c for c in json.loads(cells.CELLS.read_text(encoding="utf-8")) if c["family"] in FAMILIES]
    TEA.write_text(cells.text([measured(cell) for cell in grid_cells]), encoding="utf-8")
