"""A programme with everything at once: nobody is moved, nobody is where they must not be, the audit explains all."""

from __future__ import annotations

import csv
import json
from datetime import date

import pytest

from incrementality.assignment import cut, hash_units
from incrementality.errors import InputError, WorkspaceError
from incrementality.workspace import (
    UnitBatch,
    Workspace,
    assign_units,
    audit_ledger,
    erase_units,
    export_contacts,
    plan_of,
    record_units,
    sql_of,
)
from incrementality.workspace.contacts import contact_ledger
from incrementality.workspace.holdouts import ledger_of

PROGRAMME = """\
global_holdouts:
  - {salt: gh-2026h1, share: 10%}
  - {salt: gh-accounts, share: 10%, unit: account}
layers:
  - {name: lifecycle, washout_days: 14}
"""
EXPERIMENT = """\
id: {id}
question: Does it help?
unit: {unit}
data: {{source: x.csv, unit: {unit}_id}}
arms:
  - {{name: holdout, share: {control}, control: true}}
  - {{name: mail, share: {treated}}}
metrics:
  - {{name: bought, kind: conversion, role: primary}}
request:
  decision: Send it to all, or stop it.
"""
RAMP = [(date(2026, 1, 5), "20%"), (date(2026, 1, 12), "50%"), (date(2026, 1, 19), "100%")]
FIRST, SECOND, THIRD = (day for day, _ in RAMP)
IDS = [f"c_{i:06d}" for i in range(4000)]
ACCOUNTS = [f"a_{i:04d}" for i in range(300)]


def ramp(phases):
    return "ramp: [" + ", ".join(f"{{starts: {day}, traffic: {share}}}" for day, share in phases) + "]"


def write(workspace, experiment_id, *lines, unit="contact", control="50%", treated="50%"):
    folder = workspace.root / "experiments" / experiment_id
    folder.mkdir(exist_ok=True)
    text = EXPERIMENT.format(id=experiment_id, unit=unit, control=control, treated=treated)
    (folder / "experiment.yaml").write_text(text + "".join(f"  {line}\n" for line in lines), encoding="utf-8")
    return folder


def table(workspace, name, header, rows):
    path = workspace.root / name
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows), ""]), encoding="utf-8")
    return path


@pytest.fixture
def programme(tmp_path):
    workspace = Workspace.create(tmp_path / "crm", example=False)
    (workspace.root / "programme.yaml").write_text(PROGRAMME, encoding="utf-8")
    return workspace


def arms_of(ledger, experiment_id):
    rows = ledger.read(experiment_id)
    return dict(zip(rows.unit_id.tolist(), rows.arm.tolist(), strict=True))


def everything(workspace):
    return {
        (kind, name): {column: values.tolist() for column, values in ledger.read(name).to_columns().items()}
        for kind, ledger in (("units", ledger_of(workspace)), ("contacts", contact_ledger(workspace)))
        for name in ledger.experiments()
    }


def run_all(workspace):
    """Assign everything in several runs, as the weeks go by."""
    folder = write(workspace, "winback", "layer: lifecycle", "traffic: 0.5", ramp(RAMP[:2]), "overrides: overrides.csv")
    (folder / "overrides.csv").write_text("unit,arm,reason\nc_000007,mail,a colleague\nc_000008,,vip\n", "utf-8")
    record_units(workspace, "winback", UnitBatch(ids=IDS), at=FIRST)
    write(workspace, "upsell", "layer: lifecycle", "traffic: 0.25")
    record_units(workspace, "upsell", UnitBatch(ids=IDS), at=FIRST)
    record_units(workspace, "winback", UnitBatch(ids=IDS[:3000]), at=SECOND)
    write(workspace, "winback", "layer: lifecycle", "traffic: 0.5", ramp(RAMP), "overrides: overrides.csv")
    record_units(workspace, "winback", UnitBatch(ids=IDS), at=THIRD)
    write(workspace, "reminder", "within: {experiment: winback, arms: [mail]}")
    record_units(workspace, "reminder", UnitBatch(ids=IDS), at=THIRD)
    write(workspace, "expansion", unit="account")
    record_units(workspace, "expansion", UnitBatch(ids=ACCOUNTS), at=FIRST)
    contacts = table(
        workspace, "contacts.csv", "contact_id,account_id", [(c, ACCOUNTS[i % 300]) for i, c in enumerate(IDS)]
    )
    export_contacts(
        workspace,
        "expansion",
        contacts,
        workspace.root / "out.csv",
        contact_column="contact_id",
        account_column="account_id",
    )
    write(
        workspace,
        "newsletter",
        "cohort: {strata: [country], rerandomise: {covariates: [orders], acceptance: 0.2}}",
        control="10%",
        treated="90%",
    )
    cohort = table(
        workspace,
        "cohort.csv",
        "contact_id,country,orders",
        [(c, "DE"[: 1 + i % 2], i % 11) for i, c in enumerate(IDS)],
    )
    assign_units(workspace, "newsletter", cohort, at=FIRST)
    write(workspace, "holdout-2026", "scope: global")
    record_units(workspace, "holdout-2026", UnitBatch(ids=IDS), at=FIRST)


