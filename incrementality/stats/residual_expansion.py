"""The sum behind the robust variance of a mean adjusted by one covariate, from sums that one pass forms.

In ``c^2 e^2 / (1 - h)`` (see ``adjustment``) residual and weight are polynomials of a unit's outcome and covariate,
and ``1 / (1 - h) = 1 + h + h^2 + ...`` converges fast where no unit has much leverage: in an arm of a million units
``h`` is some millionths. So sums of products of powers, taken before anything was fitted, answer what otherwise
needs a second pass over the rows. What the series leaves out is bounded; where the bound, or the rounding of the
sums, could show in the answer, there is none, and the rows must be asked.

References:
    MacKinnon and White (1985), Some heteroskedasticity-consistent covariance matrix estimators,
    https://doi.org/10.1016/0304-4076(85)90158-7; the bound is the remainder of a geometric series.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from numpy.polynomial import Polynomial

from incrementality.errors import InputError

if TYPE_CHECKING:
    from incrementality.stats.adjustment import AdjustedMean

__all__ = ["MIXED_POWERS", "MixedSums", "expanded_residual_sum"]

_DEGREE = 3  # of the weight's expansion in the covariate
_REMAINDER = 1e-9  # share of the answer that the series may leave out at most
_CANCELLATION = 100.0  # the terms may be so many times the answer: rounding grows by as much

MIXED_POWERS = tuple((i, k) for i in range(3) for k in range(_DEGREE + 3 - i))


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedSums:
    """Sums over the units of one arm, of products of an outcome and a covariate, each less its shift.

    Attributes:
        sums: Sum of ``(y - c)^i (x - d)^k`` for each ``(i, k)`` of ``MIXED_POWERS``; ``(0, 0)`` counts the units.
        shift: The covariate's shift ``d``.
        lowest: No unit's covariate is smaller.
        highest: No unit's covariate is larger.
    """

    sums: dict[tuple[int, int], float]
    shift: float
    lowest: float
    highest: float

    @property
    def covariate_mean(self) -> float:
        """Mean of ``x - d``."""
        return self.sums[0, 1] / self.sums[0, 0]

    @property
    def outcome_mean(self) -> float:
        """Mean of ``y - c``."""
        return self.sums[1, 0] / self.sums[0, 0]


def expanded_residual_sum(adjusted: AdjustedMean, mixed: MixedSums) -> float | None:
    """Return the sum of ``residual_sum`` with power 1 (HC2), or ``None`` where only the rows can tell.

    Args:
        adjusted: The arm's adjusted mean: one outcome, one covariate.
        mixed: The arm's sums.

    Returns:
        The sum, true to 1e-10 but for the rounding of the sums; ``None`` where a unit has too much leverage for that
        (some hundred thousand units and more have little), or the terms cancel.

    Raises:
        InputError: The mean has several outcomes or covariates.

    Examples:
        >>> import numpy as np
        >>> from incrementality.stats.adjustment import adjust_mean, residual_sum
        >>> from incrementality.stats.moments import moments_of_rows
        >>> rng = np.random.default_rng(7)
        >>> x = rng.uniform(0, 10, 1_000_000)
        >>> rows = {"before": x, "spend": x + rng.gamma(2.0, 5.0, 1_000_000)}
        >>> arm = moments_of_rows(rows)
        >>> adjusted = adjust_mean(arm, outcomes=["spend"], covariates=["before"], target={"before": 5.01})
        >>> sums = {(i, k): float(((rows["spend"] - 15) ** i * (x - 5) ** k).sum()) for i, k in MIXED_POWERS}
        >>> found = expanded_residual_sum(adjusted, MixedSums(sums=sums, shift=5.0, lowest=0.0, highest=10.0))
        >>> abs(found / residual_sum(adjusted, rows, power=1) - 1) < 1e-10
        True
    """
    if len(adjusted.outcomes) != 1 or len(adjusted.covariates) != 1:
        raise InputError(
            f"sums of {len(adjusted.outcomes)} outcomes and {len(adjusted.covariates)} covariates were asked for; "
            "allowed: one of each",
            hint="form the sum from the rows, by residual_sum or in the engine",
        )
    weight, left_out = _expanded_weight(adjusted, _reach(adjusted, mixed))
    total, terms = _weighted_squares(adjusted, mixed, weight)
    distances, _ = _weighted_squares(adjusted, mixed, Polynomial([0.0, 0.0, 1.0]))
    certain = total > 0 and left_out * distances <= _REMAINDER * total and terms <= _CANCELLATION * total
    return total / (adjusted.n**2 * (1 - 1 / adjusted.n)) if certain else None


def _reach(adjusted: AdjustedMean, mixed: MixedSums) -> float:
    """The largest distance of a unit's covariate from the arm's mean."""
    mean = float(adjusted.means[0])
    return max(mixed.highest - mean, mean - mixed.lowest)


def _expanded_weight(adjusted: AdjustedMean, reach: float) -> tuple[Polynomial, float]:
    """``n^2 (1 - 1/n) c^2 / (1 - h)`` as a polynomial of ``t = x - mean``, and a bound.

    With ``c = (1 + d t) / n`` and ``1 - h = (1 - 1/n)(1 - q t^2)`` it is ``(1 + d t)^2 / (1 - q t^2)``. The bound times
    ``t^2`` is more than the polynomial leaves out, wherever ``|t|`` is at most the reach.
    """
    d = adjusted.n * float(adjusted.pull[0])
    q = float(adjusted.root[0, 0]) ** 2 / (1 - 1 / adjusted.n)
    if not q * reach**2 < 1:
        return Polynomial([1.0]), math.inf
    series = (Polynomial([1.0, d]) ** 2 * Polynomial([1.0, 0.0, q, 0.0, q * q])).coef
    higher = sum(abs(float(series[k])) * reach ** (k - 2) for k in range(_DEGREE + 1, len(series)))
    rest = (1 + abs(d) * reach) ** 2 * q**3 * reach**4 / (1 - q * reach**2)
    return Polynomial(series[: _DEGREE + 1]), higher + rest


def _weighted_squares(adjusted: AdjustedMean, mixed: MixedSums, weight: Polynomial) -> tuple[float, float]:
    """Sum of ``e^2`` times a polynomial of ``t``, and the sum of the sizes of its terms."""
    slope, mean = float(adjusted.slopes[0]), mixed.covariate_mean
    scale = float(adjusted.weights[0])
    w = weight(Polynomial([-mean, 1.0]))
    fitted = Polynomial([scale * mixed.outcome_mean - slope * mean, slope])
    parts = (fitted**2 * w, -2 * scale * fitted * w, scale**2 * w)
    terms = [c * mixed.sums[i, k] for i, part in enumerate(parts) for k, c in enumerate(map(float, part.coef))]
    return math.fsum(terms), math.fsum(map(abs, terms))
