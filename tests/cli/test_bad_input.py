"""Bad input: one named error with its next step, exit code 1, nothing written, nobody's values shown."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

ADDRESS = "ada@customer.example"
PASSWORD = "hunter2"  # noqa: S105 - a password to look for


def _no_arm(rows):
    return [row.replace(",mail,", ",holdout,") for row in rows]


BAD_ROWS = {
    "a null id": (lambda rows: [*rows, ",mail,0,0"], "contact_id"),
    "a blank id": (lambda rows: [*rows, "  ,mail,0,0"], "contact_id"),
    "an empty table": (lambda rows: [], "no rows"),
    "one arm only": (_no_arm, "mail"),
    "an outcome that is no number": (lambda rows: [*rows, f"{ADDRESS},mail,yes,0"], "bought"),
    "a conversion beyond one": (lambda rows: [*rows, f"{ADDRESS},mail,2,0"], "bought"),
    "a row too long": (lambda rows: [*rows, f"{ADDRESS},mail,0,0,{ADDRESS},5"], "mail.csv"),
}


@pytest.mark.parametrize(("change", "word"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_rows_are_refused_by_name_and_nothing_is_written(project, refused, rows, change, word):
    project.write(change(rows))
    before = project.files()
    said = refused("readout", "mail")
    assert word in said
    assert ADDRESS not in said
    assert project.files() == before


def test_float_ids_are_refused(project, refused, rows):
    project.write([f"{i}.5,{row.split(',', 1)[1]}" for i, row in enumerate(rows)])
    assert "decimals" in refused("readout", "mail")


def test_a_missing_column_is_named_with_the_one_that_was_meant(project, refused, rows):
    project.write(rows, header="contact_id,arm,bougth,spend")
    said = refused("readout", "mail")
    assert "'bought'" in said
    assert "'bougth'" in said


def test_a_file_of_no_bytes_is_refused(project, refused):
    (project.folder / "mail.csv").write_bytes(b"")
    refused("readout", "mail")


def test_a_broken_encoding_is_refused_without_the_line(project, refused, rows):
    content = "\n".join(["contact_id,arm,bought,spend", *rows, f"{ADDRESS} Müller,mail,0,0", ""])
    (project.folder / "mail.csv").write_bytes(content.encode("latin-1"))
    said = refused("readout", "mail")
    assert "UTF-8" in said
    assert ADDRESS not in said


def test_a_picture_that_calls_itself_parquet_is_refused(project, refused):
    (project.folder / "mail.parquet").write_bytes(b"\x89PNG" * 100)
    project.replace("mail.csv", "mail.parquet")
    assert "mail.parquet" in refused("readout", "mail")


def test_an_unknown_arm_is_counted_and_its_name_cannot_command_the_terminal(project, run, rows):
    project.write([*rows, *(f"x{i},\x1b[31mred,0,0" for i in range(3))])
    answer = run("readout", "mail")
    assert answer.code == 0
    assert "3" in answer.out
    assert "\\x1b[31mred" in answer.out
    assert "\x1b[31mred" not in answer.out
    assert run("readout", "mail", "--check").code == 0


def test_a_control_mean_of_zero_has_a_difference_and_no_lift(project, run, rows):
    """Nobody bought in the holdout: the difference is answered, a lift over nothing is not stated."""
    cells = [row.split(",") for row in rows]
    project.write([",".join([c[0], c[1], *(["0", "0"] if c[1] == "holdout" else c[2:])]) for c in cells])
    answer = run("readout", "mail")
    assert answer.code == 0, answer.err
    assert "nan" not in answer.out.lower()
    assert "from 0.00 % to" in answer.out
    assert run("readout", "mail", "--check").code == 0


def test_amounts_that_never_vary_give_an_answer_that_can_be_checked(project, run, rows):
    project.write([",".join([*row.split(",")[:3], "7"]) for row in rows])
    answer = run("readout", "mail", "--json")
    assert answer.code == 0, answer.err
    json.loads(answer.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert run("readout", "mail", "--check").code == 0


def test_a_missing_file_is_named(project, refused):
    (project.folder / "mail.csv").rename(project.folder / "male.csv")
    assert "male.csv" in refused("readout", "mail")


@pytest.mark.parametrize("source", ["../../../outside.csv", "/etc/passwd", "~/secrets.csv"])
def test_a_path_outside_the_workspace_is_refused(project, refused, source):
    project.replace("mail.csv", source)
    assert "outside the workspace" in refused("readout", "mail")


def test_a_link_out_of_the_workspace_is_refused(project, refused, tmp_path):
    (tmp_path / "outside.csv").write_text("contact_id\n", encoding="utf-8")
    (project.folder / "mail.csv").unlink()
    (project.folder / "mail.csv").symlink_to(tmp_path / "outside.csv")
    assert "outside the workspace" in refused("readout", "mail")


def test_an_experiment_that_is_a_link_out_of_the_workspace_is_refused(project, refused, tmp_path):
    project.folder.rename(tmp_path / "mail")
    project.folder.symlink_to(tmp_path / "mail")
    assert "link" in refused("readout", "mail")


@pytest.mark.parametrize(
    "written",
    ["../../etc", "/etc", "..", ".", "", "mail/../mail", "a\\b", "Mail", "x" * 300, "\x1b[31m", "-\n", "a\0b"],
)
def test_an_id_that_is_no_id_is_refused(project, refused, written):
    before = project.files()
    said = refused("readout", "--", written)
    assert "known here: mail" in said
    assert "\x1b" not in said
    assert max(map(len, said.splitlines())) < 250
    assert project.files() == before


@pytest.mark.parametrize("written", ["experiments/mail", "experiments/mail/experiment.yaml", "mial"])
def test_an_id_that_was_nearly_right_is_guessed(project, refused, written):
    assert "Did you mean 'mail'?" in refused("readout", written)


def test_every_problem_of_an_experiment_file_comes_with_its_line(project, refused):
    project.replace("role: primary", "role: main")
    project.replace("share: 50%, control", "share: 150%, control")
    said = refused("readout", "mail")
    assert "experiments/mail/experiment.yaml, line 5" in said
    assert "experiments/mail/experiment.yaml, line 8" in said
    assert "pydantic" not in said


def test_a_yaml_bomb_is_refused_at_once(project, refused):
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (project.folder / "experiment.yaml").write_text(bomb, encoding="utf-8")
    said = refused("readout", "mail")
    assert "anchor" in said
    (project.root / "incrementality.yaml").write_text(bomb, encoding="utf-8")
    assert "incrementality.yaml has" in refused("readout", "mail")


def test_an_unset_variable_is_named(project, refused, monkeypatch):
    monkeypatch.delenv("MAIL_CSV", raising=False)
    project.replace("mail.csv", '"${MAIL_CSV}"')
    assert "export MAIL_CSV=" in refused("readout", "mail")


def test_a_variable_may_point_outside_the_workspace(project, run, monkeypatch, tmp_path):
    (project.folder / "mail.csv").rename(tmp_path / "mail.csv")
    monkeypatch.setenv("MAIL_CSV", str(tmp_path / "mail.csv"))
    project.replace("mail.csv", '"${MAIL_CSV}"')
    assert run("readout", "mail").code == 0


def test_a_folder_without_a_workspace_says_how_to_make_one(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "incrementality init DIR" in refused("readout", "mail")
    assert "incrementality init DIR" in refused("readout")


def test_a_workspace_that_is_not_there_is_never_taken_for_the_one_above(project, refused):
    assert "there is no folder 'crn'" in refused("readout", "mail", "--workspace", "crn")


def test_init_refuses_a_file(refused, tmp_path):
    (tmp_path / "note").write_text("mine", encoding="utf-8")
    assert "is a file" in refused("init", str(tmp_path / "note"))
    refused("init", str(tmp_path / "note" / "crm"))
    (tmp_path / "experiments").write_text("mine", encoding="utf-8")
    refused("init", str(tmp_path))
    assert not (tmp_path / "incrementality.yaml").exists()


STALE = {
    "another schema version": ('"schema_version": 1', '"schema_version": 7'),
    "a number edited": ('"effect": 0.', '"effect": 1.'),
    "a number made a word": ('"effect": 0.', '"effect": "much", "x": 0.'),
    "a key renamed": ('"grade":', '"mark":'),
    "a bracket lost": ("{", ""),
    "somebody else's": ('"experiment_id": "mail"', '"experiment_id": "male"'),
}


@pytest.mark.parametrize(("old", "new"), STALE.values(), ids=STALE)
def test_an_edited_result_does_not_pass_the_check(project, run, refused, old, new):
    run("readout", "mail")
    path = project.folder / "result.json"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    said = refused("readout", "mail", "--check")
    assert "incrementality readout mail" in said
    assert said.count("Next:") == 1


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"7", b"\xff\xfe", b"[" * 100_000, b'{"schema_version": 1}'])
def test_a_result_that_is_none_does_not_pass_the_check(project, refused, content):
    (project.folder / "result.json").write_bytes(content)
    refused("readout", "mail", "--check")


def test_a_check_before_any_readout_says_what_to_run(project, refused):
    assert "has not been read out" in refused("readout", "mail", "--check")


def test_a_page_that_was_edited_or_lost_does_not_pass_the_check(project, run, refused):
    run("readout", "mail")
    page = project.folder / "readout.html"
    page.write_text(page.read_text(encoding="utf-8").replace("EUR", "USD"), encoding="utf-8")
    assert "readout.html" in refused("readout", "mail", "--check")
    page.unlink()
    assert "readout.html" in refused("readout", "mail", "--check")


def test_a_plan_that_changed_since_does_not_pass_the_check(project, run, refused):
    run("readout", "mail")
    project.replace("role: primary", "role: secondary")
    project.replace("unit: EUR, role: secondary", "unit: EUR, role: primary")
    assert "has changed" in refused("readout", "mail", "--check")


def _refuse_writing(monkeypatch, code):
    opened = Path.open

    def refuse(self, mode="r", *args, **options):
        if "x" in mode or "w" in mode:
            raise OSError(code, os.strerror(code), str(self))
        return opened(self, mode, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_leaves_the_old_result(project, run, refused, monkeypatch, code):
    run("readout", "mail")
    before = project.files()
    _refuse_writing(monkeypatch, code)
    assert os.strerror(code) in refused("readout", "mail")
    assert os.strerror(code) in refused("notebook", "mail")
    assert project.files() == before


def test_a_file_that_cannot_be_read_is_named(project, refused, monkeypatch):
    opened = Path.open

    def refuse(self, *args, **options):
        if self.name == "mail.csv":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    assert "mail.csv' cannot be opened: Permission denied" in refused("readout", "mail")


def test_a_folder_in_the_place_of_the_page_leaves_the_old_result(project, run, refused):
    run("readout", "mail")
    page = project.folder / "readout.html"
    page.unlink()
    page.mkdir()
    before = project.files()
    assert "in the way" in refused("readout", "mail")
    assert project.files() == before


def test_an_interrupted_readout_leaves_the_old_result(project, run, monkeypatch):
    run("readout", "mail")
    before = project.files()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("incrementality.workspace.project.render_readout", interrupt)
    answer = run("readout", "mail")
    assert answer.code != 0
    assert project.files() == before


@pytest.mark.parametrize(
    "words", [("readout", "mail"), ("readout", "mail", "--json"), ("readout", "mail", "--show-sql")]
)
def test_no_password_is_shown_or_stored(project, run, refused, words):
    settings = project.root / "incrementality.yaml"
    settings.write_text(f"warehouse: postgresql://ada:{PASSWORD}@127.0.0.1:9/crm\n", encoding="utf-8")
    project.replace("source: mail.csv", "table: mail")
    answer = run(*words)
    assert answer.code == 1
    assert answer.err.startswith("Error: ")
    assert PASSWORD not in answer.out + answer.err


def test_a_misspelt_address_shows_no_password(project, refused):
    settings = project.root / "incrementality.yaml"
    settings.write_text(f"warehouse: postgresql:ada:{PASSWORD}@db\nmemory: 1GB\n", encoding="utf-8")
    said = refused("readout", "mail")
    assert "line 1, warehouse: the value cannot be used" in said
    assert "line 2, memory: the key is unknown" in said
    assert PASSWORD not in said


def test_a_table_needs_a_warehouse_that_holds_tables(project, refused):
    project.replace("source: mail.csv", "table: mail")
    assert "warehouse" in refused("readout", "mail")


def test_an_unset_variable_of_the_warehouse_is_named(project, refused, monkeypatch):
    monkeypatch.delenv("CRM_URL", raising=False)
    (project.root / "incrementality.yaml").write_text("warehouse: ${CRM_URL}\n", encoding="utf-8")
    project.replace("source: mail.csv", "table: mail")
    assert "CRM_URL" in refused("readout", "mail")