@pytest.mark.domain("X1", "X3", "X7")
def test_a_whole_programme_is_explained_and_keeps_its_promises(programme):
    run_all(programme)
    found = audit_ledger(programme)
    assert found.passed, [check.sentence for check in found.checks()]
    explained = {one.experiment: one.explained for one in found.experiments}
    assert all(not one.unexplained for one in found.experiments)
    assert explained["winback"]["override"] == 1
    assert set(explained["newsletter"]) == {"fixed"}
    assert set(explained["expansion, contacts"]) == {"inherited"}
    ledger = ledger_of(programme)
    arms = {name: arms_of(ledger, name) for name in ledger.experiments()}
    assert arms["winback"].keys().isdisjoint(arms["upsell"])
    assert {arms["winback"][unit] for unit in arms["reminder"]} == {"mail"}
    assert "c_000008" not in arms["winback"]
    assert arms["winback"]["c_000007"] == "mail"
    held = {
        unit for unit, h in zip(IDS, hash_units("global", "gh-2026h1", "contact", IDS), strict=True) if h < cut("10%")
    }
    assert arms["holdout-2026"].keys() == held
    inherited = arms_of(contact_ledger(programme), "expansion")
    for name, others in {**arms, "contacts": inherited}.items():
        assert name == "holdout-2026" or (held - {"c_000007"}).isdisjoint(others), name


def test_a_second_run_of_everything_changes_nothing(programme):
    run_all(programme)
    before, files = everything(programme), sorted(programme.root.rglob("*.parquet"))
    plans = {path: path.read_bytes() for path in programme.root.rglob("*.json")}
    for name, ids, day in (
        ("winback", IDS, THIRD),
        ("winback", IDS[:10], SECOND),
        ("upsell", IDS, FIRST),
        ("reminder", IDS, THIRD),
        ("expansion", ACCOUNTS, FIRST),
        ("holdout-2026", IDS, FIRST),
    ):
        record_units(programme, name, UnitBatch(ids=ids), at=day)
    assign_units(programme, "newsletter", programme.root / "cohort.csv", at=FIRST)
    export_contacts(
        programme,
        "expansion",
        programme.root / "contacts.csv",
        programme.root / "out.csv",
        contact_column="contact_id",
        account_column="account_id",
    )
    assert everything(programme) == before
    assert sorted(programme.root.rglob("*.parquet")) == files
    assert {path: path.read_bytes() for path in programme.root.rglob("*.json")} == plans


def test_a_ramp_lets_more_in_and_moves_nobody(programme):
    write(programme, "winback", ramp(RAMP[:1]))
    sizes, seen = [], {}
    for count, day in enumerate((FIRST, SECOND, THIRD), start=1):
        write(programme, "winback", ramp(RAMP[:count]))
        answer = record_units(programme, "winback", UnitBatch(ids=IDS), at=day)
        arms = arms_of(ledger_of(programme), "winback")
        assert arms.items() >= seen.items()
        seen = arms
        sizes.append((answer.phase, answer.recorded))
    assert [phase for phase, _ in sizes] == ["1", "2", "3"]
    assert sizes[0][1] < sizes[1][1] < sizes[2][1]
    held = hash_units("global", "gh-2026h1", "contact", IDS)
    assert sizes[2][1] == sum(h >= cut("10%") for h in held)
    assert plan_of(programme, "winback").version == 3


