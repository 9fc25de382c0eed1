"""The embedded default: DuckDB in this process, with a memory limit and a temporary folder always."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import finalize

import duckdb
import numpy as np
from sqlglot import exp

from incrementality.errors import SourceNotFound, SourceUnreadable, WarehouseError
from incrementality.warehouse.base import ColumnType, Relation, Warehouse, table_not_found
from incrementality.warehouse.sql import column, literal, named, parse, render, table
from incrementality.warehouse.text_files import check_encoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from incrementality.warehouse.sources import Locator

    FloatArray = NDArray[np.float64]

__all__ = ["DuckDBWarehouse", "file_literal"]

_SOURCE = "incrementality_source"
_DATABASE = "incrementality_database"
_FRAME = "incrementality_frame"
_BATCH = 1 << 16
_ARRAYS = {"BIGINT": np.int64, "DOUBLE": np.float64}
# Other writers leave NaN out of a Parquet file's smallest and largest values; left alone the engine overlooks it.
_PARQUET = "can_have_nan = true"
# Left to itself the engine skips a header that does not fit the rows, and rows that begin with a number sign.
_CSV = "header = true, skip = 0, comment = ''"

_INTEGERS = "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT"
_TYPES: dict[str, ColumnType] = {
    "BOOLEAN": "boolean",
    "DOUBLE": "float",
    "FLOAT": "float",
    "VARCHAR": "text",
    "UUID": "text",
    "DATE": "temporal",
    **dict.fromkeys(_INTEGERS.split(), "integer"),
}
_PREFIXES: dict[str, ColumnType] = {"DECIMAL": "decimal", "TIMESTAMP": "temporal", "ENUM": "text", "TIME": "temporal"}


class DuckDBWarehouse(Warehouse):
    """DuckDB in memory.

    Args:
        memory_limit: What the engine may use before it spills to the temporary folder.
        threads: Threads; default: the engine's own choice.

    Examples:
        >>> with DuckDBWarehouse() as warehouse:
        ...     warehouse.row(parse("SELECT 1 + 1"))
        (2,)
    """

    dialect: ClassVar[str] = "duckdb"
    reads_files: ClassVar[bool] = True

    def __init__(self, *, memory_limit: str = "320MB", threads: int | None = None) -> None:
        super().__init__()
        self._numbers = count(1)
        self._folder = tempfile.mkdtemp(prefix="incrementality-")
        self._remove_folder = finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        config: dict[str, Any] = {"memory_limit": memory_limit, "temp_directory": self._folder}
        if threads is not None:
            config["threads"] = threads
        self._connection = duckdb.connect(config=config)
        with suppress(duckdb.InvalidInputException):  # in Jupyter there may be no bar that could be switched off
            self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute("SET TimeZone = 'UTC'")

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            result: list[tuple[Any, ...]] = self._connection.execute(statement).fetchall()
        except duckdb.Error as error:
            raise _translated(error, statement) from error
        return result

    def _arrays(self, statement: str, width: int) -> list[FloatArray]:
        try:
            columns: dict[str, Any] = self._connection.execute(statement).fetchnumpy()
        except duckdb.Error as error:
            raise _translated(error, statement) from error
        found: list[FloatArray] = [np.ma.filled(column.astype(float), 0.0) for column in columns.values()]
        return found or [np.zeros(0)] * width

    def _describe(self, name: exp.Table) -> dict[str, ColumnType]:
        query = parse("SELECT * FROM source LIMIT 0", source=name)
        try:
            described = self._connection.execute(f"DESCRIBE {render(query, self.dialect)}").fetchall()
        except duckdb.Error as error:
            raise _translated(error, render(query, self.dialect)) from error
        return {row[0]: _column_type(row[1]) for row in described}

    def open(self, locator: Locator, *, columns: tuple[str, ...] | None = None) -> Relation:
        """Make a source readable; see ``Warehouse.open``."""
        if locator.kind == "frame":
            return self._open_frame(locator.frame)
        if locator.kind == "duckdb" and locator.path is not None and locator.table is not None:
            return self._open_database(locator.path, locator.table)
        if locator.kind == "table" and f"main.{locator.table}" in self._tables("temp"):
            return self.relation(str(locator.table))
        if locator.kind == "csv":
            return self._open_csv(locator, columns)
        if locator.kind == "parquet":
            reader = parse(f"SELECT * FROM read_parquet($path, {_PARQUET})", path=file_literal(locator.path))  # noqa: S608 - constants
            return self._view(reader, locator)
        raise SourceNotFound(
            f"the table {locator.table!r} was asked of the embedded engine, which holds no tables of its own",
            hint="write data.source: a file, or the URL of the warehouse that holds the table",
        )

    def open_as_written(self, locator: Locator) -> Relation:
        """Make a source readable, a text file as text and in place; see ``Warehouse.open_as_written``."""
        if locator.kind != "csv":
            return self.open(locator)
        reader = f"SELECT * FROM read_csv($path, {_CSV}, all_varchar = true)"  # noqa: S608 - constants
        return self._view(parse(reader, path=file_literal(locator.path)), locator)

    def view(self, name: str, tree: exp.Expression) -> Relation:
        """Name a query; see ``Warehouse.view``."""
        create = parse("CREATE TEMPORARY VIEW target AS SELECT 1", target=table(name))
        create.set("expression", tree)
        self.query(create)
        return self.relation(name)

    def _open_csv(self, locator: Locator, columns: tuple[str, ...] | None) -> Relation:
        """Read a text file once; the header says which columns are there, all rows say which types."""
        path = file_literal(locator.path)
        head = self._view(parse(f"SELECT * FROM read_csv($path, {_CSV})", path=path), locator)  # noqa: S608 - constants
        wanted = [name for name in head.columns if columns is None or name in columns]
        if not wanted:
            return head
        query = parse(f"SELECT 1 FROM read_csv($path, {_CSV}, sample_size = -1)", path=path)  # noqa: S608 - constants
        query.set("expressions", [column(name) for name in wanted])
        try:
            relation = self.materialise(f"{_SOURCE}_{next(self._numbers)}", query)
        except WarehouseError as error:
            if isinstance(error.__cause__, duckdb.OutOfMemoryException):
                raise
            raise _unreadable(locator, str(error.__cause__ or error)) from error
        return Relation(relation.name, {**head.columns, **relation.columns})

    def _open_frame(self, frame: object) -> Relation:
        name = f"{_FRAME}_{next(self._numbers)}"
        try:
            self._connection.register(name, frame)
        except duckdb.Error as error:
            raise SourceUnreadable(
                f"a {type(frame).__name__} is not a table that the engine can read",
                hint="hand in a pandas, Polars or Arrow frame, or a dictionary of numpy arrays",
            ) from error
        return self.relation(name)

    def _open_database(self, path: Path, name: str) -> Relation:
        database = f"{_DATABASE}_{next(self._numbers)}"
        attach = f"ATTACH {render(literal(str(path)), self.dialect)} AS {database} (READ_ONLY)"
        try:
            self._connection.execute(attach)
        except duckdb.Error as error:
            raise SourceUnreadable(
                f"{path.name} cannot be opened as a DuckDB database: {_first_line(error)}",
                hint="check that the file is a DuckDB database and that no other process is writing to it",
            ) from error
        self._ran.append(attach)
        found = self._tables(database)
        qualified = name if "." in name else f"main.{name}"
        if qualified not in found:
            raise table_not_found(name, place=path.name, found=found)
        return self.relation(f"{database}.{qualified}")

    def _tables(self, database: str) -> list[str]:
        query = parse(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = $catalog",
            catalog=literal(database),
        )
        return [f"{schema}.{name}" for schema, name in self._rows(render(query, self.dialect))]

    def batches(self, tree: exp.Expression) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Yield a query's rows as they come; see ``Warehouse.batches``."""
        statement = self._stated(tree)
        try:
            result = self._connection.execute(statement)
            while rows := result.fetchmany(_BATCH):
                yield rows
        except duckdb.Error as error:
            raise _translated(error, statement) from error

    def keep(self, name: str, kinds: Mapping[str, str], batches: Iterable[Sequence[tuple[Any, ...]]]) -> Relation:
        """Store rows that come in batches as files of the temporary folder; see ``Warehouse.keep``."""
        paths = []
        with self._connection.cursor() as writer:  # a connection of its own: the batches may stream out of the other
            for k, rows in enumerate(batches):
                paths.append(Path(self._folder) / f"{name}_{k}.parquet")
                _copy(writer, rows, kinds, paths[-1])
        if not paths:
            return super().keep(name, kinds, ())
        files = exp.Array(expressions=[file_literal(path) for path in paths])
        return self.materialise(name, parse("SELECT * FROM read_parquet($files)", files=files))

    def write_parquet(self, path: Path, tree: exp.Expression, kinds: Mapping[str, str]) -> None:
        """Write a query's rows to a Parquet file without fetching them; see ``Warehouse.write_parquet``."""
        query = parse("SELECT 1 FROM rows AS r", rows=exp.Subquery(this=tree))
        query.set("expressions", [named(exp.cast(column(n), k, dialect="duckdb"), n) for n, k in kinds.items()])
        self._rows(f"COPY ({self._stated(query)}) TO {render(literal(str(path)), 'duckdb')} (FORMAT parquet)")

    def _view(self, reader: exp.Expression, locator: Locator) -> Relation:
        name = f"{_SOURCE}_{next(self._numbers)}"
        create = parse("CREATE TEMPORARY VIEW target AS SELECT 1", target=table(name))
        create.set("expression", reader)
        self._ran.append(create)
        try:
            self._connection.execute(render(create, self.dialect))
            return self.relation(name)
        except (duckdb.Error, WarehouseError) as error:
            raise _unreadable(locator, str(error)) from error

    def close(self) -> None:
        """Close the connection and remove the temporary folder."""
        self._connection.close()
        self._remove_folder()


