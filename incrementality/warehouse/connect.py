"""From a URL to an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import InputError

if TYPE_CHECKING:
    from incrementality.warehouse.base import Warehouse

__all__ = ["connect"]


def connect(url: str = "duckdb:", *, memory_limit: str = "320MB", threads: int | None = None) -> Warehouse:
    """Open an engine.

    Args:
        url: ``duckdb:`` (embedded, the default), ``postgresql://user@host/database`` (extra ``postgres``), or
            ``spark://host:port``, ``spark:local[2]`` (extra ``spark``, Java 17).
        memory_limit: What the embedded engine may use before it spills to disk.
        threads: Threads of the embedded engine.

    Raises:
        InputError: The URL names no engine that is known.
        EngineNotInstalled: The engine's optional dependency is missing.

    Examples:
        >>> with connect("duckdb:") as warehouse:
        ...     warehouse.dialect
        'duckdb'
    """
    scheme = url.split(":", maxsplit=1)[0].lower()
    if scheme == "duckdb":
        from incrementality.warehouse.duckdb_engine import DuckDBWarehouse

        return DuckDBWarehouse(memory_limit=memory_limit, threads=threads)
    if scheme in {"postgres", "postgresql"}:
        from incrementality.warehouse.postgres_engine import PostgresWarehouse

        return PostgresWarehouse(url)
    if scheme == "spark":
        from incrementality.warehouse.spark_engine import SparkWarehouse

        return SparkWarehouse(url)
    raise InputError(
        f"{scheme!r} is not a warehouse that is known; allowed: duckdb, postgresql, spark",
        hint="write duckdb: or the URL of the server",
    )
