"""Removal effects of channels, exactly: an absorbing Markov chain solved, never simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from incrementality.stats.transitions import TransitionCounts

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]

__all__ = ["RemovalEffects", "removal_effects"]

_DENSE_STATES = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalEffects:
    """What would be lost, in the chain, if all visits to a channel led to no conversion.

    Attributes:
        effects: Share of conversions (or of their value) lost by removing each channel, 0 to 1, shape (K,). They
            overlap and sum to more than 1 where journeys hold several channels.
        shares: The same divided by their sum, shape (K,): the credit of the usual Markov model.
        expected: Conversions (or value) of a journey that starts at random, by the chain.
        states: How many states were solved for.
    """

    effects: FloatArray
    shares: FloatArray
    expected: float
    states: int


def removal_effects(counts: TransitionCounts, *, of: Literal["conversions", "value"] = "conversions") -> RemovalEffects:
    """Solve an absorbing chain for the removal effect of each channel.

    Let states be the last r channels, s the journeys that start in each, C the counted transitions, D the diagonal
    of all departures and b the conversions. Then (D - C) x = b gives the chance x of a conversion from each state.
    To remove a channel is to remove every state that holds it; what is lost is the flow that first enters those
    states, times x there: a sum of non-negative terms, so that rare channels keep their digits. A state that repeats
    itself adds to D and C alike, which cancels before anything is solved.

    Args:
        counts: Transition counts of complete journeys, with those that did not convert.
        of: Whether each conversion counts one, or what it is worth.

    Raises:
        InputError: No journey converts (or none is worth anything); or a state is entered that no journey leaves.

    References:
        Anderl, Becker, von Wangenheim and Schumann (2016), Mapping the customer journey,
        https://doi.org/10.1016/j.ijresmar.2016.03.001;
        Kemeny and Snell (1960), Finite Markov Chains, chapter 3

    Examples:
        Of two journeys that start with a, one goes on to b and converts:

        >>> from incrementality.stats.transitions import transition_counts
        >>> counted = transition_counts(channels=2, order=1, state=[1, 2, 1], following=[2, 0, 0],
        ...     journeys=[1, 1, 1], conversions=[0, 1, 0], value=[0, 9, 0])
        >>> found = removal_effects(counted)
        >>> found.effects.tolist(), found.shares.tolist(), found.expected
        ([1.0, 1.0], [0.5, 0.5], 0.5)
    """
    kept = _reachable(counts)
    number = np.cumsum(kept) - 1
    inside = kept[counts.origins] & (counts.origins != counts.targets)
    origins, targets = number[counts.origins[inside]], number[counts.targets[inside]]
    ends = (counts.conversions + counts.nulls)[kept]
    reward = (counts.conversions if of == "conversions" else counts.value)[kept]
    chain = _Chain(
        states=counts.states[kept],
        starts=counts.starts[kept],
        origins=origins,
        targets=targets,
        counts=counts.counts[inside],
        departures=ends + np.bincount(origins, weights=counts.counts[inside], minlength=len(ends)),
    )
    _check(chain, ends, reward, of)
    onward = _solve(chain.balance(), reward)
    lost = np.array([_lost(chain, onward, channel) for channel in range(counts.channels)])
    expected = float(chain.starts @ onward)
    effects = np.minimum(lost / expected, 1.0)
    return RemovalEffects(
        effects=effects,
        shares=effects / effects.sum(),
        expected=expected / float(chain.starts.sum()),
        states=len(ends),
    )


@dataclass(frozen=True, slots=True)
class _Chain:
    """The states that journeys reach; ``departures`` count every exit but those into the same state."""

    states: IntArray
    starts: FloatArray
    origins: IntArray
    targets: IntArray
    counts: FloatArray
    departures: FloatArray

    def balance(self, kept: BoolArray | None = None) -> FloatArray | sparse.csc_array:
        """Return departures less arrivals, D - C, between all states or those that are kept."""
        kept = np.ones(len(self.starts), dtype=np.bool_) if kept is None else kept
        number = np.cumsum(kept) - 1
        inside = kept[self.origins] & kept[self.targets]
        diagonal = np.arange(int(kept.sum()))
        rows = np.concatenate([diagonal, number[self.origins[inside]]])
        columns = np.concatenate([diagonal, number[self.targets[inside]]])
        values = np.concatenate([self.departures[kept], -self.counts[inside]])
        if len(diagonal) <= _DENSE_STATES:
            dense = np.zeros((len(diagonal), len(diagonal)))
            dense[rows, columns] = values
            return dense
        from scipy import sparse

        return sparse.csc_array((values, (rows, columns)), shape=(len(diagonal), len(diagonal)))


def _lost(chain: _Chain, onward: FloatArray, channel: int) -> float:
    """Return the conversions of journeys that visit a channel: the flow that enters it, times the chance from there."""
    held = (chain.states == channel).any(axis=1)
    if not held.any():
        return 0.0
    entering = ~held[chain.origins] & held[chain.targets]
    passing = np.zeros(len(held))
    if (~held).any():
        passing[~held] = _solve(chain.balance(~held), chain.starts[~held], transposed=True)
    flow = passing[chain.origins[entering]] * chain.counts[entering]
    return float(chain.starts[held] @ onward[held] + flow @ onward[chain.targets[entering]])


def _solve(matrix: FloatArray | sparse.csc_array, right: FloatArray, *, transposed: bool = False) -> FloatArray:
    if isinstance(matrix, np.ndarray):
        return np.asarray(np.linalg.solve(matrix.T if transposed else matrix, right), dtype=np.float64)
    from scipy.sparse import linalg

    solution: FloatArray = linalg.splu((matrix.T if transposed else matrix).tocsc()).solve(right)
    return solution


def _reachable(counts: TransitionCounts) -> BoolArray:
    """Return which states a journey can come to."""
    return _spread(counts.starts > 0, counts.origins, counts.targets)


def _spread(seen: BoolArray, origins: IntArray, targets: IntArray) -> BoolArray:
    """Return the states that can be come to from those that are marked."""
    found = seen.copy()
    while True:
        new = targets[found[origins] & ~found[targets]]
        if not len(new):
            return found
        found[new] = True


def _check(chain: _Chain, ends: FloatArray, reward: FloatArray, of: str) -> None:
    stuck = int((~_spread(ends > 0, chain.targets, chain.origins)).sum())
    if stuck:
        raise InputError(
            f"{stuck} states are entered from which no journey ever ends",
            hint="count whole journeys: each ends in a conversion or without one",
        )
    if not reward.sum() > 0:
        raise InputError(
            f"the sum of {of} over all journeys is {reward.sum():g}; a removal effect needs some to lose",
            hint="add journeys that converted, or leave this model out",
        )