def _copy(
    writer: duckdb.DuckDBPyConnection, rows: Sequence[tuple[Any, ...]], kinds: Mapping[str, str], path: Path
) -> None:
    """Write rows to a Parquet file."""
    query = parse("SELECT 1 FROM source", source=table(_FRAME))
    casts = [named(exp.cast(column(key), kind, dialect="duckdb"), key) for key, kind in kinds.items()]
    query.set("expressions", casts)
    values = zip(kinds.items(), zip(*rows, strict=True), strict=True)
    writer.register(_FRAME, {key: np.array(found, dtype=_ARRAYS.get(kind, object)) for (key, kind), found in values})
    try:
        writer.execute(f"COPY ({render(query, 'duckdb')}) TO {render(literal(str(path)), 'duckdb')} (FORMAT parquet)")
    except duckdb.Error as error:
        raise _translated(error, "COPY") from error
    finally:
        writer.unregister(_FRAME)


def _column_type(name: str) -> ColumnType:
    if name.endswith("]"):
        return "other"
    prefixed: list[ColumnType] = [kind for prefix, kind in _PREFIXES.items() if name.startswith(prefix)]
    return _TYPES.get(name) or (prefixed[0] if prefixed else "other")


def file_literal(path: Path | None) -> exp.Expression:
    """Return a file's path with the signs escaped that the engine takes for a pattern."""
    return literal(re.sub(r"([*?\[])", r"[\1]", str(path)))


def _first_line(error: Exception) -> str:
    return str(error).split("\n", maxsplit=1)[0]


def _unreadable(locator: Locator, reason: str) -> SourceUnreadable:
    name = locator.path.name if locator.path else locator.written
    if locator.kind == "csv":
        try:
            check_encoding(locator)
        except SourceUnreadable as found:
            return found
    return SourceUnreadable(
        f"{name} cannot be read as {locator.kind}: {reason.splitlines()[0][:200]}",
        hint="check that the file is whole and that its ending says what it is",
    )


def _translated(error: duckdb.Error, statement: str) -> WarehouseError:
    if isinstance(error, duckdb.OutOfMemoryException):
        hint = "raise memory_limit in incrementality.yaml, or free disk space for the temporary folder"
        return WarehouseError("the engine ran out of memory", sql=statement, hint=hint)
    return WarehouseError(f"the engine refused a query: {_first_line(error)}", sql=statement)
