"""Spark: tables of its catalog, Parquet and CSV files, in this process or on a cluster."""

from __future__ import annotations

import logging
import re
import shutil
import socket
import tempfile
import warnings
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import finalize

from incrementality.errors import EngineNotInstalled, InputError, SourceUnreadable, WarehouseError
from incrementality.warehouse.base import ColumnType, Relation, Warehouse, source_not_offered, stored, table_not_found
from incrementality.warehouse.sources import without_secret
from incrementality.warehouse.sql import column, parse, render, table
from incrementality.warehouse.text_files import CSV_OPTIONS, check_encoding, is_padded, path_of, separator_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot import exp

    from incrementality.warehouse.sources import Locator

__all__ = ["SparkWarehouse"]

_SOURCE = "incrementality_source"
_LOCAL = re.compile(r"local(\[(\d+|\*)\])?")
_MASTER = re.compile(r"spark://([^:/@]+):(\d+)")
_CONNECT_SECONDS = 10
_SHOWN = 300

_SESSION = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.csv.parser.columnPruning.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.variable.substitute": "false",
}
_QUIET = """\
rootLogger.level = off
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
"""

_TYPES: dict[str, ColumnType] = {
    "boolean": "boolean",
    "date": "temporal",
    "decimal": "decimal",
    "double": "float",
    "float": "float",
    "timestamp": "temporal",
    "timestamp_ntz": "temporal",
    **dict.fromkeys(("byte", "short", "integer", "long"), "integer"),
    **dict.fromkeys(("string", "char", "varchar"), "text"),
}


class SparkWarehouse(Warehouse):
    """A Spark session of its own: UTC, ANSI rules, no text substitution, tables in a temporary folder.

    A session that is there already (a notebook on a cluster) is shared: its context is used and left running, its
    settings stay as they are.

    Args:
        url: ``spark:local[2]`` (this machine) or ``spark://host:port`` (a cluster's master).

    Raises:
        EngineNotInstalled: pyspark is missing.
        InputError: The URL is neither of the two.
        WarehouseError: Spark did not start; it needs Java 17.

    Examples:
        >>> with SparkWarehouse("spark:local[2]") as warehouse:  # doctest: +SKIP
        ...     warehouse.row(parse("SELECT 1 + 1"))
        (2,)
    """

    dialect: ClassVar[str] = "spark"
    reads_files: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        super().__init__()
        master = _master(url)
        _check_installed()
        self._numbers = count(1)
        self._folder = Path(tempfile.mkdtemp(prefix="incrementality-"))
        self._remove_folder = finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._session, self._owns_session = _session(master, self._folder)

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        with _translating(statement):
            return [tuple(row) for row in self._session.sql(statement).collect()]

    def _describe(self, name: exp.Table) -> dict[str, ColumnType]:
        statement = render(parse("SELECT * FROM source LIMIT 0", source=name), self.dialect)
        with _translating(statement):
            return _kinds(self._session.sql(statement).schema)

    def open(self, locator: Locator, *, columns: tuple[str, ...] | None = None) -> Relation:
        """Make a source readable; see ``Warehouse.open``."""
        if locator.kind == "table" and locator.table is not None:
            return self._open_table(locator.table)
        if locator.kind not in {"csv", "parquet"}:
            raise source_not_offered(locator, engine="Spark", offers="tables of its catalog, Parquet and CSV files")
        try:
            return self._open_parquet(locator) if locator.kind == "parquet" else self._open_csv(locator, columns)
        except WarehouseError as error:
            raise SourceUnreadable(
                f"{locator.written!r} cannot be read as {locator.kind}: {error.message}",
                hint="check that the file is whole and that its ending says what it is",
            ) from error

    def _open_table(self, name: str) -> Relation:
        try:
            return self.relation(name)
        except WarehouseError as error:
            if "_NOT_FOUND" not in error.message:
                raise
            raise table_not_found(name, place="Spark's catalog", found=self._tables()) from error

    def _tables(self) -> list[str]:
        with _translating("SHOW TABLES"):
            databases = self._session.catalog.listDatabases()
            found = [entry for database in databases for entry in self._session.catalog.listTables(database.name)]
        names = {".".join([*(entry.namespace or []), entry.name]) for entry in found}
        return sorted(name for name in names if not name.startswith(_SOURCE))

    def _open_parquet(self, locator: Locator) -> Relation:
        with _translating(f"read {locator.written}"):
            return self._view(self._session.read.parquet(path_of(locator, self._folder)))

    def _open_csv(self, locator: Locator, columns: tuple[str, ...] | None) -> Relation:
        """Read a text file once and keep its rows: Spark would read it again in every query."""
        check_encoding(locator)
        path = path_of(locator, self._folder)
        reader = self._session.read.options(**CSV_OPTIONS, sep=separator_of(locator))
        with _translating(f"read {locator.written}"):
            schema = self._schema(reader.csv(path, inferSchema=True), reader.csv(path, inferSchema=False))
            frame = reader.csv(path, schema=schema)
            every = _kinds(frame.schema)
            wanted = [name for name in every if columns is None or name in columns]
            kept = self._view(frame.select([_quoted(name) for name in wanted or every]).persist())
            frame.select([_quoted(name) for name in wanted[:1]]).limit(1).collect()
        return Relation(kept.name, {**every, **kept.columns})

    def open_as_written(self, locator: Locator) -> Relation:
        """Make a source readable, a text file as text and in place; see ``Warehouse.open_as_written``."""
        if locator.kind != "csv":
            return self.open(locator)
        check_encoding(locator)
        reader = self._session.read.options(**CSV_OPTIONS, sep=separator_of(locator))
        with _translating(f"read {locator.written}"):
            return self._view(reader.csv(path_of(locator, self._folder), inferSchema=False))

    def _schema(self, inferred: Any, texts: Any) -> Any:  # noqa: ANN401 - pyspark loads on use
        """Return the inferred schema with codes such as 007 as text, which they are on the other engines."""
        from pyspark.sql import functions, types

        schema = inferred.schema
        numbers = [field.name for field in schema if _TYPES.get(field.dataType.typeName()) == "integer"]
        if not numbers:
            return schema
        padded = texts.select([functions.max(is_padded(texts[_quoted(name)])) for name in numbers]).collect()[0]
        codes = {name for name, found in zip(numbers, padded, strict=True) if found}
        return types.StructType(
            [types.StructField(f.name, types.StringType() if f.name in codes else f.dataType) for f in schema]
        )

    def _view(self, frame: Any) -> Relation:  # noqa: ANN401 - pyspark loads on use
        name = f"{_SOURCE}_{next(self._numbers)}"
        frame.createOrReplaceTempView(name)
        return Relation(table(name), _kinds(frame.schema))

    def materialise(self, name: str, tree: exp.Expression) -> Relation:
        """Keep a query's rows under a temporary name: Spark has no temporary tables, so a frame is kept.

        The kept frame forgets how it was made: where one query is made of another, round after round, Spark's plan
        would else double in each round until the heap is full.
        """
        self._ran.append(stored(name, tree))
        statement = render(tree, self.dialect)
        with _translating(statement):
            frame = self._session.sql(statement).localCheckpoint()
            frame.createOrReplaceTempView(name)
        return Relation(table(name), _kinds(frame.schema))

    def close(self) -> None:
        """Stop the session if it was started here, and remove its folder."""
        if self._owns_session:
            self._session.stop()
        self._remove_folder()


