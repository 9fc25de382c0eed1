"""The settings of a workspace: every problem with its line, no address shown."""

from __future__ import annotations

import pytest

from incrementality.errors import InputError
from incrementality.workspace import CONFIGURATION, Configuration
from incrementality.workspace.configuration import read_configuration


@pytest.fixture
def read(tmp_path):
    def written(content: str | bytes) -> Configuration:
        path = tmp_path / CONFIGURATION
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_configuration(path)

    return written


@pytest.mark.parametrize("content", ["", "# nothing set\n\n", "\ufeff# saved by an editor\n", "{}"])
def test_a_file_without_settings_gives_the_defaults(read, content):
    assert read(content) == Configuration()


@pytest.mark.parametrize(
    "warehouse",
    ["duckdb:", "postgresql://ada@db/crm", "postgres://db/crm", "spark://host:7077", "spark:local[2]", "${CRM_URL}"],
)
def test_every_documented_warehouse_is_read(read, warehouse):
    assert read(f'warehouse: "{warehouse}"').warehouse == warehouse


def test_the_tables_that_experiments_share_are_named(read):
    found = read("sources: {orders: data/orders.parquet, crm: {table: crm.contacts}}").sources
    assert (found["orders"].source, found["crm"].table) == ("data/orders.parquet", "crm.contacts")


BAD = {
    "a source of nothing": (
        "\nsources:\n  orders: {}",
        "line 3, sources.orders: this cannot be used. Write the tables",
    ),
    "unknown key": (
        "warehuose: duckdb",
        "line 1, warehuose: the key is unknown. Allowed: warehouse, memory_limit, sources.",
    ),
    "a guess": ("# mine\nmemory_limits: 1GB", "line 2, memory_limits: the key is unknown. Allowed: warehouse, memory"),
    "duplicate": ("memory_limit: 1GB\nmemory_limit: 2GB", "line 2, memory_limit: the key 'memory_limit' stands on li"),
    "a number": ("memory_limit: 320", "line 1, memory_limit: '320' cannot be used. Write a number and its unit"),
    "no memory": ("memory_limit: 0MB", "line 1, memory_limit: '0MB' cannot be used."),
    "a list": ("warehouse: [duckdb]", "line 1, warehouse: the value cannot be used. Write duckdb:,"),
    "empty": ("warehouse:", "line 1, warehouse: the value cannot be used."),
    "unknown engine": ("warehouse: mysql://db", "line 1, warehouse: the value cannot be used."),
    "no mapping": ("- warehouse", "line 1: the file holds a list; expected lines like"),
    "a word": ("duckdb", "line 1: the file holds text; expected lines like"),
    "an alias": ("warehouse: &a duckdb\nmemory_limit: *a", "line 2, memory_limit: the alias"),
    "no yaml": ("warehouse: [duckdb\nmemory_limit: 1GB\n", "line 1: a bracket is not closed"),
    "a tab": ("a:\n\tb: 1", "line 2: a tab stands where spaces belong"),
    "two documents": ("a: 1\n---\nb: 1", "line 2: a second document begins"),
    "latin-1": ("# für uns".encode("latin-1"), "is not encoded in UTF-8"),
}


@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=BAD)
def test_a_bad_setting_is_named_with_its_line(read, content, said):
    with pytest.raises(InputError) as caught:
        read(content)
    assert said in caught.value.message
    assert caught.value.hint


def test_all_problems_are_told_at_once_in_the_order_of_the_file(read):
    with pytest.raises(InputError, match="has 3 problems") as caught:
        read("speed: fast\nmemory_limit: much\nwarehouse: oracle")
    assert [line.split(",")[0].strip() for line in caught.value.message.splitlines()[1:]] == [
        "line 1",
        "line 2",
        "line 3",
    ]
