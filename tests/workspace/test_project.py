"""The workspace's verbs."""

from __future__ import annotations

import hashlib
import json

import pytest

from incrementality.errors import ExperimentNotFound, SourceNotFound, UnsafePath, WorkspaceNotFound
from incrementality.workspace import Workspace, result_text


def test_a_workspace_is_found_from_below(workspace):
    assert Workspace.find(workspace.root / "experiments" / "mail").root == workspace.root


def test_a_folder_that_is_no_workspace_says_so(tmp_path):
    with pytest.raises(WorkspaceNotFound, match=r"holds no incrementality\.yaml"):
        Workspace(tmp_path)
    with pytest.raises(WorkspaceNotFound, match="there is no folder"):
        Workspace.find(tmp_path / "gone")


def test_only_folders_with_an_experiment_file_count(workspace):
    (workspace.root / "experiments" / "draft").mkdir()
    hidden = workspace.root / "experiments" / ".ipynb_checkpoints"
    hidden.mkdir()
    (hidden / "experiment.yaml").write_text("", encoding="utf-8")
    assert workspace.experiment_ids() == ["mail"]


def test_an_id_never_leaves_the_experiments(workspace):
    for written in ("../mail", "/etc", "..", "mail/", "a\\b"):
        with pytest.raises(UnsafePath):
            workspace.folder(written)
    with pytest.raises(ExperimentNotFound, match="Did you mean 'mail'"):
        workspace.folder("Mail")


def test_experiments_may_themselves_be_a_link_to_a_shared_drive(workspace, tmp_path):
    shared = tmp_path / "shared"
    (workspace.root / "experiments").rename(shared)
    (workspace.root / "experiments").symlink_to(shared)
    assert workspace.folder("mail").is_dir()


def test_the_manifest_names_the_inputs_by_hash(workspace):
    manifest = workspace.readout("mail").manifest
    for name, key in (("experiment.yaml", "experiment_file_sha256"), ("mail.csv", "source_sha256")):
        content = (workspace.folder("mail") / name).read_bytes()
        assert manifest[key] == hashlib.sha256(content).hexdigest()


def test_what_was_stored_is_what_was_answered(workspace):
    answer = workspace.readout("mail")
    assert result_text(workspace.stored_readout("mail")) == result_text(answer)
    assert workspace.check("mail").verdict == answer.verdict


def test_two_readouts_differ_only_in_when_they_were_made(workspace):
    first, second = (json.loads(result_text(workspace.readout("mail"))) for _ in range(2))
    for content in (first, second):
        content["manifest"].pop("read_at")
    assert first == second


def test_an_open_engine_is_used_and_keeps_its_statements(workspace):
    with workspace.connect(workspace.locate(workspace.experiment("mail"))) as engine:
        workspace.readout("mail", warehouse=engine)
        assert engine.statements


def test_a_table_lies_in_the_workspaces_warehouse_with_its_variables_read(workspace, monkeypatch):
    path = workspace.folder("mail") / "experiment.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("source: mail.csv", "table: crm.mail"), encoding="utf-8")
    (workspace.root / "incrementality.yaml").write_text("warehouse: ${CRM_URL}", encoding="utf-8")
    project = Workspace(workspace.root)
    monkeypatch.setenv("CRM_URL", "postgresql://ada:secret@db/crm")
    locator = project.locate(project.experiment("mail"))
    assert (locator.table, locator.url) == ("crm.mail", "postgresql://ada:secret@db/crm")
    assert "secret" not in locator.written
    monkeypatch.delenv("CRM_URL")
    with pytest.raises(SourceNotFound, match="CRM_URL"):
        project.locate(project.experiment("mail"))


def test_files_are_read_by_the_embedded_engine_whatever_the_warehouse(workspace):
    (workspace.root / "incrementality.yaml").write_text("warehouse: postgresql://nowhere/crm", encoding="utf-8")
    assert Workspace(workspace.root).readout("mail").rows.kept == 600
