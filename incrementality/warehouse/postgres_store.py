"""A PostgreSQL database that may be written: for the tables that this package keeps there itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from incrementality.errors import WarehouseError
from incrementality.warehouse.postgres_engine import PostgresWarehouse
from incrementality.warehouse.sql import render, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlglot import exp

__all__ = ["PostgresStore"]


class PostgresStore(PostgresWarehouse):
    """A PostgreSQL database whose session may write; see :class:`PostgresWarehouse`.

    What it runs is not kept among its ``statements``: values of customers may stand in it.

    Examples:
        >>> with PostgresStore("postgresql://analyst@db.example/crm") as store:  # doctest: +SKIP
        ...     with store.transaction():
        ...         store.change(parse("DELETE FROM notes"))
        3
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._rows("SET default_transaction_read_only = off")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do everything inside or nothing.

        Raises:
            WarehouseError: The server refused; nothing has changed.
        """
        try:
            with self._connection.transaction():
                yield
        except self._driver.Error as error:
            raise WarehouseError(f"PostgreSQL refused to commit: {_first_line(error)}", hint="run it again") from None

    def change(self, tree: exp.Expression) -> int:
        """Run a statement and return how many rows it changed.

        Raises:
            WarehouseError: The server refused; the message holds no values.
        """
        statement = render(tree, self.dialect)
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement)
                return int(cursor.rowcount)
        except self._driver.Error as error:
            raise _refused(error) from None

    def ask(self, tree: exp.Expression) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        return self._rows(render(tree, self.dialect))

    def make_schema(self, name: str) -> None:
        """Make a schema, unless it is there."""
        quoted = name.replace('"', '""')
        self._rows(f'CREATE SCHEMA IF NOT EXISTS "{quoted}"')

    def lock(self, number: int, *, shared: bool = False) -> None:
        """Wait for a lock of this package's own until the transaction ends."""
        function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        self._rows(f"SELECT {function}({int(number)})")

    def stage(self, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]]) -> None:
        """Copy rows into a temporary table that vanishes with the transaction.

        Args:
            name: The table's name.
            columns: The type of each column.
            rows: The values, in the columns' order.

        Raises:
            WarehouseError: The server refused; the message holds no values.
        """
        target = render(table(name), self.dialect)
        kinds = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        self._rows(f"CREATE TEMPORARY TABLE {target} ({kinds}) ON COMMIT DROP")
        try:
            with self._connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        except self._driver.Error as error:
            raise _refused(error) from None


def _refused(error: Any) -> WarehouseError:  # noqa: ANN401 - the driver loads on use
    return WarehouseError(
        f"PostgreSQL refused to write: {_first_line(error)}",
        hint="check that the user may create and write tables in this schema",
    )


def _first_line(error: Any) -> str:  # noqa: ANN401 - the driver loads on use
    """Return the server's own words, without the detail that quotes values."""
    return str(error.diag.message_primary or "the connection was lost")
