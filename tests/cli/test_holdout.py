"""The holdout commands, as their users see them."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from incrementality.assignment import hash_unit
from incrementality.cli.holdout import holdout

COMMANDS = {
    "sql": ["ID", "--table TABLE", "--dialect NAME", "incrementality holdout sql winback-2026q1"],
    "assign": ["ID", "--units FILE", "--json", "incrementality holdout assign winback-2026q1 --units eligible.csv"],
}


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
