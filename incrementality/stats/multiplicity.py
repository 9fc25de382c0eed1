"""Several comparisons at once: p-values adjusted so that any false alarm stays rare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["holm"]


def holm(pvalues: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's adjusted p-values, in the order given.

    Rejecting where the adjusted value is at most alpha keeps the probability of any false rejection at alpha or
    below, however the tests depend on each other. Use it over the primary comparisons of one experiment.

    Args:
        pvalues: One p-value a comparison, each from 0 to 1; may be empty.

    Raises:
        InputError: A p-value is missing or outside 0 to 1.

    References:
        Holm (1979), A simple sequentially rejective multiple test procedure, https://www.jstor.org/stable/4615733

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    for place, pvalue in enumerate(pvalues):
        if not 0 <= pvalue <= 1:
            raise InputError(
                f"p-value number {place + 1} is {pvalue}; allowed: 0 to 1",
                hint="leave out comparisons that gave no p-value",
            )
    adjusted, largest = [0.0] * len(pvalues), 0.0
    for rank, place in enumerate(sorted(range(len(pvalues)), key=lambda at: float(pvalues[at]))):
        largest = max(largest, min(1.0, (len(pvalues) - rank) * float(pvalues[place])))
        adjusted[place] = largest
    return tuple(adjusted)
