"""What a contract of a company's table holds: its columns, their kinds, which are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ColumnContract", "ColumnKind", "TableContract"]

ColumnKind = Literal["id", "label", "time", "day", "money", "number", "flag", "text"]


@dataclass(frozen=True, slots=True)
class ColumnContract:
    """One column of a company's table.

    Attributes:
        name: Its canonical name.
        kind: What it holds. ``time`` is an instant, in UTC once read; ``day`` a calendar day; ``money`` an amount in
            the currency of its row, in whole minor units (cents) once read; ``label`` one of a list; ``text`` words
            of people, shown and counted, never used in credit.
        meaning: What it says, in words.
        required: Whether a table without it is refused.
    """

    name: str
    kind: ColumnKind
    meaning: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class TableContract:
    """One table of a company.

    Attributes:
        name: Its canonical name, as the key under ``sources``.
        key: The column that tells rows apart; "" where rows have no id of their own.
        meaning: One row of it, in words.
        without: What its absence costs, as a page says it; "" where nothing works without it.
        columns: Its columns, the required ones first.
    """

    name: str
    key: str
    meaning: str
    without: str
    columns: tuple[ColumnContract, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the columns without which the table is refused."""
        return tuple(column.name for column in self.columns if column.required)

    def column(self, name: str) -> ColumnContract:
        """Return the column of a name.

        Raises:
            KeyError: There is no such column.

        Examples:
            >>> name = ColumnContract("day", "day", "the calendar day", required=True)
            >>> TableContract("usage", "", "one day", "no usage", (name,)).column("day").kind
            'day'
        """
        return {column.name: column for column in self.columns}[name]
