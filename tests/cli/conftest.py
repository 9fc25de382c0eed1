"""A small workspace with data, and the command line called in this process."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from incrementality.cli import main
from incrementality.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "contact_id,arm,bought,spend"
EXPERIMENT = """\
id: mail
question: Does the mail bring customers back?
data: {source: mail.csv, unit: contact_id, arm: arm}
arms:
  - {name: holdout, share: 50%, control: true}
  - {name: mail, share: 50%}
metrics:
  - {name: bought, kind: conversion, role: primary}
  - {name: spend, kind: revenue, unit: EUR, role: secondary}
"""


@dataclass
class Answer:
    code: int
    out: str
    err: str


@dataclass
class Project:
    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "experiments" / "mail"

    def write(self, rows: list[str], header: str = HEADER) -> None:
        (self.folder / "mail.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")

    def replace(self, old: str, new: str) -> None:
        path = self.folder / "experiment.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.root)): p.read_bytes() for p in self.root.rglob("*") if p.is_file()}


def good_rows(n: int = 800) -> list[str]:
    rng = random.Random(7)  # noqa: S311 - sample data
    rows = []
    for i in range(n):
        arm = ("holdout", "mail")[i % 2]
        bought = int(rng.random() < (0.2 if arm == "holdout" else 0.35))
        rows.append(f"c{i},{arm},{bought},{bought * rng.randint(5, 90)}")
    return rows


@pytest.fixture
def rows():
    return good_rows()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A workspace with one experiment; the current folder."""
    workspace = Workspace.create(tmp_path / "crm", example=False)
    made = Project(workspace.root)
    made.folder.mkdir()
    (made.folder / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
    made.write(good_rows())
    monkeypatch.chdir(workspace.root)
    return made


@pytest.fixture
def run(monkeypatch, capsys):
    """Call the command line as a user does, in this process."""

    def call(*words: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["incrementality", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        shown = capsys.readouterr()
        return Answer(code, shown.out, shown.err)

    return call


@pytest.fixture
def refused(run):
    """Call a command that must fail with a named error, and return what it said."""

    def call(*words: str) -> str:
        answer = run(*words)
        assert answer.code == 1, answer
        assert answer.out == ""
        assert answer.err.startswith("Error: ")
        assert "\nNext:  " in answer.err
        assert "Traceback" not in answer.err
        return answer.err

    return call