def test_no_customer_id_lies_outside_the_ledger_and_ignored_files(programme):
    run_all(programme)
    told = [path for path in programme.root.rglob("*") if path.is_file() and path.suffix in {".json", ".yaml"}]
    kept = [path for path in told if "ledger" not in path.relative_to(programme.root).parts]
    assert kept
    assert [path.name for path in kept if "c_00" in path.read_text(encoding="utf-8")] == []


CHANGES = {
    "traffic of a used phase": (ramp([(FIRST, "30%")]), "phases"),
    "a phase taken back": ("traffic: 1.0", "phases"),
    "another layer": (ramp(RAMP[:1]) + "\n  layer: lifecycle", "layers"),
    "nested later": (ramp(RAMP[:1]) + "\n  within: {experiment: other, arms: [mail]}", "parents"),
    "drawn at once later": ("cohort: {}\n  traffic: 0.2", "draws at once"),
    "the global holdout": ("scope: global", "arms|draws"),
}


@pytest.mark.parametrize(("lines", "words"), CHANGES.values(), ids=CHANGES)
def test_a_change_that_would_move_units_is_refused(programme, lines, words):
    write(programme, "other")
    record_units(programme, "other", UnitBatch(ids=IDS[:50]), at=FIRST)
    write(programme, "winback", ramp(RAMP[:1]))
    record_units(programme, "winback", UnitBatch(ids=IDS), at=FIRST)
    before = everything(programme)
    write(programme, "winback", lines)
    with pytest.raises(WorkspaceError, match=rf"({words}) of .* are not those that units were assigned by"):
        record_units(programme, "winback", UnitBatch(ids=IDS), at=FIRST)
    assert everything(programme) == before


def test_a_layer_that_is_full_or_unknown_is_refused(programme):
    write(programme, "winback", "layer: lifecycle", "traffic: 0.8")
    record_units(programme, "winback", UnitBatch(ids=IDS), at=FIRST)
    write(programme, "upsell", "layer: lifecycle", "traffic: 0.5")
    with pytest.raises(InputError, match=r"the widest gap is 0\.2"):
        record_units(programme, "upsell", UnitBatch(ids=IDS), at=FIRST)
    write(programme, "upsell", "layer: lifecicle")
    with pytest.raises(InputError, match="Did you mean 'lifecycle'"):
        record_units(programme, "upsell", UnitBatch(ids=IDS), at=FIRST)


def test_a_slot_is_free_again_after_the_end_and_the_wash_out(programme):
    folder = write(programme, "winback", "layer: lifecycle", "traffic: 0.8")
    record_units(programme, "winback", UnitBatch(ids=IDS), at=FIRST)
    path = folder / "experiment.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "ended: 2026-02-01\n", encoding="utf-8")
    write(programme, "upsell", "layer: lifecycle", "traffic: 0.5")
    with pytest.raises(InputError, match="the widest gap"):
        record_units(programme, "upsell", UnitBatch(ids=IDS), at=date(2026, 2, 15))
    record_units(programme, "upsell", UnitBatch(ids=IDS), at=date(2026, 2, 16))
    with pytest.raises(WorkspaceError, match="slot of the layer 'lifecycle' was released"):
        record_units(programme, "winback", UnitBatch(ids=IDS), at=date(2026, 2, 16))
    assert audit_ledger(programme).passed


def test_exported_sql_holds_its_slot(programme):
    write(programme, "winback", "layer: lifecycle", "traffic: 0.25")
    text = sql_of(programme, "winback", dialect="duckdb", table="contacts", unit_column="id")
    assert str(2**30) in text
    write(programme, "upsell", "layer: lifecycle", "traffic: 0.25")
    record_units(programme, "upsell", UnitBatch(ids=IDS), at=FIRST)
    assert plan_of(programme, "upsell").layer.lo == 2**30
    assert plan_of(programme, "winback").layer.lo == 0
    write(programme, "letter", "cohort: {}")
    with pytest.raises(InputError, match="drawn at once"):
        sql_of(programme, "letter", dialect="duckdb", table="contacts", unit_column="id")


