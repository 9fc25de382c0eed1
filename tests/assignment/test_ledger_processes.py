"""Writers, compactions and readers at once, and writers that are killed: no row lost, doubled or changed."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from incrementality.assignment import assign
from incrementality.assignment.audit import audit
from incrementality.assignment.ledger import Ledger

WRITERS = Path(__file__).parent / "ledger_writers.py"
script = runpy.run_path(str(WRITERS))
PLAN, UNITS, batch_ids = script["PLAN"], script["UNITS"], script["batch_ids"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and forks are POSIX")

TRUTH = assign(PLAN, [f"c_{i:06d}" for i in range(UNITS)])
ARM = dict(zip(TRUTH.unit_id.tolist(), zip(TRUTH.arm.tolist(), TRUTH.hash.tolist(), strict=True), strict=True))


def acknowledged_units(notes: Path) -> tuple[int, set[str]]:
    """Batches whose append returned, and their units."""
    lines = [line.split() for line in notes.read_text().splitlines()]
    return len(lines), {unit for writer, number in lines for unit in batch_ids(int(writer), int(number))}


def read_units(ledger: Ledger) -> dict[str, tuple[str, int]]:
    found = ledger.read("winback")
    assert len(set(found.unit_id.tolist())) == len(found)
    rows = zip(found.arm.tolist(), found.hash.tolist(), strict=True)
    return dict(zip(found.unit_id.tolist(), rows, strict=True))


def fault_run(tmp_path: Path, kills: int, seed: int) -> dict[str, float]:
    """Let writers be killed; meanwhile, whatever was acknowledged before a read is in that read."""
    folder, notes, temporary = tmp_path / "ledger", tmp_path / "acknowledged", tmp_path / "tmp"
    notes.touch()
    temporary.mkdir()
    command = [sys.executable, str(WRITERS), folder, notes, str(kills), str(seed)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TMPDIR": str(temporary)}
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    reads = 0
    with Ledger(folder) as ledger:
        while run.poll() is None:
            batches, units = acknowledged_units(notes)
            if batches:
                found = read_units(ledger)
                assert units <= set(found), f"{len(units - set(found))} acknowledged units are missing"
                assert all(ARM[unit] == row for unit, row in found.items())
                reads += 1
        said, problems = run.communicate()
        assert run.returncode == 0, problems
        assert json.loads(said)["failed"] == 0, problems
        return {**json.loads(said), "reads": reads, **final_state(ledger, notes)}


def final_state(ledger: Ledger, notes: Path) -> dict[str, float]:
    batches, units = acknowledged_units(notes)
    found = read_units(ledger)
    assert units <= set(found)
    assert all(ARM[unit] == row for unit, row in found.items())
    checked = audit(ledger, [PLAN])
    assert checked.passed, checked.to_text()
    assert checked.experiments[0].explained == {"hash": len(found)}
    ledger.compact()
    assert read_units(ledger) == found
    assert len(list(ledger._folder.rglob("*.parquet"))) == 1
    assert list(ledger._folder.rglob("*.part")) == []
    return {"batches": batches, "units": len(found)}


def test_twenty_kills_lose_double_and_change_nothing(tmp_path):
    figures = fault_run(tmp_path, kills=20, seed=20260105)
    assert figures["batches"] > 20
    assert figures["reads"] > 0


@pytest.mark.slow
def test_two_hundred_kills_lose_double_and_change_nothing(tmp_path):
    figures = fault_run(tmp_path, kills=200, seed=20260106)
    print(figures)  # noqa: T201 - the figures of the run
    assert figures["batches"] > 200
