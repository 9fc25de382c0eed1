"""Arrays on which careless arithmetic goes wrong: large offsets, mostly zeros with a heavy tail, drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from incrementality.simulate.world import Floats

__all__ = ["annual_recurring_revenue", "numeric_hazards", "zero_inflated_revenue"]


def annual_recurring_revenue(n: int, *, rng: np.random.Generator, mean: float = 1e6, sd: float = 1e3) -> Floats:
    """Return normal revenue per account, far from zero compared with its spread; shape (n,), in cents' precision.

    Raw sums of squares lose most of their digits here.

    Examples:
        >>> arr = annual_recurring_revenue(10_000, rng=np.random.default_rng(1))
        >>> round(float(arr.mean()) / 1e6, 3), round(float(arr.std()) / 1e3, 1)
        (1.0, 1.0)
    """
    return np.rint(100 * rng.normal(mean, sd, size=n)) / 100


def zero_inflated_revenue(
    n: int, *, rng: np.random.Generator, buyers: float = 0.05, median: float = 40.0, log_sd: float = 1.2
) -> Floats:
    """Return revenue per contact, zero for most and log-normal for buyers; shape (n,), in cents' precision.

    Args:
        n: Number of contacts.
        rng: Source of chance.
        buyers: Expected share of contacts that buy, 0 to 1.
        median: Median revenue of a buyer, in currency units.
        log_sd: Standard deviation of the log of a buyer's revenue: 1.2 has a heavy tail.

    Examples:
        >>> revenue = zero_inflated_revenue(10_000, rng=np.random.default_rng(1))
        >>> round(float((revenue > 0).mean()), 2)
        0.05
    """
    cents = np.maximum(np.rint(100 * median * np.exp(log_sd * rng.standard_normal(n))), 1)
    return np.where(rng.random(n) < buyers, cents, 0) / 100


def numeric_hazards(seed: int, *, n: int = 20_000) -> dict[str, Floats]:
    """Return arrays for tests of numbers, by name; each of shape (n,).

    ``annual_recurring_revenue``: mean 1e6, standard deviation 1e3. ``zero_inflated_revenue``: 95 % zeros.
    ``sorted_drift``: rises from about 0 to about 1e6 with noise and is sorted, so that the first rows say nothing
    about the mean.

    Examples:
        >>> sorted(numeric_hazards(1, n=5))
        ['annual_recurring_revenue', 'sorted_drift', 'zero_inflated_revenue']
    """
    rng = np.random.default_rng(seed)
    return {
        "annual_recurring_revenue": annual_recurring_revenue(n, rng=rng),
        "zero_inflated_revenue": zero_inflated_revenue(n, rng=rng),
        "sorted_drift": np.sort(np.linspace(0.0, 1e6, n) + rng.normal(0.0, 1e3, size=n)),
    }