ROTATED = """\
global_holdouts:
  - {salt: gh-2026h2, share: 10%, starts: 2026-07-01, replaces: gh-2026h1, washout_days: 28}
"""


@pytest.mark.domain("X1")
def test_a_rotation_and_its_wash_out(programme):
    write(programme, "winback")
    record_units(programme, "winback", UnitBatch(ids=IDS[:2000]), at=FIRST)
    (programme.root / "programme.yaml").write_text(ROTATED, encoding="utf-8")
    with pytest.raises(WorkspaceError, match="replaces 'gh-2026h1' on 2026-07-01"):
        record_units(programme, "winback", UnitBatch(ids=IDS), at=date(2026, 6, 30))
    with pytest.raises(WorkspaceError, match="cannot be assigned on 2026-07-01: until 2026-07-29"):
        record_units(programme, "winback", UnitBatch(ids=IDS), at=date(2026, 7, 1))
    write(programme, "winback", "washout: flag")
    answer = record_units(programme, "winback", UnitBatch(ids=IDS[:3000]), at=date(2026, 7, 1))
    assert "assigned in a wash-out: until 2026-07-29" in answer.flags[0]
    late = record_units(programme, "winback", UnitBatch(ids=IDS), at=date(2026, 7, 29))
    assert late.flags == ()
    stored = json.loads((programme.folder("winback") / "assignment.json").read_text(encoding="utf-8"))
    assert stored["flags"] == list(answer.flags)
    assert plan_of(programme, "winback").global_holdout.salt == "gh-2026h2"
    held = hash_units("global", "gh-2026h2", "contact", IDS[2000:])
    new = {unit for unit, h in zip(IDS[2000:], held, strict=True) if h < cut("10%")}
    assert new.isdisjoint(arms_of(ledger_of(programme), "winback"))
    assert audit_ledger(programme).passed


def test_accounts_need_a_global_holdout_of_their_own(programme):
    write(programme, "stores", unit="store")
    with pytest.raises(InputError, match="holds out contact, account only"):
        record_units(programme, "stores", UnitBatch(ids=["s_1"]), at=FIRST)


def test_two_experiments_cannot_both_be_the_global_holdout(programme):
    for name in ("one", "two"):
        write(programme, name, "scope: global")
    record_units(programme, "one", UnitBatch(ids=IDS), at=FIRST)
    with pytest.raises(WorkspaceError, match="the salt 'gh-2026h1' of one"):
        record_units(programme, "two", UnitBatch(ids=IDS), at=FIRST)


def test_moved_and_merged_contacts_keep_their_first_arm_flagged(programme):
    write(programme, "expansion", unit="account")
    record_units(programme, "expansion", UnitBatch(ids=ACCOUNTS), at=FIRST)
    arms = arms_of(ledger_of(programme), "expansion")
    off, on = (next(unit for unit, arm in arms.items() if arm == wanted) for wanted in ("holdout", "mail"))
    out = programme.root / "out.csv"

    def export(rows, merged=None):
        contacts = table(programme, "contacts.csv", "contact,account", rows)
        export_contacts(
            programme, "expansion", contacts, out, contact_column="contact", account_column="account", merged=merged
        )
        rows = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
        return {row["contact_id"]: (row["arm"], row["flag"]) for row in rows}

    keep = [c for c in IDS if hash_units("global", "gh-2026h1", "contact", [c])[0] >= cut("10%")][:4]
    assert export([(keep[0], off), (keep[1], on), (keep[2], on)]) == {
        keep[0]: ("holdout", ""),
        keep[1]: ("mail", ""),
        keep[2]: ("mail", ""),
    }
    merged = table(programme, "merged.csv", "merged,kept", [(keep[1], keep[3])])
    assert export([(keep[0], on), (keep[3], off), (keep[2], on)], merged) == {
        keep[0]: ("holdout", "moved"),
        keep[3]: ("mail", "merged"),
        keep[2]: ("mail", ""),
    }
    assert audit_ledger(programme).passed


