"""Seeded events and states for the cohort benchmark, in Parquet: whole-number ids, times with their zone, 180 days.

    python tests/benchmarks/make_events.py FOLDER N [--seed 7]

N events of N/50 users, of whom some have many: about 2 % of the events end a trial, 4 % are purchases. N/20 states,
a quarter of which forbid to send.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS_PER_GROUP = 500_000
EVENTS_PER_USER = 50
EVENTS_PER_STATE = 20
START = 1_767_225_600_000_000  # 2026-01-01, in microseconds
PERIOD = 180 * 86_400_000_000
KINDS = {0: 0.46, 1: 0.26, 2: 0.15, 3: 0.07, 4: 0.04, 5: 0.02}
PURCHASE = 4


def pieces(n: int) -> Iterator[tuple[int, int, int]]:
    """Row groups of a table of n rows in order of time: first row, rows, and the number of the group."""
    for number, first in enumerate(range(0, n, ROWS_PER_GROUP)):
        yield first, min(ROWS_PER_GROUP, n - first), number


def times(rng: np.random.Generator, first: int, rows: int, n: int) -> pa.Array:
    """Sorted times within the group's part of the period."""
    low, high = START + PERIOD * first // n, START + PERIOD * (first + rows) // n
    return pa.array(np.sort(rng.integers(low, high, rows)), pa.timestamp("us", tz="UTC"))


def events(n: int, seed: int) -> Iterator[pa.Table]:
    users = n // EVENTS_PER_USER
    for first, rows, number in pieces(n):
        rng = np.random.default_rng([seed, n, number])
        kind = rng.choice(list(KINDS), rows, p=list(KINDS.values())).astype("i1")
        value = np.where(kind == PURCHASE, np.exp(rng.normal(3.5, 1, rows)), 0.0).round(2)
        user = (users * rng.beta(0.9, 1.1, rows)).astype("i4")
        yield pa.table(
            {"user_id": user, "occurred_at": times(rng, first, rows, n), "kind": kind, "value": value.astype("f4")}
        )


def states(n: int, seed: int) -> Iterator[pa.Table]:
    users, n = n // EVENTS_PER_USER, n // EVENTS_PER_STATE
    for first, rows, number in pieces(n):
        rng = np.random.default_rng([seed, n, number, 1])
        user, status = rng.integers(0, users, rows).astype("i4"), rng.integers(0, 4, rows).astype("i1")
        yield pa.table({"user_id": user, "valid_from": times(rng, first, rows, n), "status": status})


def write(path: Path, groups: Iterator[pa.Table]) -> None:
    first = next(groups)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for group in groups:
            writer.write_table(group)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("n", type=lambda text: int(float(text)))
    parser.add_argument("--seed", type=int, default=7)
    call = parser.parse_args()
    call.folder.mkdir(parents=True, exist_ok=True)
    write(call.folder / f"events_{call.n}.parquet", events(call.n, call.seed))
    write(call.folder / f"states_{call.n}.parquet", states(call.n, call.seed))


if __name__ == "__main__":
    main()
