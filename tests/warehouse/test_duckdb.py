"""The embedded engine opens files, databases and frames, and says what is wrong with those it cannot open."""

import gc
import gzip
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from incrementality.errors import InputError, SourceNotFound, SourceUnreadable, WarehouseError
from incrementality.warehouse import Locator, connect, frame_locator
from incrementality.warehouse.sql import column, not_nan, parse

ROWS = {"id": ["a", "b", "c"], "n": [1, 2, 3], "x": [0.5, None, 2.5], "won": [True, False, True]}
KINDS = {"id": "text", "n": "integer", "x": "float", "won": "boolean"}
VALUES = [("a", 1, 0.5, True), ("b", 2, None, False), ("c", 3, 2.5, True)]
CSV = b"id,n,x,won\na,1,0.5,true\nb,2,,false\nc,3,2.5,true\n"


@pytest.fixture
def warehouse():
    with connect("duckdb:", threads=2) as opened:
        yield opened


def file(path, content=None, kind="csv"):
    if content is not None:
        path.write_bytes(content)
    return Locator(kind, path=path, written=path.name)


def rows_of(warehouse, relation):
    return warehouse.query(parse("SELECT * FROM source", source=relation.name))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", CSV),
        ("packed.csv.gz", gzip.compress(CSV, mtime=0)),
        ("tabs.tsv", CSV.replace(b",", b"\t")),
        ("semicolons.csv", CSV.replace(b",", b";")),
        ("marked.csv", b"\xef\xbb\xbf" + CSV),
        ("windows.csv", CSV.replace(b"\n", b"\r\n")),
    ],
)
def test_text_files_are_read(warehouse, tmp_path, name, content):
    relation = warehouse.open(file(tmp_path / name, content))
    assert relation.columns == KINDS
    assert rows_of(warehouse, relation) == VALUES


def test_parquet_is_read_in_place(warehouse, tmp_path):
    pq.write_table(pa.table(ROWS), tmp_path / "units.parquet")
    relation = warehouse.open(file(tmp_path / "units.parquet", kind="parquet"))
    assert (relation.columns, rows_of(warehouse, relation)) == (KINDS, VALUES)


@pytest.mark.parametrize("name", ["units", "main.units"])
def test_a_table_of_a_database_file_is_read(warehouse, tmp_path, name):
    with duckdb.connect(tmp_path / "crm.duckdb") as database:
        database.execute("CREATE TABLE units (id VARCHAR, n BIGINT, x DOUBLE, won BOOLEAN)")
        database.executemany("INSERT INTO units VALUES (?, ?, ?, ?)", VALUES)
    relation = warehouse.open(Locator("duckdb", path=tmp_path / "crm.duckdb", table=name))
    assert (relation.columns, rows_of(warehouse, relation)) == (KINDS, VALUES)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(ROWS),
        pl.DataFrame(ROWS),
        pa.table(ROWS),
        {"id": np.array(["a", "b", "c"], object), "n": np.arange(1, 4), "x": np.ma.array([0.5, 0, 2.5], mask=[0, 1, 0])}
        | {"won": np.array([True, False, True])},
    ],
    ids=["pandas", "polars", "arrow", "numpy"],
)
def test_frames_are_read(warehouse, frame):
    relation = warehouse.open(frame_locator(frame))
    assert (relation.columns, rows_of(warehouse, relation)) == (KINDS, VALUES)


def test_what_is_no_frame_is_refused(warehouse):
    with pytest.raises(SourceUnreadable, match="a list is not a table"):
        warehouse.open(frame_locator([1, 2]))


def test_sources_do_not_shadow_one_another(warehouse, tmp_path):
    first = warehouse.open(file(tmp_path / "a.csv", b"a\n1\n"))
    second = warehouse.open(file(tmp_path / "b.csv", b"a\n2\n"))
    frame = warehouse.open(frame_locator({"a": np.array([3])}))
    other = warehouse.open(frame_locator({"a": np.array([4])}))
    assert [rows_of(warehouse, part) for part in (first, second, frame, other)] == [[(1,)], [(2,)], [(3,)], [(4,)]]


