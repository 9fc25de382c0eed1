"""The ledger in PostgreSQL answers as the ledger in a folder does."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from incrementality.assignment import assign, make_plan
from incrementality.assignment.audit import audit
from incrementality.assignment.batch import Assignments
from incrementality.assignment.ledger import Ledger
from incrementality.errors import InputError, InvalidUnitId, WarehouseError
from incrementality.warehouse.sql import parse

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
ARMS = {"holdout": 0.5, "mail": 0.5}
PLAN = make_plan("winback", ARMS)
IDS = [f"c_{i:04d}" for i in range(200)]
HOSTILE = ["a'); DROP TABLE x --", "客户-9 / x", "o'neil+😀@example.com", "a\tb\\N", '"', "\\", "\\N"]


def batch(ids, *, plan=PLAN, at=AT):
    return Assignments.of(plan, assign(plan, ids), assigned_at=at)


@pytest.fixture
def make(postgres_url, request):
    from incrementality.assignment.postgres_ledger import PostgresLedger

    made = []
    schema = f"ledger_{abs(hash(request.node.name)) % 10**9}"

    def make(**options):
        made.append(PostgresLedger(postgres_url, schema=schema, **options))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


@pytest.fixture
def ledger(make):
    return make()


def test_both_ledgers_give_the_same_rows_counts_and_refusals(ledger, tmp_path):
    plan = make_plan("winback", ARMS, traffic=0.5)
    with Ledger(tmp_path) as folder:
        for ids, at in ((IDS[:150], AT), (IDS[50:], AT + timedelta(days=1)), (HOSTILE, AT)):
            assert ledger.append(batch(ids, plan=plan, at=at)) == folder.append(batch(ids, plan=plan, at=at))
        one, other = ledger.read("winback").to_columns(), folder.read("winback").to_columns()
        assert {n: c.tolist() for n, c in one.items()} == {n: c.tolist() for n, c in other.items()}
        assert ledger.counts("winback") == folder.counts("winback")
        assert ledger.experiments() == folder.experiments()
    assert audit(ledger, [plan]).passed


def test_the_same_batch_twice_adds_nothing(ledger):
    assert ledger.append(batch(IDS)).new
    assert not ledger.append(batch(IDS, at=AT + timedelta(days=1))).new
    assert set(ledger.read("winback").assigned_at.astype("datetime64[D]").astype(str)) == {"2026-01-05"}


def test_the_first_committed_assignment_wins_and_the_other_is_told(ledger):
    ledger.append(batch(IDS))
    ledger.append(batch(IDS, plan=make_plan("winback", ARMS, salt="other")))
    first = assign(PLAN, IDS).arm
    assert ledger.read("winback").arm.tolist() == first.tolist()
    assert ledger.mixed("winback") == int((assign(make_plan("x", ARMS, salt="other"), IDS).arm != first).sum())


def test_writers_at_once_lose_and_double_nothing(make):
    rng = np.random.default_rng(7)
    samples = [[rng.choice(IDS, 60, replace=False).tolist() for _ in range(10)] for _ in range(8)]
    ledgers = [make() for _ in samples]

    def write(ledger, batches):
        for ids in batches:
            ledger.append(batch(ids))

    threads = [threading.Thread(target=write, args=pair) for pair in zip(ledgers, samples, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = sorted({unit for batches in samples for ids in batches for unit in ids})
    assert ledgers[0].read("winback").unit_id.tolist() == wanted
    assert audit(ledgers[0], [PLAN]).passed


def test_an_append_that_fails_leaves_nothing(ledger, monkeypatch):
    def fail(self):
        raise WarehouseError("stopped")

    monkeypatch.setattr(type(ledger), "_settle", fail)
    with pytest.raises(WarehouseError):
        ledger.append(batch(IDS))
    monkeypatch.undo()
    assert ledger.experiments() == ()
    ledger.append(batch(IDS))


@pytest.mark.parametrize("ids", ["plain", "hashed"])
def test_erased_units_leave_all_but_the_counts_and_stay_away(make, ids):
    ledger = make(ids=ids)
    ledger.append(batch(IDS))
    before = {count.arm: count.units for count in ledger.counts("winback")}
    answer = ledger.erase(IDS[:10])
    assert (answer.requested, answer.new, answer.found) == (10, 10, 10)
    assert ledger.erase(IDS[:10]).new == 0
    assert ledger.append(batch(IDS)).refused == {"erased": 10}
    assert ledger.read("winback").unit_id.tolist() == sorted(ledger.stored_ids(IDS[10:]))
    assert {count.arm: count.units for count in ledger.counts("winback")} == before
    assert sum(count.erased for count in answer.counts) == 10
    assert audit(ledger, [PLAN], unit_ids=IDS).passed


def test_outcomes_join_the_ledger_where_they_lie(ledger, postgres, duck):
    ledger.append(batch([*IDS, *HOSTILE]))
    for warehouse in (postgres, duck):
        relation = ledger.relation("winback", warehouse)
        query = parse("SELECT count(*), count(DISTINCT unit_id) FROM assigned", assigned=relation.name)
        assert warehouse.row(query) == (207, 207)
    opened = postgres.open(ledger.locator("winback"))
    assert opened.columns["unit_id"] == "text"
    assert postgres.row(parse("SELECT count(*) FROM assigned", assigned=opened.name)) == (207,)


def test_what_is_wrong_is_named(ledger, make):
    with pytest.raises(InputError, match="holds no assignments of 'winback'"):
        ledger.read("winback")
    with pytest.raises(InputError, match="keeps ids plain, not hashed"):
        make(ids="hashed")
    with pytest.raises(InvalidUnitId, match="row 1"):
        ledger.erase([None])
    with pytest.raises(InputError, match="cannot name the ledger's schema"):
        type(ledger)("postgresql://nobody@nowhere/none", schema="a.b")
