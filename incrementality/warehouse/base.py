"""What every engine can do: read a source, run a query, keep the SQL that ran."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sqlglot import exp

from incrementality.warehouse.sql import NUMERIC, ColumnType, parse, render, table, text_of

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from incrementality.warehouse.sources import Locator

__all__ = ["NUMERIC", "ColumnType", "Relation", "Warehouse"]


@dataclass(frozen=True, slots=True)
class Relation:
    """A readable table or view: its name as a node, and the type of each column in order."""

    name: exp.Table
    columns: dict[str, ColumnType]


class Warehouse(ABC):
    """One engine behind one seam; a connector for another engine is one small subclass.

    Attributes:
        dialect: The engine's name in sqlglot.
        statements: Every statement that ran, as text, in order.
    """

    dialect: ClassVar[str]
    reads_files: ClassVar[bool] = False

    def __init__(self) -> None:
        self.statements: list[str] = []

    @abstractmethod
    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows; engine errors become ``WarehouseError``."""

    @abstractmethod
    def _describe(self, name: exp.Table) -> dict[str, ColumnType]:
        """Return the type of each column of a table."""

    @abstractmethod
    def open(self, locator: Locator, *, columns: tuple[str, ...] | None = None) -> Relation:
        """Make a source readable.

        Text files are read once into the engine; columnar files and tables are read in place. ``columns``
        names those that will be needed; the others need not be materialised.

        Raises:
            SourceNotFound: There is no such file or table.
            SourceUnreadable: It cannot be read.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the engine back."""

    def query(self, tree: exp.Expression) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        self.statements.append(text_of(tree, self.dialect))
        return self._rows(render(tree, self.dialect))

    def row(self, tree: exp.Expression) -> tuple[Any, ...]:
        """Run a query that answers with one row."""
        return self.query(tree)[0]

    def materialise(self, name: str, tree: exp.Expression) -> Relation:
        """Store a query's rows in a temporary table that lives as long as the connection."""
        create = parse("CREATE TEMPORARY TABLE target AS SELECT 1", target=table(name))
        create.set("expression", tree)
        self.query(create)
        return self.relation(name)

    def relation(self, name: str) -> Relation:
        """Return a table that is there already."""
        node = table(name)
        return Relation(node, self._describe(node))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