def test_only_the_columns_that_are_needed_are_kept(warehouse, tmp_path):
    relation = warehouse.open(file(tmp_path / "wide.csv", CSV), columns=("won", "n"))
    assert relation.columns == KINDS
    assert rows_of(warehouse, relation) == [(row[1], row[3]) for row in VALUES]


def test_every_row_is_seen_before_a_type_is_set(warehouse, tmp_path):
    relation = warehouse.open(file(tmp_path / "late.csv", b"a\n" + b"1\n" * 50_000 + b"n/a\n"))
    assert relation.columns == {"a": "text"}


def test_codes_stay_text(warehouse, tmp_path):
    relation = warehouse.open(file(tmp_path / "codes.csv", b"id\n007\n010\n"))
    assert rows_of(warehouse, relation) == [("007",), ("010",)]


def test_a_header_without_rows_is_an_empty_table(warehouse, tmp_path):
    relation = warehouse.open(file(tmp_path / "empty.csv", b"a,b\n"))
    assert list(relation.columns) == ["a", "b"]
    assert rows_of(warehouse, relation) == []


def test_rows_that_begin_with_a_number_sign_are_rows(warehouse, tmp_path):
    relation = warehouse.open(file(tmp_path / "signs.csv", b"id,arm\n#1,a\n2,b\n"))
    assert rows_of(warehouse, relation) == [("#1", "a"), ("2", "b")]


def test_a_header_is_never_skipped(warehouse, tmp_path):
    relation = warehouse.open(file(tmp_path / "long.csv", b"a,b\n" + b"1,2,3\n" * 9))
    assert list(relation.columns) == ["a,b"]


def test_a_ragged_row_is_refused(warehouse, tmp_path):
    content = b"a,b\n" + b"1,2\n" * 3000 + b"1,2,3\n"
    with pytest.raises(SourceUnreadable, match=r"ragged\.csv cannot be read as csv"):
        warehouse.open(file(tmp_path / "ragged.csv", content))


def test_a_file_name_is_no_pattern(warehouse, tmp_path):
    (tmp_path / "data1.csv").write_text("a\n9\n")
    relation = warehouse.open(file(tmp_path / "data[1].csv", b"a\n1\n"))
    assert rows_of(warehouse, relation) == [(1,)]


def test_another_encoding_is_named(warehouse, tmp_path):
    with pytest.raises(SourceUnreadable, match="not encoded in UTF-8") as caught:
        warehouse.open(file(tmp_path / "latin.csv", "name\nMüller\n".encode("latin-1")))
    assert "iconv -f LATIN1" in caught.value.hint


def test_a_cut_archive_is_refused(warehouse, tmp_path):
    with pytest.raises(SourceUnreadable, match=r"cut\.csv\.gz cannot be read"):
        warehouse.open(file(tmp_path / "cut.csv.gz", gzip.compress(CSV * 999, mtime=0)[:-9]))


@pytest.mark.parametrize("content", [b"", b"PAR1 nonsense", b"PAR1" * 4])
def test_a_damaged_parquet_file_is_refused(warehouse, tmp_path, content):
    with pytest.raises(SourceUnreadable, match=r"bad\.parquet cannot be read as parquet"):
        warehouse.open(file(tmp_path / "bad.parquet", content, kind="parquet"))


def test_a_damaged_database_is_refused(warehouse, tmp_path):
    (tmp_path / "bad.duckdb").write_bytes(b"nonsense" * 999)
    with pytest.raises(SourceUnreadable, match=r"bad\.duckdb cannot be opened"):
        warehouse.open(Locator("duckdb", path=tmp_path / "bad.duckdb", table="t"))


def test_a_missing_table_names_the_near_one(warehouse, tmp_path):
    with duckdb.connect(tmp_path / "crm.duckdb") as database:
        database.execute("CREATE TABLE orders (a INTEGER)")
    with pytest.raises(SourceNotFound, match=r"holds: main\.orders\. Did you mean 'orders'\?"):
        warehouse.open(Locator("duckdb", path=tmp_path / "crm.duckdb", table="order"))


