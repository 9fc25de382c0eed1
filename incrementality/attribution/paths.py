"""Paths: in which order journeys touched which channels, how many converted, what that was worth.

Paths come from touches in an engine (``paths_engine``), from path strings, or from tables of aggregated paths. Models
that learn from paths ask for two counts only: transitions between channels, and sets of channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from incrementality.errors import InputError
from incrementality.stats import ChannelSets, check_order, transition_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from incrementality.stats import TransitionCounts

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

__all__ = [
    "PathCounts",
    "PathRule",
    "Paths",
    "credit_paths",
    "paths_of_journeys",
    "paths_of_strings",
]

PathRule = Literal["first", "last", "linear"]

_SHOWN = 3


class Paths(Protocol):
    """What models that learn from paths ask for."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels, sorted; their places are their codes."""

    def transitions(self, order: int) -> TransitionCounts:
        """Return how often journeys pass between states of the last ``order`` channels."""

    def sets(self) -> ChannelSets:
        """Return journeys counted by the set of channels that they touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCounts:
    """Distinct paths in memory, one after the other.

    Attributes:
        channels: The channels K, sorted; their places are their codes.
        codes: The codes of all touches, path by path, shape (T,).
        lengths: Touches of each path, 1 or more, shape (P,).
        conversions: Journeys on each path that converted, shape (P,).
        value: What those conversions are worth, shape (P,).
        nulls: Journeys on each path that did not convert, shape (P,).
        untouched: Conversions, value and nulls of journeys without any touch; in no model, never dropped.
    """

    channels: tuple[str, ...]
    codes: IntArray
    lengths: IntArray
    conversions: FloatArray
    value: FloatArray
    nulls: FloatArray
    untouched: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def paths(self) -> IntArray:
        """The path of each touch, shape (T,)."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def places(self) -> IntArray:
        """The place of each touch in its path, from 0, shape (T,)."""
        ends = self.lengths.cumsum()
        return np.arange(len(self.codes)) - (ends - self.lengths)[self.paths]

    def transitions(self, order: int) -> TransitionCounts:
        """Return how often journeys pass between states of the last ``order`` channels.

        Raises:
            InputError: The order is below 1, or has too many states to number.

        Examples:
            >>> paths_of_strings(["a > b", "a"], [1, 0], nulls=[0, 1]).transitions(1).nulls.tolist()
            [1.0, 0.0]
        """
        check_order(len(self.channels), order)
        path, place = self.paths, self.places
        last = place == self.lengths[path] - 1
        state = np.zeros(len(path), dtype=np.int64)
        for lag in range(order):
            state += np.where(place >= lag, np.roll(self.codes, lag) + 1, 0) * (len(self.channels) + 1) ** lag
        return transition_counts(
            channels=len(self.channels),
            order=order,
            state=state,
            following=np.where(last, 0, np.roll(self.codes, -1) + 1),
            journeys=(self.conversions + self.nulls)[path],
            conversions=np.where(last, self.conversions[path], 0.0),
            value=np.where(last, self.value[path], 0.0),
        )

    def sets(self) -> ChannelSets:
        """Return journeys counted by the set of channels that they touched.

        Examples:
            >>> found = paths_of_strings(["a > b", "b > a", "a"], [1, 2, 4]).sets()
            >>> found.members.tolist(), found.conversions.tolist()
            ([[True, False], [True, True]], [4.0, 3.0])
        """
        inside = np.zeros((len(self.lengths), len(self.channels)), dtype=np.bool_)
        inside[self.paths, self.codes] = True
        members, place = np.unique(inside, axis=0, return_inverse=True)
        amounts = (self.conversions, self.value, self.nulls)
        won, worth, lost = (np.bincount(place.ravel(), part, len(members)).astype(np.float64) for part in amounts)
        return ChannelSets(members=members, conversions=won, value=worth, nulls=lost)


def credit_paths(
    paths: PathCounts, rule: PathRule, *, of: Literal["conversions", "value"] = "conversions"
) -> FloatArray:
    """Return each channel's credit by a rule that needs no times, shape (K,).

    Args:
        paths: The paths.
        rule: All to the first touch, all to the last, or the same to each touch (a channel that is touched twice
            counts twice).
        of: Whether conversions are credited, or what they are worth.

    Examples:
        >>> found = paths_of_strings(["a > b > b", "b"], [3, 1])
        >>> [credit_paths(found, rule).tolist() for rule in ("first", "last", "linear")]
        [[3.0, 1.0], [0.0, 4.0], [1.0, 3.0]]
    """
    path, place = paths.paths, paths.places
    amount = (paths.conversions if of == "conversions" else paths.value)[path]
    shares = {
        "first": place == 0,
        "last": place == paths.lengths[path] - 1,
        "linear": 1 / paths.lengths[path],
    }
    return np.bincount(paths.codes, amount * shares[rule], len(paths.channels)).astype(np.float64)


