"""Parquet files: what is written is read back, with its notes; a missing or damaged file is a named error."""

import numpy as np
import pytest

from incrementality.errors import SourceUnreadable
from incrementality.warehouse.parquet import ParquetEngine, parquet_table
from incrementality.warehouse.sql import parse


@pytest.fixture
def engine():
    with ParquetEngine() as opened:
        yield opened


def rows_of(paths):
    return parse("SELECT * FROM files", files=parquet_table(paths))


def units(*names):
    return {"unit": np.array(names, dtype=object), "rank": np.arange(len(names))}


def test_columns_come_back_in_their_order_and_type(engine, tmp_path):
    columns = {
        **units("b", "a'); --", "客户 😀"),
        "share": np.array([0.1, 1 / 3, 5e-324]),
        "at": np.array(["2026-01-01T00:00:00.000001"] * 3, "datetime64[us]"),
        "hash": np.ma.masked_array([1, 2, 4294967295], mask=[False, True, False]),
    }
    engine.write_columns(tmp_path / "a.parquet", columns)
    found = engine.columns(rows_of([tmp_path / "a.parquet"]))
    assert {name: values.tolist() for name, values in found.items()} == {
        name: values.tolist() for name, values in columns.items()
    }


def test_notes_hold_any_text(engine, tmp_path):
    notes = {"it's": 'o"neil\n', "sha256": "00ff"}
    engine.write_columns(tmp_path / "a.parquet", units("a"), notes=notes)
    assert engine.notes(tmp_path / "a.parquet") == notes


def test_several_files_with_pattern_signs_in_their_names_are_one_table(engine, tmp_path):
    paths = [tmp_path / name for name in ("a*.parquet", "b[1]?.parquet", "it's.parquet")]
    for path in paths:
        engine.write_columns(path, units(path.name))
    assert sorted(engine.columns(rows_of(paths))["unit"]) == [path.name for path in paths]


def test_rows_arrive_in_chunks(engine):
    chunks = list(engine.chunks(parse("SELECT i FROM range(100000) AS r(i)")))
    assert len(chunks) == 2
    assert sum(len(chunk) for chunk in chunks) == 100_000


def test_a_query_is_stored_and_written(engine, tmp_path):
    for last in (1, 2):
        stored = engine.stored("wanted", parse("SELECT i FROM range($n) AS r(i)", n=parse(str(last))))
    engine.write_query(tmp_path / "q.parquet", parse("SELECT i FROM wanted ORDER BY i DESC", wanted=stored))
    assert engine.columns(rows_of([tmp_path / "q.parquet"]))["i"].tolist() == [1, 0]


@pytest.mark.parametrize("content", [None, b"", b"PAR1 not really PAR1"])
def test_a_missing_or_damaged_file_is_named(engine, tmp_path, content):
    path = tmp_path / "gone.parquet"
    if content is not None:
        path.write_bytes(content)
    for read in (lambda: engine.columns(rows_of([path])), lambda: engine.notes(path)):
        with pytest.raises(SourceUnreadable, match=r"gone\.parquet"):
            read()


def test_a_long_life_keeps_no_statements(engine, tmp_path):
    engine.write_columns(tmp_path / "a.parquet", units("a"))
    engine.columns(rows_of([tmp_path / "a.parquet"]))
    assert engine.statements == []
