"""How often journeys pass from one channel to the next: the counts that a Markov chain of any order is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

__all__ = ["TransitionCounts", "check_order", "transition_counts"]

_LARGEST_KEY = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionCounts:
    """Counted transitions between the states of a chain that remembers the last ``order`` channels.

    Attributes:
        channels: Channels K, coded 0 to K - 1; some may occur in no state.
        order: How many channels a state remembers.
        states: The codes of each state's channels, oldest first, -1 where a journey has had fewer; shape (S, order).
        starts: Journeys that begin in each state, shape (S,).
        origins: The state that each counted transition leaves, shape (M,).
        targets: The state that it enters, shape (M,).
        counts: How often it was taken, shape (M,).
        conversions: Journeys that convert out of each state, shape (S,).
        value: What those conversions are worth, shape (S,).
        nulls: Journeys that end in each state without a conversion, shape (S,).
    """

    channels: int
    order: int
    states: IntArray
    starts: FloatArray
    origins: IntArray
    targets: IntArray
    counts: FloatArray
    conversions: FloatArray
    value: FloatArray
    nulls: FloatArray


def transition_counts(
    *,
    channels: int,
    order: int,
    state: ArrayLike,
    following: ArrayLike,
    journeys: ArrayLike,
    conversions: ArrayLike,
    value: ArrayLike,
) -> TransitionCounts:
    """Return the transition counts that touches, one by one or grouped, amount to.

    A state's number writes its last ``order`` channels as digits in base K + 1, oldest first: code + 1, and 0 where
    the journey has had fewer touches. Rows that share state and successor are summed.
    Journeys start in a state as often as it is visited and not entered from another.

    Args:
        channels: How many channels K there are.
        order: How many channels a state remembers, 1 or more.
        state: The number of the state after each row's touch, shape (N,).
        following: The next touch's code + 1, and 0 where the journey ends; shape (N,).
        journeys: How many journeys the row stands for, shape (N,); rows that stand for none are left out.
        conversions: How many of them end here with a conversion, shape (N,).
        value: What those conversions are worth, shape (N,).

    Raises:
        InputError: The order is below 1, or so high that states cannot be numbered.

    Examples:
        The journeys "a b, converted" and "a, not converted":

        >>> counted = transition_counts(channels=2, order=1, state=[1, 2, 1], following=[2, 0, 0],
        ...     journeys=[1, 1, 1], conversions=[0, 1, 0], value=[0, 9, 0])
        >>> counted.starts.tolist(), counted.conversions.tolist(), counted.nulls.tolist()
        ([2.0, 0.0], [0.0, 1.0], [1.0, 0.0])
        >>> list(zip(counted.origins.tolist(), counted.targets.tolist(), counted.counts.tolist()))
        [(0, 1, 1.0)]
    """
    check_order(channels, order)
    base = channels + 1
    n = np.asarray(journeys, dtype=float)
    origin, next_code = (np.asarray(part, dtype=np.int64)[n > 0] for part in (state, following))
    n, won, worth = (np.asarray(part, dtype=float)[n > 0] for part in (n, conversions, value))
    onward = next_code > 0
    entered = origin[onward] % base ** (order - 1) * base + next_code[onward]
    numbers, place = np.unique(np.concatenate([origin, entered]), return_inverse=True)
    leaving, entering = place[: len(origin)], place[len(origin) :]
    size, ended = len(numbers), ~onward
    pairs, pair = np.unique(leaving[onward] * size + entering, return_inverse=True)
    return TransitionCounts(
        channels=channels,
        order=order,
        states=_digits(numbers, base, order) - 1,
        starts=_sums(leaving, n, size) - _sums(entering, n[onward], size),
        origins=pairs // max(size, 1),
        targets=pairs % max(size, 1),
        counts=_sums(pair, n[onward], len(pairs)),
        conversions=_sums(leaving, won, size),
        value=_sums(leaving, worth, size),
        nulls=_sums(leaving[ended], n[ended] - won[ended], size),
    )


def check_order(channels: int, order: int) -> None:
    """Refuse an order of which no chain can be made.

    Raises:
        InputError: The order is below 1, or so high that states cannot be numbered.

    Examples:
        >>> check_order(12, 3)
        >>> check_order(12, 0)
        Traceback (most recent call last):
        incrementality.errors.InputError: a Markov chain of order 0 was asked for; allowed: 1 or more
        Next: give an order from 1 to 3
    """
    if order < 1:
        raise InputError(
            f"a Markov chain of order {order} was asked for; allowed: 1 or more", hint="give an order from 1 to 3"
        )
    if (channels + 1) ** order > _LARGEST_KEY:
        raise InputError(
            f"a Markov chain of order {order} over {channels} channels has too many states to number",
            hint="lower the order, or roll channels up to their parents",
        )


def _digits(numbers: IntArray, base: int, order: int) -> IntArray:
    places = base ** np.arange(order - 1, -1, -1, dtype=np.int64)
    digits: IntArray = numbers[:, None] // places % base
    return digits


def _sums(place: IntArray, amounts: FloatArray, size: int) -> FloatArray:
    return np.bincount(place, weights=amounts, minlength=size).astype(np.float64)