def test_the_embedded_engine_holds_no_tables_of_its_own(warehouse):
    with pytest.raises(SourceNotFound, match="holds no tables of its own"):
        warehouse.open(Locator("table", table="orders"))


def test_a_database_file_is_not_written(warehouse, tmp_path):
    with duckdb.connect(tmp_path / "crm.duckdb") as database:
        database.execute("CREATE TABLE orders (a INTEGER)")
    relation = warehouse.open(Locator("duckdb", path=tmp_path / "crm.duckdb", table="orders"))
    with pytest.raises(WarehouseError, match="read-only"):
        warehouse.query(parse("DELETE FROM source", source=relation.name))


def test_nan_is_found_although_statistics_leave_it_out(warehouse, tmp_path):
    pq.write_table(pa.table({"x": [1.0, float("nan"), 3.0]}), tmp_path / "nan.parquet")
    relation = warehouse.open(file(tmp_path / "nan.parquet", kind="parquet"))
    numbers = parse("SELECT count($x), max(x) FROM source", x=not_nan(column("x")), source=relation.name)
    assert repr(warehouse.row(numbers)) == "(2, nan)"
    assert warehouse.row(parse("SELECT count(*) FROM source WHERE isnan(x)", source=relation.name)) == (1,)
    assert warehouse.row(parse("SELECT count(*) FROM source WHERE x > 5", source=relation.name)) == (1,)
    assert repr(warehouse.row(parse("SELECT max(x) FROM source", source=relation.name))) == "(nan,)"


def test_too_little_memory_is_said(tmp_path):
    with connect("duckdb:", memory_limit="20MB", threads=1) as warehouse:
        with pytest.raises(WarehouseError, match="ran out of memory") as caught:
            warehouse.query(parse("SELECT list(i) FROM range(20000000) AS t(i)"))
        assert "memory_limit" in caught.value.hint
        assert "RANGE" in caught.value.sql.upper()


def test_a_refused_query_keeps_its_text(warehouse):
    with pytest.raises(WarehouseError, match="refused a query") as caught:
        warehouse.query(parse("SELECT nosuch"))
    assert caught.value.sql == "SELECT nosuch"


def test_statements_are_kept_in_order(warehouse, tmp_path):
    relation = warehouse.open(file(tmp_path / "a.csv", b"a\n1\n"))
    rows_of(warehouse, relation)
    assert [text.split()[0] for text in warehouse.statements] == ["CREATE", "CREATE", "SELECT"]


def test_closing_removes_the_temporary_folder():
    with connect("duckdb:") as warehouse:
        folder = Path(warehouse.row(parse("SELECT current_setting('temp_directory')"))[0])
        assert folder.is_dir()
    assert not folder.exists()


def test_a_forgotten_warehouse_leaves_no_folder():
    warehouse = connect("duckdb:")
    folder = Path(warehouse.row(parse("SELECT current_setting('temp_directory')"))[0])
    del warehouse
    gc.collect()
    assert not folder.exists()


def test_times_are_utc(warehouse):
    assert warehouse.row(parse("SELECT current_setting('TimeZone')")) == ("UTC",)


@pytest.mark.parametrize("url", ["mysql://x", "sqlite:x", "x"])
def test_an_unknown_engine_is_refused(url):
    with pytest.raises(InputError, match="allowed: duckdb, postgresql, spark"):
        connect(url)


def test_a_text_file_can_be_read_as_it_is_written(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text("id,at\n007,2026-03-01\n,1e5\n")
    with connect() as warehouse:
        rows = warehouse.open_as_written(Locator("csv", path=path, written="ids.csv"))
        assert rows.columns == {"id": "text", "at": "text"}
        assert warehouse.query(parse("SELECT id, at FROM rows", rows=rows.name)) == [
            ("007", "2026-03-01"),
            (None, "1e5"),
        ]


def test_a_view_follows_the_table_below_it():
    with connect() as warehouse:
        below = warehouse.materialise("below", parse("SELECT 1 AS x"))
        above = warehouse.view("above", parse("SELECT x + 1 AS y FROM below", below=below.name))
        assert above.columns == {"y": "integer"}
        assert warehouse.row(parse("SELECT y FROM above", above=above.name)) == (2,)
