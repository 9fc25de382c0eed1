"""One measurement of assignment, in one process; prints one line of JSON.

    python tests/benchmarks/measure_assign.py PEER FOLDER N

One experiment, two arms, 10 % and 90 %. CPU is user plus system time of the process, of the second of two runs.

Peers in the engine (a Parquet file in, a temporary table of the same seven columns out):
    ours_engine     assign_in_engine, ids checked
    hand_written    the same hash and cut in a DuckDB query written by hand, ids unchecked

Peers in Python (a list of ids in, the arms out):
    ours_python     assign: ids checked, all columns
    ours_hash       hash_units: ids checked, the hash only
    growthbook      the GrowthBook SDK's hash (version 2) and its choice of a variation
    growthbook_hash the hash only
    planout         PlanOut's WeightedChoice
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
SALT = "winback-2026q1"
SHARES = {"holdout": 0.1, "journey": 0.9}
CUT = 429496730


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def ids(n: int) -> list[str]:
    return [f"c_{i:09d}" for i in range(n)]


def ours_engine(folder: Path, n: int) -> Callable[[], int]:
    from incrementality.assignment import assign_in_engine, make_plan
    from incrementality.warehouse import Locator, connect
    from incrementality.warehouse.sql import parse

    warehouse, plan = connect(threads=THREADS), make_plan(SALT, SHARES)
    path = folder / f"ids_{n}.parquet"
    relation = warehouse.open(Locator("parquet", path=path, written=path.name))

    def run() -> int:
        answer = assign_in_engine(warehouse, relation, "contact_id", plan)
        control = warehouse.row(parse("SELECT count(*) FROM t WHERE arm = 'holdout'", t=answer.name))[0]
        warehouse.query(parse("DROP TABLE t", t=answer.name))
        return int(control)

    return run


HAND_WRITTEN = """
    CREATE TEMPORARY TABLE assigned AS
    SELECT contact_id AS unit_id, CASE WHEN h < {cut} THEN 'holdout' ELSE 'journey' END AS arm, h AS hash,
        CASE WHEN h < {cut} THEN 0.1::DOUBLE ELSE 0.9::DOUBLE END AS probability, '1' AS phase, 'hash' AS source,
        'drawn' AS reason
    FROM (
        SELECT contact_id, ('0x' || substr(sha256('1/arm/{salt}/contact/' || contact_id), 1, 8))::BIGINT AS h
        FROM '{path}'
    )
"""


def hand_written(folder: Path, n: int) -> Callable[[], int]:
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": "320MB", "temp_directory": str(folder)})
    connection.execute("SET enable_progress_bar = false")

    def run() -> int:
        connection.execute(HAND_WRITTEN.format(cut=CUT, salt=SALT, path=folder / f"ids_{n}.parquet"))
        control = connection.execute("SELECT count(*) FROM assigned WHERE arm = 'holdout'").fetchall()[0][0]
        connection.execute("DROP TABLE assigned")
        return int(control)

    return run


def ours_python(_: Path, n: int) -> Callable[[], int]:
    from incrementality.assignment import assign, make_plan

    plan, units = make_plan(SALT, SHARES), ids(n)
    return lambda: int((assign(plan, units).arm == "holdout").sum())


def ours_hash(_: Path, n: int) -> Callable[[], int]:
    from incrementality.assignment import hash_units

    units = ids(n)
    return lambda: int((hash_units("arm", SALT, "contact", units) < CUT).sum())


def growthbook(_: Path, n: int) -> Callable[[], int]:
    from growthbook.core import chooseVariation, gbhash, getBucketRanges

    units, ranges = ids(n), getBucketRanges(2, 1, [0.1, 0.9])
    return lambda: sum(chooseVariation(gbhash(SALT, unit, 2), ranges) == 0 for unit in units)


def growthbook_hash(_: Path, n: int) -> Callable[[], int]:
    from growthbook.core import gbhash

    units = ids(n)
    return lambda: len([gbhash(SALT, unit, 2) for unit in units])


def planout(_: Path, n: int) -> Callable[[], int]:
    import collections
    import collections.abc

    collections.MutableMapping = collections.abc.MutableMapping  # PlanOut 0.6.0 is older than Python 3.10
    from planout.assignment import Assignment
    from planout.ops.random import WeightedChoice

    units = ids(n)

    def arm_of(unit: str) -> str:
        params = Assignment(SALT)
        params.arm = WeightedChoice(choices=["holdout", "journey"], weights=[0.1, 0.9], unit=unit)
        return str(params.arm)

    return lambda: sum(arm_of(unit) == "holdout" for unit in units)


PEERS: dict[str, Callable[[Path, int], Callable[[], int]]] = {
    peer.__name__: peer
    for peer in (ours_engine, hand_written, ours_python, ours_hash, growthbook, growthbook_hash, planout)
}


def main() -> None:
    peer, folder, n = sys.argv[1], Path(sys.argv[2]), int(float(sys.argv[3]))
    run = PEERS[peer](folder, n)
    check = run()
    start, wall = cpu(), time.perf_counter()
    run()
    figures = {
        "peer": peer,
        "n": n,
        "warm_cpu": round(cpu() - start, 4),
        "warm_wall": round(time.perf_counter() - wall, 4),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "check": check,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