def _master(url: str) -> str:
    local = url.partition(":")[2]
    if _LOCAL.fullmatch(local):
        return local
    cluster = _MASTER.fullmatch(url)
    if cluster is None:
        raise InputError(
            f"{without_secret(url)!r} is no URL of Spark", hint="write spark:local[2] or spark://host:port"
        )
    try:
        socket.create_connection((cluster[1], int(cluster[2])), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise WarehouseError(
            f"no connection to Spark at {url}: {error.strerror or error}", hint="check host, port and the cluster"
        ) from error
    return url


def _check_installed() -> None:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")  # pandas 3, which is not used
            import pyspark.sql  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise EngineNotInstalled(
            f"Spark needs pyspark, which cannot be imported: {error}", hint="pip install 'incrementality[spark]'"
        ) from error


def _session(master: str, folder: Path) -> tuple[Any, bool]:
    """Return a session, and whether its context was started here."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    try:
        session = active.newSession() if active is not None else _start(SparkSession.builder, master, folder)
    except (PySparkException, OSError) as error:
        raise WarehouseError(
            f"Spark did not start: {_told(error)}", hint="install Java 17 and set JAVA_HOME to it"
        ) from error
    for name, value in _SESSION.items():
        session.conf.set(name, value)
    return session, active is None


def _start(builder: Any, master: str, folder: Path) -> Any:  # noqa: ANN401 - pyspark loads on use
    quiet = folder / "log4j2.properties"
    quiet.write_text(_QUIET, encoding="utf-8")
    settings = {
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={quiet}",
        "spark.sql.warehouse.dir": str(folder / "tables"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **_SESSION,
    }
    if master.startswith("local"):
        settings |= {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.local.dir": str(folder),
            "spark.sql.shuffle.partitions": "4",
        }
    builder = builder.master(master).appName("incrementality")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


@contextmanager
def _translating(statement: str) -> Iterator[None]:
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException
    from pyspark.logger import PySparkLogger

    logger = PySparkLogger.getLogger("SQLQueryContextLogger")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise WarehouseError(f"Spark refused a query: {_told(error)}", sql=statement) from error
    finally:
        logger.setLevel(level)


def _told(error: Exception) -> str:
    """The first line that says something, of the first cause; what follows is the engine's own stack."""
    cause = getattr(error, "java_exception", None)
    while cause is not None and cause.getCause() is not None:
        cause = cause.getCause()
    told = str(error) if cause is None else str(cause.getMessage())
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return lines[0][:_SHOWN] if lines else type(error).__name__


def _kinds(schema: Any) -> dict[str, ColumnType]:  # noqa: ANN401 - pyspark loads on use
    return {field.name: _TYPES.get(field.dataType.typeName(), "other") for field in schema}


def _quoted(name: str) -> str:
    return render(column(name), "spark")
