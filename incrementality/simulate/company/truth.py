"""What functions and journeys truly cause: removal effects, fair shares, interactions, by re-simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from incrementality.display import DisplayMixin
from incrementality.errors import InputError
from incrementality.simulate.company.cells import FUNCTIONS, Cell, cells_of
from incrementality.simulate.company.playbook import JOURNEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["CompanyTruth", "FairShare", "Players", "RevenueWithout", "fair_shares", "players_by", "true_company"]

Players: TypeAlias = "Mapping[str, frozenset[Cell]]"
RevenueWithout: TypeAlias = "Callable[[frozenset[Cell]], float]"

_EXACT_UP_TO = 10


@dataclass(frozen=True, slots=True)
class FairShare:
    """What one player causes when what several cause together is shared evenly: its Shapley value.

    Attributes:
        name: The player: a function, a journey, or a cell.
        value: Its share, in the unit of the revenue.
        standard_error: Of the sampled permutations; 0 where all coalitions were simulated.
    """

    name: str
    value: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class CompanyTruth(DisplayMixin):
    """What was booked, what would have been booked anyway, and what goes when one function or journey stops.

    Removal effects overlap: they are not parts of a whole and do not add up.

    Attributes:
        revenue: Revenue booked with everything on, in cents.
        baseline: Revenue booked when no cell acts at all.
        removal_by_function: What is lost without the function, in cents; below zero where it does harm.
        removal_by_journey: What is lost without the journey.
    """

    revenue: int
    baseline: int
    removal_by_function: Mapping[str, int]
    removal_by_journey: Mapping[str, int]

    @property
    def caused(self) -> int:
        """Revenue that all cells cause together, in cents."""
        return self.revenue - self.baseline

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a function and one a journey."""
        rows = [("function", *item) for item in self.removal_by_function.items()]
        rows += [("journey", *item) for item in self.removal_by_journey.items()]
        return tuple(
            {"kind": kind, "name": name, "removal": removal, "share": removal / self.revenue if self.revenue else None}
            for kind, name, removal in rows
        )


def players_by(kind: str) -> dict[str, frozenset[Cell]]:
    """Return the cells of each function, of each journey, or each cell for itself.

    Args:
        kind: ``function``, ``journey`` or ``cell``.

    Raises:
        InputError: It is none of these.

    Examples:
        >>> sorted(players_by("journey")["onboarding"])
        [('cs', 'onboarding'), ('implementation', 'onboarding'), ('product', 'onboarding')]
    """
    if kind == "function":
        return {name: cells_of(function=name) for name in FUNCTIONS}
    if kind == "journey":
        return {journey.name: cells_of(journey=journey.name) for journey in JOURNEYS}
    if kind == "cell":
        return {
            f"{function} in {journey}": frozenset({(function, journey)}) for function, journey in sorted(cells_of())
        }
    raise InputError(f"credit is not shared by {kind!r}", hint="choose function, journey or cell")


def true_company(without: Callable[[frozenset[Cell]], int]) -> CompanyTruth:
    """Return the truth, given the revenue without any set of cells."""
    revenue = without(frozenset())
    return CompanyTruth(
        revenue=revenue,
        baseline=without(cells_of()),
        removal_by_function={name: revenue - without(cells) for name, cells in players_by("function").items()},
        removal_by_journey={name: revenue - without(cells) for name, cells in players_by("journey").items()},
    )


def fair_shares(
    without: RevenueWithout, players: Players, *, permutations: int | None = None, seed: int = 1
) -> tuple[FairShare, ...]:
    """Return the Shapley value of each player: its mean contribution over all orders in which players come in.

    Args:
        without: The revenue when some cells are off; cells of no player stay on.
        players: The cells of each player.
        permutations: Orders to sample, each followed forwards and backwards; None for all coalitions.
        seed: Seed of the orders.

    Returns:
        One value a player; they add up to the revenue with all players less that without any, exactly where all
        coalitions are simulated and up to rounding where orders are sampled.

    Raises:
        InputError: There are too many players for all coalitions.

    References:
        L. S. Shapley (1953), A value for n-person games, https://doi.org/10.1515/9781400881970-018

    Examples:
        >>> gloves = {"left": frozenset({("a", "x")}), "right": frozenset({("b", "x")})}
        >>> pair = fair_shares(lambda off: 0.0 if off else 10.0, gloves)
        >>> [share.value for share in pair]
        [5.0, 5.0]
    """
    if permutations is not None:
        return _sampled(without, players, permutations, seed)
    if len(players) > _EXACT_UP_TO:
        raise InputError(
            f"{len(players)} players have {2 ** len(players):,} coalitions",
            hint="name a number of permutations, which are sampled",
        )
    return _exact(without, players)


def _exact(without: RevenueWithout, players: Players) -> tuple[FairShare, ...]:
    names = list(players)
    value = {on: without(_cells(players, set(names) - on)) for on in _coalitions(names)}
    n = len(names)
    shares = []
    for name in names:
        parts = [(value[on | {name}] - value[on]) / (n * math.comb(n - 1, len(on))) for on in value if name not in on]
        shares.append(FairShare(name, math.fsum(parts), 0.0))
    return tuple(shares)


def _coalitions(names: list[str]) -> Iterator[frozenset[str]]:
    for size in range(len(names) + 1):
        yield from map(frozenset, combinations(names, size))


def _sampled(without: RevenueWithout, players: Players, permutations: int, seed: int) -> tuple[FairShare, ...]:
    if permutations <= 1:
        raise InputError(f"permutations is {permutations}", hint="sample two orders or more, for a standard error")
    names, rng = list(players), np.random.default_rng(seed)
    gains = np.empty((permutations, len(names)))
    for row in gains:
        order = rng.permutation(len(names))
        row[:] = (_contributions(without, players, order) + _contributions(without, players, order[::-1])) / 2
    errors = gains.std(axis=0, ddof=1) / math.sqrt(permutations)
    return tuple(
        FairShare(name, float(value), float(error))
        for name, value, error in zip(names, gains.mean(axis=0), errors, strict=True)
    )


def _contributions(without: RevenueWithout, players: Players, order: np.ndarray) -> np.ndarray:
    names = list(players)
    off = [_cells(players, {names[place] for place in order[entered:]}) for entered in range(len(order) + 1)]
    found = np.empty(len(names))
    found[order] = np.diff([float(without(cells)) for cells in off])
    return found


def _cells(players: Players, names: set[str] | frozenset[str]) -> frozenset[Cell]:
    return frozenset().union(*(players[name] for name in names))
