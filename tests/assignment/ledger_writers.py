"""Eight writers of one ledger that are killed at random moments: run by test_ledger_processes.py.

    python ledger_writers.py LEDGER ACKNOWLEDGED KILLS SEED [WRITERS]

One process imports everything and forks the writers. Each appends overlapping batches, compacts now and then, and
notes a batch only after its append returned. Prints what happened as JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from incrementality.assignment import assign, make_plan
from incrementality.assignment.batch import Assignments
from incrementality.assignment.ledger import Ledger

PLAN = make_plan("winback", {"holdout": 0.2, "mail": 0.8})
UNITS = 5000
ROWS = 40


def batch_ids(writer: int, number: int) -> list[str]:
    """The ids of one batch: they can be told again from its acknowledgement."""
    rng = random.Random(writer * 1_000_003 + number)  # noqa: S311 - sample data
    return [f"c_{i:06d}" for i in rng.sample(range(UNITS), ROWS)]


def write(folder: str, acknowledged: str, writer: int) -> None:
    rng = random.Random(writer)  # noqa: S311 - sample data
    ledger, notes = Ledger(folder), os.open(acknowledged, os.O_WRONLY | os.O_APPEND)
    stop = Path(f"{acknowledged}.stop")
    for number in range(1_000_000):
        batch = Assignments.of(PLAN, assign(PLAN, batch_ids(writer, number)), assigned_at=datetime.now(UTC))
        ledger.append(batch)
        os.write(notes, f"{writer} {number}\n".encode())
        if rng.random() < 0.05:
            ledger.compact()
        if stop.exists():
            return


def start(folder: str, acknowledged: str, writer: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        write(folder, acknowledged, writer)
    except BaseException as error:  # noqa: BLE001 - told to the parent by the exit code
        sys.stderr.write(f"{error!r}\n")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def main() -> None:
    folder, acknowledged, kills, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    writers = int(sys.argv[5]) if len(sys.argv) > 5 else 8
    rng = random.Random(seed)  # noqa: S311 - moments to kill at
    alive = {start(folder, acknowledged, writer): writer for writer in range(writers)}
    began, next_writer, died_alone = time.monotonic(), writers, 0
    for _ in range(kills):
        time.sleep(rng.uniform(0.0, 0.12))
        victim = rng.choice(sorted(alive))
        os.kill(victim, signal.SIGKILL)
        died_alone += os.waitstatus_to_exitcode(os.waitpid(victim, 0)[1]) != -signal.SIGKILL
        del alive[victim]
        alive[start(folder, acknowledged, next_writer)] = next_writer
        next_writer += 1
    Path(f"{acknowledged}.stop").touch()
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in alive)
    seconds = round(time.monotonic() - began, 1)
    sys.stdout.write(json.dumps({"kills": kills, "failed": failed + died_alone, "seconds": seconds}))


if __name__ == "__main__":
    main()
