"""The holdout commands, as their users see them."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from incrementality.assignment import hash_unit
from incrementality.cli.group import holdout

COMMANDS = {
    "sql": ["ID", "--table TABLE", "--dialect NAME", "incrementality holdout sql winback-2026q1"],
    "assign": ["ID", "--units FILE", "--json", "incrementality holdout assign winback-2026q1 --units eligible.csv"],
    "design": ["ID", "--seed N", "incrementality holdout design winback-2026q1"],
    "sign": ["ID", "--role ROLE", "incrementality holdout sign winback-2026q1 --role owner"],
    "audit": ["--json", "incrementality holdout audit"],
    "export": ["ID", "--to FILE", "--arm ARM", "incrementality holdout export winback-2026q1 --to arms.csv"],
    "check": ["ID", "--deliveries FILE", "incrementality holdout check winback-2026q1 --deliveries sent.csv"],
    "health": ["ID", "--on DATE", "--json", "incrementality holdout health winback-2026q1"],
    "new": ["ID", "--interactive", "incrementality holdout new winback-2026q1 --interactive"],
    "decide": ["ID", "--until", "--reconstruct", "incrementality holdout decide winback-2026q1 --until 2026-02-01"],
    "may": ["ID", "--unit", "--at", "incrementality holdout may winback-2026q1 --unit c_000001"],
    "drift": ["ID", "--json", "incrementality holdout drift winback-2026q1"],
    "decline": ["ID", "--reason TEXT", "incrementality holdout decline winback-2026q1 --name 'Ada Lovelace'"],
    "pause": ["ID", "--reason TEXT", "incrementality holdout pause winback-2026q1 --name 'Ada Lovelace'"],
    "resume": ["ID", "--reason TEXT", "incrementality holdout resume winback-2026q1 --name 'Ada Lovelace'"],
    "stop": ["ID", "--reason TEXT", "incrementality holdout stop winback-2026q1 --name 'Ada Lovelace'"],
    "release": ["ID", "--to FILE", "--despite TEXT", "incrementality holdout release winback-2026q1 --to release.csv"],
    "erase": ["--units FILE", "--yes", "incrementality holdout erase --units forget.csv"],
}
REQUEST = """\
request:
  decision: Send the mail to everybody, or stop it.
  population: {population}
  holdout_share: {share}
  baseline: {{mean: 0.05}}
  approvals: [owner]
