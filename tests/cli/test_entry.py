"""What decides who enters, as the users of the command line see it: what stayed out and why, what to mind."""

from __future__ import annotations

import csv
import json
import re

import pytest
from jsonschema import Draft202012Validator

PROGRAMME = """\
global_holdouts:
  - {salt: gh-2026h1, share: 10%}
  - {salt: gh-accounts, share: 10%, unit: account}
layers: [{name: lifecycle}]
"""
IDS = [f"c_{i:06d}" for i in range(1000)]


@pytest.fixture
def shared(project):
    """The workspace with a programme; a function that adds lines to the request of its experiment."""
    (project.root / "programme.yaml").write_text(PROGRAMME, encoding="utf-8")
    path = project.folder / "experiment.yaml"
    text = path.read_text(encoding="utf-8") + "request:\n  decision: Send it to all, or stop it.\n"

    def asking(*lines):
        path.write_text(text + "".join(f"  {line}\n" for line in lines), encoding="utf-8")

    asking()
    return asking


@pytest.fixture
def units(project):
    path = project.root / "units.csv"
    path.write_text("\n".join(["contact_id", *IDS, ""]), encoding="utf-8")
    return path


def told(answer, words):
    assert answer.code == 0, answer.err
    found = re.search(rf"{words}: ([\d,]+)", answer.out)
    assert found, answer.out
    return int(found[1].replace(",", ""))


def test_who_stayed_out_is_counted_by_reason(run, project, shared, units):
    shared("layer: lifecycle", "traffic: 0.5", "ramp: [{starts: 2026-01-05, traffic: 40%}]", "overrides: forced.csv")
    (project.folder / "forced.csv").write_text("unit,arm,reason\nc_000001,,a partner\n", encoding="utf-8")
    answer = run("holdout", "assign", "mail", "--units", units, "--at", "2026-01-06")
    recorded = int(re.match(r"(\d+) of 1,000 units of mail are on record", answer.out)[1])
    reasons = [
        "global holdout .status quo half.",
        "global holdout .all-shipped half.",
        "another slot of the layer",
        "not in the traffic yet",
        "a partner",
    ]
    assert recorded + sum(told(answer, f"stayed out, {reason}") for reason in reasons) == 1000
    assert re.search(r"plan [0-9a-f]{12}, phase 1", answer.out)
    assert "slots" in json.loads((project.root / "layers.json").read_text(encoding="utf-8"))["lifecycle"]


def test_a_wash_out_is_refused_and_flagged_where_the_request_says_so(run, refused, project, shared, units):
    rotated = "{salt: gh-b, share: 10%, replaces: gh-a, starts: 2026-07-01, washout_days: 28}"
    (project.root / "programme.yaml").write_text(f"global_holdouts: [{rotated}]\n", encoding="utf-8")
    words = ("holdout", "assign", "mail", "--units", units, "--at", "2026-07-02")
    assert "request.washout: flag" in refused(*words)
    shared("washout: flag")
    assert "mind: assigned in a wash-out: until 2026-07-29" in run(*words).out


def test_contacts_get_the_arms_of_their_accounts(run, project, shared):
    project.replace("unit: contact_id", "unit: account_id")
    project.replace("question:", "unit: account\nquestion:")
    accounts = project.root / "accounts.csv"
    accounts.write_text("\n".join(["account_id", *(f"a_{i}" for i in range(40)), ""]), encoding="utf-8")
    assert run("holdout", "assign", "mail", "--units", accounts).code == 0
    contacts, out = project.root / "contacts.csv", project.root / "out.csv"

    def export(shift):
        rows = [f"{unit},a_{(i + shift) % 40}" for i, unit in enumerate(IDS)]
        contacts.write_text("\n".join(["contact_id,account_id", *rows, ""]), encoding="utf-8")
        answer = run("holdout", "export", "mail", "--to", out, "--contacts", contacts)
        assert answer.code == 0, answer.err
        return answer, {r["contact_id"]: r for r in csv.DictReader(out.read_text(encoding="utf-8").splitlines())}

    first, before = export(0)
    assert told(first, "stayed out, global holdout .status quo half.") > 0
    assert {len({r["arm"] for r in before.values() if r["account_id"] == f"a_{i}"}) for i in range(40)} <= {0, 1}
    later, after = export(1)
    assert {unit: after[unit]["arm"] for unit in before} == {unit: row["arm"] for unit, row in before.items()}
    assert {after[unit]["flag"] for unit in before} == {"moved"}
    assert f"flagged moved: {len(before):,} moved to another account" in later.out
    sent = project.root / "sent.csv"
    lines = [f"{unit},mail,2100-01-01T00:00:00Z" for unit, row in after.items() if row["arm"] == "mail"]
    sent.write_text("\n".join(["unit,action,delivered_at", *lines, ""]), encoding="utf-8")
    assert run("holdout", "check", "mail", "--deliveries", sent).code == 0
    assert "the plans explain" in run("holdout", "audit").out
    assert "inherit nothing" in run_refused(run, project, contacts)


