"""What became of every row that a company's tables hold: kept, refused or flagged, by reason, with its money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.display import DisplayMixin

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Intake", "Reason", "TableIntake"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows were refused or flagged.

    Attributes:
        name: The reason, in one word: ``duplicate``, ``orphan``, ``future`` ...
        rows: How many rows.
        money: Their amounts, in minor units; 0 in tables without amounts and for amounts that cannot be read.
        samples: Ids of some of them, hashed where that was asked for.

    Examples:
        >>> Reason("orphan", 2, samples=("t1", "t2")).money
        0
    """

    name: str
    rows: int
    money: int = 0
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableIntake(DisplayMixin):
    """What became of the rows of one table.

    Attributes:
        table: Its canonical name.
        read: All rows.
        kept: Those that are clean.
        refused: Those that are not used, by the first reason that holds; they add up to the rest.
        flagged: Those that are kept and noted; a row may have several flags.
        money_kept: The amounts of the rows kept, in minor units; ``None`` in tables without amounts.

    Examples:
        >>> print(TableIntake("refunds", 3, 2, (Reason("duplicate", 1, 500),), money_kept=900))
          table       fate  reason  rows   share  money  samples
        refunds       read            3        1  1,400
        refunds       kept            2   0.6667    900
        refunds    refused  duplicate  1  0.3333    500
    """

    table: str
    read: int
    kept: int
    refused: tuple[Reason, ...] = ()
    flagged: tuple[Reason, ...] = ()
    money_kept: int | None = None

    @property
    def money_read(self) -> int | None:
        """The amounts of all rows whose amount can be read, in minor units."""
        return None if self.money_kept is None else self.money_kept + sum(one.money for one in self.refused)

    def rows_refused(self, reason: str) -> int:
        """Return how many rows a reason refused.

        Examples:
            >>> TableIntake("refunds", 3, 2, (Reason("duplicate", 1),)).rows_refused("duplicate")
            1
        """
        return sum(one.rows for one in self.refused if one.name == reason)

    def rows_flagged(self, reason: str) -> int:
        """Return how many rows carry a flag.

        Examples:
            >>> TableIntake("refunds", 3, 3, flagged=(Reason("rounded_amount", 2),)).rows_flagged("rounded_amount")
            2
        """
        return sum(one.rows for one in self.flagged if one.name == reason)

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row for what was read, for what was kept, and for each reason."""
        first = [
            self._row("read", Reason("", self.read, self.money_read or 0)),
            self._row("kept", Reason("", self.kept, self.money_kept or 0)),
        ]
        refused = [self._row("refused", one) for one in self.refused]
        return (*first, *refused, *(self._row("flagged", one) for one in self.flagged))

    def _row(self, fate: str, reason: Reason) -> dict[str, object]:
        return {
            "table": self.table,
            "fate": fate,
            "reason": reason.name,
            "rows": reason.rows,
            "share": reason.rows / self.read if self.read else None,
            "money": None if self.money_kept is None else reason.money,
            "samples": ", ".join(reason.samples),
        }


@dataclass(frozen=True, slots=True)
class Intake(DisplayMixin):
    """What became of every row of every table.

    Examples:
        >>> intake = Intake((TableIntake("refunds", 3, 2, (Reason("duplicate", 1),)),))
        >>> intake["refunds"].kept, [table.table for table in intake]
        (2, ['refunds'])
    """

    tables: tuple[TableIntake, ...]

    def __getitem__(self, table: str) -> TableIntake:
        return {one.table: one for one in self.tables}[table]

    def __iter__(self) -> Iterator[TableIntake]:
        return iter(self.tables)

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return the rows of all tables, one after the other."""
        return tuple(row for table in self.tables for row in table.to_dicts())
