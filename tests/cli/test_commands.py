"""What the commands do when all is well."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest


def test_init_makes_the_folders_settings_and_an_example(run, tmp_path):
    answer = run("init", str(tmp_path / "crm"))
    assert answer.code == 0
    assert "incrementality readout winback-example --workspace" in answer.out
    found = {str(path.relative_to(tmp_path / "crm")) for path in (tmp_path / "crm").rglob("*") if path.is_file()}
    settings = {"incrementality.yaml", "programme.yaml"}
    assert found == {*settings, "experiments/.gitignore", "experiments/winback-example/experiment.yaml"}
    assert {path.name for path in (tmp_path / "crm").iterdir() if path.is_dir()} == {
        "experiments",
        "notebooks",
        "reports",
    }


def test_init_keeps_customer_rows_out_of_git(run, tmp_path):
    run("init", str(tmp_path))
    rows = tmp_path / "experiments" / "winback-example" / "winback.csv"
    rows.write_text("contact_id\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S607 - git as installed
    asked = subprocess.run(["git", "-C", str(tmp_path), "check-ignore", "-q", str(rows)], check=False)  # noqa: S607
    assert asked.returncode == 0


def test_a_second_init_changes_nothing(run, tmp_path):
    run("init", str(tmp_path))
    example = tmp_path / "experiments" / "winback-example" / "experiment.yaml"
    example.unlink()
    settings = tmp_path / "incrementality.yaml"
    settings.write_text("memory_limit: 1GB\n", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    answer = run("init", str(tmp_path))
    assert answer.code == 0
    assert "none yet" in answer.out
    assert sorted(tmp_path.rglob("*")) == before
    assert settings.read_text(encoding="utf-8") == "memory_limit: 1GB\n"


def test_init_leaves_the_files_of_an_existing_project_alone(run, tmp_path):
    (tmp_path / ".gitignore").write_text("mine\n", encoding="utf-8")
    run("init", str(tmp_path))
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "mine\n"


def test_readout_without_id_lists_the_experiments(run, project):
    answer = run("readout")
    assert answer.code == 0
    assert answer.out == "Experiments here:\n  mail\nNext: incrementality readout mail\n"


def test_readout_prints_verdict_effects_checks_and_where_the_page_lies(run, project):
    answer = run("readout", "mail")
    assert answer.code == 0, answer.err
    for word in ["TRUST", "Effects against holdout", "bought", "Checks:", "Rows: 800 read, 800 kept", "Page:"]:
        assert word in answer.out
    assert "experiments/mail/readout.html" in answer.out
    assert (project.folder / "readout.html").is_file()


def test_readout_fits_eighty_columns(run, project, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, run("readout", "mail").out.splitlines())) <= 80


def test_the_table_is_aligned(run, project):
    lines = run("readout", "mail").out.splitlines()
    head = next(i for i, line in enumerate(lines) if line.split()[:1] == ["metric"])
    assert len({len(line) for line in lines[head : head + 3]}) == 1


def test_readout_writes_its_two_files_and_what_git_ignores(run, project):
    before = set(project.files())
    run("readout", "mail")
    found = set(project.files()) - before
    shown = {name for name in found if not name.startswith("evidence/")}
    assert shown == {"experiments/mail/result.json", "experiments/mail/readout.html"}
    kept = {re.sub("[0-9a-f]{64}", "SHA", name) for name in found - shown}
    assert kept == {"evidence/.gitignore", "evidence/salt.json", "evidence/mail/influence-SHA.parquet"}


def test_json_prints_what_result_json_holds_and_nothing_else(run, project):
    answer = run("readout", "mail", "--json")
    assert answer.err == ""
    assert answer.out == (project.folder / "result.json").read_text(encoding="utf-8")
    assert json.loads(answer.out)["experiment_id"] == "mail"


def test_check_prints_json_too(run, project):
    run("readout", "mail")
    assert json.loads(run("readout", "mail", "--check", "--json").out)["grade"] == "trust"


def test_check_passes_after_a_readout_and_changes_nothing(run, project):
    run("readout", "mail")
    before = project.files()
    answer = run("readout", "mail", "--check")
    assert answer.code == 0
    assert "is what its result.json renders to" in answer.out
    assert project.files() == before


def test_show_sql_prints_the_sql_before_the_answer(run, project):
    out = run("readout", "mail", "--show-sql").out
    assert out.index("SELECT") < out.index("TRUST")


def test_show_sql_with_json_keeps_stdout_json(run, project):
    answer = run("readout", "mail", "--show-sql", "--json")
    assert json.loads(answer.out)
    assert "SELECT" in answer.err


def test_strict_exits_with_three_where_the_grade_is_do_not_use(run, project, rows):
    project.write([*rows, *(f"d{i},mail,0,0" for i in range(400))])
    assert run("readout", "mail").code == 0
    assert run("readout", "mail", "--strict").code == 3
    assert run("readout", "mail", "--strict", "--check").code == 3


def test_a_failed_check_is_told_in_a_sentence(run, project, rows):
    project.write([*rows, *(f"d{i},mail,0,0" for i in range(400))])
    out = run("readout", "mail").out
    assert "DO NOT USE" in out
    assert "  failed  sample ratio: " in out


@pytest.mark.parametrize(
    "words",
    [
        ("readout", "--json"),
        ("readout", "--check"),
        ("readout", "mail", "--check", "--show-sql"),
        ("demo", "--seed", "-1"),
        ("notebook",),
    ],
)
def test_words_that_do_not_fit_exit_with_two(run, project, words):
    answer = run(*words)
    assert answer.code == 2
    assert answer.out == ""


def test_notebook_is_written_once_and_anew_only_when_asked(run, project, refused):
    answer = run("notebook", "mail")
    assert "notebooks/mail.ipynb" in answer.out
    assert "Next: jupyter lab" in answer.out
    path = project.root / "notebooks" / "mail.ipynb"
    path.write_text("mine", encoding="utf-8")
    assert "--replace" in refused("notebook", "mail")
    assert path.read_text(encoding="utf-8") == "mine"
    assert run("notebook", "mail", "--replace").code == 0
    assert json.loads(path.read_text(encoding="utf-8"))["nbformat"] == 4


def test_schema_prints_json(run):
    assert json.loads(run("schema").out)["title"] == "Experiment"


def test_a_workspace_is_found_from_inside_and_by_name(run, project, monkeypatch, tmp_path):
    monkeypatch.chdir(project.folder)
    assert run("readout", "mail").code == 0
    monkeypatch.chdir(tmp_path)
    assert run("readout", "mail", "--workspace", "crm").code == 0


def test_a_terminal_without_utf8_gets_no_traceback(project):
    project.replace("customers back?", "customers back\N{RIGHT SINGLE QUOTATION MARK}?")
    project.replace("name: mail,", "name: mäil,")
    text = (project.folder / "mail.csv").read_text(encoding="utf-8")
    (project.folder / "mail.csv").write_text(text.replace(",mail,", ",mäil,"), encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for words in (["mail"], ["mail", "--json"]):
        command = [sys.executable, "-m", "incrementality", "readout", *words]
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["arms"][1]["name"] == "mäil"


def test_colours_appear_on_a_terminal_only_and_never_with_no_color(project):
    pty = pytest.importorskip("pty", reason="terminals like this are POSIX")
    seen = {}
    for name, more in {"terminal": {}, "no color": {"NO_COLOR": "1"}}.items():
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "incrementality", "notebook", "gone"]
        environment = {**{key: value for key, value in os.environ.items() if key != "NO_COLOR"}, **more}
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, check=False, env=environment)
        os.close(theirs)
        seen[name] = os.read(ours, 200)
        os.close(ours)
        assert done.returncode == 1
    assert b"\x1b[31m" in seen["terminal"]
    assert b"\x1b[" not in seen["no color"]


def test_a_reader_that_stops_reading_gets_no_traceback(project):
    command = f"{sys.executable} -m incrementality schema | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert done.stderr == ""
