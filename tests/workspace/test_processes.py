"""Several processes at once, and processes that are killed: answers match, nothing is half, no lock is stuck."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from incrementality.files import exclusive

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and locks are POSIX")

WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from incrementality.workspace import Workspace, result_text
from incrementality.files import write_files
from incrementality.report import render_readout
workspace = Workspace(sys.argv[1])
answer, files = workspace.stored_readout("mail"), workspace.files("mail")
print("ready", flush=True)
sys.stdin.readline()
for round in range(int(sys.argv[3])):
    mine = replace(answer, owner=f"{sys.argv[2]}-{round}")
    write_files({files.result: result_text(mine), files.page: render_readout(mine)})
"""
READOUT = ["-m", "incrementality", "readout", "mail", "--workspace"]


def _start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )


def _writers(workspace, count: int, rounds: int) -> list[subprocess.Popen[str]]:
    started = [_start("-c", WRITER, str(workspace.root), f"p{i}", str(rounds)) for i in range(count)]
    for process in started:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    return started


def _let_go(process: subprocess.Popen[str]) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


def test_eight_readouts_at_once_leave_a_matching_pair(workspace):
    started = [_start(*READOUT, str(workspace.root)) for _ in range(8)]
    for process in started:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert workspace.check("mail").rows.kept == 600
    assert list(workspace.folder("mail").glob(".*")) == []


def test_writers_in_many_rounds_never_show_a_pair_that_does_not_match(workspace):
    workspace.readout("mail")
    started = _writers(workspace, count=3, rounds=15)
    for process in started:
        _let_go(process)
    owners = set()
    while any(process.poll() is None for process in started):
        owners.add(workspace.check("mail").owner)  # raises where the pair does not match
    for process in started:
        _, said = process.communicate()
        assert process.returncode == 0, said
    owners.add(workspace.check("mail").owner)
    assert len(owners) > 1
    assert list(workspace.folder("mail").glob(".*")) == []


def test_killed_writers_leave_no_half_file_and_no_lock(workspace):
    workspace.readout("mail")
    rng = random.Random(11)  # noqa: S311 - moments to kill at
    started = _writers(workspace, count=6, rounds=10_000)
    for process in started:
        _let_go(process)
        time.sleep(rng.uniform(0.0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        folder = workspace.folder("mail")
        assert json.loads((folder / "result.json").read_text(encoding="utf-8"))["experiment_id"] == "mail"
        assert (folder / "readout.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
        with exclusive(folder, patience=0):
            pass
    workspace.readout("mail")
    workspace.check("mail")
    assert list(workspace.folder("mail").glob(".*")) == []


def test_a_readout_killed_at_any_moment_can_be_run_again(workspace):
    rng = random.Random(5)  # noqa: S311 - moments to kill at
    for _ in range(4):
        process = _start(*READOUT, str(workspace.root))
        time.sleep(rng.uniform(0.2, 1.6))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        result = workspace.folder("mail") / "result.json"
        assert not result.exists() or json.loads(result.read_text(encoding="utf-8"))
    workspace.readout("mail")
    workspace.check("mail")
