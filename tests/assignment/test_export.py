"""Files for the CRM tool: whole, counted, and compared with what the tool then did."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import UTC, datetime

import pytest

from incrementality.assignment import assign, make_plan
from incrementality.assignment.batch import Assignments
from incrementality.assignment.export import compare_deliveries, export_assignments, read_deliveries
from incrementality.assignment.ledger import Ledger
from incrementality.errors import ColumnNotFound, InputError, SourceUnreadable, WorkspaceError

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
LATER = "2026-01-06T09:00:00Z"
PLAN = make_plan("winback", {"holdout": 0.4, "mail": 0.3, "call": 0.3})
IDS = [f"c_{i:03d}" for i in range(60)] + ['q"uote, comma', "=1+1", "zoë😀"]
ARM = dict(zip(IDS, assign(PLAN, IDS).arm.tolist(), strict=True))


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger") as opened:
        opened.append(Assignments.of(PLAN, assign(PLAN, IDS), assigned_at=AT))
        yield opened


def test_an_export_holds_every_unit_as_it_is(ledger, tmp_path):
    export_assignments(ledger, PLAN, tmp_path / "out" / "winback.csv")
    with (tmp_path / "out" / "winback.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["unit_id"]: row["arm"] for row in rows} == ARM
    assert {row["assigned_at"] for row in rows} == {"2026-01-05T09:00:00.000000Z"}


def test_the_manifest_beside_it_counts_and_names_no_unit(ledger, tmp_path):
    path = tmp_path / "winback.csv"
    manifest = export_assignments(ledger, PLAN, path)
    text = (tmp_path / "winback.csv.manifest.json").read_text(encoding="utf-8")
    written = json.loads(text)
    assert written["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() == manifest.sha256
    assert written["arms"] == {arm: list(ARM.values()).count(arm) for arm in PLAN.arm_names}
    assert (written["plan"], written["rows"], written["formulas"]) == (PLAN.hash, len(IDS), 1)
    assert not any(unit in text + repr(manifest) + manifest.to_text() for unit in IDS)


def test_the_same_ledger_gives_the_same_bytes(ledger, tmp_path):
    one = export_assignments(ledger, PLAN, tmp_path / "a.csv")
    ledger.compact()
    assert export_assignments(ledger, PLAN, tmp_path / "b.csv").sha256 == one.sha256


def test_one_arm_can_be_exported(ledger, tmp_path):
    manifest = export_assignments(ledger, PLAN, tmp_path / "call.csv", arm="call")
    assert manifest.arms == {"call": list(ARM.values()).count("call")}
    with pytest.raises(InputError, match=r"no arm 'cal'; it has: holdout, mail, call\. Did you mean 'call'\?"):
        export_assignments(ledger, PLAN, tmp_path / "x.csv", arm="cal")


def test_an_export_that_cannot_be_written_changes_nothing(ledger, tmp_path):
    path = tmp_path / "winback.csv"
    path.write_text("old", encoding="utf-8")
    (tmp_path / "winback.csv.manifest.json").mkdir()
    with pytest.raises(WorkspaceError):
        export_assignments(ledger, PLAN, path)
    assert path.read_text(encoding="utf-8") == "old"


def test_erased_units_are_not_exported(ledger, tmp_path):
    ledger.erase(IDS[:5])
    assert export_assignments(ledger, PLAN, tmp_path / "a.csv").rows == len(IDS) - 5


def logged(tmp_path, *rows, header="unit,action,delivered_at"):
    path = tmp_path / "done.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def test_rows_of_the_tool_are_kept_or_refused_by_reason(tmp_path):
    path = logged(
        tmp_path,
        f"c_1,mail,{LATER}",
        "c_1,mail,2026-01-07T09:00:00+01:00",
        f",mail,{LATER}",
        f"c_2 ,mail,{LATER}",
        f"c_3,,{LATER}",
        "c_4,mail,",
        "c_5,mail,06/01/2026",
        "c_6,mail,2026-01-06T09:00:00",
        "c_7,mail,2025-12-01T00:00:00Z",
    )
    log = read_deliveries(path, since=AT)
    assert (log.rows, log.kept, list(log.deliveries)) == (9, 1, ["c_1"])
    assert log.refused == {
        "another action of the unit came first": 1,
        "it names no action": 1,
        "it was delivered before the experiment": 1,
        "it was not delivered": 1,
        "its moment is no date with a time zone": 2,
        "its unit is empty or has a blank at an end": 2,
    }
    assert "c_1" not in repr(log) + log.to_text()


@pytest.mark.parametrize("rows", [(0, 1), (1, 0)])
def test_a_units_first_action_counts_in_whatever_order_rows_come(tmp_path, rows):
    both = ("c_1,call,2026-01-07T09:00:00Z", "c_1,mail,2026-01-06T09:00:00Z")
    log = read_deliveries(logged(tmp_path, *(both[i] for i in rows)))
    assert log.deliveries["c_1"][0] == "mail"


def test_a_file_that_is_no_log_is_named(tmp_path):
    with pytest.raises(ColumnNotFound, match=r"no column 'unit' Did you mean 'units'\?"):
        read_deliveries(logged(tmp_path, header="units,action,delivered_at"))
    (tmp_path / "latin.csv").write_bytes("unit,action,delivered_at\nzoë,mail,x\n".encode("latin-1"))
    with pytest.raises(SourceUnreadable, match=r"latin\.csv is not encoded in UTF-8"):
        read_deliveries(tmp_path / "latin.csv")
    with pytest.raises(SourceUnreadable, match=r"gone\.csv cannot be read"):
        read_deliveries(tmp_path / "gone.csv")


def test_a_tool_that_did_as_assigned_passes(ledger, tmp_path):
    done = [f'"{unit.replace(chr(34), chr(34) * 2)}",{arm},{LATER}' for unit, arm in ARM.items() if arm != "holdout"]
    check = compare_deliveries(ledger, PLAN, read_deliveries(logged(tmp_path, *done)))
    assert check.passed
    assert check.sentence == f"{len(IDS)} as assigned"


def test_contamination_is_counted_both_ways(ledger, tmp_path):
    units = {arm: [unit for unit in IDS[:60] if ARM[unit] == arm] for arm in PLAN.arm_names}
    done = [
        *(f"{unit},mail,{LATER}" for unit in units["holdout"][:2]),
        *(f"{unit},call,{LATER}" for unit in units["mail"][:3]),
        *(f"{unit},mail,{LATER}" for unit in units["mail"][3:]),
        f"{units['call'][0]},call,2026-01-01T00:00:00Z",
        f"stranger,mail,{LATER}",
    ]
    check = compare_deliveries(ledger, PLAN, read_deliveries(logged(tmp_path, *done)))
    table = {row["arm"]: row for row in check.table}
    assert check.passed is False
    assert table["holdout"]["messaged though withheld"] == 2
    assert table["mail"]["another arm's message"] == 3
    assert table["call"]["delivered too early"] == 1
    assert sum(row["units"] for row in check.table) == len(IDS)
    assert "1 delivered units were not assigned" in check.sentence


def test_a_tool_that_names_no_arms_is_compared_by_delivery_alone(ledger, tmp_path):
    done = [f"{unit},sent,{LATER}" for unit in IDS[:60] if ARM[unit] != "holdout"]
    check = compare_deliveries(ledger, PLAN, read_deliveries(logged(tmp_path, *done)))
    assert check.passed
    assert "not delivered" in check.sentence


def test_hashed_ledgers_are_compared_by_key(tmp_path):
    with Ledger(tmp_path / "ledger", ids="hashed") as ledger:
        ledger.append(Assignments.of(PLAN, assign(PLAN, IDS), assigned_at=AT))
        held = next(unit for unit in IDS if ARM[unit] == "holdout")
        check = compare_deliveries(ledger, PLAN, read_deliveries(logged(tmp_path, f"{held},mail,{LATER}")))
    assert "1 messaged though withheld" in check.sentence
