"""Several comparisons at once: adjusted p-values, and the level at which each interval agrees with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Correction", "benjamini_hochberg", "hochberg", "holm", "interval_levels"]

Correction = Literal["holm", "hochberg", "benjamini_hochberg"]


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
    return _step_down(pvalues, lambda rank, m: m - rank)


def hochberg(pvalues: Sequence[float]) -> tuple[float, ...]:
    """Return Hochberg's adjusted p-values, in the order given.

    Never larger than Holm's, with the same guarantee where the tests are independent or positively dependent: arms
    against one control, or metrics that rise together. Where in doubt, use ``holm``.

    Args:
        pvalues: One p-value a comparison, each from 0 to 1; may be empty.

    Raises:
        InputError: A p-value is missing or outside 0 to 1.

    References:
        Hochberg (1988), A sharper Bonferroni procedure for multiple tests of significance,
        https://doi.org/10.1093/biomet/75.4.800;
        Sarkar (1998), on positive dependence, https://doi.org/10.1214/aos/1028144846

    Examples:
        >>> hochberg([0.01, 0.04, 0.03])
        (0.03, 0.04, 0.04)
    """
    return _step_up(pvalues, lambda rank, m: m - rank)


def benjamini_hochberg(pvalues: Sequence[float]) -> tuple[float, ...]:
    """Return Benjamini and Hochberg's adjusted p-values, in the order given.

    Rejecting where the adjusted value is at most alpha keeps the expected share of false ones among the rejections
    (the false discovery rate) at alpha or below, where the tests are independent or positively dependent. Use it over
    secondary metrics, where a few false finds among many are acceptable.

    Args:
        pvalues: One p-value a comparison, each from 0 to 1; may be empty.

    Raises:
        InputError: A p-value is missing or outside 0 to 1.

    References:
        Benjamini and Hochberg (1995), Controlling the false discovery rate,
        https://doi.org/10.1111/j.2517-6161.1995.tb02031.x;
        Benjamini and Yekutieli (2001), on positive dependence, https://doi.org/10.1214/aos/1013699998

    Examples:
        >>> benjamini_hochberg([0.01, 0.04, 0.03])
        (0.03, 0.04, 0.04)
    """
    return _step_up(pvalues, lambda rank, m: m / (rank + 1))


def interval_levels(pvalues: Sequence[float], *, method: Correction, alpha: float = 0.05) -> tuple[float, ...]:
    """Return the error rate at which each comparison's interval excludes zero exactly when it is rejected.

    Benjamini and Hochberg: ``R alpha / m`` for R rejections among m, at which the expected share of intervals that
    miss, among those of rejected comparisons, is at most alpha. Holm: the level of the step that decided the
    comparison; Hochberg: the level of the step that ended the search. These two agree with their decisions; only
    intervals at ``alpha / m`` all hold at once with probability ``1 - alpha``.

    Args:
        pvalues: One p-value a comparison, each from 0 to 1; may be empty.
        method: The correction.
        alpha: Error rate of the correction.

    Returns:
        The two-sided error rate of each interval, in the order given; an interval of 95 % is 0.05.

    Raises:
        InputError: A p-value is missing or outside 0 to 1, or ``alpha`` is not between 0 and 1.

    References:
        Benjamini and Yekutieli (2005), False discovery rate-adjusted multiple confidence intervals,
        https://doi.org/10.1198/016214504000001907

    Examples:
        >>> [round(level, 4) for level in interval_levels([0.001, 0.3, 0.02, 0.01], method="benjamini_hochberg")]
        [0.0375, 0.0375, 0.0375, 0.0375]
        >>> [round(level, 4) for level in interval_levels([0.001, 0.3, 0.03], method="holm")]
        [0.0167, 0.025, 0.025]
    """
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha}; allowed: above 0 and below 1", hint="0.05 is usual")
    adjusted = {"holm": holm, "hochberg": hochberg, "benjamini_hochberg": benjamini_hochberg}[method](pvalues)
    m, rejected = len(adjusted), sum(value <= alpha for value in adjusted)
    if method == "holm":
        ranks = _ranks(pvalues)
        return tuple(alpha / (m - min(rank, rejected)) for rank in ranks)
    if method == "hochberg":
        return (alpha / (m - max(rejected, 1) + 1),) * m if m else ()
    return (alpha * max(rejected, 1) / m,) * m if m else ()


def _step_down(pvalues: Sequence[float], factor: Callable[[int, int], float]) -> tuple[float, ...]:
    """Multiply each p-value by the factor of its rank (0 for the smallest); none is below an earlier one."""
    _check(pvalues)
    adjusted, largest = [0.0] * len(pvalues), 0.0
    for rank, place in enumerate(_order(pvalues)):
        largest = max(largest, min(1.0, factor(rank, len(pvalues)) * float(pvalues[place])))
        adjusted[place] = largest
    return tuple(adjusted)


def _step_up(pvalues: Sequence[float], factor: Callable[[int, int], float]) -> tuple[float, ...]:
    """Multiply each p-value by the factor of its rank (0 for the smallest); none is above a later one."""
    _check(pvalues)
    adjusted, smallest = [0.0] * len(pvalues), 1.0
    for rank, place in reversed(list(enumerate(_order(pvalues)))):
        smallest = min(smallest, factor(rank, len(pvalues)) * float(pvalues[place]))
        adjusted[place] = smallest
    return tuple(adjusted)


def _order(pvalues: Sequence[float]) -> list[int]:
    return sorted(range(len(pvalues)), key=lambda at: float(pvalues[at]))


def _ranks(pvalues: Sequence[float]) -> list[int]:
    """Return the rank of each p-value, 0 for the smallest."""
    ranks = [0] * len(pvalues)
    for rank, place in enumerate(_order(pvalues)):
        ranks[place] = rank
    return ranks


def _check(pvalues: Sequence[float]) -> None:
    for place, pvalue in enumerate(pvalues):
        if not 0 <= pvalue <= 1:
            raise InputError(
                f"p-value number {place + 1} is {pvalue}; allowed: 0 to 1",
                hint="leave out comparisons that gave no p-value",
            )
