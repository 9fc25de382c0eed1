"""One measurement of credit from touch rows, in one process; prints one line of JSON.

    python tests/benchmarks/measure_attribution.py PEER FOLDER N

The touches of ``make_touches.py``, and the same as canonical tables: whole-number ids, times as timestamps, amounts in
cents. CPU is user plus system time of the process for one run of what the peer does, after a first one; reading the
files is part of it.

Peers:
    ours_five       first, last, linear, time decay and position-based credit by channel, in one query
    ours_all        all rule models that need no further tables, by channel, in one query
    ours_ledger     the rounded ledger of the five models, one row an event, model and channel
    ours_bootstrap  intervals of the five models' credit by channel, 1,000 replicates, from the ledger
    hand_written    the DuckDB query of the five models, by hand, on the rows as they were made
    hand_canonical  the same on the canonical tables that ours reads
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

    from incrementality.attribution import Journeys

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
FIVE = ("first", "last", "linear", "time_decay", "position")
ALL = (*FIVE, "last_non_direct", "w_shaped", "usage_weighted", "shipped")


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def canonical(folder: Path, n: int) -> tuple[Path, Path]:
    """Return the canonical tables, made of the plain ones unless they are there."""
    import duckdb

    touches, events = folder / f"canonical_touches_{n}.parquet", folder / f"canonical_events_{n}.parquet"
    if not events.exists():
        start = "TIMESTAMP '2025-01-01' + INTERVAL 1 SECOND *"
        plain = f"read_parquet('{folder}/touches_{n}.parquet', file_row_number = true)"
        made = f"""SELECT file_row_number AS touch_id, journey AS account_id, channel, {start} ts AS occurred_at
            FROM {plain}"""  # noqa: S608
        duckdb.sql(f"COPY ({made}) TO '{touches}' (FORMAT parquet)")
        made = f"""SELECT journey AS event_id, journey AS account_id, 'new' AS kind, {start} end_ts AS occurred_at,
            CAST(round(100 * value) AS BIGINT) AS amount FROM '{folder}/journeys_{n}.parquet' WHERE converted"""  # noqa: S608
        duckdb.sql(f"COPY ({made}) TO '{events}' (FORMAT parquet)")
    return touches, events


def journeys_of(folder: Path, n: int) -> Journeys:
    from incrementality.attribution import WINDOW_PRESETS, open_journeys
    from incrementality.warehouse import connect, locate

    engine = connect(threads=THREADS)
    touches, events = (engine.open(locate(str(path), base=folder)) for path in canonical(folder, n))
    return open_journeys(engine, touches, events, WINDOW_PRESETS["default"])


def totals(folder: Path, n: int, names: tuple[str, ...]) -> Callable[[], list[float]]:
    from incrementality.attribution import RULE_MODELS, credit_totals

    journeys = journeys_of(folder, n)

    def run() -> list[float]:
        credit = credit_totals(journeys, [RULE_MODELS[name] for name in names])
        return [credit.of(name)["email",] / 100 for name in FIVE]

    return run


def ledger(folder: Path, n: int) -> Callable[[], list[float]]:
    from incrementality.attribution import RULE_MODELS, make_ledger

    journeys = journeys_of(folder, n)

    def run() -> list[float]:
        made = make_ledger(journeys, [RULE_MODELS[name] for name in FIVE])
        found = made.totals(("channel",))
        if not made.reconcile().holds:
            raise AssertionError
        return [found.of(name)["email",] / 100 for name in FIVE]

    return run


def bootstrap(folder: Path, n: int) -> Callable[[], list[float]]:
    from incrementality.attribution import RULE_MODELS, bootstrap_credit, make_ledger

    made = make_ledger(journeys_of(folder, n), [RULE_MODELS[name] for name in FIVE])

    def run() -> list[float]:
        rows = {(row.label, row.model): row for row in bootstrap_credit(made, "channel", replicates=1000).rows}
        return [rows["email", name].credit / 100 for name in FIVE]

    return run


HAND_WRITTEN = """
WITH c AS ({rows}),
w AS (SELECT *, row_number() OVER win i, count(*) OVER (PARTITION BY journey) k, pow(0.5, age / 604800.0) d
  FROM c WINDOW win AS (PARTITION BY journey ORDER BY ts)),
x AS (SELECT *, sum(d) OVER (PARTITION BY journey) sd FROM w)
SELECT channel, sum(value) FILTER (i = 1) f, sum(value) FILTER (i = k) l, sum(value / k) lin, sum(value * d / sd) dec,
  sum(value * CASE WHEN k = 1 THEN 1 WHEN k = 2 THEN .5 WHEN i = 1 OR i = k THEN .4 ELSE .2 / (k - 2) END) pos
FROM x GROUP BY 1 ORDER BY 1
"""
PLAIN = """
SELECT t.journey, t.channel, t.ts, j.value, j.end_ts - t.ts AS age
FROM '{folder}/touches_{n}.parquet' t JOIN '{folder}/journeys_{n}.parquet' j USING (journey) WHERE j.converted
"""
CANONICAL = """
SELECT t.account_id AS journey, t.channel, t.occurred_at AS ts, j.amount / 100 AS value,
  epoch(j.occurred_at) - epoch(t.occurred_at) AS age
FROM '{folder}/canonical_touches_{n}.parquet' t JOIN '{folder}/canonical_events_{n}.parquet' j USING (account_id)
"""


def hand_written(folder: Path, n: int, rows: str) -> Callable[[], list[float]]:
    import duckdb

    canonical(folder, n)
    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": "320MB"})
    connection.execute("SET enable_progress_bar = false")

    def run() -> list[float]:
        query = HAND_WRITTEN.format(rows=rows.format(folder=folder, n=n))
        return next([*row[1:]] for row in connection.execute(query).fetchall() if row[0] == "email")

    return run


PEERS: dict[str, Callable[[Path, int], Callable[[], list[float]]]] = {
    "ours_five": lambda folder, n: totals(folder, n, FIVE),
    "ours_all": lambda folder, n: totals(folder, n, ALL),
    "ours_ledger": ledger,
    "ours_bootstrap": bootstrap,
    "hand_written": lambda folder, n: hand_written(folder, n, PLAIN),
    "hand_canonical": lambda folder, n: hand_written(folder, n, CANONICAL),
}


def main() -> None:
    peer, folder, n = sys.argv[1], Path(sys.argv[2]).resolve(), int(float(sys.argv[3]))
    run = PEERS[peer](folder, n)
    check = run()
    start, wall = cpu(), time.perf_counter()
    run()
    figures = {
        "peer": peer,
        "n": n,
        "cpu": round(cpu() - start, 4),
        "wall": round(time.perf_counter() - wall, 4),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "check": [round(value, 2) for value in check],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
