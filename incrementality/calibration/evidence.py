"""What experiments say: which cells each switched off, what that cost, how surely, and how long ago."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.calibration.cells import Cell, CellTable

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

__all__ = ["Basis", "Evidence", "EvidenceSet"]

Basis = Literal["randomised", "identified", "fragile", "external"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One experiment's registered primary estimate, in the ledger's unit, for the reporting period.

    Attributes:
        experiment: Its id.
        off: The cells that it switched off against the always-on rest.
        estimate: What those cells brought that would not have come without them; may be negative.
        variance: Its sampling variance, from the pooled arms, never from the small arm alone.
        age: Quarters since it was read; 0 for this quarter.
        basis: How it was identified.
        why: Why the journey was tested: ``expected to win``, ``scheduled``, ``disputed`` ...

    Raises:
        InputError: It switches nothing off, or a number is not finite, not positive where it must be.
    """

    experiment: str
    off: frozenset[Cell]
    estimate: float
    variance: float
    age: float = 0.0
    basis: Basis = "randomised"
    why: str = ""

    def __post_init__(self) -> None:
        if not self.off:
            raise InputError(
                f"{self.experiment!r} switched no cell off", hint="name the journeys or functions that it withheld"
            )
        if not np.isfinite([self.estimate, self.variance, self.age]).all() or self.variance <= 0 or self.age < 0:
            raise InputError(
                f"{self.experiment!r} estimates {self.estimate:g} with variance {self.variance:g} at an age of "
                f"{self.age:g} quarters; the variance must be positive and the age not negative"
            )


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceSet:
    """All registered experiments with the covariance of their estimates.

    Attributes:
        rows: The experiments; m of them, each id once.
        covariance: Sampling covariance of their estimates; its diagonal is their variance; shape (m, m).

    Raises:
        InputError: An id comes twice, or the covariance does not fit the rows or is no covariance.
    """

    rows: tuple[Evidence, ...]
    covariance: FloatArray

    def __post_init__(self) -> None:
        m = len(self.rows)
        if len({row.experiment for row in self.rows}) < m:
            raise InputError("an experiment is there twice", hint="each registered experiment enters once")
        own = np.array([row.variance for row in self.rows])
        if self.covariance.shape != (m, m) or not np.allclose(np.diag(self.covariance), own, rtol=1e-9):
            raise InputError("the covariance does not have the experiments' own variances on its diagonal")
        if m and np.linalg.eigvalsh(self.covariance)[0] < -1e-9 * own.max():
            raise InputError(
                "the covariance of the experiments is not positive semi-definite",
                hint="take it from the influence values of the same accounts",
            )

    @staticmethod
    def independent(rows: Sequence[Evidence]) -> EvidenceSet:
        """Return experiments that share neither units nor a control.

        Examples:
            >>> from incrementality.calibration import Cell
            >>> row = Evidence("winback", frozenset({Cell("marketing", "winback")}), 12.0, 4.0)
            >>> EvidenceSet.independent([row]).covariance.tolist()
            [[4.0]]
        """
        return EvidenceSet(tuple(rows), np.diag([row.variance for row in rows]))

    def __len__(self) -> int:
        return len(self.rows)

    def off(self, table: CellTable) -> BoolArray:
        """Return which cells each experiment switched off; shape (m, n).

        Raises:
            InputError: An experiment switched off a cell that is not in the table.
        """
        at = {cell: k for k, cell in enumerate(table.cells)}
        found = np.zeros((len(self.rows), len(table)), dtype=bool)
        for k, row in enumerate(self.rows):
            unknown = row.off - at.keys()
            if unknown:
                raise InputError(
                    f"{row.experiment!r} switched off {len(unknown)} cells that the ledger does not hold: "
                    f"{', '.join(sorted(map(str, unknown))[:3])}",
                    hint="a test on touches or accounts outside the ledger calibrates nothing in it",
                )
            found[k, [at[cell] for cell in row.off]] = True
        return found

    def without(self, k: int) -> EvidenceSet:
        """Return all but the k-th experiment."""
        rest = [i for i in range(len(self.rows)) if i != k]
        return EvidenceSet(tuple(self.rows[i] for i in rest), self.covariance[np.ix_(rest, rest)])

    def where(self, kept: Sequence[bool]) -> EvidenceSet:
        """Return the experiments that are marked."""
        rest = [i for i, keep in enumerate(kept) if keep]
        return EvidenceSet(tuple(self.rows[i] for i in rest), self.covariance[np.ix_(rest, rest)])

    def aged(self, quarters: float) -> EvidenceSet:
        """Return the same experiments, so many quarters older."""
        return replace(self, rows=tuple(replace(row, age=row.age + quarters) for row in self.rows))
