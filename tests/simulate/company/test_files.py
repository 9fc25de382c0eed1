"""The company on disk: whole or not at all, the same bytes from the manifest, the same rows in blocks."""

from __future__ import annotations

import csv
import json
import os

import numpy as np
import pandas as pd
import pytest

from incrementality.errors import InputError, WorkspaceError
from incrementality.simulate import simulate_company
from incrementality.simulate.company import arguments_of, blocks
from incrementality.tables import COMPANY_TABLES
from incrementality.warehouse.parquet import ParquetEngine, parquet_table
from incrementality.warehouse.sql import parse

WORLD = {"accounts": 120, "quarters": 2, "seed": 5}


def written(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_manifest_makes_every_byte_again(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    simulate_company(**WORLD).write(one)
    manifest = json.loads((one / "manifest.json").read_text(encoding="utf-8"))
    simulate_company(**arguments_of(manifest)).write(other)
    assert written(one) == written(other)


def test_the_files_hold_the_tables(tmp_path):
    company = simulate_company(**WORLD)
    manifest = company.write(tmp_path)
    for name, columns in (company.tables | {"entries": company.entries, "assignments": company.assignments}).items():
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        size = len(next(iter(columns.values())))
        assert len(rows) == size == manifest["files"][f"{name}.csv"]["rows"]
        for column, values in columns.items():
            expected = ["" if pd.isna(value) else str(value) for value in pd.Series(values).astype(object)]
            if values.dtype.kind in "Oib" and not isinstance(values, np.ma.MaskedArray):
                assert [row[column] for row in rows] == expected, (name, column)
    assert manifest["planted"] == company.planted


def test_money_that_is_not_there_is_an_empty_cell(tmp_path):
    company = simulate_company(600, quarters=3, seed=5)
    company.write(tmp_path)
    with (tmp_path / "revenue_events.csv").open(encoding="utf-8", newline="") as file:
        cells = [row["at_risk"] for row in csv.DictReader(file)]
    at_risk = company.tables["revenue_events"]["at_risk"]
    assert [cell == "" for cell in cells] == np.ma.getmaskarray(at_risk).tolist()
    assert any(cells)


def test_parquet_holds_the_same(tmp_path):
    company = simulate_company(**WORLD)
    with ParquetEngine() as engine:
        manifest = company.write(tmp_path, parquet=engine.write_columns)
        query = parse(
            "SELECT touch_id, occurred_at FROM files", files=parquet_table([tmp_path / "touchpoints.parquet"])
        )
        found = engine.columns(query)
    assert found["touch_id"].tolist() == company.tables["touchpoints"]["touch_id"].tolist()
    assert np.array_equal(found["occurred_at"], company.tables["touchpoints"]["occurred_at"])
    assert "touchpoints.parquet" in manifest["files"]


def test_the_card_names_every_table_and_every_fault(tmp_path):
    company = simulate_company(**WORLD)
    company.write(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert all(f"| {name} |" in card for name in (*COMPANY_TABLES, "entries", "assignments"))
    assert all(f"| {fault} | {count:,} |" in card for fault, count in company.planted.items() if count)
    assert all(f"| {holdout.name} |" in card for holdout in company.holdouts)


def test_the_card_of_a_clean_company_says_so(tmp_path):
    simulate_company(**WORLD, dirty=False, holdouts=()).write(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "everything that happened was captured" in card


@pytest.mark.parametrize(
    ("interruption", "raised"), [(OSError("disk is full"), WorkspaceError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_an_interrupted_write_leaves_no_manifest(tmp_path, monkeypatch, interruption, raised):
    def interrupted(descriptor):
        raise interruption

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(raised):
        simulate_company(**WORLD).write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_rows_are_written_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("incrementality.simulate.csv_file._cells", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        simulate_company(**WORLD).write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_company_in_the_place_of_another_never_keeps_its_manifest(tmp_path, monkeypatch):
    simulate_company(**WORLD).write(tmp_path)
    renamed = []

    def fails_at_the_third(self, target):
        renamed.append(target)
        if len(renamed) > 2:
            raise OSError("disk is full")
        self.rename(target)

    monkeypatch.setattr("pathlib.Path.replace", fails_at_the_third)
    with pytest.raises(WorkspaceError):
        simulate_company(130, quarters=2).write(tmp_path)
    assert not (tmp_path / "manifest.json").exists()
    assert [path for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        simulate_company(**WORLD).write(tmp_path / "nowhere")


def test_blocks_number_rows_through_and_keep_the_books(monkeypatch, tmp_path):
    monkeypatch.setattr(blocks, "_ACCOUNTS_AT_ONCE", 50)
    company = simulate_company(120, quarters=3, seed=8, dirty=False)
    assert [block.size for block in company.blocks] == [50, 50, 20]
    for name, contract in COMPANY_TABLES.items():
        if contract.key:
            assert pd.Series(company.tables[name][contract.key]).is_unique, name
    events, refunds = company.tables["revenue_events"], company.tables["refunds"]
    booked = company.counterfactual(withheld=True)
    money = events["kind"] != "saved"
    assert events["amount"][money].sum() - refunds["amount"].sum() == booked.revenue
    assert booked.by_account.shape == (120, 3)
    company.write(tmp_path)
    with (tmp_path / "touchpoints.csv").open(encoding="utf-8", newline="") as file:
        assert [row["touch_id"] for row in csv.DictReader(file)] == company.tables["touchpoints"]["touch_id"].tolist()
