"""What looking several times costs: Wang and Tsiatis's boundaries and how many more units they need."""

from __future__ import annotations

from incrementality.errors import InputError
from incrementality.stats.boundary_crossing import crossing_probabilities
from incrementality.stats.distributions import normal_quantile
from incrementality.stats.roots import reaching_root
from incrementality.stats.sequential import GroupSequentialBounds, information_inflation

__all__ = ["look_inflation", "obrien_fleming_bound", "wang_tsiatis_bound"]

_MOST_LOOKS = 100


def wang_tsiatis_bound(looks: int, *, shape: float, alpha: float = 0.05) -> float:
    """Return the critical value of the last of several equally spaced looks, for a boundary of a given shape.

    Look ``k`` of ``K`` stops where ``|z|`` reaches ``bound * (k / K)^(shape - 1/2)``.

    Args:
        looks: Number of looks, from 1 to 100, the last one included.
        shape: From 0 (O'Brien and Fleming: far stronger evidence early) to 0.5 (Pocock: the same at each look).
        alpha: Two-sided error rate over all looks.

    Raises:
        InputError: A value is outside its range.

    References:
        Wang and Tsiatis (1987), Approximately optimal one-parameter boundaries for group sequential trials,
        https://doi.org/10.2307/2531959;
        Pocock (1977), https://doi.org/10.1093/biomet/64.2.191

    Examples:
        >>> round(wang_tsiatis_bound(5, shape=0.5), 3), round(wang_tsiatis_bound(5, shape=0.25), 3)
        (2.413, 2.136)
    """
    if not 1 <= looks <= _MOST_LOOKS:
        raise InputError(f"{looks} looks; allowed: 1 to {_MOST_LOOKS}", hint="one look a week is usually enough")
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha}; allowed: above 0 and below 1", hint="0.05 is usual")
    if not 0 <= shape <= 0.5:  # noqa: PLR2004 -- Pocock's shape
        raise InputError(f"the shape is {shape}; allowed: 0 to 0.5", hint="0 is O'Brien and Fleming's")
    times = [k / looks for k in range(1, looks + 1)]

    def spare(bound: float) -> float:
        upper = _boundary(bound, times, shape)
        return alpha - 1 + crossing_probabilities(times, upper, [-c for c in upper]).inside

    return reaching_root(spare, -normal_quantile(alpha / 2), 0.05)


def obrien_fleming_bound(looks: int, *, alpha: float = 0.05) -> float:
    """Return the critical value of the last of several equally spaced looks.

    Look ``k`` of ``K`` stops where ``|z|`` reaches ``bound * sqrt(K / k)``: early looks need far stronger evidence.

    Args:
        looks: Number of looks, from 1 to 100, the last one included.
        alpha: Two-sided error rate over all looks.

    Raises:
        InputError: The number of looks or ``alpha`` is outside its range.

    References:
        O'Brien and Fleming (1979), A multiple testing procedure for clinical trials,
        https://doi.org/10.2307/2530245

    Examples:
        >>> round(obrien_fleming_bound(1), 3), round(obrien_fleming_bound(5), 3)
        (1.96, 2.04)
    """
    return wang_tsiatis_bound(looks, shape=0.0, alpha=alpha)


def look_inflation(looks: int, *, alpha: float = 0.05, power: float = 0.8, shape: float = 0.0) -> float:
    """Return by how much several looks raise the number of units that one look would need.

    Args:
        looks: Number of equally spaced looks, from 1 to 100, the last one included.
        alpha: Two-sided error rate over all looks.
        power: Probability of stopping for a true effect at any look.
        shape: Of the boundary, as in ``wang_tsiatis_bound``; default: O'Brien and Fleming's.

    Returns:
        A factor of at least 1: the units at the last look divided by those of a single look.

    Raises:
        InputError: A value is outside its range.

    References:
        Jennison and Turnbull (2000), Group Sequential Methods with Applications to Clinical Trials, table 2.4,
        https://doi.org/10.1201/9780367805326

    Examples:
        >>> round(look_inflation(1), 3), round(look_inflation(5), 3)
        (1.0, 1.028)
    """
    bound = wang_tsiatis_bound(looks, shape=shape, alpha=alpha)
    times = [k / looks for k in range(1, looks + 1)]
    critical = _boundary(bound, times, shape)
    plan = GroupSequentialBounds(
        times=tuple(times), critical=tuple(critical), spent=_spent(times, critical), alpha=alpha, sides=2
    )
    return max(1.0, information_inflation(plan, power))


def _boundary(bound: float, times: list[float], shape: float) -> list[float]:
    return [bound * time ** (shape - 0.5) for time in times]


def _spent(times: list[float], critical: list[float]) -> tuple[float, ...]:
    crossing = crossing_probabilities(times, critical, [-c for c in critical])
    return tuple((crossing.upper + crossing.lower).cumsum().tolist())
