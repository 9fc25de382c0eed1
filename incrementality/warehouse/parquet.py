"""Parquet files: columns written to one file, a set of files read by one query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import duckdb
from sqlglot import exp

from incrementality.errors import SourceUnreadable, WarehouseError
from incrementality.warehouse.duckdb_engine import DuckDBWarehouse, file_literal
from incrementality.warehouse.sql import literal, parse, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ParquetEngine", "parquet_table"]

_BATCH = "incrementality_batch"
_CHUNK = 1 << 16


def parquet_table(paths: Iterable[Path]) -> exp.Expression:
    """Return all rows of several Parquet files that share their columns, as a table to select from.

    Examples:
        >>> from pathlib import Path
        >>> print(render(parse("SELECT n FROM files", files=parquet_table([Path("b[1].parquet")])), "duckdb"))
        SELECT n FROM READ_PARQUET(['b[[]1].parquet'])
    """
    files = exp.Array(expressions=[file_literal(path) for path in paths])
    return parse("SELECT 1 FROM read_parquet($files)", files=files).find(exp.Table) or files


class ParquetEngine(DuckDBWarehouse):
    """An engine that also writes Parquet files; for one thread of one process.

    What it reads and writes is not kept among its ``statements``: it may live long.

    Args:
        memory_limit: What the engine may use before it spills to the temporary folder.
        threads: Threads of the engine; ``None``: its own choice.

    Examples:
        >>> import tempfile, numpy as np
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "units.parquet"
        >>> with ParquetEngine() as engine:
        ...     engine.write_columns(path, {"unit": np.array(["a", "b"], dtype=object)}, notes={"made_by": "us"})
        ...     engine.columns(parse("SELECT unit FROM files", files=parquet_table([path])))["unit"].tolist()
        ...     engine.notes(path)
        ['a', 'b']
        {'made_by': 'us'}
    """

    def __init__(self, *, memory_limit: str = "320MB", threads: int | None = 1) -> None:
        super().__init__(memory_limit=memory_limit, threads=threads)

    def write_columns(
        self, path: Path, columns: Mapping[str, NDArray[np.generic]], *, notes: Mapping[str, str] | None = None
    ) -> None:
        """Write columns of one length to a Parquet file, rows in their order, and notes into its footer.

        Args:
            path: The file; it is not made durable, and a file of that name is replaced.
            columns: The values by name; texts are object arrays, missing values are masked or ``None``.
            notes: Texts by name.

        Raises:
            WarehouseError: The file cannot be written.
        """
        self._connection.register(_BATCH, dict(columns))
        try:
            self._copy(f"FROM {_BATCH}", path, notes or {})
        finally:
            self._connection.unregister(_BATCH)

    def write_query(self, path: Path, tree: exp.Expression, *, notes: Mapping[str, str] | None = None) -> None:
        """Write a query's rows to a Parquet file, in the query's order; see :meth:`write_columns`.

        Raises:
            WarehouseError: The query or the file was refused.
        """
        self._copy(render(tree, self.dialect), path, notes or {})

    def _copy(self, query: str, path: Path, notes: Mapping[str, str]) -> None:
        entries = ", ".join(f"{_quoted(name)}: {_quoted(text)}" for name, text in notes.items())
        options = f"FORMAT parquet, COMPRESSION zstd{f', KV_METADATA {{{entries}}}' if entries else ''}"
        self._execute(f"COPY ({query}) TO {_quoted(str(path))} ({options})")

    def columns(self, tree: exp.Expression) -> dict[str, NDArray[Any]]:
        """Return a query's columns as numpy arrays; those with missing values are masked.

        Raises:
            SourceUnreadable: A file is missing or damaged.
        """
        try:
            found = self._execute(render(tree, self.dialect)).fetchnumpy()
        except duckdb.Error as error:
            raise _unreadable(error) from error
        return cast("dict[str, NDArray[Any]]", found)

    def chunks(self, tree: exp.Expression) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Yield a query's rows, some ten thousand at a time, so that a large table never stands in memory.

        Run nothing else on this engine meanwhile.

        Raises:
            SourceUnreadable: A file is missing or damaged.
        """
        result = self._execute(render(tree, self.dialect))
        while True:
            try:
                rows = result.fetchmany(_CHUNK)
            except duckdb.Error as error:
                raise _unreadable(error) from error
            if not rows:
                return
            yield rows

    def notes(self, path: Path) -> dict[str, str]:
        """Return the notes in a file's footer.

        Raises:
            SourceUnreadable: The file is missing or damaged.
        """
        query = parse("SELECT key, value FROM parquet_kv_metadata($path)", path=file_literal(path))
        found = self._execute(render(query, self.dialect)).fetchall()
        return {key.decode(): value.decode() for key, value in found}

    def stored(self, name: str, tree: exp.Expression) -> exp.Table:
        """Store a query's rows in a temporary table, in the place of one of that name, and return its name."""
        table = exp.to_table(name)
        create = parse("CREATE OR REPLACE TEMPORARY TABLE target AS SELECT 1", target=table)
        create.set("expression", tree)
        self._execute(render(create, self.dialect))
        return table

    def _execute(self, statement: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(statement)
        except duckdb.OutOfMemoryException as error:
            raise WarehouseError(
                "the engine ran out of memory", hint="free disk space for the temporary folder, or take fewer rows"
            ) from error
        except duckdb.Error as error:
            raise _unreadable(error) from error


def _quoted(text: str) -> str:
    return render(literal(text), "duckdb")


def _unreadable(error: duckdb.Error) -> SourceUnreadable:
    told = str(error).split("\n", maxsplit=1)[0][:200]
    return SourceUnreadable(
        f"a Parquet file cannot be read or written: {told}",
        hint="check that the files are whole, and that the disk has room",
    )
