"""The ledger on disk: what is written is read, a damaged file is noticed, and an old ledger makes way whole."""

import json

import pytest

from incrementality.attribution import RULE_MODELS, make_ledger, read_ledger, write_ledger
from incrementality.errors import LedgerDamaged, SourceNotFound
from incrementality.warehouse import Locator, Warehouse, connect
from incrementality.warehouse.sql import parse
from tests.attribution.worlds import event, journeys_of, touch


def ledger_of(engine, amount=100, **options):
    journeys = journeys_of(engine, [touch("a", 3, "ae"), touch("b", 2, "cs")], [event("e", amount)])
    return make_ledger(journeys, [RULE_MODELS["linear"], RULE_MODELS["last"]], **options)


@pytest.mark.domain("G1")
def test_what_is_written_is_read(engine, tmp_path):
    ledger = ledger_of(engine, fingerprint="abc")
    write_ledger(ledger, tmp_path / "ledger")
    with connect() as other:
        found = read_ledger(tmp_path / "ledger", other)
        assert found.to_frame().equals(ledger.to_frame())
        assert (found.models, found.unit, found.revenue) == (ledger.models, "money", {"linear": 100, "last": 100})
        assert found.fingerprint == "abc"
        assert found.reconcile().check().holds


def test_the_manifest_proves_that_nothing_is_lost(engine, tmp_path):
    manifest = json.loads(write_ledger(ledger_of(engine), tmp_path).read_text())
    assert [row["difference"] for row in manifest["reconciliation"]] == [0, 0]


def test_a_new_ledger_takes_the_place_of_the_old(engine, tmp_path):
    write_ledger(ledger_of(engine), tmp_path)
    write_ledger(ledger_of(engine, 70), tmp_path)
    assert read_ledger(tmp_path, engine).revenue["linear"] == 70
    assert len(list(tmp_path.iterdir())) == 2


def test_the_old_ledger_stays_where_the_new_one_cannot_be_written(engine, tmp_path, monkeypatch):
    write_ledger(ledger_of(engine), tmp_path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("incrementality.attribution.ledger_files.write_whole", fail)
    with pytest.raises(OSError, match="No space"):
        write_ledger(ledger_of(engine, 70), tmp_path)
    assert read_ledger(tmp_path, engine).revenue["linear"] == 100


def test_changed_rows_are_noticed(engine, tmp_path):
    write_ledger(ledger_of(engine), tmp_path)
    rows = next(tmp_path.glob("*.parquet"))
    rows.write_bytes(rows.read_bytes()[:-1] + b"x")
    with pytest.raises(LedgerDamaged, match="missing or not what"):
        read_ledger(tmp_path, engine)


@pytest.mark.parametrize("text", ["{", "[]", '{"file": "x"}'])
def test_a_manifest_that_is_none_is_noticed(engine, tmp_path, text):
    (tmp_path / "credit.json").write_text(text)
    with pytest.raises(LedgerDamaged, match="no manifest of a ledger"):
        read_ledger(tmp_path, engine)


def test_a_folder_without_a_ledger(engine, tmp_path):
    with pytest.raises(SourceNotFound):
        read_ledger(tmp_path, engine)


def test_engines_that_write_no_files_hand_their_rows_over(engine, tmp_path):
    query = parse("SELECT * FROM (VALUES ('a', 1), ('b', 2)) AS v(id, n) ORDER BY n DESC")
    Warehouse.write_parquet(engine, tmp_path / "rows.parquet", query, {"id": "TEXT", "n": "BIGINT"})
    rows = engine.open(Locator("parquet", path=tmp_path / "rows.parquet"))
    assert engine.query(parse("SELECT id, n FROM s", s=rows.name)) == [("b", 2), ("a", 1)]
