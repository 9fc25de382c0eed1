"""Notebooks converse, the package computes: every notebook and every template is thin."""

from __future__ import annotations

import ast
import copy
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(
    path
    for folder in ("notebooks", "incrementality")
    for path in (ROOT / folder).rglob("*.ipynb")
    if ".ipynb_checkpoints" not in path.parts
)
MOST_CODE_CELLS = 12
MOST_LINES = 12
TEMPLATE = ROOT / "incrementality" / "workspace" / "templates" / "readout.ipynb"
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def faults(notebook: dict) -> list[str]:
    """Return what keeps a notebook from being thin, one line a fault."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    found = [f"{len(code)} code cells, more than {MOST_CODE_CELLS}"] if len(code) > MOST_CODE_CELLS else []
    for cell in code:
        text = "".join(cell["source"])
        found += [
            f"cell {cell['id']}: defines in line {node.lineno}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, DEFINITIONS)
        ]
        if len(text.splitlines()) > MOST_LINES:
            found.append(f"cell {cell['id']}: more than {MOST_LINES} lines")
        if cell["outputs"] or cell["execution_count"] is not None:
            found.append(f"cell {cell['id']}: outputs are not stripped")
    if sum("parameters" in cell["metadata"].get("tags", ()) for cell in code) != 1:
        found.append("not exactly one cell is tagged 'parameters'")
    return found + [
        f"metadata lacks {key}" for key in ("kernelspec", "language_info") if key not in notebook["metadata"]
    ]


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_template_is_among_them():
    assert TEMPLATE in NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_notebook_is_thin(path):
    assert faults(_read(path)) == []


def _with_code(text: str) -> dict:
    notebook = copy.deepcopy(_read(TEMPLATE))
    next(cell for cell in notebook["cells"] if cell["id"] == "read")["source"] = [text]
    return notebook


@pytest.mark.parametrize("text", ["def lift():\n    pass", "class Lift: ...", "lift = lambda: 1", "x = 1\n" * 13])
def test_a_planted_definition_or_a_long_cell_is_found(text):
    assert faults(_with_code(text))


def test_outputs_a_lost_tag_and_lost_metadata_are_found():
    notebook = _read(TEMPLATE)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code[0]["metadata"] = {}
    code[1]["outputs"] = [{"output_type": "stream"}]
    notebook["metadata"] = {}
    assert len(faults(notebook)) == 4
