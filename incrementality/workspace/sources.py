"""Where tables lie that are named and not written out: the map of ``sources``, and one engine that opens them all.

A map stands in ``eligibility.yaml``, for one experiment, or in ``incrementality.yaml``, for all of them; the
experiment's own wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from incrementality.errors import InputError, SourceNotFound, did_you_mean
from incrementality.warehouse import connect, locate
from incrementality.warehouse.parquet import ParquetEngine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from incrementality.warehouse import Locator, Relation, Warehouse

__all__ = ["EMBEDDED", "Sources", "TableSource", "TableSources", "connect_tables", "locate_tables", "open_tables"]

EMBEDDED = "duckdb:"


class TableSource(BaseModel):
    """Where one table lies: a file, or a table of a warehouse.

    Examples:
        >>> TableSource(source="../../data/logins.parquet").table is None
        True
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    source: Annotated[
        str | None,
        Field(min_length=1, description="A CSV, Parquet or DuckDB file, or a warehouse's URL; ${NAME} is read."),
    ] = None
    table: Annotated[str | None, Field(min_length=1, description="The table there: name or schema.name.")] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.source is None and self.table is None:
            raise ValueError("write 'source' (a file), 'table' (in the workspace's warehouse), or both")
        return self


def _source(value: object) -> object:
    return {"source": value} if isinstance(value, str) else value


TableSources = dict[str, Annotated[TableSource, BeforeValidator(_source, json_schema_input_type=str | TableSource)]]


@dataclass(frozen=True, slots=True)
class Sources:
    """A map of tables with the folder that its relative paths start from.

    Attributes:
        tables: The source of each table.
        base: The folder.
        file: How the file is called that holds the map.
    """

    tables: Mapping[str, TableSource]
    base: Path
    file: str


def locate_tables(
    names: Iterable[str], maps: tuple[Sources, ...], *, root: Path, warehouse: str = EMBEDDED
) -> dict[str, Locator]:
    """Return where each table lies; of several maps the first that names it counts.

    Args:
        names: The tables.
        maps: The maps, the experiment's own first.
        root: The workspace: paths that a file writes stay inside it.
        warehouse: The workspace's warehouse, which holds the tables without a source.

    Raises:
        SourceNotFound: No map names a table, a variable is not set, or there is no such file.
        UnsafePath: A written path leaves the workspace.
        InputError: A file's ending is unknown, or a database is named without a table.
    """
    return {name: _located(name, maps, root, warehouse) for name in dict.fromkeys(names)}


def _located(name: str, maps: tuple[Sources, ...], root: Path, warehouse: str) -> Locator:
    for known in maps:
        place = known.tables.get(name)
        if place is None:
            continue
        own = place.source is None and warehouse != EMBEDDED
        try:
            return locate(warehouse if own else place.source, table=place.table, base=known.base, root=root)
        except InputError as error:
            where = f"sources.{name}"
            raise type(error)(
                f"{known.file}, {where}: {error.message}", hint=error.hint.replace("data.", f"{where}.")
            ) from error
    listed = sorted({table for known in maps for table in known.tables})
    raise SourceNotFound(
        f"nothing says where the table {name!r} lies; known: {', '.join(listed) or 'none'}."
        f"{did_you_mean(name, listed)}",
        hint=f"write it under 'sources' in {maps[0].file}: {name}: {{source: path/to/{name}.parquet}}",
    )


def connect_tables(locators: Mapping[str, Locator], *, warehouse: str, memory_limit: str) -> Warehouse:
    """Open the one engine that reads all tables: the embedded one for files, else the warehouse that holds them.

    Args:
        locators: Where the tables lie.
        warehouse: The workspace's warehouse; a Spark workspace reads files too.
        memory_limit: What the embedded engine may use.

    Raises:
        InputError: They lie in several warehouses, or some in files and some in PostgreSQL.
    """
    urls = sorted({locator.url for locator in locators.values() if locator.url is not None})
    files = sorted(name for name, locator in locators.items() if locator.url is None)
    if len(urls) > 1 or (urls and files and not urls[0].startswith("spark:")):
        tables = sorted(name for name, locator in locators.items() if locator.url is not None)
        raise InputError(
            f"one query reads all tables, and they lie apart: {', '.join(tables)} in a warehouse"
            + (f", {', '.join(files)} in files" if files else ", not all in the same one"),
            hint="copy them to one place: files into the warehouse, or the tables into Parquet files",
        )
    on_spark = warehouse.startswith("spark:") and all(found.kind in {"csv", "parquet"} for found in locators.values())
    if urls or on_spark:
        return connect(urls[0] if urls else warehouse)
    return ParquetEngine(memory_limit=memory_limit, threads=None)


def open_tables(locators: Mapping[str, Locator], engine: Warehouse) -> dict[str, Relation]:
    """Open the tables in an engine, by their names."""
    return {name: engine.open(locator) for name, locator in locators.items()}
