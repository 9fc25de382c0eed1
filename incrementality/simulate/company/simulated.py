"""The simulated company: its tables as exported, its experiments, its truth, and how to make it again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.simulate.company.blocks import blocks_of, cells_off, keep_books
from incrementality.simulate.company.cells import CELLS
from incrementality.simulate.company.holdouts import USUAL_HOLDOUTS, CompanyHoldout, check_holdouts
from incrementality.simulate.company.truth import CompanyTruth, FairShare, fair_shares, players_by, true_company

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incrementality.simulate.company.blocks import Block, Books
    from incrementality.simulate.company.cells import Cell

__all__ = ["SimulatedCompany", "simulate_company"]


@dataclass(frozen=True, eq=False)
class SimulatedCompany:
    """One simulated company.

    Attributes:
        accounts: Number of accounts.
        quarters: Number of quarters.
        seed: Seed of all chance.
        dirty: Whether faults of capture are planted.
        holdouts: The experiments that were run.
    """

    accounts: int
    quarters: int
    seed: int
    dirty: bool
    holdouts: tuple[CompanyHoldout, ...]

    @cached_property
    def _blocks(self) -> tuple[Block, ...]:
        return tuple(blocks_of(self.accounts, self.quarters, self.seed, self.holdouts))

    def counterfactual(
        self,
        off: Iterable[Cell] = (),
        *,
        since: int = 0,
        until: int | None = None,
        withheld: bool = False,
        draw: int = 0,
    ) -> Books:
        """Return the revenue of the same accounts under the same luck when some cells do not act.

        Args:
            off: The cells that are off; none for the world with everything on.
            since: The first quarter in which they are off, counted from 0.
            until: The last one; None for the end of the period.
            withheld: Whether the holdouts are run, as in the captured data; by default they are not.
            draw: Which luck: 0 for what happened, 1, 2, ... for what might as well have happened.

        Raises:
            InputError: A cell or a quarter is not the company's.

        Examples:
            >>> from incrementality.simulate import cells_of
            >>> company = simulate_company(300, seed=2)
            >>> everything, nothing = company.counterfactual(), company.counterfactual(cells_of())
            >>> everything.revenue > nothing.revenue
            True
        """
        cells = self._checked(off)
        last = self.quarters - 1 if until is None else until
        if not 0 <= since <= last < self.quarters:
            raise InputError(
                f"cells are off from quarter {since} to {last}, and there are {self.quarters}",
                hint=f"choose quarters from 0 to {self.quarters - 1}",
            )
        switched = cells_off(cells, self.quarters, since=since, until=last)
        return keep_books(self._blocks, switched, self.holdouts if withheld else (), draw=draw)

    @cached_property
    def truth(self) -> CompanyTruth:
        """Removal effect of each function and each journey, and the baseline, in the realised world.

        Examples:
            >>> truth = simulate_company(300, seed=2).truth
            >>> truth.caused == truth.revenue - truth.baseline
            True
        """
        return true_company(lambda off: self.counterfactual(off).revenue)

    def removal(self, off: Iterable[Cell], *, quarter: int | None = None) -> int:
        """Return what would not have been booked without some cells, in cents: an exact difference.

        Args:
            off: The cells.
            quarter: The quarter in which revenue is booked; None for the whole period.

        Examples:
            >>> from incrementality.simulate import cells_of
            >>> company = simulate_company(300, seed=2)
            >>> company.removal(cells_of(function="ae")) == company.truth.removal_by_function["ae"]
            True
        """
        chosen = slice(None) if quarter is None else quarter
        booked = [self.counterfactual(cells).by_kind[chosen].sum() for cells in ((), off)]
        return int(booked[0] - booked[1])

    def interaction(self, one: Iterable[Cell], other: Iterable[Cell]) -> int:
        """Return what two sets of cells do together beside what each adds to the other world's rest, in cents.

        Below zero where they replace one another: the removal of both then exceeds the sum of their removals.

        Examples:
            >>> from incrementality.simulate import cells_of
            >>> company = simulate_company(300, seed=2)
            >>> ae, presales = cells_of(function="ae"), cells_of(function="presales")
            >>> both = company.removal(ae) + company.removal(presales) - company.removal(ae | presales)
            >>> company.interaction(ae, presales) == both
            True
        """
        first, second = frozenset(one), frozenset(other)
        return self.removal(first) + self.removal(second) - self.removal(first | second)

    def fair_share(
        self, by: str = "function", *, permutations: int | None = None, seed: int = 1
    ) -> tuple[FairShare, ...]:
        """Return the Shapley value of each function, journey or cell, in cents; see :func:`fair_shares`.

        Args:
            by: ``function``, ``journey`` or ``cell``.
            permutations: Orders to sample; None for all coalitions, which functions alone allow.
            seed: Seed of the orders.

        Examples:
            >>> company = simulate_company(40, quarters=2, seed=2)
            >>> shares = company.fair_share(permutations=2)
            >>> round(sum(share.value for share in shares)) == company.truth.caused
            True
        """
        return fair_shares(self._revenue_without, players_by(by), permutations=permutations, seed=seed)

    def expected_removal(self, off: Iterable[Cell], *, draws: int = 20) -> tuple[float, float]:
        """Return the mean removal effect over other luck of the same accounts, and its standard error, in cents.

        Args:
            off: The cells.
            draws: How often the period is lived again; 2 or more.

        Raises:
            InputError: Fewer than two draws.

        Examples:
            >>> from incrementality.simulate import cells_of
            >>> mean, error = simulate_company(300, seed=2).expected_removal(cells_of(function="cs"), draws=5)
            >>> mean > 0 and error > 0
            True
        """
        if draws <= 1:
            raise InputError(f"draws is {draws}", hint="take two or more, for a standard error")
        cells = self._checked(off)
        found = np.array(
            [
                self.counterfactual(draw=draw).revenue - self.counterfactual(cells, draw=draw).revenue
                for draw in range(1, draws + 1)
            ],
            dtype=np.float64,
        )
        return float(found.mean()), float(found.std(ddof=1) / math.sqrt(draws))

    def _revenue_without(self, off: frozenset[Cell]) -> int:
        return self.counterfactual(off).revenue

    def _checked(self, off: Iterable[Cell]) -> frozenset[Cell]:
        cells = frozenset(off)
        unknown = sorted(map(str, cells - frozenset(CELLS)))
        if unknown:
            raise InputError(
                f"{unknown[0]} is no cell of the company",
                hint="a cell is (function, journey); cells_of() lists them",
            )
        return cells


def simulate_company(
    accounts: int = 1_000,
    quarters: int = 6,
    *,
    seed: int = 1,
    dirty: bool = True,
    holdouts: Sequence[CompanyHoldout] | None = None,
) -> SimulatedCompany:
    """Return a simulated software company, with its truth (see :mod:`incrementality.simulate.company`).

    Nothing is simulated until it is asked for.

    Args:
        accounts: Number of accounts: prospects and customers.
        quarters: Number of quarters, from 2025Q1 on.
        seed: Seed of all chance, 0 or more. Population, luck, arms, touches and faults come from streams of their
            own: the same accounts meet the same luck whatever is withheld.
        dirty: Whether faults of capture are planted.
        holdouts: The experiments that are run; default: ``USUAL_HOLDOUTS``, as far as they start within the period.

    Raises:
        InputError: An argument is outside what is allowed.

    Examples:
        >>> company = simulate_company(500, seed=3)
        >>> [holdout.name for holdout in company.holdouts][:2]
        ['global-holdout', 'renewal-outreach-holdout']
    """
    allowed = (
        (accounts >= 1, f"accounts is {accounts}", "one account or more"),
        (1 <= quarters <= _MOST_QUARTERS, f"quarters is {quarters}", f"1 to {_MOST_QUARTERS}"),
        (seed >= 0, f"seed is {seed}", "0 or more"),
    )
    for fine, wrong, what in allowed:
        if not fine:
            raise InputError(wrong, hint=f"allowed: {what}")
    run = _usual(quarters) if holdouts is None else check_holdouts(holdouts, quarters)
    return SimulatedCompany(accounts, quarters, seed, dirty, run)


_MOST_QUARTERS = 40


def _usual(quarters: int) -> tuple[CompanyHoldout, ...]:
    """Return the usual holdouts that start within the period; those that end after it last to its end."""
    return tuple(
        each if each.last is None or each.last < quarters else _to_the_end(each)
        for each in USUAL_HOLDOUTS
        if each.first < quarters
    )


def _to_the_end(holdout: CompanyHoldout) -> CompanyHoldout:
    from dataclasses import replace

    return replace(holdout, last=None)
