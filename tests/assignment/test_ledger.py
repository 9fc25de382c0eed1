"""The ledger: the same batch once, the first assignment wins, damage is named, ids stay out of every message."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from itertools import permutations

import numpy as np
import pytest

from incrementality.assignment import Assigned, assign, make_plan
from incrementality.assignment.batch import Assignments, RowDigest, canonical_rows
from incrementality.assignment.ledger import Ledger
from incrementality.errors import InputError, InvalidUnitId, LedgerDamaged
from incrementality.warehouse import connect
from incrementality.warehouse.sql import parse

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
PLAN = make_plan("winback", {"holdout": 0.5, "mail": 0.5})
SECRET = "ana@example.com"  # noqa: S105 - an id that must not be told


def drawn(*ids: str, at: datetime = AT, plan=PLAN) -> Assignments:
    return Assignments.of(plan, assign(plan, ids), assigned_at=at)


def forced(unit: str, arm: str, *, at: datetime = AT, version: int = 1) -> Assignments:
    values = {"unit_id": unit, "arm": arm, "hash": 7, "probability": 1.0, "phase": "1"}
    columns = {name: np.array([value], object) for name, value in values.items()}
    assigned = Assigned(**columns, source=np.array(["override"], object), reason=np.array(["by hand"], object))
    return Assignments.of(PLAN.model_copy(update={"version": version}), assigned, assigned_at=at)


def ids(n: int, start: int = 0) -> list[str]:
    return [f"c_{i:06d}" for i in range(start, start + n)]


def rows_of(ledger, experiment="winback"):
    return list(zip(*(column.tolist() for column in ledger.read(experiment).to_columns().values()), strict=True))


def files(ledger):
    return sorted(path.name for path in ledger._folder.rglob("*.parquet"))


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger [1]") as opened:
        yield opened


def test_what_is_appended_is_read_back(ledger):
    batch = drawn(*ids(50))
    ledger.append(batch)
    found = ledger.read("winback")
    assert {n: c.tolist() for n, c in found.to_columns().items()} == {
        n: c.tolist() for n, c in batch.to_columns().items()
    }
    assert found.assigned_at.dtype == "datetime64[us]"


def test_hostile_ids_are_texts_like_others(ledger):
    hostile = ["a'); DROP TABLE x --", "客户-9 / x", "o'neil+😀@example.com", "042", "42", '"', "\\"]
    ledger.append(drawn(*hostile))
    assert ledger.read("winback").unit_id.tolist() == sorted(hostile)


def test_the_same_batch_twice_adds_nothing(ledger):
    assert ledger.append(drawn(*ids(20))).new
    before = files(ledger), rows_of(ledger)
    again = ledger.append(drawn(*reversed(ids(20)), at=AT + timedelta(days=1)))
    assert (again.new, again.kept) == (False, 20)
    assert (files(ledger), rows_of(ledger)) == before


def test_a_batch_that_was_compacted_away_adds_no_row_when_it_comes_again(ledger):
    for start in (0, 20):
        ledger.append(drawn(*ids(20, start)))
    before = rows_of(ledger)
    ledger.compact()
    ledger.append(drawn(*ids(20), at=AT + timedelta(days=1)))
    assert rows_of(ledger) == before


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_first_assignment_wins_in_whatever_order_batches_come(tmp_path, order):
    late, early, tied = forced("u", "mail", at=AT + timedelta(hours=1)), forced("u", "mail"), forced("u", "holdout")
    ledger = Ledger(tmp_path)
    for number in order:
        ledger.append((late, early, tied)[number])
        ledger.compact()
    assert ledger.read("winback").arm.tolist() == ["holdout"]
    assert ledger.mixed("winback") == 1


def test_a_batch_that_repeats_a_unit_keeps_its_first_row(ledger):
    columns = {n: np.concatenate([c, c]) for n, c in drawn(*ids(3)).to_columns().items()}
    columns["assigned_at"][:3] += np.timedelta64(1, "D")
    ledger.append(Assignments("winback", **columns))
    assert ledger.read("winback").assigned_at.astype("datetime64[D]").astype(str).tolist() == ["2026-01-05"] * 3


def test_units_without_an_arm_are_counted_and_not_kept(ledger):
    plan = make_plan("winback", {"holdout": 0.5, "mail": 0.5}, traffic=0.5)
    answer = ledger.append(drawn(*ids(100), plan=plan))
    assert answer.kept + answer.refused["not_in_traffic"] == answer.rows == 100
    assert len(ledger.read("winback")) == answer.kept


def test_an_empty_batch_leaves_nothing(ledger):
    assert not ledger.append(drawn()).new
    assert ledger.experiments() == ()


def test_experiments_are_apart(ledger):
    other = make_plan("onboarding", {"holdout": 0.5, "mail": 0.5})
    ledger.append(drawn(*ids(10)))
    ledger.append(drawn(*ids(30), plan=other))
    assert ledger.experiments() == ("onboarding", "winback")
    assert [sum(c.units for c in ledger.counts(name)) for name in ledger.experiments()] == [30, 10]


def test_counts_are_those_of_the_arms(ledger):
    ledger.append(drawn(*ids(200)))
    arms = ledger.read("winback").arm.tolist()
    assert {count.arm: count.units for count in ledger.counts("winback")} == {a: arms.count(a) for a in set(arms)}


def test_compaction_keeps_every_answer_in_one_file(ledger):
    for start in range(0, 100, 10):
        ledger.append(drawn(*ids(15, start), at=AT + timedelta(minutes=start)))
    before = rows_of(ledger), ledger.counts("winback")
    assert ledger.compact() == 10
    assert (rows_of(ledger), ledger.counts("winback")) == before
    assert len(files(ledger)) == 1
    assert ledger.compact() == 0


def test_compaction_sweeps_what_killed_writers_left(ledger):
    ledger.append(drawn(*ids(3)))
    left = ledger._folder / "segments" / "winback" / ".batch-00.parquet.0a1b.part"
    left.write_text("half")
    ledger.compact()
    assert not left.exists()


def test_outcomes_join_the_ledger_in_the_engine(ledger):
    ledger.append(drawn(*ids(30)))
    with connect() as warehouse:
        relation = ledger.relation("winback", warehouse)
        ledger.compact()
        query = parse("SELECT count(*), count(DISTINCT unit_id) FROM assigned", assigned=relation.name)
        assert warehouse.row(query) == (30, 30)
        assert relation.columns["unit_id"] == "text"
        assert relation.columns["assigned_at"] == "temporal"
        opened = warehouse.open(ledger.locator("winback"))
        assert warehouse.row(parse("SELECT count(*) FROM assigned", assigned=opened.name)) == (30,)


def test_an_unknown_experiment_names_the_near_one(ledger):
    ledger.append(drawn(*ids(3)))
    with pytest.raises(InputError, match=r"'winbak'; it holds: winback\. Did you mean 'winback'\?"):
        ledger.read("winbak")


def test_a_path_is_no_experiment(ledger):
    with pytest.raises(InputError, match="cannot name assignments"):
        ledger.read("../winback")


def test_hashed_ids_never_reach_the_disk(tmp_path):
    with Ledger(tmp_path, ids="hashed") as ledger:
        ledger.append(drawn(SECRET, "c_1"))
        assert sorted(ledger.stored_ids([SECRET, "c_1"])) == ledger.read("winback").unit_id.tolist()
    assert not any(SECRET.encode() in path.read_bytes() for path in tmp_path.rglob("*.*"))
    with pytest.raises(InputError, match="keeps ids hashed, not plain"):
        Ledger(tmp_path, ids="plain")


@pytest.mark.parametrize("bad", [None, 7.0, "", "\ud800", "a\x00b"])
def test_an_id_that_is_no_text_is_refused_and_not_told(ledger, bad):
    batch = drawn(SECRET, "c_1")
    batch.unit_id[1] = bad
    with pytest.raises(InvalidUnitId, match="row 2") as caught:
        ledger.append(batch)
    assert SECRET not in str(caught.value)
    assert ledger.experiments() == ()


def test_a_moment_without_a_time_zone_is_refused():
    with pytest.raises(InputError, match="no time zone"):
        drawn("c_1", at=datetime(2026, 1, 5))  # noqa: DTZ001 - what is tested


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "ledger.json").write_text("{}")
    with pytest.raises(InputError, match="no assignment ledger"):
        Ledger(tmp_path)


def segment(ledger):
    return next(ledger._folder.rglob("batch-*.parquet"))


def test_a_whole_ledger_passes(ledger):
    for start in (0, 10):
        ledger.append(drawn(*ids(10, start)))
    ledger.erase(["c_000001"])
    ledger.append(drawn(*ids(10, 20)))
    assert ledger.verify().passed
    assert ledger.verify().files == 3


@pytest.mark.parametrize("cut", [0, 10, -9, -1])
def test_a_cut_segment_is_named_by_every_reader(ledger, cut):
    ledger.append(drawn(SECRET, *ids(10)))
    path = segment(ledger)
    path.write_bytes(path.read_bytes()[:cut])
    for use in (ledger.verify().or_raise, ledger.compact, lambda: ledger.read("winback")):
        with pytest.raises(LedgerDamaged, match=rf"winback/{path.name}") as caught:
            use()
        assert SECRET not in str(caught.value)


def test_a_flipped_byte_is_found_or_harmless(ledger):
    ledger.append(drawn(*ids(30)))
    path, before = segment(ledger), rows_of(ledger)
    whole = path.read_bytes()
    found = 0
    for place in range(4, len(whole), len(whole) // 30):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        passed = ledger.verify().passed
        found += not passed
        assert not passed or rows_of(Ledger(ledger._folder)) == before
    assert found > 10


def test_swapped_segments_are_found(ledger):
    ledger.append(drawn(*ids(5)))
    ledger.append(drawn(*ids(5, 5)))
    one, two = sorted(ledger._folder.rglob("batch-*.parquet"))
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    assert len(ledger.verify().damages) == 2


def test_a_damaged_tombstone_is_named(ledger):
    ledger.append(drawn(*ids(5)))
    ledger.erase(["c_000001"])
    path = next(ledger._folder.rglob("*.txt"))
    path.write_text("")
    assert [name for name, _ in Ledger(ledger._folder).verify().damages] == [path.name]
    with pytest.raises(LedgerDamaged, match="keys are not those"):
        Ledger(ledger._folder).append(drawn(*ids(5)))


def test_a_read_that_fails_leaves_no_file_behind(ledger):
    ledger.append(drawn(*ids(5)))
    os.close(os.open(ledger._folder / "segments" / "winback" / "note.txt", os.O_CREAT))
    assert len(ledger.read("winback")) == 5


def test_a_digest_does_not_depend_on_the_pieces():
    rows = canonical_rows(drawn(*ids(10)))
    whole, pieces = RowDigest(), RowDigest()
    whole.update(rows)
    for row in rows:
        pieces.update([row])
    assert (whole.content, whole.moments) == (pieces.content, pieces.moments)