def test_erased_units_leave_every_file_and_the_audit_still_passes(programme):
    run_all(programme)
    newsletter = arms_of(ledger_of(programme), "newsletter")
    gone = ["c_000007", *list(newsletter)[:5], next(iter(arms_of(ledger_of(programme), "expansion")))]
    before = audit_ledger(programme)
    file = table(programme, "forget.csv", "id", [(unit,) for unit in gone])
    answer = erase_units(programme, file, unit_column="id")
    assert answer.found >= len(gone)
    after = audit_ledger(programme)
    assert after.passed, [check.sentence for check in after.checks()]
    assert sum(one.rows for one in after.experiments) == sum(one.rows for one in before.experiments) - answer.found
    record_units(programme, "winback", UnitBatch(ids=IDS), at=THIRD)  # overrides.csv still names one of them
    kept = list((programme.root / "ledger").rglob("*.json"))
    assert [path for path in kept for unit in gone if f'"{unit}"' in path.read_text(encoding="utf-8")] == []
    assert assign_units(programme, "newsletter", programme.root / "cohort.csv", at=FIRST).refused["erased"] >= 5


def test_a_cohort_drawn_at_once_takes_nobody_later(programme):
    write(programme, "newsletter", "cohort: {}")
    record_units(programme, "newsletter", UnitBatch(ids=IDS[:500]), at=FIRST)
    with pytest.raises(WorkspaceError, match="units are not in the cohort of 'newsletter'"):
        record_units(programme, "newsletter", UnitBatch(ids=IDS[:600]), at=FIRST)
    again = record_units(programme, "newsletter", UnitBatch(ids=IDS[:100]), at=SECOND)
    assert again.recorded + sum(again.refused.values()) == 100
    manifest = json.loads((programme.folder("newsletter") / "assignment.json").read_text(encoding="utf-8"))["cohort"]
    assert (manifest["units"], manifest["strata"], manifest["salt"]) == (500, 1, "newsletter")


def test_contacts_handed_in_with_their_accounts_inherit(programme):
    write(programme, "expansion", unit="account")
    accounts = [ACCOUNTS[i % 7] for i in range(50)]
    answer = record_units(programme, "expansion", UnitBatch(ids=IDS[:50], accounts=accounts), at=FIRST)
    assert answer.rows == 7
    arms = arms_of(ledger_of(programme), "expansion")
    inherited = arms_of(contact_ledger(programme), "expansion")
    assert inherited
    assert all(arms[accounts[IDS.index(unit)]] == arm for unit, arm in inherited.items())


BAD_OVERRIDES = {
    "no reason": ("unit,arm,reason\nc_1,mail,\n", "row 2: it gives no reason"),
    "unknown arm": ("unit,arm,reason\nc_1,male,vip\n", "row 2: there is no arm 'male'. Allowed: holdout, mail"),
    "twice": ("unit,arm,reason\nc_1,mail,vip\nc_1,,vip\n", "row 3: the unit stands above already"),
    "no column": ("id,arm\n", "no column 'unit', 'reason'"),
}


