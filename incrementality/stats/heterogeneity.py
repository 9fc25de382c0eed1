"""Do several effects differ by more than chance? Cochran's Q."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.stats.distributions import chi_square_pvalue

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CochranQ", "cochran_q"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CochranQ:
    """How far several effects are from being one.

    Attributes:
        q: Sum of squared distances from the precision-weighted mean effect, in standard errors.
        df: Effects less one.
        pvalue: Probability of a ``q`` at least this large if all effects were the same.
    """

    q: float
    df: int
    pvalue: float


def cochran_q(effects: Sequence[float], standard_errors: Sequence[float]) -> CochranQ:
    """Test whether independent effects, say of disjoint segments, are all the same.

    Standard errors are taken as known, so each segment should be large enough for its error to be well estimated.

    Args:
        effects: One effect a segment, two or more, all in one unit.
        standard_errors: Their standard errors, above 0, in the same unit and order.

    Raises:
        InputError: Fewer than two effects, lengths that differ, an effect that is not finite, or a standard error
            that is not above 0 and finite.

    References:
        Cochran (1954), The combination of estimates from different experiments, https://doi.org/10.2307/3001666

    Examples:
        >>> answer = cochran_q([0.02, 0.05, -0.01], [0.01, 0.02, 0.02])
        >>> round(answer.q, 3), answer.df, round(answer.pvalue, 4)
        (4.5, 2, 0.1054)
    """
    _check_effects(effects, standard_errors)
    smallest = min(standard_errors)
    weights = [(smallest / error) ** 2 for error in standard_errors]
    mean = math.fsum(w * effect for w, effect in zip(weights, effects, strict=True)) / math.fsum(weights)
    q = math.fsum(((effect - mean) / error) ** 2 for effect, error in zip(effects, standard_errors, strict=True))
    df = len(weights) - 1
    return CochranQ(q=q, df=df, pvalue=chi_square_pvalue(q, df))


def _check_effects(effects: Sequence[float], standard_errors: Sequence[float]) -> None:
    if len(effects) < 2 or len(effects) != len(standard_errors):  # noqa: PLR2004 -- one effect cannot differ
        raise InputError(
            f"{len(effects)} effects and {len(standard_errors)} standard errors; needed: two or more of each",
            hint="give one standard error for each effect",
        )
    if not all(math.isfinite(effect) for effect in effects):
        raise InputError(f"the effects are {list(effects)}; each must be finite", hint="leave out missing effects")
    if any(not 0 < error < math.inf for error in standard_errors):
        raise InputError(
            f"the standard errors are {list(standard_errors)}; each must be above 0 and finite",
            hint="leave out segments whose effect has no standard error",
        )
