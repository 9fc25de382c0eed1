"""The demo shows the truth beside the estimate."""

from __future__ import annotations

import json
import time

import pytest


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    from incrementality.workspace import make_demo

    folder = tmp_path_factory.mktemp("demo") / "demo"
    started = time.perf_counter()
    demo = make_demo(folder)
    return folder, demo, time.perf_counter() - started


def test_the_demo_takes_less_than_thirty_seconds(made):
    assert made[2] < 30


def test_the_demo_writes_a_workspace_with_a_page(made):
    folder, demo, _ = made
    assert demo.page.is_file()
    assert demo.page.is_relative_to(folder.resolve())
    assert (folder / "data" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_every_comparison_has_its_truth_and_most_are_covered(made):
    rows = made[1].rows
    assert {row.metric for row in rows} == {"reactivated", "revenue", "orders per session", "unsubscribed"}
    assert sum(row.covers for row in rows) >= len(rows) - 1


def test_the_demo_prints_truth_estimate_and_page(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = run("demo", "--seed", "3")
    assert answer.code == 0
    assert "true effect" in answer.out
    assert "the truth" in answer.out
    assert "Page: demo/experiments/winback-demo/readout.html" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 100
    assert run("readout", "winback-demo", "--check", "-w", "demo").code == 0


def test_a_demo_refuses_a_folder_that_is_somebody_elses(run, refused, tmp_path):
    run("init", str(tmp_path / "mine"))
    assert "holds a workspace already" in refused("demo", "--into", str(tmp_path / "mine"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("all of it", encoding="utf-8")
    assert "holds something else already" in refused("demo", "--into", str(tmp_path / "other"))
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]
    assert "is a file" in refused("demo", "--into", str(tmp_path / "other" / "thesis.txt"))


def test_a_demo_that_was_interrupted_can_be_made_again_and_prints_json(run, tmp_path):
    folder = tmp_path / "demo"
    (folder / "data").mkdir(parents=True)
    (folder / "demo.json").write_text("{}", encoding="utf-8")
    (folder / "data" / ".0123456789abcdef.tmp").write_text("half", encoding="utf-8")
    content = json.loads(run("demo", "--into", str(folder), "--json").out)
    assert set(content) == {"page", "grade", "comparisons"}
    assert content["comparisons"][0]["true_effect"] > 0
    assert sorted(path.name for path in (folder / "data").iterdir()) == [".gitignore", "winback-demo.csv"]
