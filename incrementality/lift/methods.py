"""Which test compares two arms, chosen from sizes and counts alone, where no engine is needed to ask."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from incrementality.stats import compare_proportions, compare_proportions_exactly

if TYPE_CHECKING:
    from incrementality.stats import Comparison

__all__ = [
    "FEWEST_EVENTS",
    "FEWEST_FOR_LIFT",
    "PERMUTATION_SEED",
    "ShareMethod",
    "compare_counts",
    "expected_in_control",
    "fewest_of_counts",
    "is_guarded",
    "permutations_for",
    "share_method",
    "states_lift",
]

FEWEST_EVENTS = 10  # of converted or of not converted units, in each arm; below it the test is exact
FEWEST_FOR_LIFT = 5  # events expected in the control, both arms counted together; below it no lift is stated
PERMUTATION_SEED = 20_261
_PERMUTATIONS = 10_000
_FEWEST_PERMUTATIONS = 2_000
_MOST_LABELS = 3e9  # labels drawn for one comparison; beyond it fewer permutations are drawn
_GUARDED = frozenset({"mean", "revenue", "ratio"})

ShareMethod = Literal["score", "exact"]


def fewest_of_counts(*arms: tuple[float, float]) -> float:
    """Return the fewest converted, or not converted, units in any arm.

    Args:
        arms: Events and units of each arm.

    Examples:
        >>> fewest_of_counts((30, 1000), (4, 50))
        4
    """
    return min(min(events, n - events) for events, n in arms)


def share_method(fewest: float) -> ShareMethod:
    """Return the test of two shares, from the fewest units of a kind in any of the arms.

    Examples:
        >>> share_method(9), share_method(10)
        ('exact', 'score')
    """
    return "exact" if fewest < FEWEST_EVENTS else "score"


def compare_counts(
    treatment: tuple[int, int], control: tuple[int, int], *, alpha: float = 0.05
) -> tuple[Comparison, ShareMethod]:
    """Return two shares compared, by the score test or where an arm has fewer than 10 units of a kind exactly.

    The difference is always answered, also where an arm is empty. The lift is answered where ``states_lift`` allows it:
    by both arms together, never by what the control alone happens to hold.

    Args:
        treatment: Events and units of the treatment arm.
        control: Events and units of the control.
        alpha: Error rate of the intervals.

    Raises:
        InputError: As in ``incrementality.stats.compare_proportions``.

    References:
        Miettinen and Nurminen (1985), https://doi.org/10.1002/sim.4780040211; for the exact test see
        ``incrementality.stats.compare_proportions_exactly``.

    Examples:
        >>> found, method = compare_counts((60, 1000), (40, 1000))
        >>> method, round(found.pvalue, 3)
        ('score', 0.04)
    """
    method = share_method(fewest_of_counts(treatment, control))
    compare = compare_proportions_exactly if method == "exact" else compare_proportions
    found = compare(*treatment, *control, alpha=alpha)
    if not states_lift(expected_in_control(treatment[0] + control[0], treatment[1], control[1])):
        found = replace(found, rel_effect=None, rel_interval=None)
    return found, method


def expected_in_control(events: float, n_treatment: float, n_control: float) -> float:
    """Return the events that the control is expected to hold if arms do not matter: its share of those of both arms.

    Args:
        events: Events, or units with a value other than zero, of both arms together.
        n_treatment: Units of the treatment arm.
        n_control: Units of the control.

    Examples:
        >>> expected_in_control(60, 950, 50)
        3.0
    """
    return events * n_control / (n_treatment + n_control)


def states_lift(expected: float) -> bool:
    """Return whether a lift is stated: 5 events or more are expected in the control.

    An empty control has no lift. Were that seen in the control itself, the lifts that are stated would be those of
    controls that happened to hold an event: where a holdout of 10 units expected a twentieth of one, their 95 %
    intervals held the truth in 64 % only. With 5 expected, fewer than 1 % of controls are empty.

    Args:
        expected: Events expected in the control; see ``expected_in_control``.

    References:
        Cochran (1954), Some methods for strengthening the common chi-square tests, for the least expected count,
        https://doi.org/10.2307/3001616

    Examples:
        >>> states_lift(5), states_lift(4.9)
        (True, False)
    """
    return expected >= FEWEST_FOR_LIFT


def is_guarded(kind: str) -> bool:
    """Return whether the small-holdout rule is asked about metrics of a kind, where units were drawn one by one.

    Examples:
        >>> is_guarded("revenue"), is_guarded("conversion")
        (True, False)
    """
    return kind in _GUARDED


def permutations_for(labels: int, alpha: float) -> int:
    """Return how many permutations a comparison draws: as many as its level needs, and as few as its size allows.

    Args:
        labels: Units with a value other than zero in both arms.
        alpha: Error rate of the intervals.

    Examples:
        >>> permutations_for(400, 0.05), permutations_for(1_000_000, 0.05)
        (10000, 3000)
    """
    wanted = max(_PERMUTATIONS, math.ceil(4 / alpha))
    return max(min(wanted, int(_MOST_LABELS / max(labels, 1))), _FEWEST_PERMUTATIONS)
