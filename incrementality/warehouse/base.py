"""What every engine can do: read a source, run a query, keep the SQL that ran."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import numpy as np
from sqlglot import exp

from incrementality.errors import InputError, SourceNotFound, did_you_mean
from incrementality.warehouse.sql import NUMERIC, ColumnType, parse, render, table, text_of
from incrementality.warehouse.upload import upload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from incrementality.warehouse.sources import Locator

    FloatArray = NDArray[np.float64]

__all__ = ["NUMERIC", "ColumnType", "Relation", "Warehouse", "source_not_offered", "stored", "table_not_found"]

_LISTED = 20
_BATCH = 1 << 16


@dataclass(frozen=True, slots=True)
class Relation:
    """A readable table or view: its name as a node, and the type of each column in order."""

    name: exp.Table
    columns: dict[str, ColumnType]


class Warehouse(ABC):
    """One engine behind one seam; a connector for another engine is one small subclass.

    Engines agree on NaN: it counts as present, it is the largest value, and sums and means that meet it are NaN.
    They differ at the edges: at a division by zero DuckDB answers inf or NaN, the others refuse the query; at a
    product outside the range of floats (below 1e-308, above 1e308) PostgreSQL refuses, the others answer 0 or inf.

    Attributes:
        dialect: The engine's name in sqlglot.
        reads_files: Whether it reads files itself.
        answers_any_product: Whether it answers products outside the range of floats, instead of refusing the query.
    """

    dialect: ClassVar[str]
    reads_files: ClassVar[bool] = False
    answers_any_product: ClassVar[bool] = True

    def __init__(self) -> None:
        self._ran: list[exp.Expression | str] = []

    @property
    def statements(self) -> list[str]:
        """Every statement that ran, in order, as text for a person to read."""
        return [ran if isinstance(ran, str) else text_of(ran, self.dialect) for ran in self._ran]

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

    def open_as_written(self, locator: Locator) -> Relation:
        """Make a source readable in which no value has been taken for a number or a time that does not say so.

        A text file's columns are all text, as they stand in it, and where the engine can it is read in place.

        Raises:
            SourceNotFound: There is no such file or table.
            SourceUnreadable: It cannot be read.
        """
        return self.open(locator)

    @abstractmethod
    def close(self) -> None:
        """Give the engine back."""

    def query(self, tree: exp.Expression) -> list[tuple[Any, ...]]:
        """Run a query and return its rows: numbers as int or float, ids as text, on every engine."""
        return [tuple(map(_plain, row)) for row in self._rows(self._stated(tree))]

    def _stated(self, tree: exp.Expression) -> str:
        """Render a query that is about to run, and keep it."""
        statement = render(tree, self.dialect)
        try:
            statement.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"the text {error.object[error.start : error.end]!r} is not valid Unicode",
                hint="correct the value or the name that holds it",
            ) from None
        self._ran.append(tree)
        return statement

    def numbers(self, tree: exp.Expression) -> list[FloatArray]:
        """Run a query whose columns are all numbers and return one array a column; a null is 0."""
        return self._arrays(self._stated(tree), len(tree.expressions))

    def _arrays(self, statement: str, width: int) -> list[FloatArray]:
        rows = self._rows(statement)
        return [np.array([row[k] or 0.0 for row in rows], dtype=float) for k in range(width)]

    def row(self, tree: exp.Expression) -> tuple[Any, ...]:
        """Run a query that answers with one row."""
        return self.query(tree)[0]

    def materialise(self, name: str, tree: exp.Expression) -> Relation:
        """Store a query's rows in a temporary table that lives as long as the connection."""
        self.query(stored(name, tree))
        return self.relation(name)

    def view(self, name: str, tree: exp.Expression) -> Relation:
        """Name a query, whose rows are made anew whenever it is read; an engine that cannot do so stores them."""
        return self.materialise(name, tree)

    def batches(self, tree: exp.Expression) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Yield a query's rows some ten thousand at a time; run nothing else here meanwhile but ``keep``.

        Where the engine can do so, a large answer never stands in memory.
        """
        rows = self.query(tree)
        for first in range(0, len(rows), _BATCH):
            yield rows[first : first + _BATCH]

    def keep(self, name: str, kinds: Mapping[str, str], batches: Iterable[Sequence[tuple[Any, ...]]]) -> Relation:
        """Store rows that come in batches under a temporary name, which serves once.

        Args:
            name: The name.
            kinds: The columns in order, each with its SQL type: ``TEXT``, ``BIGINT``.
            batches: The rows; they may be made of what ``batches`` yields.
        """
        parts = [upload(self, f"{name}_{k}", kinds, rows).name for k, rows in enumerate(batches)]
        parts = parts or [upload(self, f"{name}_0", kinds, []).name]
        every: list[exp.Expression] = [parse("SELECT * FROM part", part=part) for part in parts]
        return self.materialise(
            name, reduce(lambda one, other: exp.Union(this=one, expression=other, distinct=False), every)
        )

    def write_parquet(self, path: Path, tree: exp.Expression, kinds: Mapping[str, str]) -> None:
        """Write a query's rows to a Parquet file, in the query's order; the file is not made durable.

        Args:
            path: The file; one of that name is replaced.
            tree: The query.
            kinds: Its columns in order, each with its SQL type.
        """
        from incrementality.warehouse.parquet import ParquetEngine

        with ParquetEngine() as engine:
            kept = engine.keep("rows_to_write", kinds, self.batches(tree))
            engine.write_query(path, parse("SELECT * FROM kept", kept=kept.name))

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


def stored(name: str, tree: exp.Expression) -> exp.Expression:
    """Return the statement that stores a query's rows under a temporary name."""
    create = parse("CREATE TEMPORARY TABLE target AS SELECT 1", target=table(name))
    create.set("expression", tree)
    return create


def _plain(value: object) -> object:
    """Sums of integers arrive as decimals from some engines, and ids as objects of their own."""
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value)
    return str(value) if isinstance(value, UUID) else value


def source_not_offered(locator: Locator, *, engine: str, offers: str) -> SourceNotFound:
    """Return the error for a kind of source that an engine does not hold."""
    return SourceNotFound(
        f"the source {locator.written or locator.table!r} is a {locator.kind}, which {engine} does not read; "
        f"it offers {offers}",
        hint="leave the warehouse out to read files and frames with the embedded engine, or write data.table",
    )


def table_not_found(name: str, *, place: str, found: list[str]) -> SourceNotFound:
    """Return the error for a table that is not there, naming those that are (``schema.table``)."""
    shown = ", ".join(sorted(found)[:_LISTED]) or "no tables"
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    near = did_you_mean(name, [*found, *(table.rsplit(".", maxsplit=1)[-1] for table in found)])
    return SourceNotFound(
        f"there is no table {name!r} in {place}; it holds: {shown}{more}.{near}", hint="correct data.table"
    )