"""


@pytest.fixture
def units(project):
    path = project.root / "units.csv"
    path.write_text("contact_id\n" + "".join(f"c_{i:06d}\n" for i in range(1000)), encoding="utf-8")
    return path


def test_the_commands_are_these():
    assert {command.name for command in holdout.registered_commands} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_examples(run, command):
    text = run("holdout", command, "--help").out
    assert "Examples:" in text
    assert [word for word in COMMANDS[command] if word not in text] == []
    options = set(re.findall(r"--[a-z-]+", text.split("Examples:")[0]))
    assert set(re.findall(r"--[a-z-]+", text.split("Examples:")[1])) <= options


@pytest.mark.domain("X1")
def test_units_are_drawn_by_the_hash_and_stay_on_record(run, project, units):
    answer = run("holdout", "assign", "mail", "--units", units, "--workspace", project.root)
    held_out = sum(hash_unit("arm", "mail", "contact", f"c_{i:06d}") < 2**31 for i in range(1000))
    assert answer.code == 0, answer.err
    assert "1,000 of 1,000 units of mail are on record" in answer.out
    assert re.search(rf"holdout +{held_out} ", answer.out)


def test_a_second_run_changes_nothing(run, project, units):
    first = run("holdout", "assign", "mail", "--units", units, "-w", project.root, "--json")
    before = project.files()
    second = run("holdout", "assign", "mail", "--units", units, "-w", project.root, "--json")
    assert json.loads(first.out) == json.loads(second.out)
    assert project.files() == before


def test_changed_arms_are_refused_once_units_are_assigned(run, project, units):
    run("holdout", "assign", "mail", "--units", units, "-w", project.root)
    project.replace("{name: holdout, share: 50%", "{name: holdout, share: 40%")
    project.replace("{name: mail, share: 50%}", "{name: mail, share: 60%}")
    answer = run("holdout", "assign", "mail", "--units", units, "-w", project.root)
    assert (answer.code, answer.out) == (1, "")
    assert "are not those that units were assigned by" in answer.err


@pytest.mark.parametrize(
    ("rows", "words"),
    [("1.5\n", "neither text nor a whole number"), ('""\nc_1\n', "null|empty|blank"), ("", "no rows|no unit")],
)
def test_ids_that_cannot_be_used_record_nothing(run, project, units, rows, words):
    units.write_text("contact_id\n" + rows, encoding="utf-8")
    answer = run("holdout", "assign", "mail", "--units", units, "-w", project.root)
    assert answer.code == 1
    assert re.search(words, answer.err)
    assert not (project.folder / "assignment.json").exists()


def test_a_missing_column_is_named_with_those_that_are_there(run, project, units):
    answer = run("holdout", "assign", "mail", "--units", units, "--unit-column", "contact", "-w", project.root)
    assert answer.code == 1
    assert "Did you mean 'contact_id'?" in answer.err


def test_no_customer_row_enters_git(run, project, units):
    run("holdout", "assign", "mail", "--units", units, "-w", project.root)
    assert "c_000001" not in (project.folder / "assignment.json").read_text(encoding="utf-8")
    assert (project.root / "ledger" / ".gitignore").read_text(encoding="utf-8").splitlines()[-1] == "*"


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "spark", "bigquery", "snowflake", "redshift", "clickhouse"])
def test_sql_is_printed_for_every_dialect(run, project, dialect):
    answer = run("holdout", "sql", "mail", "--dialect", dialect, "--table", "crm.contacts", "-w", project.root)
    assert answer.code == 0
    assert f"-- dialect: {dialect}; executed: {dialect in {'duckdb', 'postgres', 'spark'}}" in answer.out


def test_the_printed_sql_draws_the_arms_on_record(run, project, units):
    import duckdb

    sql = run("holdout", "sql", "mail", "--table", "contacts", "-w", project.root).out
    run("holdout", "assign", "mail", "--units", units, "-w", project.root)
    counts = json.loads((project.folder / "assignment.json").read_text(encoding="utf-8"))["counts"]
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE contacts (contact_id VARCHAR)")
        rows = list(csv.reader(io.StringIO(units.read_text(encoding="utf-8"))))[1:]
        engine.executemany("INSERT INTO contacts VALUES (?)", rows)
        drawn = engine.sql(sql).aggregate("arm, count(*)").fetchall()
    assert dict(drawn) == counts


def ask(project, *, population=40000, share="auto"):
    project.replace("{name: bought, kind: conversion, role: primary}", BOUGHT)
    path = project.folder / "experiment.yaml"
    text = path.read_text(encoding="utf-8") + REQUEST.format(population=population, share=share)
    path.write_text(text, encoding="utf-8")


BOUGHT = "{name: bought, kind: conversion, role: primary, smallest_effect: {relative: 10%}}"


def test_a_request_gets_an_answer_and_a_page(run, project):
    ask(project, population=60000)
    answer = run("holdout", "design", "mail", "-w", project.root)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("Feasible: hold back")
    assert "<svg" in (project.folder / "design.html").read_text(encoding="utf-8")


def test_five_thousand_contacts_and_a_five_percent_holdout_are_refused_with_a_way_out(run, project):
    ask(project, population=5000, share=0.05)
    answer = run("holdout", "design", "mail", "-w", project.root)
    assert answer.out.startswith("Not feasible.")
    assert "79 %" in answer.out
    assert "A way out:" in answer.out


def test_an_experiment_without_a_request_says_what_to_write(run, project):
    answer = run("holdout", "design", "mail", "-w", project.root)
    assert answer.code == 1
    assert "request:" in answer.err


def test_a_signed_design_is_frozen_and_a_change_is_a_new_version(run, project):
    ask(project)
    run("holdout", "design", "mail", "-w", project.root)
    signed = run("holdout", "sign", "mail", "--role", "owner", "--name", "Ada", "-w", project.root)
    assert "Everybody has signed." in signed.out
    project.replace("population: 40000", "population: 50000")
    refused = run("holdout", "sign", "mail", "--role", "owner", "--name", "Ada", "-w", project.root)
    assert "has changed since it was designed" in refused.err
    assert "Version 2" in run("holdout", "design", "mail", "-w", project.root).out
    assert json.loads((project.folder / "design-v1.json").read_text(encoding="utf-8"))["sign_offs"]


def test_only_roles_that_have_to_sign_may(run, project):
    ask(project)
    run("holdout", "design", "mail", "-w", project.root)
    answer = run("holdout", "sign", "mail", "--role", "intern", "--name", "Bob", "-w", project.root)
    assert answer.code == 1
    assert "owner" in answer.err


def test_the_audit_explains_every_row(run, project, units):
    run("holdout", "assign", "mail", "--units", units, "-w", project.root)
    answer = run("holdout", "audit", "-w", project.root)
    assert answer.code == 0
    assert "the plans explain 1,000 of 1,000 assignments" in answer.out


def test_what_is_exported_is_what_was_drawn_and_a_leak_is_found(run, project, units):
    run("holdout", "assign", "mail", "--units", units, "-w", project.root)
    arms = project.root / "arms.csv"
    run("holdout", "export", "mail", "--to", arms, "-w", project.root)
    rows = list(csv.DictReader(arms.read_text(encoding="utf-8").splitlines()))
    sent = project.root / "sent.csv"

    def log(chosen):
        lines = [f"{row['unit_id']},mail,2100-01-01T00:00:00Z\n" for row in chosen]
        sent.write_text("unit,action,delivered_at\n" + "".join(lines), encoding="utf-8")
        return run("holdout", "check", "mail", "--deliveries", sent, "-w", project.root)

    assert log([row for row in rows if row["arm"] == "mail"]).code == 0
    leaked = log(rows)
    assert leaked.code == 1
    assert "failed" in leaked.out


def test_erased_units_are_gone_and_stay_counted(run, project, units):
    run("holdout", "assign", "mail", "--units", units, "-w", project.root)
    forget = project.root / "forget.csv"
    forget.write_text("contact_id\nc_000001\nc_000002\n", encoding="utf-8")
    answer = run("holdout", "erase", "--units", forget, "--unit-column", "contact_id", "--yes", "-w", project.root)
    assert answer.out.startswith("2 ids erased")
    assert "Not cleared" not in answer.out
    again = run("holdout", "assign", "mail", "--units", units, "-w", project.root)
    assert "stayed out, erased: 2" in again.out
    assert "explain 998 of 998" in run("holdout", "audit", "-w", project.root).out


def test_an_erasure_says_where_units_may_still_be_named(run, project, units):
    run("holdout", "assign", "mail", "--units", units, "-w", project.root)
    (project.root / "decisions").mkdir()
    (project.root / "decisions" / "run-0.parquet").write_bytes(b"")
    answer = run("holdout", "erase", "--units", units, "--unit-column", "contact_id", "--yes", "-w", project.root)
    assert "Not cleared: decisions/ may still name them" in answer.out


@pytest.mark.domain("X4")
def test_health_shows_no_effect_and_says_when_it_will(run, project):
    project.replace("role: secondary}", "role: guardrail, direction: decrease}")
    answer = run("holdout", "health", "mail")
    assert answer.code == 0, answer.err
    assert "Guardrails" in answer.out
    assert "bought" not in answer.out
    assert "is not read before its day. No look is registered." in " ".join(answer.out.split())
    assert "bought" not in run("holdout", "health", "mail", "--json").out
