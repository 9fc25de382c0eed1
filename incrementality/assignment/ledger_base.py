"""What every assignment ledger does, wherever its rows lie."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.assignment.erase import unit_keys
from incrementality.display import DisplayMixin
from incrementality.errors import InputError, LedgerDamaged, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from incrementality.assignment.batch import Assignments
    from incrementality.assignment.erase import ArmCount, Erasure
    from incrementality.warehouse import Locator, Relation, Warehouse

__all__ = ["ERASED", "Appended", "AssignmentLedger", "IdStorage", "LedgerCheck", "split_batch", "unknown_experiment"]

IdStorage = Literal["plain", "hashed"]

ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of a batch.

    Attributes:
        rows: Rows that were handed in.
        kept: Rows that the ledger holds now, durably; rows that it held already count too.
        refused: The others by reason: ``erased``, or why the unit has no arm.
        new: Whether anything was written; ``False`` where the same batch was there.
    """

    rows: int
    kept: int
    refused: dict[str, int] = field(default_factory=dict)
    new: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheck(DisplayMixin):
    """Whether the ledger's files hold what their names say.

    Attributes:
        files: Files that were read from end to end.
        damages: The damaged ones, each with what is wrong with it.
    """

    files: int
    damages: tuple[tuple[str, str], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all files are whole."""
        return not self.damages

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a damaged file."""
        return tuple({"file": name, "problem": reason} for name, reason in self.damages)

    def or_raise(self) -> LedgerCheck:
        """Return the check.

        Raises:
            LedgerDamaged: A file is damaged.
        """
        if self.damages:
            raise LedgerDamaged.of(self.damages, hint="restore these files from a backup; the others are whole")
        return self


class AssignmentLedger(ABC):
    """Who was assigned to what, append-only: the truth that analyses join.

    A unit's first assignment in an experiment counts; later ones are kept and told by :meth:`mixed`.

    Attributes:
        ids: Whether unit ids are stored ``plain``, or ``hashed``: as keys that only :meth:`stored_ids` makes.
    """

    ids: IdStorage
    _salt: str

    @abstractmethod
    def append(self, batch: Assignments) -> Appended:
        """Record a batch, durably when this returns; the same batch again adds nothing.

        Rows without an arm are no assignments, and erased units do not come back: both are counted as refused.

        Raises:
            InvalidUnitId: An id is no text; the message names the row, never the id.
        """

    @abstractmethod
    def experiments(self) -> tuple[str, ...]:
        """Return the experiments that the ledger knows, sorted."""

    @abstractmethod
    def read(self, experiment: str) -> Assignments:
        """Return the assignments of an experiment: the row of each unit that counts, sorted by unit.

        Raises:
            InputError: The ledger holds no such experiment.
            LedgerDamaged: A file cannot be read; it is named.
        """

    @abstractmethod
    def relation(self, experiment: str, warehouse: Warehouse) -> Relation:
        """Return the assignments of an experiment as a temporary table of a warehouse, to be joined there.

        Raises:
            InputError: The ledger holds no such experiment, or the warehouse cannot reach the ledger.
        """

    @abstractmethod
    def locator(self, experiment: str) -> Locator:
        """Return where an experiment's assignments can be opened: what an experiment's ``data`` would say."""

    @abstractmethod
    def counts(self, experiment: str) -> tuple[ArmCount, ...]:
        """Return how many units each arm has, erased ones included."""

    @abstractmethod
    def mixed(self, experiment: str) -> int:
        """Return how many units were recorded in more than one arm."""

    @abstractmethod
    def erase(self, unit_ids: Iterable[str]) -> Erasure:
        """Erase units from every experiment: their ids and hashes go, the counts by arm stay.

        It can be repeated, also after a process was killed in its midst. Ids must be spelled as the ledger
        holds them: as ``assign()`` returned them.
        """

    @abstractmethod
    def verify(self) -> LedgerCheck:
        """Read everything and tell what is damaged."""

    @abstractmethod
    def compact(self, experiment: str | None = None) -> int:
        """Store the same answers in fewer files, and return how many files went; one process at a time."""

    @abstractmethod
    def close(self) -> None:
        """Give the engine back."""

    def stored_ids(self, unit_ids: Sequence[str]) -> list[str]:
        """Return how units stand in the ledger: their ids, or their keys where ids are stored hashed."""
        return list(unit_ids) if self.ids == "plain" else unit_keys(self._salt, unit_ids)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def split_batch(batch: Assignments, gone: NDArray[np.bool_]) -> tuple[Assignments, dict[str, int]]:
    """Return the rows that are assignments of units that were not erased, and the others' count by reason."""
    armless = np.array([arm is None for arm in batch.arm], dtype=bool)
    refused: dict[str, int] = {ERASED: int((gone & ~armless).sum())}
    for reason in batch.reason[armless].tolist():
        refused[str(reason)] = refused.get(str(reason), 0) + 1
    return batch.take(~(gone | armless)), {reason: n for reason, n in sorted(refused.items()) if n}


def unknown_experiment(experiment: str, known: Sequence[str]) -> InputError:
    """Return the error for an experiment that the ledger does not hold."""
    return InputError(
        f"the ledger holds no assignments of {experiment!r}; it holds: {', '.join(known) or 'none'}."
        f"{did_you_mean(experiment, known)}",
        hint="correct the experiment's id, or append its assignments first",
    )
