"""`incrementality evidence`: a table, the mean, what is left out and why nothing is summed; the same as JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from incrementality.cli import app
from incrementality.workspace import Workspace

TEXT = """\
id: {name}
question: Does it pay?
data: {{source: rows.csv, unit: id}}
arms:
  - {{name: holdout, share: 50%, control: true}}
  - {{name: mail, share: 50%}}
metrics:
  - {{name: spend, kind: revenue, unit: EUR, role: primary, window: 28d}}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    workspace = Workspace.create(tmp_path_factory.mktemp("cli") / "crm", example=False)
    for seed, name in enumerate(("winback", "cart", "planned")):
        folder = workspace.root / "experiments" / name
        folder.mkdir()
        rng = np.random.default_rng(seed)
        (folder / "experiment.yaml").write_text(TEXT.format(name=name), encoding="utf-8")
        rows = [f"{name}{i},{('holdout', 'mail')[i % 2]},{rng.gamma(1.0, 20.0) + i % 2}" for i in range(1000)]
        (folder / "rows.csv").write_text("\n".join(["id,arm,spend", *rows, ""]), encoding="utf-8")
        if name != "planned":
            workspace.readout(name)
    return workspace.root


def run(root, *words):
    return CliRunner().invoke(app, ["evidence", *words, "-w", str(root)])


def test_the_answer_is_a_table_with_its_mean_and_what_is_left_out(root):
    told = run(root)
    assert told.exit_code == 0
    for part in ("winback", "cart", "shrunken", "2 experiments on spend", "Left out", "planned: not read out"):
        assert part in told.stdout
    assert "The sum of the winners is not given" in told.stdout


def test_json_holds_the_record(root):
    content = json.loads(run(root, "--metric", "spend", "--json").stdout)
    assert [row["experiment_id"] for row in content["rows"]] == ["cart", "winback"]
    assert content["mean_ci_lower"] < content["mean"] < content["mean_ci_upper"]


def test_experiments_can_be_named(root):
    told = run(root, "cart")
    assert told.exit_code == 0
    assert "with one there is no mean" in " ".join(told.stdout.split())
    assert "winback" not in told.stdout
