"""How many batches a second several processes append to one ledger in a folder, each durable when append returns.

    python tests/benchmarks/run_ledger.py FOLDER [--writers 8] [--rows 1000] [--seconds 10] [--rounds 5]

FOLDER must not hold a ledger yet; its disk is what is measured. Results go to tests/benchmarks/results/ledger.json.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from incrementality.assignment import assign, make_plan
from incrementality.assignment.batch import Assignments
from incrementality.assignment.ledger import Ledger

HERE = Path(__file__).parent
PLAN = make_plan("winback", {"holdout": 0.1, "mail": 0.9})


def batch_of(writer: int, number: int, rows: int) -> Assignments:
    ids = [f"c_{writer}_{number}_{i}" for i in range(rows)]
    return Assignments.of(PLAN, assign(PLAN, ids), assigned_at=datetime.now(UTC))


def write(folder: str, writer: int, *, rows: int, seconds: float, start, answers) -> None:
    with Ledger(folder) as ledger:
        ledger.append(batch_of(writer, -1, rows))
        batches = [batch_of(writer, number, rows) for number in range(200)]  # drawn beforehand: appends are measured
        start.wait()
        began, number = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            batch = batches[number] if number < len(batches) else batch_of(writer, number, rows)
            ledger.append(batch)
            number += 1
        answers.put((number, time.perf_counter() - began))


def measured(folder: Path, writers: int, rows: int, seconds: float) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(writers), context.Queue()
    options = {"rows": rows, "seconds": seconds, "start": start, "answers": answers}
    jobs = [context.Process(target=write, args=(str(folder), i), kwargs=options) for i in range(writers)]
    for job in jobs:
        job.start()
    found = [answers.get() for _ in jobs]
    for job in jobs:
        job.join()
    with Ledger(folder) as ledger:
        segments, began = sum(1 for _ in folder.rglob("batch-*.parquet")), time.perf_counter()
        units = len(ledger.read("winback"))
        read, began = time.perf_counter() - began, time.perf_counter()
        ledger.compact()
        compacted, began = time.perf_counter() - began, time.perf_counter()
        assert len(ledger.read("winback")) == units == segments * rows
        again = time.perf_counter() - began
    return {
        "batches_per_second": sum(n / lasted for n, lasted in found),
        "segments": segments,
        "rows": units,
        "read_seconds": read,
        "compact_seconds": compacted,
        "read_compacted_seconds": again,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    rounds = [
        measured(chosen.folder / f"round-{i}", chosen.writers, chosen.rows, chosen.seconds)
        for i in range(chosen.rounds)
    ]
    rates = [one["batches_per_second"] for one in rounds]
    result = {
        "writers": chosen.writers,
        "rows_a_batch": chosen.rows,
        "seconds_a_round": chosen.seconds,
        "rounds": chosen.rounds,
        "processors": os.cpu_count(),
        "load_before": round(LOAD, 1),
        "python": platform.python_version(),
        "batches_per_second_median": round(statistics.median(rates), 1),
        "batches_per_second_min": round(min(rates), 1),
        "batches_per_second_max": round(max(rates), 1),
        **{name: round(statistics.median(one[name] for one in rounds), 2) for name in rounds[0] if "per" not in name},
    }
    path = HERE / "results" / "ledger.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


LOAD = os.getloadavg()[0]

if __name__ == "__main__":
    main()
