"""The page of proofs, made from marks in the tests: ``python tests/reference/make_limitations_page.py``."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "limitations.md"
HEAD = """\
# What is proven, and what is not

This page is made from the tests. Each row names an estimator, what meets it there (an independent implementation or a
published table), and to which relative tolerance; the test says why that tolerance. How often whole readouts err, and
how often their intervals hold the truth, stands cell by cell in [the truth grid](truth-grid.md), failures first; the
mistakes that readouts refuse stand among [the traps](traps.md).

| estimator | against | tolerance | test |
|---|---|---|---|
"""
NONE_FOUND = """
## None found

No well-kept independent implementation was found for these; simulated worlds with a known truth, and invariances, stand
in their place.

"""


def oracles() -> list[tuple[str, str, str, str]]:
    """Return every test that meets an independent implementation: estimator, against what, tolerance, where."""
    found = [row for path in sorted(TESTS.rglob("test_*.py")) for row in _marked(path)]
    return sorted(found, key=lambda row: (row[0].lower(), row[1]))


def _marked(path: Path) -> list[tuple[str, str, str, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    where = path.relative_to(TESTS).as_posix()
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    marks = [mark for node in functions for mark in node.decorator_list if isinstance(mark, ast.Call)]
    named = [mark for mark in marks if isinstance(mark.func, ast.Attribute) and mark.func.attr == "oracle"]
    rows = ([ast.literal_eval(argument) for argument in mark.args] for mark in named)
    return [(estimator, against, tolerance, where) for estimator, against, tolerance in rows]


def page() -> str:
    """Return the page's text."""
    rows = oracles()
    met = [row for row in rows if row[1] != "none found"]
    lines = [f"| {estimator} | {against} | {tolerance} | `{where}` |\n" for estimator, against, tolerance, where in met]
    alone = [
        f"* {estimator}: {stands} (`{where}`)\n"
        for estimator, against, stands, where in rows
        if against == "none found"
    ]
    return HEAD + "".join(lines) + (NONE_FOUND + "".join(alone) if alone else "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
