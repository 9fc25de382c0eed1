"""Power from a company's own history: units are drawn from it, an effect is planted, the test is run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from incrementality.errors import InputError
from incrementality.stats.power_clusters import ClusterHistory, cluster_history, cluster_statistics

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["SimulatedPower", "simulate_power"]

_FEWEST = 2
_CHUNK = 2_000_000  # values drawn at a time
_NULL_DRAWS = 4000
_FEW = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPower:
    """Power counted in simulated experiments.

    Attributes:
        power: Share of experiments that found the planted effect, in either direction.
        standard_error: Monte-Carlo error of ``power``.
        wrong_sign: Share of experiments that found an effect of the opposite sign.
        replications: Experiments simulated.
        guarded: Whether the critical values were those of the small-holdout guard.
        refused: Share of experiments that the readout would refuse to answer, having too few or too unequal clusters;
            they count as effects not found.
    """

    power: float
    standard_error: float
    wrong_sign: float
    replications: int
    guarded: bool
    refused: float = 0.0


@dataclass(frozen=True, slots=True)
class _History:
    """Values of single units: numerator and denominator, shape (n,)."""

    numerator: FloatArray
    denominator: FloatArray
    scored: bool  # units that convert or not: the readout's score test
    sparse: bool  # most units have nothing
    clusters: ClusterHistory | None = None  # where whole clusters are drawn and read by CR2


def simulate_power(
    values: ArrayLike,
    *,
    relative_effect: float,
    n_control: int,
    n_treatment: int,
    seed: int,
    denominator: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    alpha: float = 0.05,
    replications: int = 1000,
    guarded: bool = False,
) -> SimulatedPower:
    """Return the power of the readout's test on data like those of the history.

    Where all values are 0 or 1 the effect turns some units' outcome; otherwise every value of the treatment arm is
    multiplied by ``1 + relative_effect``, so that units with nothing keep nothing. Conversions of single units are
    tested by the score test, everything else of single units by Welch's t on the values or on a ratio's linearised
    values, whole clusters by CR2. ``guarded`` takes equal-tailed critical values from experiments without effect on
    the same history, as the studentised permutation test of the small-holdout rule does; that rule is for single
    units, and clusters are read by CR2 either way.

    Args:
        values: One value a unit, or the ratio's numerator, shape (n,).
        relative_effect: Planted effect relative to the mean; 0 gives the rate of false alarms.
        n_control: Units in the control.
        n_treatment: Units in the treatment arm.
        seed: Seed of the random numbers; the same seed gives the same answer.
        denominator: The ratio's denominator, shape (n,).
        clusters: The cluster of each unit, shape (n,); whole clusters are drawn, as many as give the units on average.
        alpha: Two-sided error rate.
        replications: Experiments to simulate.
        guarded: Whether to take the critical values of the small-holdout guard.

    Raises:
        InputError: The history is too short or holds missing values, arms are too small, or the effect takes a
            conversion rate beyond 0 to 1.

    References:
        Chung and Romano (2013), https://doi.org/10.1214/13-AOS1090;
        Pustejovsky and Tipton (2018), https://doi.org/10.1080/07350015.2016.1247004

    Examples:
        >>> history = [0] * 95 + [1] * 5
        >>> answer = simulate_power(history, relative_effect=0.79, n_control=250, n_treatment=4750, seed=1)
        >>> 0.6 < answer.power < 0.8, answer.replications
        (True, 1000)
    """
    history = _history(values, denominator, clusters)
    per_unit = 1.0 if history.clusters is None else len(history.clusters.size) / len(history.numerator)
    sizes = (round(n_control * per_unit), round(n_treatment * per_unit))
    _check(sizes, relative_effect, alpha, replications)
    rng, guarded = np.random.default_rng(seed), guarded and history.clusters is None
    lower, upper = -math.inf, math.inf
    if guarded:
        null, _ = _statistics(history, sizes, 0.0, max(_NULL_DRAWS, replications), rng)
        lower, upper = np.quantile(null, [alpha / 2, 1 - alpha / 2])
    t, df = _statistics(history, sizes, relative_effect, replications, rng)
    critical = special.stdtrit(df, 1 - alpha / 2)
    positive, negative = (t > upper, t < lower) if guarded else (t > critical, t < -critical)
    seen = float(np.mean(positive | negative))
    return SimulatedPower(
        power=seen,
        standard_error=math.sqrt(max(seen * (1 - seen), 1 / replications) / replications),
        wrong_sign=float(np.mean(negative if relative_effect >= 0 else positive)),
        replications=replications,
        guarded=guarded,
        refused=float(np.mean(np.isnan(t))),
    )


def _history(values: ArrayLike, denominator: ArrayLike | None, clusters: ArrayLike | None) -> _History:
    numerator = _finite(values, "values")
    below = np.ones(len(numerator)) if denominator is None else _finite(denominator, "denominator")
    if len(below) != len(numerator) or (clusters is not None and len(np.asarray(clusters)) != len(numerator)):
        raise InputError("values, denominator and clusters differ in length", hint="give one entry a unit to each")
    binary = denominator is None and bool(np.isin(numerator, (0.0, 1.0)).all())
    if clusters is not None:
        drawn = cluster_history(numerator, below, np.asarray(clusters), binary=binary)
        return _History(numerator, below, scored=False, sparse=False, clusters=drawn)
    sparse = denominator is None and bool(0 < np.count_nonzero(numerator) < _FEW * len(numerator))
    return _History(numerator, below, scored=binary, sparse=sparse)


def _finite(values: ArrayLike, what: str) -> FloatArray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or len(array) < _FEWEST or not np.isfinite(array).all():
        raise InputError(
            f"the history's {what} need one dimension, at least 2 entries and no missing ones", hint="leave gaps out"
        )
    return array


def _statistics(
    history: _History, sizes: tuple[int, int], effect: float, replications: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return test statistics and their degrees of freedom, shape (replications,); NaN where nothing is answered."""
    if history.scored:
        return _score_statistics(history, sizes, effect, replications, rng)
    chunk = max(1, _CHUNK // sum(sizes))
    draw = _welch_statistics if history.clusters is None else _cluster_statistics
    parts = [
        draw(history, sizes, effect, min(chunk, replications - start), rng) for start in range(0, replications, chunk)
    ]
    return np.concatenate([t for t, _ in parts]), np.concatenate([df for _, df in parts])


def _score_statistics(
    history: _History, sizes: tuple[int, int], effect: float, replications: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    rate = float(history.numerator.mean())
    n0, n1 = sizes
    x0, x1 = rng.binomial(n0, rate, replications), rng.binomial(n1, _treated_rate(rate, effect), replications)
    pooled = (x0 + x1) / (n0 + n1)
    variance = pooled * (1 - pooled) * (1 / n0 + 1 / n1) * (n0 + n1) / (n0 + n1 - 1)
    return _divided(x1 / n1 - x0 / n0, np.sqrt(variance)), np.full(replications, np.inf)


def _welch_statistics(
    history: _History, sizes: tuple[int, int], effect: float, replications: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    draw = _sparse_mean if history.sparse else _ratio
    (r0, v0), (r1, v1) = (draw(history, n, e, replications, rng) for n, e in zip(sizes, (0.0, effect), strict=True))
    spread = v1 * v1 / (sizes[1] - 1) + v0 * v0 / (sizes[0] - 1)
    df = np.divide((v0 + v1) ** 2, spread, out=np.ones_like(spread), where=spread > 0)
    return _divided(r1 - r0, np.sqrt(v0 + v1)), df


def _cluster_statistics(
    history: _History, sizes: tuple[int, int], effect: float, replications: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    assert history.clusters is not None  # noqa: S101 - the caller chose by it
    if history.clusters.binary:
        _treated_rate(float(history.numerator.mean()), effect)
    found = cluster_statistics(history.clusters, sizes, effect, replications, rng)
    return np.where(found.answered, found.t, np.nan), found.df


def _sparse_mean(
    history: _History, size: int, effect: float, replications: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return means and their variances where few units have a value: only those are drawn."""
    values = history.numerator[history.numerator != 0] * (1 + effect)
    count = rng.binomial(size, len(values) / len(history.numerator), replications)
    drawn = values[rng.integers(0, len(values), (replications, max(1, int(count.max()))))]
    drawn[np.arange(drawn.shape[1]) >= count[:, None]] = 0.0
    mean = drawn.sum(1) / size
    squares = np.einsum("ij,ij->i", drawn, drawn) - size * mean**2
    return mean, np.maximum(squares, 0.0) / (size - 1) / size


def _ratio(
    history: _History, size: int, effect: float, replications: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return means (ratios) and the variances of their linearised values."""
    at = rng.integers(0, len(history.numerator), (replications, size))
    numerator, denominator = history.numerator[at] * (1 + effect), history.denominator[at]
    below = denominator.sum(1)
    ratio = numerator.sum(1) / below
    residual = numerator - ratio[:, None] * denominator
    return ratio, np.asarray(size / (size - 1) * np.einsum("ij,ij->i", residual, residual) / below**2)


def _treated_rate(rate: float, effect: float) -> float:
    treated = rate * (1 + effect)
    if not 0 <= treated <= 1 or not 0 < rate < 1:
        raise InputError(
            f"an effect of {effect:+.0%} takes the share {rate:g} to {treated:g}; allowed: 0 to 1",
            hint="give a smaller effect",
        )
    return treated


def _divided(effect: FloatArray, error: FloatArray) -> FloatArray:
    return np.divide(effect, error, out=np.zeros_like(effect), where=error > 0)


def _check(sizes: tuple[int, int], effect: float, alpha: float, replications: int) -> None:
    if min(sizes) < _FEWEST:
        raise InputError(f"the arms hold {sizes} units (clusters); each needs 2", hint="enrol more units")
    if not effect >= -1 or not 0 < alpha < 1 or replications < 1:
        raise InputError(
            f"effect {effect}, alpha {alpha}, {replications} replications; allowed: -1 or more, 0 to 1, 1 or more",
            hint="an effect of 0.1 is 10 % more",
        )
