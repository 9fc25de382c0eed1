"""What is PostgreSQL's own: types, the read-only session, connections that fail, secrets that stay hidden."""

import pytest

from incrementality.errors import InputError, SourceNotFound, SourceUnreadable, WarehouseError
from incrementality.warehouse import Locator, connect
from incrementality.warehouse.sql import literal, number_of, parse

KINDS = {
    "a": ("armtype", "text"),
    "b": ("boolean", "boolean"),
    "c": ("char(3)", "text"),
    "d": ("amount", "decimal"),
    "f": ("real", "float"),
    "i": ("smallint", "integer"),
    "j": ("jsonb", "other"),
    "l": ("integer[]", "other"),
    "m": ("money", "other"),
    "t": ("timestamptz", "temporal"),
    "u": ("uuid", "text"),
}


@pytest.fixture(scope="module")
def tables(postgres_url):
    import psycopg

    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in KINDS.items())
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE SCHEMA crm")
        connection.execute("CREATE TYPE armtype AS ENUM ('holdout', 'treated')")
        connection.execute("CREATE DOMAIN amount AS numeric(9, 2)")
        connection.execute(f"CREATE TABLE crm.orders ({columns})")
        connection.execute("INSERT INTO crm.orders (a, d, u) VALUES ('holdout', 1.50, gen_random_uuid())")
        connection.execute("CREATE ROLE stranger LOGIN")


def test_each_type_is_mapped(postgres, tables):
    assert postgres.relation("crm.orders").columns == {name: kind for name, (_, kind) in KINDS.items()}


def test_values_arrive_as_plain_values(postgres, tables):
    arm, total, count, unit = postgres.row(parse("SELECT a, sum(d), sum(1), u FROM crm.orders GROUP BY a, u"))
    assert (arm, total, count) == ("holdout", 1.5, 1)
    assert isinstance(unit, str)
    assert isinstance(total, float)


def test_number_of_a_real_is_a_double(postgres, tables):
    assert postgres.row(parse("SELECT $f FROM crm.orders", f=number_of("f", "float"))) == (None,)


def test_a_missing_table_names_the_near_one(postgres, tables):
    with pytest.raises(SourceNotFound, match=r"no table 'crm\.order' in .*Did you mean 'crm\.orders'\?"):
        postgres.open(Locator("table", table="crm.order"))


def test_a_missing_schema_is_a_missing_table(postgres, tables):
    with pytest.raises(SourceNotFound, match=r"Did you mean 'crm\.orders'"):
        postgres.open(Locator("table", table="crn.orders"))


def test_a_table_without_permission_says_what_to_ask_for(postgres_url, tables):
    url = postgres_url.replace("tester", "stranger")
    with connect(url) as warehouse, pytest.raises(SourceUnreadable):
        warehouse.open(Locator("table", table="crm.orders"))


def test_files_are_not_read(postgres):
    with pytest.raises(SourceNotFound, match=r"'x\.csv' is a csv, which PostgreSQL does not read"):
        postgres.open(Locator("csv", written="x.csv"))


@pytest.mark.parametrize("statement", ["CREATE TABLE y (a int)", "DELETE FROM crm.orders", "DROP TABLE crm.orders"])
def test_the_session_writes_no_table(postgres, tables, statement):
    with pytest.raises(WarehouseError, match="read-only transaction"):
        postgres._rows(statement)


def test_temporary_tables_are_allowed_and_leave_the_session_read_only(postgres, tables):
    kept = postgres.materialise("kept", parse("SELECT d FROM crm.orders"))
    assert postgres.query(parse("SELECT d FROM source", source=kept.name)) == [(1.5,)]
    with pytest.raises(WarehouseError, match="read-only transaction"):
        postgres._rows("DELETE FROM crm.orders")


def test_a_failed_temporary_table_leaves_the_connection_usable(postgres):
    with pytest.raises(WarehouseError, match='column "nosuch" does not exist') as caught:
        postgres.materialise("failed", parse("SELECT nosuch"))
    assert "nosuch" in caught.value.sql
    assert postgres.row(parse("SELECT 1")) == (1,)


def test_times_are_utc(postgres):
    assert postgres.row(parse("SELECT current_setting('TimeZone')")) == ("UTC",)


def test_division_by_zero_is_refused(postgres):
    with pytest.raises(WarehouseError, match="division by zero"):
        postgres.row(parse("SELECT $a / $b", a=literal(1.0), b=literal(0.0)))


def test_text_that_the_server_cannot_hold_is_refused(postgres):
    with pytest.raises(WarehouseError, match="NUL"):
        postgres.row(parse("SELECT $a", a=literal("a\x00b")))
    with pytest.raises(InputError, match="not valid Unicode"):
        postgres.row(parse("SELECT $a", a=literal("\ud800")))


def test_a_missing_database_is_named(postgres_url):
    with pytest.raises(WarehouseError, match='database "nosuch" does not exist'):
        connect(postgres_url.replace("/postgres?", "/nosuch?"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cret@127.0.0.1:1/crm",
        "postgresql://:s3cret@127.0.0.1:1/crm",
        "postgresql://ada@127.0.0.1:1/crm?password=s3cret",
        "postgresql://ada:x@s3cret@127.0.0.1:1/crm",
        "postgresql://ada:12/s3cret@127.0.0.1:1/crm",
        "postgresql://ada:x@s3cret:9@127.0.0.1/crm",
        "postgresql://ada:s3cret%zz@127.0.0.1:1/crm",
    ],
)
def test_no_message_shows_the_password(postgres, url):
    with pytest.raises(WarehouseError) as caught:
        connect(url)
    assert "s3cret" not in f"{caught.value} {caught.value!r} {caught.value.sql}"
    assert caught.value.__suppress_context__


def test_a_lost_connection_is_said(postgres_url, postgres):
    with connect(postgres_url) as warehouse:
        number = warehouse._rows("SELECT pg_backend_pid()")[0][0]
        postgres._rows(f"SELECT pg_terminate_backend({number})")
        with pytest.raises(WarehouseError, match="connection to PostgreSQL was lost"):
            warehouse.row(parse("SELECT 1"))