def run_refused(run, project, contacts):
    project.replace("unit: account\n", "")
    project.replace("unit: account_id", "unit: contact_id")
    (project.folder / "assignment.json").unlink()
    return run("holdout", "export", "mail", "--to", project.root / "x.csv", "--contacts", contacts).err


def test_merged_contacts_alone_are_a_misspelt_command(run, project, shared):
    answer = run("holdout", "export", "mail", "--to", project.root / "x.csv", "--merged", project.root / "m.csv")
    assert answer.code == 2


def test_a_cohort_drawn_at_once_has_exact_counts(run, project, shared):
    project.replace("holdout, share: 50%", "holdout, share: 10%")
    project.replace("mail, share: 50%", "mail, share: 90%")
    (project.root / "programme.yaml").write_text("# nothing\n", encoding="utf-8")
    shared_file = project.folder / "experiment.yaml"
    text = shared_file.read_text(encoding="utf-8") + "  cohort: {strata: [country]}\n"
    shared_file.write_text(text, encoding="utf-8")
    units = project.root / "cohort.csv"
    rows = [f"{unit},{('DE', 'FR')[i % 5 == 0]}" for i, unit in enumerate(IDS)]
    units.write_text("\n".join(["contact_id,country", *rows, ""]), encoding="utf-8")
    answer = run("holdout", "assign", "mail", "--units", units)
    assert re.search(r"holdout +100 +10\.00%", answer.out), answer.out
    manifest = json.loads((project.folder / "assignment.json").read_text(encoding="utf-8"))["cohort"]
    assert (manifest["strata"], manifest["strata_columns"], manifest["source"]) == (2, ["country"], "cohort.csv")
    assert run("holdout", "audit").code == 0


def test_a_mistake_in_the_programme_is_named_with_its_line(refused, project, units):
    (project.root / "programme.yaml").write_text("layers:\n  - {nam: mail}\n", encoding="utf-8")
    assert "line 2, layers[0].nam: the key 'nam' is unknown" in refused("holdout", "assign", "mail", "--units", units)


def test_the_schema_of_the_programme_accepts_what_is_read(run, project):
    schema = json.loads(run("schema", "--programme").out)
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == "Programme"
    layer = {"name": "lifecycle", "slots": [{"experiment": "mail", "share": "25%"}]}
    good = {
        "global_holdouts": [{"salt": "gh", "share": "5%"}],
        "units": {"email": {"case": "lower"}},
        "layers": [layer],
    }
    assert Draft202012Validator(schema).is_valid(good)
    assert not Draft202012Validator(schema).is_valid({"layers": [{"nam": "x"}]})


def test_sql_draws_the_phase_of_a_day_with_everything_that_decides(run, project, shared):
    shared(
        "layer: lifecycle",
        "traffic: 0.5",
        "ramp: [{starts: 2026-01-05, traffic: 25%}, {starts: 2026-01-12, traffic: 100%}]",
    )
    words = ("holdout", "sql", "mail", "--table", "contacts")
    early, late = run(*words, "--at", "2026-01-05").out, run(*words, "--at", "2026-01-12").out
    assert 'phase "1"' in early
    assert 'phase "2"' in late
    assert "1/exp/mail/contact/" in early
    assert "1/exp/mail/contact/" not in late
    assert all("1/layer/lifecycle/contact/" in text and "1/global/gh-2026h1/contact/" in text for text in (early, late))


@pytest.mark.domain("X1")
def test_the_printed_sql_and_the_ledger_agree_in_a_whole_programme(run, project, shared, units):
    import duckdb

    shared("layer: lifecycle", "traffic: 0.5", "ramp: [{starts: 2026-01-05, traffic: 60%}]", "overrides: forced.csv")
    (project.folder / "forced.csv").write_text("unit,arm,reason\nc_000001,mail,a partner\n", encoding="utf-8")
    sql = run("holdout", "sql", "mail", "--table", "contacts", "--at", "2026-01-06").out
    arms = project.root / "arms.csv"
    assert run("holdout", "assign", "mail", "--units", units, "--at", "2026-01-06").code == 0
    run("holdout", "export", "mail", "--to", arms)
    exported = {row["unit_id"]: row["arm"] for row in csv.DictReader(arms.read_text(encoding="utf-8").splitlines())}
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE contacts (contact_id VARCHAR)")
        engine.executemany("INSERT INTO contacts VALUES (?)", [[unit] for unit in IDS])
        drawn = dict(engine.sql(sql).filter("arm IS NOT NULL").project("unit_id, arm").fetchall())
    assert exported == drawn
    assert exported["c_000001"] == "mail"
