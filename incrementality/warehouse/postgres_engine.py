"""PostgreSQL: tables are read where they are; nothing but temporary tables is ever written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from incrementality.errors import EngineNotInstalled, SourceUnreadable, WarehouseError
from incrementality.warehouse.base import ColumnType, Relation, Warehouse, source_not_offered, table_not_found
from incrementality.warehouse.sql import parse, render

if TYPE_CHECKING:
    from types import ModuleType

    from sqlglot import exp

    from incrementality.warehouse.sources import Locator

__all__ = ["PostgresWarehouse"]

_SESSION = (
    "SET TIME ZONE 'UTC'",
    "SET standard_conforming_strings = on",
    "SET extra_float_digits = 1",
    "SET default_transaction_read_only = on",
)
_CONNECT_SECONDS = 10
_SHOWN = 300
_NO_SUCH_TABLE = frozenset({"42P01", "3F000"})
_NOT_ALLOWED = "42501"
_HINTS = {
    "22012": "a ratio was divided by zero: check its denominator",
    "22P02": "a text was read as a number: check the column's values",
    "42501": "ask for SELECT on the table and TEMPORARY on the database",
    "42703": "check the column's name; upper and lower case differ",
    "53100": "the server's disk is full",
    "53200": "the server is out of memory",
    "57014": "the server cancelled the query: raise statement_timeout",
}

_CATEGORIES: dict[str, ColumnType] = {"B": "boolean", "D": "temporal", "E": "text", "S": "text", "T": "temporal"}
_NUMBERS: dict[str, ColumnType] = {
    "float4": "float",
    "float8": "float",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "numeric": "decimal",
}


class PostgresWarehouse(Warehouse):
    """A PostgreSQL database; the session is read-only but for temporary tables.

    Args:
        url: ``postgresql://user:password@host:port/database``, with libpq's options. What it leaves out comes
            from libpq's environment (``PGPASSWORD``, ``~/.pgpass``): the better place for a password.

    Raises:
        EngineNotInstalled: psycopg 3 is missing.
        WarehouseError: No connection; the message never shows the password.

    Examples:
        >>> with PostgresWarehouse("postgresql://analyst@db.example/crm") as warehouse:  # doctest: +SKIP
        ...     warehouse.relation("public.orders").columns
        {'customer_id': 'text', 'amount': 'decimal'}
    """

    dialect: ClassVar[str] = "postgres"
    answers_any_product: ClassVar[bool] = False

    def __init__(self, url: str) -> None:
        super().__init__()
        self._driver = _driver()
        self._place, self._connection = _connect(self._driver, url)
        for setting in _SESSION:
            self._rows(setting)

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        if "\x00" in statement:
            raise WarehouseError(
                "PostgreSQL texts hold no NUL character", sql=statement, hint="correct the value or the name"
            )
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description is not None else []
        except self._driver.Error as error:
            raise _translated(error, statement) from error

    def _describe(self, name: exp.Table) -> dict[str, ColumnType]:
        statement = render(parse("SELECT * FROM source LIMIT 0", source=name), self.dialect)
        try:
            with self._connection.cursor() as cursor:
                described = cursor.execute(statement).description
        except self._driver.Error as error:
            raise _translated(error, statement) from error
        kinds = self._kinds({column.type_code for column in described})
        return {column.name: kinds.get(column.type_code, "other") for column in described}

    def _kinds(self, types: set[int]) -> dict[int, ColumnType]:
        """Return what each type is; enums, domains and extensions have numbers of their own in each database."""
        wanted = ", ".join(str(int(number)) for number in sorted(types)) or "NULL"
        found = self._rows(f"SELECT oid, typname, typcategory FROM pg_catalog.pg_type WHERE oid IN ({wanted})")  # noqa: S608 - numbers
        return {int(oid): _column_type(name, category) for oid, name, category in found}

    def open(self, locator: Locator, *, columns: tuple[str, ...] | None = None) -> Relation:  # noqa: ARG002 - in place
        """Make a table readable; see ``Warehouse.open``."""
        if locator.kind != "table" or locator.table is None:
            raise source_not_offered(locator, engine="PostgreSQL", offers="tables and views")
        try:
            return self.relation(locator.table)
        except WarehouseError as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if state in _NO_SUCH_TABLE:
                raise table_not_found(locator.table, place=self._place, found=self._tables()) from error
            if state == _NOT_ALLOWED:
                raise SourceUnreadable(
                    f"the table {locator.table!r} in {self._place} may not be read by this user",
                    hint=f"ask for: GRANT SELECT ON {locator.table} TO <user>",
                ) from error
            raise

    def _tables(self) -> list[str]:
        query = parse(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE NOT table_schema IN ('information_schema', 'pg_catalog')"
        )
        return [f"{schema}.{name}" for schema, name in self._rows(render(query, self.dialect))]

    def materialise(self, name: str, tree: exp.Expression) -> Relation:
        """Store a query's rows in a temporary table: the one thing that a read-only session may write."""
        with self._connection.transaction():
            self._rows("SET TRANSACTION READ WRITE")
            return super().materialise(name, tree)

    def close(self) -> None:
        """Close the connection; its temporary tables vanish."""
        self._connection.close()


def _driver() -> ModuleType:
    try:
        import psycopg
    except ImportError as error:
        raise EngineNotInstalled(
            f"PostgreSQL needs psycopg 3, which cannot be imported: {error}",
            hint="pip install 'incrementality[postgres]'",
        ) from error
    module: ModuleType = psycopg
    return module


def _connect(driver: ModuleType, url: str) -> tuple[str, Any]:
    """Return a safe name of the database, and the connection."""
    options = _options(driver, url)
    place = f"{options.get('host', 'the local server')}/{options.get('dbname', '')}".rstrip("/")
    options.setdefault("connect_timeout", str(_CONNECT_SECONDS))
    try:
        return place, driver.connect(autocommit=True, **options)
    except driver.Error as error:
        reason = _without(str(options.get("password", "")), " ".join(str(error).split()))[:_SHOWN]
        raise WarehouseError(
            f"no connection to PostgreSQL at {place}: {reason}",
            hint="check host, port, database and user, and that the server accepts connections from here",
        ) from None


def _options(driver: ModuleType, url: str) -> dict[str, Any]:
    """Return the connection's options, and refuse a URL whose password would be read as host or port."""
    from psycopg.conninfo import conninfo_to_dict

    try:
        options: dict[str, Any] = conninfo_to_dict(url)
    except driver.Error:
        options = {}
    user, _, rest = url.partition("://")[2].rpartition("@")[0].partition(":")
    if not options or (rest and unquote(rest) != options.get("password")) or "@" in user:
        raise WarehouseError(
            "the URL of PostgreSQL cannot be read",
            hint="write postgresql://user@host:port/database; in a password write %40 for @, %2F for / and %3A for :",
        ) from None
    return options


def _without(secret: str, text: str) -> str:
    return text.replace(secret, "***") if secret else text


def _column_type(name: str, category: str) -> ColumnType:
    if name == "uuid":
        return "text"
    return _NUMBERS.get(name) or _CATEGORIES.get(category, "other")


def _translated(error: Any, statement: str) -> WarehouseError:  # noqa: ANN401 - the driver loads on use
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
        return WarehouseError(
            "the connection to PostgreSQL was lost during a query", sql=statement, hint="check the server and run again"
        )
    told = error.diag.message_primary or str(error).split("\n", maxsplit=1)[0]
    return WarehouseError(f"PostgreSQL refused a query: {told}", sql=statement, hint=_HINTS.get(error.sqlstate, ""))
