"""The simulated company: its tables as exported, its experiments, its truth, and how to make it again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.simulate.company.blocks import blocks_of, cells_off, keep_books
from incrementality.simulate.company.calendar import DAY, start_of_quarter
from incrementality.simulate.company.cells import CELLS
from incrementality.simulate.company.export import Export
from incrementality.simulate.company.rows import joined
from incrementality.simulate.company.truth import CompanyTruth, FairShare, fair_shares, players_by, true_company
from incrementality.simulate.company.written import write_company
from incrementality.tables import COMPANY_TABLES

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from typing import Any

    from incrementality.simulate.company.blocks import Block, Books
    from incrementality.simulate.company.capture_faults import CaptureFaults
    from incrementality.simulate.company.cells import Cell
    from incrementality.simulate.company.holdouts import CompanyHoldout
    from incrementality.simulate.company.rows import Columns, Tables
    from incrementality.simulate.company.written import WriteParquet

__all__ = ["SimulatedCompany"]


@dataclass(frozen=True, eq=False)
class SimulatedCompany:
    """One simulated company.

    Attributes:
        accounts: Number of accounts.
        quarters: Number of quarters.
        seed: Seed of all chance.
        faults: Faults of capture; None for a clean company.
        holdouts: The experiments that were run.
    """

    accounts: int
    quarters: int
    seed: int
    faults: CaptureFaults | None
    holdouts: tuple[CompanyHoldout, ...]

    @property
    def as_of(self) -> datetime:
        """When the export was made (UTC): 30 days after the period, when all refunds are known."""
        return datetime.fromtimestamp(start_of_quarter(self.quarters) + 30 * DAY, tz=UTC)

    @property
    def tables(self) -> Tables:
        """The tables as the company exports them, by the names and columns of ``COMPANY_TABLES``.

        Ids, labels and days are Python strings or None, times numpy's (UTC), money whole cents; ``at_risk`` is masked
        where it is missing.

        Examples:
            >>> from incrementality.simulate import simulate_company
            >>> tables = simulate_company(200, seed=2).tables
            >>> tables["opportunities"]["opportunity_id"][0]
            'o_0000001'
        """
        return {name: columns for name, columns in self._exported[0].items() if name in COMPANY_TABLES}

    @property
    def entries(self) -> Columns:
        """The log of entries: which account met the moment of which journey when, whatever its arm."""
        return self._exported[0]["entries"]

    @property
    def assignments(self) -> Columns:
        """The arm of every account in every experiment: ``holdout`` or ``always-on``."""
        return self._exported[0]["assignments"]

    @property
    def planted(self) -> dict[str, int]:
        """Rows hit by each fault of capture, by its name in :class:`CaptureFaults`; empty for a clean company.

        Examples:
            >>> from incrementality.simulate import simulate_company
            >>> simulate_company(200, seed=2, dirty=False).planted
            {}
            >>> simulate_company(200, seed=2).planted["duplicate_touches"] > 0
            True
        """
        return self._exported[1]

    def export(self) -> Export:
        """Return the export, to be read block by block where the tables are too large for memory."""
        return Export(self.quarters, self.holdouts, self.faults)

    @cached_property
    def _exported(self) -> tuple[Tables, dict[str, int]]:
        export = self.export()
        return joined(export.tables(self.blocks)), dict(export.planted)

    def write(self, folder: str | os.PathLike[str], *, parquet: WriteParquet | None = None) -> dict[str, Any]:
        """Write tables, entries, assignments, a data card and a manifest into a folder; see :func:`write_company`."""
        return write_company(self, folder, parquet=parquet)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The accounts, in blocks that know nothing of one another."""
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
            >>> from incrementality.simulate import cells_of, simulate_company
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
        return keep_books(self.blocks, switched, self.holdouts if withheld else (), draw=draw)

    @cached_property
    def truth(self) -> CompanyTruth:
        """Removal effect of each function and each journey, and the baseline, in the realised world.

        Examples:
            >>> from incrementality.simulate import simulate_company
            >>> truth = simulate_company(300, seed=2).truth
            >>> truth.caused == truth.revenue - truth.baseline
            True
        """
        return true_company(lambda off: self.counterfactual(off).revenue)

    def removal(
        self, off: Iterable[Cell], *, quarter: int | None = None, since: int = 0, until: int | None = None
    ) -> int:
        """Return what would not have been booked without some cells, in cents: an exact difference.

        Args:
            off: The cells.
            quarter: The quarter in which revenue is booked; None for the whole period.
            since: The first quarter in which they are off.
            until: The last one; None for the end of the period.

        Examples:
            >>> from incrementality.simulate import cells_of, simulate_company
            >>> company = simulate_company(300, seed=2)
            >>> company.removal(cells_of(function="ae")) == company.truth.removal_by_function["ae"]
            True
        """
        without = self.counterfactual(off, since=since, until=until)
        return self.counterfactual().booked(quarter) - without.booked(quarter)

    def interaction(self, one: Iterable[Cell], other: Iterable[Cell]) -> int:
        """Return what two sets of cells do together beside what each adds to the other world's rest, in cents.

        Below zero where they replace one another: the removal of both then exceeds the sum of their removals.

        Examples:
            >>> from incrementality.simulate import cells_of, simulate_company
            >>> company = simulate_company(300, seed=2)
            >>> ae, presales = cells_of(function="ae"), cells_of(function="presales")
            >>> both = company.removal(ae) + company.removal(presales) - company.removal(ae | presales)
            >>> company.interaction(ae, presales) == both
            True
        """
        first, second = frozenset(one), frozenset(other)
        return self.removal(first) + self.removal(second) - self.removal(first | second)

    def fair_share(
        self,
        by: str = "function",
        *,
        quarter: int | None = None,
        permutations: int | None = None,
        seed: int = 1,
        draws: int = 0,
    ) -> tuple[FairShare, ...]:
        """Return the Shapley value of each function, journey or cell, in cents; see :func:`fair_shares`.

        Args:
            by: ``function``, ``journey`` or ``cell``.
            quarter: The quarter in which revenue is booked; None for the whole period.
            permutations: Orders to sample; None for all coalitions, which functions alone allow.
            seed: Seed of the orders.
            draws: 0 for what happened; else the mean over this many other lucks of the same accounts.

        Examples:
            >>> from incrementality.simulate import simulate_company
            >>> company = simulate_company(40, quarters=2, seed=2)
            >>> shares = company.fair_share(permutations=2)
            >>> round(sum(share.value for share in shares)) == company.truth.caused
            True
        """
        lucks = range(1, draws + 1) if draws else range(1)
        return fair_shares(
            lambda off: fmean(self.counterfactual(off, draw=draw).booked(quarter) for draw in lucks),
            players_by(by),
            permutations=permutations,
            seed=seed,
        )

    def expected_removal(self, off: Iterable[Cell], *, draws: int = 20) -> tuple[float, float]:
        """Return the mean removal effect over other luck of the same accounts, and its standard error, in cents.

        Args:
            off: The cells.
            draws: How often the period is lived again; 2 or more.

        Raises:
            InputError: Fewer than two draws.

        Examples:
            >>> from incrementality.simulate import cells_of, simulate_company
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

    def _checked(self, off: Iterable[Cell]) -> frozenset[Cell]:
        cells = frozenset(off)
        unknown = sorted(map(str, cells - frozenset(CELLS)))
        if unknown:
            raise InputError(
                f"{unknown[0]} is no cell of the company",
                hint="a cell is (function, journey); cells_of() lists them",
            )
        return cells
