"""What an import costs, and which way imports point."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("pandas", "scipy.stats", "statsmodels", "matplotlib", "duckdb", "sqlglot", "dowhy", "pyarrow", "pyspark")


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import incrementality",
        "import incrementality.cli",
        "from typer.testing import CliRunner; from incrementality.cli import app; CliRunner().invoke(app, ['--help'])",
    ],
)
def test_an_import_loads_nothing_heavy(statement):
    assert not modules_after(statement) & set(HEAVY)


def test_a_readout_from_a_file_loads_neither_pandas_nor_scipy_stats():
    statement = "import incrementality; incrementality.read_out; incrementality.connect"
    assert not modules_after(statement) & {"pandas", "scipy.stats", "statsmodels", "matplotlib", "pyarrow"}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts on a package in a folder of its own."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    environment = {"PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_imports_point_one_way():
    answer = lint_imports(ROOT)
    assert answer.returncode == 0, answer.stdout


def test_a_planted_upward_import_is_refused(tmp_path):
    import shutil

    shutil.copytree(ROOT / "incrementality", tmp_path / "incrementality", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert lint_imports(tmp_path).returncode == 0
    with (tmp_path / "incrementality" / "errors.py").open("a") as file:
        file.write("\nimport incrementality.lift\n")
    answer = lint_imports(tmp_path)
    assert answer.returncode != 0
    assert "imports point one way BROKEN" in answer.stdout