@pytest.mark.parametrize(("text", "words"), BAD_OVERRIDES.values(), ids=BAD_OVERRIDES)
def test_overrides_that_cannot_be_used_are_named_by_row_without_ids(programme, text, words):
    folder = write(programme, "winback", "overrides: overrides.csv")
    with pytest.raises(InputError, match=r"there is no experiments/winback/overrides\.csv"):
        plan_of(programme, "winback")
    (folder / "overrides.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        plan_of(programme, "winback")
    assert words in caught.value.message
    assert "c_1" not in caught.value.message


def test_overrides_may_be_added_and_come_too_late_for_those_on_record(programme):
    folder = write(programme, "winback", "overrides: overrides.csv")
    overrides = folder / "overrides.csv"
    overrides.write_text("unit,arm,reason\n", encoding="utf-8")
    record_units(programme, "winback", UnitBatch(ids=IDS[:100]), at=FIRST)
    arms = arms_of(ledger_of(programme), "winback")
    known = next(unit for unit, arm in arms.items() if arm == "holdout")
    overrides.write_text(f"unit,arm,reason\n{known},mail,vip\nc_009999,mail,vip\n", encoding="utf-8")
    answer = record_units(programme, "winback", UnitBatch(ids=[*IDS[:100], "c_009999"]), at=FIRST)
    assert answer.flags == ("1 overrides name units that were assigned before: they stay",)
    now = arms_of(ledger_of(programme), "winback")
    assert (now[known], now["c_009999"]) == ("holdout", "mail")
    assert audit_ledger(programme).passed
    overrides.write_text("unit,arm,reason\n", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="the overrides of"):
        plan_of(programme, "winback")


def test_a_frozen_plan_that_was_changed_by_hand_is_found(programme):
    folder = write(programme, "winback")
    record_units(programme, "winback", UnitBatch(ids=IDS), at=FIRST)
    path = folder / "assignment.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"lo": 0', '"lo": 1', 1), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="is not as it was frozen"):
        plan_of(programme, "winback")


def test_a_nested_experiment_needs_a_parent_with_units(programme):
    write(programme, "reminder", "within: {experiment: winbak, arms: [mail]}")
    write(programme, "winback")
    with pytest.raises(InputError, match="Did you mean 'winback'"):
        plan_of(programme, "reminder")
    write(programme, "reminder", "within: {experiment: winback, arms: [mail]}")
    with pytest.raises(WorkspaceError, match="which has none yet"):
        plan_of(programme, "reminder")


@pytest.mark.domain("X7")
def test_experiments_that_must_not_overlap_need_something_that_keeps_them_apart(programme):
    write(programme, "winback", "layer: lifecycle", "traffic: 0.5")
    record_units(programme, "winback", UnitBatch(ids=IDS), at=FIRST)
    write(programme, "upsell", "must_not_overlap: [winback]")
    with pytest.raises(WorkspaceError, match="'upsell' and 'winback' must not overlap"):
        record_units(programme, "upsell", UnitBatch(ids=IDS), at=FIRST)
    write(programme, "upsell", "must_not_overlap: [winback]", "layer: lifecycle", "traffic: 0.5")
    record_units(programme, "upsell", UnitBatch(ids=IDS), at=FIRST)
    ledger = ledger_of(programme)
    assert arms_of(ledger, "upsell").keys().isdisjoint(arms_of(ledger, "winback"))


@pytest.mark.domain("X9")
def test_regions_are_drawn_whole_and_their_stores_inherit(programme):
    (programme.root / "programme.yaml").write_text("# nothing shared\n", encoding="utf-8")
    write(programme, "local-ads", unit="region")
    regions = [f"r_{i}" for i in range(30)]
    record_units(programme, "local-ads", UnitBatch(ids=regions), at=FIRST)
    stores = table(programme, "stores.csv", "store,region", [(f"s_{i}", regions[i % 30]) for i in range(300)])
    told = export_contacts(
        programme,
        "local-ads",
        stores,
        programme.root / "out.csv",
        contact_column="store",
        account_column="region",
        unit="store",
    )
    arms = arms_of(ledger_of(programme), "local-ads")
    given = arms_of(contact_ledger(programme), "local-ads")
    assert told.rows == 300
    assert given == {f"s_{i}": arms[regions[i % 30]] for i in range(300)}
    assert audit_ledger(programme).passed


@pytest.mark.parametrize("lines", [("layer: lifecycle", "traffic: 0.5"), ("cohort: {}",)], ids=["layer", "cohort"])
def test_an_assignment_that_breaks_off_before_its_rows_can_be_run_again(programme, lines, monkeypatch):
    write(programme, "winback", *lines)
    with monkeypatch.context() as broken:
        broken.setattr("incrementality.assignment.ledger.Ledger.append", _break)
        with pytest.raises(OSError, match="no room"):
            record_units(programme, "winback", UnitBatch(ids=IDS), at=FIRST)
    plan = plan_of(programme, "winback")
    answer = record_units(programme, "winback", UnitBatch(ids=IDS), at=FIRST)
    assert plan_of(programme, "winback") == plan
    assert answer.recorded + sum(answer.refused.values()) == len(IDS)
    assert audit_ledger(programme).passed


def _break(*_):
    raise OSError("no room")
