"""Erased ids leave every file and every answer but the counts by arm, and never come back."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from incrementality.assignment import assign, make_plan
from incrementality.assignment.audit import audit
from incrementality.assignment.batch import Assignments
from incrementality.assignment.ledger import Ledger
from incrementality.errors import InvalidUnitId, LedgerDamaged
from incrementality.warehouse.parquet import ParquetEngine, parquet_table
from incrementality.warehouse.sql import parse

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
ARMS = {"holdout": 0.5, "mail": 0.5}
PLANS = {name: make_plan(name, ARMS) for name in ("onboarding", "winback")}
IDS = [f"ana{i:03d}@example.com" for i in range(100)]
GONE = IDS[:10]


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path) as opened:
        for plan in PLANS.values():
            record(opened, IDS[:60], plan)
            record(opened, IDS[60:], plan)
        yield opened


def record(ledger, ids, plan=PLANS["winback"], at=AT):
    return ledger.append(Assignments.of(plan, assign(plan, ids), assigned_at=at))


def arms(ledger, experiment="winback"):
    return {count.arm: count.units for count in ledger.counts(experiment)}


def on_disk(ledger, ids):
    """How many ids any file holds: in the engine's own reading of every segment."""
    held = set()
    for path in ledger._folder.rglob("*.parquet"):
        with ParquetEngine() as engine:
            found = engine.columns(parse("SELECT unit_id, hash FROM f", f=parquet_table([path])))
            held |= set(found["unit_id"].tolist())
    return len(held & set(ids))


def test_erased_units_leave_every_answer_but_the_counts(ledger):
    before = {name: arms(ledger, name) for name in PLANS}
    answer = ledger.erase([*GONE, *GONE])
    assert (answer.requested, answer.new, answer.found) == (10, 10, 20)
    assert {name: arms(ledger, name) for name in PLANS} == before
    assert [count for count in answer.counts if count.experiment == "winback"] == list(ledger.counts("winback"))
    assert sum(count.erased for count in ledger.counts("winback")) == 10
    assert ledger.read("winback").unit_id.tolist() == IDS[10:]


def test_erased_ids_and_their_hashes_are_in_no_file(ledger):
    assert on_disk(ledger, GONE) == 10
    ledger.erase(GONE)
    assert on_disk(ledger, GONE) == 0
    texts = [path.read_bytes() for path in ledger._folder.rglob("*") if path.is_file()]
    assert not any(unit.encode() in text for unit in GONE for text in texts)


def test_erasing_twice_changes_nothing(ledger):
    ledger.erase(GONE)
    before = sorted(path.name for path in ledger._folder.rglob("*.*")), ledger.counts("winback")
    answer = ledger.erase(GONE)
    assert (answer.new, answer.found, answer.counts) == (0, 0, ())
    assert (sorted(path.name for path in ledger._folder.rglob("*.*")), ledger.counts("winback")) == before


def test_erased_units_do_not_come_back(ledger):
    ledger.erase(GONE)
    answer = record(ledger, IDS, at=AT + timedelta(days=9))
    assert (answer.kept, answer.refused) == (90, {"erased": 10})
    assert ledger.read("winback").unit_id.tolist() == IDS[10:]
    assert sum(arms(ledger).values()) == 100


def test_an_id_that_the_ledger_never_saw_is_kept_out_too(ledger):
    answer = ledger.erase(["new@example.com"])
    assert (answer.new, answer.found) == (1, 0)
    assert record(ledger, ["new@example.com"]).refused == {"erased": 1}


def test_erasure_survives_compaction(ledger):
    ledger.erase(GONE)
    before = ledger.counts("winback"), ledger.read("winback").unit_id.tolist()
    record(ledger, [f"later{i}" for i in range(5)])
    ledger.compact()
    record(ledger, IDS)
    ledger.compact()
    after = ledger.counts("winback"), ledger.read("winback").unit_id.tolist()
    assert sum(c.erased for c in after[0]) == sum(c.erased for c in before[0]) == 10
    assert sorted(after[1]) == sorted([*before[1], *(f"later{i}" for i in range(5))])


def test_an_erasure_that_was_killed_before_it_compacted_hides_the_units_and_can_be_repeated(ledger, monkeypatch):
    before = arms(ledger)
    monkeypatch.setattr(Ledger, "compact", lambda *_: 0)
    ledger.erase(GONE)
    assert on_disk(ledger, GONE) == 10
    assert arms(ledger) == before
    assert not set(GONE) & set(ledger.read("winback").unit_id.tolist())
    monkeypatch.undo()
    assert ledger.erase(GONE).found == 20
    assert on_disk(ledger, GONE) == 0
    assert arms(ledger) == before


def test_a_segment_that_lands_after_the_erasure_is_cleaned_by_its_writer(ledger, monkeypatch):
    late = [*GONE[:3], "late@example.com"]
    written = threading.Event()

    def erased_meanwhile(self, units, *, real=Ledger.erased):
        found = real(self, units)
        if not written.is_set():
            written.set()
            Ledger(self._folder).erase(late)
        return found

    monkeypatch.setattr(Ledger, "erased", erased_meanwhile)
    record(ledger, late)
    assert on_disk(ledger, late) == 0
    assert not set(late) & set(ledger.read("winback").unit_id.tolist())


def test_of_an_erased_unit_stays_the_day_and_not_the_moment(ledger):
    ledger.erase(IDS)
    assert len(ledger.read("winback")) == 0
    paths = list((ledger._folder / "segments" / "winback").glob("*.parquet"))
    with ParquetEngine() as engine:
        rows = engine.columns(parse("SELECT DISTINCT hash, reason, assigned_at FROM f", f=parquet_table(paths)))
    assert rows["hash"].tolist() == [None]
    assert rows["reason"].tolist() == [""]
    assert rows["assigned_at"].astype(str).tolist() == ["2026-01-05T00:00:00.000000"]


def test_what_is_left_is_explained_and_whole(ledger):
    ledger.erase(GONE)
    found = audit(ledger, PLANS.values())
    assert found.passed
    assert [(one.rows, one.erased) for one in found.experiments] == [(90, 10), (90, 10)]


def test_hashed_ledgers_erase_alike(tmp_path):
    with Ledger(tmp_path, ids="hashed") as ledger:
        record(ledger, IDS)
        before = arms(ledger)
        assert ledger.erase(GONE).found == 10
        assert (len(ledger.read("winback")), arms(ledger)) == (90, before)
        assert record(ledger, IDS).refused == {"erased": 10}


def test_an_erasure_prints_counts_and_no_id(ledger):
    answer = ledger.erase(GONE)
    assert "winback" in answer.to_text()
    assert "ana0" not in answer.to_text() + answer.to_html() + repr(answer)


def test_a_bad_id_is_refused_before_anything_happens(ledger):
    with pytest.raises(InvalidUnitId, match="row 2"):
        ledger.erase([IDS[0], None])
    assert len(ledger.read("winback")) == 100


def test_a_damaged_ledger_is_not_compacted_and_still_hides_the_units(ledger):
    path = next((ledger._folder / "segments" / "winback").glob("*.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(LedgerDamaged):
        ledger.erase(GONE)
    path.write_bytes(whole)
    assert not set(GONE) & set(ledger.read("winback").unit_id.tolist())
