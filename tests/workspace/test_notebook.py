"""The analyst's notebook runs from top to bottom without a head, and shows what it promises."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from incrementality.workspace import Workspace

nbclient = pytest.importorskip("nbclient", reason="needs nbclient: install incrementality[notebooks]")
pytest.importorskip("ipykernel", reason="needs ipykernel: install incrementality[notebooks]")
nbformat = pytest.importorskip("nbformat", reason="needs nbformat: install incrementality[notebooks]")

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Run a notebook in its folder with the kernel of this interpreter."""
    kernel = tmp_path / "jupyter" / "kernels" / "this"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "this", "language": "python"}), encoding="utf-8"
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")

    def run(path):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        client = nbclient.NotebookClient(
            notebook, timeout=60, kernel_name="this", resources={"metadata": {"path": str(path.parent)}}
        )
        return client.execute()

    return run


@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq", "ignore::DeprecationWarning:jupyter_client")
def test_the_notebook_runs_and_shows_verdict_tables_and_figures(workspace, execute):
    done = execute(workspace.notebook("mail"))
    outputs = {cell["id"]: cell["outputs"] for cell in done.cells if cell["cell_type"] == "code"}
    assert "TRUST" in outputs["read"][0]["text"]
    assert "sample_ratio" in outputs["checks"][0]["data"]["text/html"]
    assert "bought" in outputs["estimates"][0]["data"]["text/html"]
    assert any(kind.startswith("image/") for kind in outputs["effects"][0]["data"])
    assert Workspace(workspace.root).check("mail").grade == "trust"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq", "ignore::DeprecationWarning:jupyter_client")
def test_the_notebook_of_a_full_experiment_runs_with_every_figure(tmp_path, execute):
    from incrementality.workspace import make_demo

    make_demo(tmp_path / "demo")
    done = execute(Workspace(tmp_path / "demo").notebook("winback-demo"))
    outputs = {cell["id"]: cell["outputs"] for cell in done.cells if cell["cell_type"] == "code"}
    for name in ("balance", "effects", "arms", "segments"):
        assert any(kind.startswith("image/") for kind in outputs[name][0]["data"]), name


@pytest.mark.domain("X1", "X3")
@pytest.mark.parametrize(
    ("name", "said", "pictures"),
    [
        ("tutorial-crm-journey", ["claimed:", "caused:", "the truth: +"], ["balance", "segments", "figure"]),
        ("tutorial-expansion-trigger", ["of the claim", "log-rank test", "the truth: EUR"], ["figure", "curves"]),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq", "ignore::DeprecationWarning:jupyter_client")
def test_a_tutorial_runs_and_ends_with_a_picture_and_a_decision(execute, name, said, pictures):
    done = execute(NOTEBOOKS / f"{name}.ipynb")
    outputs = {cell["id"]: cell["outputs"] for cell in done.cells if cell["cell_type"] == "code"}
    told = "".join(part.get("text", "") for parts in outputs.values() for part in parts)
    assert "TRUST" in outputs["world"][0]["text"]
    assert all(words in told for words in said), told
    for picture in pictures:
        assert any(kind.startswith("image/") for kind in outputs[picture][0]["data"]), picture
    assert done.cells[-1]["source"].startswith("## Decision")


def test_cells_about_what_was_not_declared_are_left_out(workspace):
    cells = json.loads(workspace.notebook("mail").read_text(encoding="utf-8"))["cells"]
    assert {"balance", "segments", "segments-title"}.isdisjoint(cell["id"] for cell in cells)


@pytest.mark.parametrize("hostile", ['mail"; import os #', "mail\n", "../mail"])
def test_an_id_cannot_smuggle_code_into_the_notebook(workspace, hostile):
    from incrementality.errors import IncrementalityError

    with pytest.raises(IncrementalityError):
        workspace.notebook(hostile)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq", "ignore::DeprecationWarning:jupyter_client")
def test_the_design_notebook_runs_and_shows_what_can_be_seen(workspace, execute):
    path = workspace.folder("mail") / "experiment.yaml"
    request = "request: {decision: Send it or stop., population: 2000, arrivals_per_week: 400, baseline: {mean: 0.1}}\n"
    text = path.read_text(encoding="utf-8").replace(
        "role: primary}", "role: primary, smallest_effect: {relative: 20%}}"
    )
    path.write_text(text + request, encoding="utf-8")
    done = execute(workspace.notebook("mail", design=True))
    outputs = {cell["id"]: cell["outputs"] for cell in done.cells if cell["cell_type"] == "code"}
    assert "easible" in outputs["design"][0]["text"]
    assert "registration hash" in outputs["facts"][0]["data"]["text/html"]
    assert all(any(kind.startswith("image/") for kind in outputs[k][0]["data"]) for k in ("share", "weeks"))


def test_no_design_notebook_without_a_request(workspace):
    from incrementality.errors import InputError

    with pytest.raises(InputError, match="asks for no holdout"):
        workspace.notebook("mail", design=True)


@pytest.mark.domain("R1", "M13", "G5")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq", "ignore::DeprecationWarning:jupyter_client")
def test_the_tutorial_of_attribution_sets_credit_beside_the_truth(execute):
    done = execute(NOTEBOOKS / "tutorial-attribution.ipynb")
    outputs = {cell["id"]: cell["outputs"] for cell in done.cells if cell["cell_type"] == "code"}
    assert "revenue_credited" in outputs["credit"][0]["data"]["text/html"]
    assert "each event once" in outputs["influence"][0]["data"]["text/html"]
    assert "credited: all of it" in outputs["truth"][0]["text"]
    assert done.cells[-1]["source"].startswith("## Decision")
