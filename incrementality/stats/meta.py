"""Several experiments taken together: their mean effect, and how much their effects differ.

Weights must not come from the arms' own variances. In a small skewed arm mean and variance are under-estimated
together, so precision weights favour the experiments whose control came out low: with 500 of 10,000 held out and one
in twenty paying, the weighted mean of true nulls is a third of the control's mean. ``pooled_arm_variance`` reads both
arms as one and has no such preference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.errors import InputError
from incrementality.stats.comparison import Interval
from incrementality.stats.distributions import t_two_sided_pvalue, two_sided_critical_value
from incrementality.stats.means import estimate_mean
from incrementality.stats.moments import add_moments
from incrementality.stats.roots import reaching_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.stats.moments import Moments

    FloatArray = NDArray[np.float64]

__all__ = ["PooledEffect", "between_variance", "checked_effects", "pool_effects", "pooled_arm_variance"]

_FEW = 4  # experiments up to which the wider of two intervals is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledEffect:
    """The mean effect of several experiments.

    Attributes:
        mean: The random-effects mean, in the effects' unit.
        standard_error: Its standard error by the method named.
        df: Degrees of freedom of the interval; infinite for the fixed-effect one.
        interval: The ``1 - alpha`` interval of the mean effect.
        pvalue: Two-sided p-value of a mean effect of zero; below ``alpha`` where the interval excludes zero.
        method: Whether Hartung, Knapp, Sidik and Jonkman's interval or the fixed-effect one is stated.
        tau_squared: Variance of the true effects between experiments, in the effects' unit squared.
        weights: Share of each experiment in the mean, length k; their sum is 1.
    """

    mean: float
    standard_error: float
    df: float
    interval: Interval
    pvalue: float
    method: Literal["hksj", "fixed_effect"]
    tau_squared: float
    weights: tuple[float, ...]


def pooled_arm_variance(treatment: Moments, control: Moments, numerator: str, denominator: str | None = None) -> float:
    """Return the variance of a difference of means with one variance for all units, whichever their arm.

    It serves weights only: pooling, shrinkage, calibration. The experiment's own interval keeps each arm's variance.
    A ratio is linearised around the ratio of both arms together; clusters count as wholes.

    Args:
        treatment: Moments of the treatment arm.
        control: Moments of the control, with the same columns and shifts.
        numerator: The column, or a ratio's numerator.
        denominator: A ratio's denominator.

    Raises:
        InputError: The arms' moments do not add, or a column is missing in some rows.

    References:
        Cochran (1937), Problems arising in the analysis of a series of similar experiments, on weights that are
        estimated with the means, https://doi.org/10.2307/2984123

    Examples:
        >>> from incrementality.stats.moments import moments_of_rows
        >>> arms = [moments_of_rows({"y": y}, shift={"y": 2.0}) for y in ([1.0, 3.0, 5.0], [0.0, 2.0, 4.0])]
        >>> round(pooled_arm_variance(*arms, "y"), 4)
        2.3333
    """
    of_all = estimate_mean(add_moments(treatment, control).pooled(), numerator, denominator).variance
    n1, n0 = float(treatment.n.sum()), float(control.n.sum())
    return of_all * (n1 + n0) * (1 / n1 + 1 / n0)


def pool_effects(effects: Sequence[float], variances: Sequence[float], *, alpha: float = 0.05) -> PooledEffect:
    """Return the random-effects mean of independent experiments.

    Paule and Mandel's variance between experiments, and the interval of Hartung, Knapp, Sidik and Jonkman, which
    keeps its level with few experiments. For two to four of them it can be far too short where the effects happen to
    agree: the wider of it and the fixed-effect interval is stated then, both around the random-effects mean.

    Args:
        effects: One effect an experiment, two or more, all in one unit.
        variances: Their variances, above 0, in the same order; from ``pooled_arm_variance``, not from each arm.
        alpha: Error rate of the intervals.

    Raises:
        InputError: Fewer than two effects, lengths that differ, or a value that is not finite or not above 0.

    References:
        Paule and Mandel (1982), https://doi.org/10.6028/jres.087.022;
        Hartung and Knapp (2001), https://doi.org/10.1002/sim.1009;
        Sidik and Jonkman (2002), https://doi.org/10.1002/sim.1262;
        Jackson et al. (2017), The Hartung-Knapp modification: friend or foe?, https://doi.org/10.1002/sim.7411

    Examples:
        >>> pooled = pool_effects([0.8, 1.5, 0.1, 1.1, 2.4], [0.09, 0.25, 0.16, 0.04, 0.36])
        >>> round(pooled.mean, 3), round(pooled.interval.lower, 3), round(pooled.interval.upper, 3)
        (1.1, 0.113, 2.087)
    """
    y, v = checked_effects(effects, variances)
    tau_squared = between_variance(effects, variances)
    w = 1 / (v + tau_squared)
    mean = float(w @ y / w.sum())
    hksj = math.sqrt(float(w @ (y - mean) ** 2) / (len(y) - 1) / float(w.sum()))
    fixed = 1 / math.sqrt(float((1 / v).sum()))
    df = float(len(y) - 1)
    margins = two_sided_critical_value(alpha, df) * hksj, two_sided_critical_value(alpha) * fixed
    by_fixed = hksj == 0 or (len(y) <= _FEW and margins[1] > margins[0])
    error, df, margin = (fixed, math.inf, margins[1]) if by_fixed else (hksj, df, margins[0])
    return PooledEffect(
        mean=mean,
        standard_error=error,
        df=df,
        interval=Interval(lower=mean - margin, upper=mean + margin),
        pvalue=t_two_sided_pvalue(mean / error, df),
        method="fixed_effect" if by_fixed else "hksj",
        tau_squared=tau_squared,
        weights=tuple((w / w.sum()).tolist()),
    )


def between_variance(effects: Sequence[float], variances: Sequence[float]) -> float:
    """Return Paule and Mandel's variance of the true effects between experiments; zero where chance explains them.

    It is the variance under which the weighted squares of the effects around their mean are as large as expected.

    Args:
        effects: One effect an experiment, two or more.
        variances: Their variances, above 0, in the same order.

    Raises:
        InputError: As for ``pool_effects``.

    References:
        Paule and Mandel (1982), Consensus values and weighting factors, https://doi.org/10.6028/jres.087.022

    Examples:
        >>> round(between_variance([0.8, 1.5, 0.1, 1.1, 2.4], [0.09, 0.25, 0.16, 0.04, 0.36]), 4)
        0.4711
    """
    y, v = checked_effects(effects, variances)
    unit = float(v.min())

    def expected_less_found(tau_squared: float) -> float:
        w = unit / (v + unit * tau_squared)
        mean = w @ y / w.sum()
        return float(len(y) - 1 - w @ (y - mean) ** 2 / unit)

    if expected_less_found(0.0) >= 0:
        return 0.0
    return unit * reaching_root(expected_less_found, 0.0, max(1.0, float(y.var()) / unit))


def checked_effects(effects: Sequence[float], variances: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """Return effects and variances as arrays, each of shape (k,), or refuse them.

    Raises:
        InputError: Fewer than two effects, lengths that differ, or a value that is not finite or not above 0.

    Examples:
        >>> y, v = checked_effects([1.0, 2.0], [0.5, 0.5])
        >>> y.shape
        (2,)
    """
    y, v = np.asarray(effects, dtype=float), np.asarray(variances, dtype=float)
    if y.ndim != 1 or y.shape != v.shape or len(y) < 2:  # noqa: PLR2004 -- one experiment cannot be pooled
        raise InputError(
            f"{y.size} effects and {v.size} variances; needed: two or more of each",
            hint="give one variance for each effect",
        )
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise InputError(
            f"effects {y.tolist()} with variances {v.tolist()}; each must be finite, each variance above 0",
            hint="leave out experiments whose effect has no variance",
        )
    return y, v
