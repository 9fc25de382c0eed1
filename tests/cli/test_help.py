"""What the command line says of itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from incrementality.cli.commands import app

COMMANDS = {
    "init": ["DIR", "incrementality init my-crm", "second run changes nothing"],
    "evidence": ["[ID]...", "--metric NAME", "--workspace DIR", "--json", "Null results"],
    "readout": [
        "ID",
        "--workspace DIR",
        "--json",
        "--show-sql",
        "--check",
        "--strict",
        "incrementality readout winback-2026q1 --json",
    ],
    "notebook": ["ID", "--replace", "incrementality notebook winback-2026q1"],
    "demo": ["--into DIR", "--seed N", "incrementality demo --into another-demo --seed 7"],
    "schema": ["incrementality schema > experiment.schema.json"],
    "status": ["--json", "incrementality status --json"],
    "attribute": [
        "PERIOD",
        "--for NAME",
        "--show-sql",
        "--hash-ids",
        "--check",
        "incrementality attribute init",
        "Credit says who touched",
    ],
    "audit-data": ["PERIOD", "--hash-ids", "--json", "--show-sql", "incrementality audit-data --hash-ids"],
    "definitions": ["--owner NAME", "--reason TEXT", "--approved-by NAME", "--from DAY", "--json"],
    "deal": ["ID", "--json", "--show-sql", "incrementality deal o_0000123"],
    "conclude": ["ID", "--decision WORD", "--despite TEXT", "incrementality conclude mail --decision scale"],
}
HEAVY = {"pandas", "numpy", "scipy", "statsmodels", "matplotlib", "duckdb", "sqlglot", "pydantic", "rich.console"}


def test_the_commands_are_these():
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert names == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_examples(run, command):
    answer = run(command, "--help")
    assert answer.code == 0
    assert "Examples:" in answer.out
    assert [word for word in COMMANDS[command] if word not in answer.out] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_eighty_columns(run, command):
    assert max(map(len, run(command, "--help").out.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_names_options_that_exist(run, command):
    text = run(command, "--help").out
    options = set(re.findall(r"--[a-z-]+", text.split("Examples:")[0]))
    assert set(re.findall(r"--[a-z-]+", text.split("Examples:")[1])) <= options


def test_without_a_command_it_teaches(run):
    answer = run()
    assert answer.code == 0
    assert answer.err == ""
    for word in ["incrementality demo", "incrementality init my-crm", "Exit codes:", *COMMANDS]:
        assert word in answer.out


def test_a_misspelt_command_is_guessed_and_exits_with_two(run):
    answer = run("raedout")
    assert answer.code == 2
    assert "readout" in answer.err


def test_the_version_is_printed(run):
    from incrementality import __version__

    assert run("--version").out == f"incrementality {__version__}\n"


def test_importing_the_command_line_loads_nothing_heavy():
    code = f"import sys, incrementality.cli; print(sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _processor_seconds() -> float:
    spent = os.times()
    return spent.children_user + spent.children_system


def test_help_is_quick():
    seconds = []
    for _ in range(3):
        before = _processor_seconds()
        subprocess.run([sys.executable, "-m", "incrementality", "--help"], capture_output=True, check=True)
        seconds.append(_processor_seconds() - before)
    assert min(seconds) < 0.5  # 0.2 on an idle machine; the wall clock would measure the neighbours
