"""Influence values on disk: what they add up to, that nobody is named in them, and that they stay as they are."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from incrementality.errors import WorkspaceError
from incrementality.warehouse.parquet import ParquetEngine, parquet_table
from incrementality.warehouse.sql import parse
from incrementality.workspace import Workspace
from incrementality.workspace.influence_files import read_influence
from incrementality.workspace.lifecycle import stop_experiment

PERSONAL = "ana.personal@example.com"


@pytest.fixture
def named(workspace):
    """The workspace with ids that would show in any file that holds them."""
    path = workspace.folder("mail") / "mail.csv"
    text = (
        path.read_text(encoding="utf-8").replace("\nc", "\nsecret-person-").replace("secret-person-0,", f"{PERSONAL},")
    )
    path.write_text(text, encoding="utf-8")
    return workspace


def stored(workspace):
    (path,) = (workspace.root / "evidence" / "mail").glob("*.parquet")
    return path


def test_the_squares_add_up_to_the_variance_of_the_effect(workspace):
    readout = workspace.readout("mail")
    values = read_influence(workspace, readout, "bought").values["bought", "mail"]
    means = {mean.arm: mean.standard_error for mean in readout.means}
    assert values @ values == pytest.approx(means["mail"] ** 2 + means["holdout"] ** 2, rel=1e-9)
    assert abs(values.sum()) < 1e-12


def test_nobody_is_named_in_what_is_written(named):
    named.readout("mail")
    files = [*(named.root / "evidence").rglob("*"), named.files("mail").result, named.files("mail").page]
    contents = [path.read_bytes() for path in files if path.is_file()]
    assert len(contents) >= 5
    assert not any(b"secret-person" in content or PERSONAL.encode() in content for content in contents)
    with ParquetEngine() as engine:
        columns = engine.columns(parse("SELECT * FROM files", files=parquet_table([stored(named)])))
    assert all(values.dtype.kind in "iuf" for values in columns.values())


def test_another_workspace_makes_other_keys_of_the_same_ids(workspace, tmp_path):
    other = Workspace.create(tmp_path / "other", example=False)
    folder = other.root / "experiments" / "mail"
    folder.mkdir()
    for name in ("experiment.yaml", "mail.csv"):
        (folder / name).write_bytes((workspace.folder("mail") / name).read_bytes())
    keys = [read_influence(one, one.readout("mail"), "bought").keys for one in (workspace, other)]
    assert not set(keys[0]) & set(keys[1])


def test_git_sees_nothing_of_the_folder(workspace):
    workspace.readout("mail")
    git = shutil.which("git") or pytest.skip("git is not installed")
    subprocess.run([git, "init", "-q"], cwd=workspace.root, check=True)
    told = subprocess.run([git, "status", "--porcelain", "-uall"], cwd=workspace.root, check=True, capture_output=True)
    assert b"evidence/" not in told.stdout


def test_the_same_answer_again_writes_nothing(workspace):
    workspace.readout("mail")
    before = stored(workspace).stat().st_mtime_ns
    workspace.readout("mail")
    assert stored(workspace).stat().st_mtime_ns == before


def test_rows_in_another_order_give_the_same_file(workspace):
    workspace.readout("mail")
    name = stored(workspace).name
    path = workspace.folder("mail") / "mail.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *reversed(rows), ""]), encoding="utf-8")
    workspace.readout("mail")
    assert stored(workspace).name == name


def test_accounts_add_up_their_units(workspace):
    path = workspace.folder("mail") / "experiment.yaml"
    text = path.read_text(encoding="utf-8").replace("unit: contact_id,", "unit: contact_id, cluster: account,")
    path.write_text(text, encoding="utf-8")
    rng = np.random.default_rng(5)
    rows = [f"c{i},{i // 6},{('holdout', 'mail')[i // 6 % 2]},{rng.integers(0, 2)}" for i in range(600)]
    csv = "\n".join(["contact_id,account,arm,bought", *rows, ""])
    (workspace.folder("mail") / "mail.csv").write_text(csv, encoding="utf-8")
    readout = workspace.readout("mail")
    assert readout.manifest["influence"]["accounts"] == 100
    assert len(read_influence(workspace, readout, "bought").keys) == 100


def test_data_without_ids_leaves_a_note(workspace):
    path = workspace.folder("mail") / "experiment.yaml"
    text = path.read_text(encoding="utf-8").replace("unit: contact_id,", "row_number_as_unit: true,")
    path.write_text(text, encoding="utf-8")
    readout = workspace.readout("mail")
    assert readout.manifest["influence"] == {"skipped": {"": "the data has no unit ids"}}
    with pytest.raises(WorkspaceError, match="holds no influence values: the data has no unit ids"):
        read_influence(workspace, readout, "bought")


def test_too_many_units_leave_a_note(workspace, monkeypatch):
    monkeypatch.setattr("incrementality.lift.influence._MOST_UNITS", 599)
    told = workspace.readout("mail").manifest["influence"]
    assert told == {"skipped": {"": "600 units are more than the 599 whose values are kept"}}


def test_a_damaged_file_says_what_to_do(workspace):
    readout = workspace.readout("mail")
    stored(workspace).write_bytes(b"no parquet")
    with pytest.raises(WorkspaceError, match="missing or damaged"):
        read_influence(workspace, readout, "bought")


def test_a_stop_before_the_end_is_told(workspace):
    assert workspace.readout("mail").evidence.stopped is None
    (workspace.folder("mail") / "assignment.json").write_text("{}", encoding="utf-8")
    stop_experiment(workspace, "mail", name="Ada", reason="Complaints.")
    (workspace.folder("mail") / "assignment.json").unlink()
    workspace.readout("mail")
    content = json.loads(workspace.files("mail").result.read_text(encoding="utf-8"))
    assert content["evidence"]["stopped"] is not None
