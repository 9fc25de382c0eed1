"""Intervals that may be read every day: asymptotic confidence sequences, and p-values that stay valid.

No bound needs to be planned and no look costs anything extra; the price is a wider interval than that of a fixed
test. Normality is what the central limit theorem gives, so the sequence starts only once it can be trusted: at 100
payers in the smaller arm. Without that start, a 5 % holdout of skewed revenue rejects true nulls several times too
often.

References:
    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), Time-uniform central limit theory and asymptotic
    confidence sequences, https://arxiv.org/abs/2103.06476
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from incrementality.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

__all__ = [
    "FEWEST_PAYERS",
    "ConfidenceSequence",
    "CumulativeArm",
    "anytime_margin",
    "confidence_sequence",
    "confidence_sequence_of_estimates",
]

FEWEST_PAYERS = 100  # units with a value other than zero in the smaller arm, before which nothing is said
_FEWEST_UNITS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CumulativeArm:
    """One arm by date: everything seen up to each.

    Attributes:
        n: Units so far, shape (T,), not falling.
        means: Their mean, in the metric's unit, shape (T,).
        variances: Their sample variance (denominator n - 1), shape (T,).
        payers: Units so far with a value other than zero, shape (T,).
    """

    n: FloatArray
    means: FloatArray
    variances: FloatArray
    payers: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceSequence:
    """An effect by date, with intervals that hold at all dates together.

    Attributes:
        effects: Treatment minus control at each date, in the metric's unit, shape (T,).
        standard_errors: Their standard errors, shape (T,).
        lower: Lower bounds, shape (T,); minus infinity before the start.
        upper: Upper bounds, shape (T,); infinite before the start, and for a one-sided sequence.
        pvalues: Always-valid p-value at each date, shape (T,): below ``alpha`` exactly where the interval excludes
            zero, and whatever the day on which the test is stopped, a true null shows that at one date or more with
            probability ``alpha`` at most. 1 before the start.
        started: Whether the smaller arm had 100 payers, shape (T,).
        alpha: Error rate over all dates.
    """

    effects: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    pvalues: FloatArray
    started: NDArray[np.bool_]
    alpha: float

    @property
    def first_excluded(self) -> int | None:
        """Position of the first date whose interval excludes zero; ``None`` where none does."""
        found = np.flatnonzero((self.lower > 0) | (self.upper < 0))
        return int(found[0]) if len(found) else None


def anytime_margin(
    units: ArrayLike, *, planned_units: float, alpha: float = 0.05, sides: Literal[1, 2] = 2
) -> FloatArray:
    """Return how many standard errors an interval needs on either side to hold at all times together.

    ``sqrt((x + 1) / x * 2 log(sqrt(x + 1) / alpha))`` with ``x = rho^2 n``; one-sided
    ``log(1 + sqrt(x + 1) / (2 alpha))`` in its place. ``rho`` makes the interval shortest at the planned size.

    Args:
        units: Units so far, above 0, any shape.
        planned_units: Units at which the interval is to be shortest; fixed beforehand.
        alpha: Error rate over all times, above 0 and below 0.5.
        sides: 2 for an interval, 1 for a lower bound only.

    Raises:
        InputError: A number of units or ``alpha`` is outside its range.

    References:
        Waudby-Smith et al. (2021), theorem 2.2 and appendix B, https://arxiv.org/abs/2103.06476;
        Robbins (1970), Statistical methods related to the law of the iterated logarithm,
        https://doi.org/10.1214/aoms/1177696786

    Examples:
        >>> anytime_margin([2000, 10000, 40000], planned_units=10000).round(3).tolist()
        [3.347, 3.035, 3.131]
    """
    n = np.asarray(units, dtype=float)
    if not (n > 0).all() or not 0 < planned_units < math.inf or not 0 < alpha < 0.5:  # noqa: PLR2004 -- one side
        raise InputError(
            f"{n.min(initial=math.inf):g} units, {planned_units} planned, alpha {alpha}; allowed: above 0, above 0 and "
            "finite, above 0 and below 0.5",
            hint="give the units of both arms together, and those that the design plans",
        )
    tuned = alpha * (2 / sides)
    best = -float(special.lambertw(-(tuned**2) / math.e, -1).real) - 1
    x = best * n / planned_units
    inner = np.log(np.sqrt(x + 1) / alpha) if sides > 1 else np.log1p(np.sqrt(x + 1) / (2 * alpha))
    return np.asarray(np.sqrt(2 * (x + 1) / x * inner))


def confidence_sequence(
    treatment: CumulativeArm,
    control: CumulativeArm,
    *,
    planned_units: float,
    alpha: float = 0.05,
    sides: Literal[1, 2] = 2,
) -> ConfidenceSequence:
    """Return the confidence sequence of a difference of means from cumulative summaries by date.

    Args:
        treatment: The treatment arm by date.
        control: The control by date, the same dates.
        planned_units: Units of both arms together at which the intervals are to be shortest; fixed beforehand.
        alpha: Error rate over all dates.
        sides: 2 for intervals, 1 for lower bounds of a positive effect.

    Raises:
        InputError: Dates differ, an arm has fewer than two units at a date, or the smaller arm has not yet had 100
            payers on the last one.

    References:
        Waudby-Smith et al. (2021), theorem 2.2, https://arxiv.org/abs/2103.06476

    Examples:
        >>> days = np.array([1.0, 2.0, 3.0])
        >>> sent = CumulativeArm(n=5000 * days, means=np.full(3, 0.06), variances=np.full(3, 0.0564),
        ...     payers=300 * days)
        >>> held = CumulativeArm(n=5000 * days, means=np.full(3, 0.05), variances=np.full(3, 0.0475),
        ...     payers=250 * days)
        >>> found = confidence_sequence(sent, held, planned_units=40_000)
        >>> found.lower.round(4).tolist(), found.first_excluded
        ([-0.0048, 0.0001, 0.002], 1)
    """
    smallest = np.minimum(treatment.n, control.n)
    if treatment.n.shape != control.n.shape or not smallest.size or smallest.min() < _FEWEST_UNITS:
        raise InputError(
            f"the arms have {treatment.n.size} and {control.n.size} dates, with {smallest.min(initial=math.inf):.0f} "
            "units at the least; needed: the same dates, and two units each",
            hint="start on the first day on which both arms have units",
        )
    variance = treatment.variances / treatment.n + control.variances / control.n
    return confidence_sequence_of_estimates(
        treatment.means - control.means,
        np.sqrt(variance),
        units=treatment.n + control.n,
        payers=np.where(treatment.n < control.n, treatment.payers, control.payers),
        planned_units=planned_units,
        alpha=alpha,
        sides=sides,
    )


def confidence_sequence_of_estimates(
    effects: ArrayLike,
    standard_errors: ArrayLike,
    *,
    units: ArrayLike,
    payers: ArrayLike,
    planned_units: float,
    alpha: float = 0.05,
    sides: Literal[1, 2] = 2,
) -> ConfidenceSequence:
    """Return the confidence sequence of any estimate that is a mean of influence values, such as Lin's adjusted one.

    Args:
        effects: The estimate by date, in the metric's unit, shape (T,).
        standard_errors: Its standard errors, above 0, from its influence values (robust ones are), shape (T,).
        units: Units of both arms together by date, shape (T,); accounts, where those were randomised.
        payers: Units with a value other than zero in the smaller arm by date, shape (T,).
        planned_units: Units at which the intervals are to be shortest; fixed beforehand.
        alpha: Error rate over all dates.
        sides: 2 for intervals, 1 for lower bounds of a positive effect.

    Raises:
        InputError: Lengths differ, a value is missing, or there have not yet been 100 payers on the last date.

    References:
        Waudby-Smith et al. (2021), section 3, https://arxiv.org/abs/2103.06476

    Examples:
        >>> found = confidence_sequence_of_estimates([0.4, 0.5], [0.2, 0.15], units=[5000, 20_000],
        ...     payers=[60, 240], planned_units=20_000)
        >>> found.lower.round(3).tolist(), found.pvalues.round(4).tolist()
        ([-inf, 0.045], [1.0, 0.0214])
    """
    y, se, n, paid = (np.asarray(part, dtype=float) for part in (effects, standard_errors, units, payers))
    _check(y, se, n, paid)
    started = paid >= FEWEST_PAYERS
    margin = np.where(started, anytime_margin(n, planned_units=planned_units, alpha=alpha, sides=sides) * se, np.inf)
    return ConfidenceSequence(
        effects=y,
        standard_errors=se,
        lower=y - margin,
        upper=np.full(len(y), np.inf) if sides == 1 else y + margin,
        pvalues=np.where(started, _pvalues(y / se, n / planned_units, alpha, sides), 1.0),
        started=started,
        alpha=alpha,
    )


def _pvalues(z: FloatArray, share: FloatArray, alpha: float, sides: int) -> FloatArray:
    """Return the error rate at which each bound would touch zero, with ``rho`` as it was tuned for ``alpha``."""
    tuned = alpha * (2 / sides)
    x = (-float(special.lambertw(-(tuned**2) / math.e, -1).real) - 1) * share
    exponent = z * z * x / (x + 1) / 2
    if sides > 1:
        return np.asarray(np.minimum(1.0, np.sqrt(x + 1) * np.exp(-exponent)))
    seen = np.where(z > 0, exponent, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(np.minimum(1.0, np.sqrt(x + 1) / 2 / np.expm1(seen)))


def _check(y: FloatArray, se: FloatArray, n: FloatArray, paid: FloatArray) -> None:
    if y.ndim != 1 or not y.shape == se.shape == n.shape == paid.shape or not len(y):
        raise InputError(
            f"{y.size} effects, {se.size} standard errors, {n.size} units and {paid.size} payers; needed: one of each "
            "for each date",
            hint="give one value for each date",
        )
    if not (np.isfinite(y).all() and np.isfinite(se).all() and (se > 0).all()):
        raise InputError(
            "an effect or standard error is missing, or a standard error is not above 0",
            hint="start on the first day on which the values of both arms differ",
        )
    if not paid[-1] >= FEWEST_PAYERS:
        raise InputError(
            f"the smaller arm has {paid[-1]:.0f} payers; a sequence starts at {FEWEST_PAYERS}",
            hint="wait, or read the test once at its planned end",
        )
