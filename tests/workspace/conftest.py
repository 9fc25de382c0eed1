"""A small workspace with one experiment and its data."""

from __future__ import annotations

import random

import pytest

from incrementality.workspace import Workspace

EXPERIMENT = """\
id: mail
question: Does the mail bring customers back?
data: {source: mail.csv, unit: contact_id, arm: arm}
arms:
  - {name: holdout, share: 50%, control: true}
  - {name: mail, share: 50%}
metrics:
  - {name: bought, kind: conversion, role: primary}
"""


@pytest.fixture
def workspace(tmp_path):
    made = Workspace.create(tmp_path / "crm", example=False)
    folder = made.root / "experiments" / "mail"
    folder.mkdir()
    (folder / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
    rng = random.Random(7)  # noqa: S311 - sample data
    arms = ("holdout", "mail")
    rows = [f"c{i},{arms[i % 2]},{int(rng.random() < 0.2 + 0.15 * (i % 2))}" for i in range(600)]
    (folder / "mail.csv").write_text("\n".join(["contact_id,arm,bought", *rows, ""]), encoding="utf-8")
    return made
