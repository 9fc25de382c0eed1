"""Units in memory are assigned as those from a file are."""

from __future__ import annotations

import pytest

from incrementality.errors import EmptyTable, InputError, InvalidUnitId
from incrementality.workspace import UnitBatch, assign_units, record_units
from incrementality.workspace.holdouts import ledger_of

IDS = [f"c_{i:06d}" for i in range(200)]


def test_units_in_memory_are_assigned_as_those_from_a_file(workspace, tmp_path):
    file = tmp_path / "units.csv"
    file.write_text("\n".join(["contact_id", *IDS, ""]), encoding="utf-8")
    recorded = record_units(workspace, "mail", UnitBatch(ids=IDS, decision_ids=[f"d{i}" for i in range(200)]))
    before = ledger_of(workspace).read("mail").to_columns()
    assert assign_units(workspace, "mail", file) == recorded
    after = ledger_of(workspace).read("mail").to_columns()
    assert all((after[name] == before[name]).all() for name in after)


@pytest.mark.parametrize(
    ("columns", "error", "words"),
    [
        ({"ids": []}, EmptyTable, "no units"),
        ({"ids": ["a", "b"], "accounts": ["x"]}, InputError, "2 units and 1 accounts"),
        ({"ids": ["a", "b"], "decision_ids": ["d", "d"]}, InputError, "more than once"),
    ],
)
def test_a_batch_that_does_not_fit_together_is_refused(columns, error, words):
    with pytest.raises(error, match=words):
        UnitBatch(**columns)


def test_a_refused_id_records_nothing(workspace):
    with pytest.raises(InvalidUnitId):
        record_units(workspace, "mail", UnitBatch(ids=["c_1", "c_2 "]))
    assert ledger_of(workspace).experiments() == ()