def paths_of_strings(
    paths: Sequence[str | None],
    conversions: ArrayLike,
    *,
    value: ArrayLike | None = None,
    nulls: ArrayLike | None = None,
    separator: str = ">",
) -> PathCounts:
    """Return the paths that strings write, those that repeat a path summed.

    Args:
        paths: One path each, such as ``"email > paid_search"``; blanks around names do not count. An empty one is a
            journey without a touch, which goes to ``untouched``.
        conversions: How many journeys on it converted.
        value: What those are worth; default: nothing.
        nulls: How many did not convert; default: none.
        separator: What stands between two touches.

    Raises:
        InputError: Lengths differ; a count is negative or missing; a touch between two separators has no name.

    Examples:
        >>> found = paths_of_strings(["email > search", "email>search", ""], [1, 2, 5], nulls=[3, 0, 0])
        >>> found.channels, found.conversions.tolist(), found.nulls.tolist(), found.untouched
        (('email', 'search'), [3.0], [3.0], (5.0, 0.0, 0.0))
    """
    steps = [tuple(part.strip() for part in (path or "").split(separator)) for path in paths]
    touched = [() if parts == ("",) else parts for parts in steps]
    blank = [str(path) for path, parts in zip(paths, touched, strict=True) if "" in parts]
    if blank:
        raise InputError(
            f"{len(blank)} paths hold a touch without a name, such as {blank[0]!r}",
            hint=f"name every touch, or say what parts them; read with separator {separator!r}",
        )
    return paths_of_journeys(touched, conversions, value=value, nulls=nulls)


def paths_of_journeys(
    journeys: Sequence[Sequence[str]],
    conversions: ArrayLike,
    *,
    value: ArrayLike | None = None,
    nulls: ArrayLike | None = None,
) -> PathCounts:
    """Return the paths of journeys that are lists of channels, those that repeat a path summed.

    Args:
        journeys: The channels of each, in order; empty for a journey without a touch.
        conversions: How many journeys on it converted.
        value: What those are worth; default: nothing.
        nulls: How many did not convert; default: none.

    Raises:
        InputError: Lengths differ, or a count is negative or missing.

    Examples:
        >>> paths_of_journeys([["marketing", "sdr", "ae"], ["ae"]], [1, 1]).lengths.tolist()
        [1, 3]
    """
    amounts = _amounts(len(journeys), conversions=conversions, value=value, nulls=nulls)
    channels = tuple(sorted({channel for journey in journeys for channel in journey}))
    number = {channel: code for code, channel in enumerate(channels)}
    coded = [tuple(number[channel] for channel in journey) for journey in journeys]
    distinct = sorted(set(coded))
    row = {path: place for place, path in enumerate(distinct)}
    place = np.array([row[path] for path in coded], dtype=np.int64)
    sums = [np.bincount(place, part, len(distinct)).astype(np.float64) for part in amounts]
    bare = int(bool(distinct) and not distinct[0])
    return PathCounts(
        channels=channels,
        codes=np.array([code for path in distinct for code in path], dtype=np.int64),
        lengths=np.array([len(path) for path in distinct[bare:]], dtype=np.int64),
        conversions=sums[0][bare:],
        value=sums[1][bare:],
        nulls=sums[2][bare:],
        untouched=(float(sums[0][:bare].sum()), float(sums[1][:bare].sum()), float(sums[2][:bare].sum())),
    )


def _amounts(n: int, **given: ArrayLike | None) -> list[FloatArray]:
    found = []
    for name, amounts in given.items():
        column = np.zeros(n) if amounts is None else np.asarray(amounts, dtype=float)
        if column.shape != (n,):
            raise InputError(f"{column.size} {name} for {n} paths; needed: one each", hint=f"give {name} a path")
        bad = np.flatnonzero(~(column >= 0) | np.isinf(column))
        if len(bad):
            shown = ", ".join(f"{column[k]:g} in row {k + 1}" for k in bad[:_SHOWN])
            raise InputError(
                f"{len(bad)} of {n} paths have {name} that are negative or missing: {shown}",
                hint="write 0 where there are none; take refunds off the conversions that they belong to",
            )
        found.append(column)
    return found
