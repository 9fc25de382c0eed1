"""What the repository promises: the README's commands are those that run, and nothing that must stay out is in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked() -> list[Path]:
    git = shutil.which("git") or pytest.skip("no git on this machine")
    answer = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in answer.stdout.splitlines() if (ROOT / line).is_file()]


def test_continuous_integration_runs_the_tests_as_the_readme_does():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    command = re.search(r'\.\[dev\]" && (\.venv/bin/pytest[^\n`]*)', readme).group(1)
    assert ci.rstrip().endswith(command)


def test_no_data_and_no_generated_answer_is_in_git():
    refused = {".csv", ".gz", ".parquet", ".duckdb", ".pkl"}
    assert [path for path in tracked() if path.suffix in refused or path.name in {"result.json", "uv.lock"}] == []


def test_no_file_is_large():
    assert [path for path in tracked() if path.stat().st_size > 500_000] == []


def test_constraints_name_no_address():
    assert "://" not in (ROOT / "constraints.txt").read_text()


@pytest.mark.parametrize("word", ["TODO", "FIXME", "NotImplementedError"])
def test_nothing_is_left_for_later(word):
    code = [path for path in tracked() if path.suffix == ".py" and "incrementality" in path.parts]
    left = [path for path in code if word in path.read_text(encoding="utf-8") and path.name != "display.py"]
    assert left == []


def test_modules_stay_small():
    code = [path for path in tracked() if path.suffix == ".py" and path.is_relative_to(ROOT / "incrementality")]
    assert {path.name: n for path in code if (n := path.read_text(encoding="utf-8").count("\n")) > 400} == {}
