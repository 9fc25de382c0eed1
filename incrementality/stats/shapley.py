"""Shapley values of channels: exact over all coalitions up to 15 channels, sampled with an error bar above."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]

__all__ = [
    "EXACT_CHANNELS",
    "ChannelSets",
    "ShapleyGame",
    "ShapleyValues",
    "coalition_sums",
    "equal_split",
    "exact_shapley",
    "sampled_shapley",
    "shapley_values",
]

EXACT_CHANNELS = 15

ShapleyGame = Literal["conversions", "value", "rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSets:
    """Journeys counted by the set of channels that they touched, whatever the order.

    Attributes:
        members: Which of K channels are in each set, shape (D, K); sets are distinct and none is empty.
        conversions: Journeys of the set that converted, shape (D,).
        value: What those conversions are worth, shape (D,).
        nulls: Journeys of the set that did not convert, shape (D,).
    """

    members: BoolArray
    conversions: FloatArray
    value: FloatArray
    nulls: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapleyValues:
    """What each channel adds on average, over all orders in which channels could have joined.

    Attributes:
        values: The value of each channel, in the game's unit, shape (K,); they sum to what all channels reach together.
        standard_errors: Standard error of each, shape (K,); zero where no order was drawn by chance.
        draws: Pairs of orders that were drawn; 0 where the values are exact.
    """

    values: FloatArray
    standard_errors: FloatArray
    draws: int


def shapley_values(
    sets: ChannelSets,
    *,
    game: ShapleyGame = "conversions",
    seed: int = 0,
    draws: int = 1_000,
    exact_channels: int = EXACT_CHANNELS,
) -> ShapleyValues:
    """Return the Shapley value of each channel in one of three games.

    In ``conversions`` and ``value`` a coalition S of channels reaches the conversions, or their value, of journeys that
    touched no channel outside S. Such a game is a sum over sets, each of which shares equally among its members, so the
    value is exact for any number of channels. In ``rate`` S reaches the share of those journeys that converted, 0 where
    there are none: exact by all coalitions up to ``exact_channels``, by drawn orders above.

    Args:
        sets: Journeys by their set of channels.
        game: What a coalition reaches.
        seed: Seed of the drawn orders.
        draws: Pairs of orders, where orders are drawn.
        exact_channels: Up to how many channels all coalitions are counted.

    Raises:
        InputError: ``draws`` is below 2.

    References:
        Shapley (1953), A value for n-person games, https://doi.org/10.1515/9781400881970-018;
        Zhao, Mahboobi and Bagheri (2018), Shapley value methods for attribution modeling in online advertising,
        https://arxiv.org/abs/1804.05327

    Examples:
        Nine conversions after a alone, six after a and b; b alone never converted:

        >>> sets = ChannelSets(members=np.array([[True, False], [True, True], [False, True]]),
        ...     conversions=np.array([9.0, 6, 0]), value=np.array([9.0, 6, 0]), nulls=np.array([1.0, 4, 5]))
        >>> shapley_values(sets).values.tolist()
        [12.0, 3.0]
        >>> shapley_values(sets, game="rate").values.round(3).tolist()
        [0.75, -0.15]
    """
    if game != "rate":
        values = equal_split(sets.members, sets.conversions if game == "conversions" else sets.value)
        return ShapleyValues(values=values, standard_errors=np.zeros(len(values)), draws=0)
    if sets.members.shape[1] > exact_channels:
        return sampled_shapley(sets, seed=seed, draws=draws)
    values = exact_shapley(_rates(sets))
    return ShapleyValues(values=values, standard_errors=np.zeros(len(values)), draws=0)


def equal_split(members: ArrayLike, amounts: ArrayLike) -> FloatArray:
    """Return the Shapley values of the additive game: each set's amount is shared equally by its members, shape (K,).

    Args:
        members: Which channels are in each set, shape (D, K), none empty.
        amounts: What each set is worth, shape (D,).

    Examples:
        >>> equal_split([[True, False], [True, True]], [9, 6]).tolist()
        [12.0, 3.0]
    """
    inside = np.asarray(members, dtype=float)
    each: FloatArray = (np.asarray(amounts, dtype=float) / inside.sum(axis=1)) @ inside
    return each


def coalition_sums(masks: ArrayLike, amounts: ArrayLike, channels: int) -> FloatArray:
    """Return for every coalition the sum of amounts of the sets inside it, by the zeta transform; shape (2^K,).

    Args:
        masks: Each set as a number whose bit k says whether channel k is in it, shape (D,).
        amounts: What each set is worth, shape (D,).
        channels: How many channels K there are.

    References:
        Yates (1937), The design and analysis of factorial experiments; the fast zeta transform over subsets,
        Bjorklund et al. (2007), https://doi.org/10.1145/1250790.1250801

    Examples:
        >>> coalition_sums([0b01, 0b11], [9, 6], 2).tolist()
        [0.0, 9.0, 0.0, 15.0]
    """
    sums = np.bincount(np.asarray(masks, dtype=np.int64), np.asarray(amounts, dtype=float), 1 << channels)
    inside = sums.astype(np.float64)
    for k in range(channels):
        pairs = inside.reshape(-1, 2, 1 << k)
        pairs[:, 1] += pairs[:, 0]
    return inside


def exact_shapley(worth: ArrayLike) -> FloatArray:
    """Return the Shapley values of a game that is given by what each coalition is worth, shape (K,).

    Args:
        worth: The worth of each coalition, numbered by its bits, shape (2^K,); the empty one comes first.

    Raises:
        InputError: The length is no power of two.

    References:
        Shapley (1953), A value for n-person games, https://doi.org/10.1515/9781400881970-018

    Examples:
        >>> exact_shapley([0, 9, 0, 15]).tolist()
        [12.0, 3.0]
    """
    reached = np.asarray(worth, dtype=float)
    channels = len(reached).bit_length() - 1
    if len(reached) != 1 << channels:
        raise InputError(
            f"the worth of {len(reached)} coalitions was given; allowed: 2 to the number of channels",
            hint="give one number a coalition, the empty one first",
        )
    others = np.bitwise_count(np.arange(len(reached) // 2))
    chances = [1 / (channels * math.comb(channels - 1, size)) for size in range(channels)]
    weight = np.array(chances)[others] if channels else np.zeros(0)
    return np.array([float(_joining(reached, k) @ weight) for k in range(channels)])


def _joining(reached: FloatArray, k: int) -> FloatArray:
    """Return what channel k adds to each coalition of the others."""
    pairs = reached.reshape(-1, 2, 1 << k)
    return (pairs[:, 1] - pairs[:, 0]).ravel()


def _rates(sets: ChannelSets) -> FloatArray:
    channels = sets.members.shape[1]
    masks = sets.members @ (1 << np.arange(channels, dtype=np.int64))
    won = coalition_sums(masks, sets.conversions, channels)
    return _share(won, coalition_sums(masks, sets.conversions + sets.nulls, channels))


def _share(won: FloatArray, journeys: FloatArray) -> FloatArray:
    return np.divide(won, journeys, out=np.zeros(len(won)), where=journeys > 0)


def sampled_shapley(sets: ChannelSets, *, seed: int, draws: int = 1_000) -> ShapleyValues:
    """Return Shapley values of the game ``rate`` over drawn orders of the channels, each with its reverse.

    An order and its reverse make one draw, whose errors largely cancel. In each order what the channels add sums to
    what all reach together, so the means do too. Standard errors are those of a mean of independent draws.

    Args:
        sets: Journeys by their set of channels.
        seed: Seed of the orders.
        draws: Pairs of orders.

    Raises:
        InputError: ``draws`` is below 2.

    References:
        Castro, Gomez and Tejada (2009), Polynomial calculation of the Shapley value based on sampling,
        https://doi.org/10.1016/j.cor.2008.04.004;
        Mitchell, Cooper, Frank and Holmes (2022), Sampling permutations for Shapley value estimation,
        https://arxiv.org/abs/2104.12199

    Examples:
        >>> sets = ChannelSets(members=np.array([[True, False], [True, True], [False, True]]),
        ...     conversions=np.array([9.0, 6, 0]), value=np.array([9.0, 6, 0]), nulls=np.array([1.0, 4, 5]))
        >>> sampled_shapley(sets, seed=1, draws=10).values.round(3).tolist()
        [0.75, -0.15]
    """
    if draws < 2:  # noqa: PLR2004 - a standard error needs two
        raise InputError(f"{draws} draws were asked for; allowed: 2 or more", hint="draw some hundreds of orders")
    channels = sets.members.shape[1]
    rng = np.random.default_rng(seed)
    total, squares = np.zeros(channels), np.zeros(channels)
    for _ in range(draws):
        rank = rng.permutation(channels)
        pair = (_added(sets, rank) + _added(sets, channels - 1 - rank)) / 2
        total += pair
        squares += pair**2
    mean = total / draws
    variance = np.maximum(squares / draws - mean**2, 0.0) / (draws - 1)
    return ShapleyValues(values=mean, standard_errors=np.sqrt(variance), draws=draws)


def _added(sets: ChannelSets, rank: IntArray) -> FloatArray:
    """Return what each channel adds when channels join in the order of their ranks."""
    complete = np.where(sets.members, rank, -1).max(axis=1)
    won, lost = (np.bincount(complete, part, len(rank)).cumsum() for part in (sets.conversions, sets.nulls))
    return np.diff(_share(won, won + lost), prepend=0.0)[rank]
