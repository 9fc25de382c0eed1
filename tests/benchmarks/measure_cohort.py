"""One measurement of a cohort, in one process; prints one line of JSON.

    python tests/benchmarks/measure_cohort.py PEER FOLDER N

A trial ends (the trigger); the user had at least five events in the 30 days before; the state in force does not forbid
to send (the suppression); the first such moment enters; outcomes are complete 28 days later. CPU is user plus system
time of the process; ``first`` counts from the start of the interpreter, ``warm`` is a second run.

Peers:
    ours              decide and cohort: every firing logged with its reasons and fingerprints, refused rows counted
    hand_written      the entries alone, by a DuckDB query written by hand: no log, no reasons, no fingerprints
    hand_written_log  the log that ours writes, and the entries from it, by hand
    polars            the entries alone, by Polars' streaming engine
    ours_caps         decide with two caps and re-entry, on a trigger ten times as frequent: no peer has that pass
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = tuple[int, int, int]
    Run = Callable[[], Answer]

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
START = datetime(2026, 1, 1, tzinfo=UTC)
SINCE, UNTIL, CUT = (START + timedelta(days=day) for day in (40, 160, 180))
RULE = {
    "journey": "trial-ended",
    "purpose": "marketing",
    "tables": {
        "events": {"kind": "events", "unit": "user_id"},
        "states": {"kind": "states", "unit": "user_id", "at": "valid_from"},
    },
    "trigger": {"event": "events", "where": {"kind": 5}},
    "audience": [{"name": "active", "when": {"value": {"count": "events", "within": "30d"}, "at_least": 5}}],
    "suppressions": [
        {
            "name": "forbidden",
            "when": {
                "all": [{"not": {"missing": "states.status"}}, {"value": "states.status", "equals": 3}],
            },
        }
    ],
    "window": "28d",
}


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


CAPPED = {
    "journey": "tips",
    "purpose": "marketing",
    "tables": {"events": {"kind": "events", "unit": "user_id"}},
    "trigger": {"event": "events", "where": {"kind": 2}},
    "caps": [
        {"name": "weekly", "most": 2, "window": "7d"},
        {"name": "monthly", "most": 4, "window": "30d", "across": True},
    ],
    "reentry": {"after": "2d"},
    "window": "28d",
}


def ours_caps(folder: Path, n: int) -> Run:
    return ours(folder, n, content=CAPPED)


def ours(folder: Path, n: int, *, content: dict[str, object] = RULE) -> Run:
    from incrementality.cohorts import cohort, parse_rule, reconstruct
    from incrementality.warehouse import Locator, connect
    from incrementality.warehouse.sql import parse

    warehouse, rule = connect(threads=THREADS), parse_rule(content)
    paths = {name: folder / f"{name}_{n}.parquet" for name in rule.tables}
    relations = {name: warehouse.open(Locator("parquet", path=p, written=p.name)) for name, p in paths.items()}

    numbers = count()

    def run() -> Answer:
        period = {"since": SINCE, "until": UNTIL, "data_cut": CUT}
        log = reconstruct({"x": rule}, relations, warehouse=warehouse, name=f"log_{next(numbers)}", **period)
        people = cohort(log, "x")
        found = warehouse.row(
            parse(
                "SELECT count(*), sum(epoch_us(t0) // 1000000), count(*) FILTER (mature) FROM t", t=people.relation.name
            )
        )
        for relation in (log.relation, people.relation):
            warehouse.query(parse("DROP TABLE t", t=relation.name))
        return found

    return run


FIRED = """
    fired AS (
        SELECT DISTINCT user_id, occurred_at AS t0 FROM '{events}'
        WHERE kind = 5 AND occurred_at >= '{since}' AND occurred_at < '{until}'
    ),
    held AS (
        SELECT f.user_id, f.t0, s.status FROM fired AS f
        ASOF LEFT JOIN '{states}' AS s ON f.user_id = s.user_id AND f.t0 >= s.valid_from
    ),
    seen AS (
        SELECT f.user_id, f.t0, count(*) AS n FROM fired AS f
        JOIN '{events}' AS e ON e.user_id = f.user_id AND e.occurred_at < f.t0
            AND e.occurred_at >= f.t0 - INTERVAL 30 DAY
        GROUP BY f.user_id, f.t0
    )
"""
ENTRIES = """
    CREATE TEMPORARY TABLE cohort AS
    WITH {fired}
    SELECT user_id, min(t0) AS t0, min(t0) + INTERVAL 28 DAY <= '{cut}' AS mature
    FROM held JOIN seen USING (user_id, t0) WHERE coalesce(status, 0) <> 3 AND n >= 5 GROUP BY user_id
"""
LOG = """
    CREATE TEMPORARY TABLE log AS
    WITH {fired},
    judged AS (
        SELECT sha256('x:rule:' || user_id || ':' || epoch_us(t0))[1:32] AS decision_id, user_id::TEXT AS unit_id, t0,
            coalesce(n, 0) >= 5 AS active, coalesce(status, 0) <> 3 AS allowed, active AND allowed AS eligible,
            concat_ws('; ', CASE WHEN NOT active THEN 'audience.active' END,
                CASE WHEN NOT allowed THEN 'suppressed.forbidden' END) AS reasons,
            sha256(coalesce(n, 0) || ':' || coalesce(status::TEXT, '-')) AS inputs_hash
        FROM held LEFT JOIN seen USING (user_id, t0)
    )
    SELECT *, row_number() OVER (PARTITION BY unit_id, eligible ORDER BY t0) AS nth FROM judged
"""
FROM_LOG = """
    CREATE TEMPORARY TABLE cohort AS
    SELECT decision_id, unit_id, t0, t0 + INTERVAL 28 DAY <= '{cut}' AS mature FROM log WHERE eligible AND nth = 1
"""
REFUSED = "SELECT count(*), count(user_id), count({at}), count(CASE WHEN {at} < '{cut}' THEN 1 END) FROM '{path}'"
CHECKED = "SELECT count(*), sum(epoch_us(t0) // 1000000), count(*) FILTER (mature) FROM cohort"


def hand_written(folder: Path, n: int, *, log: bool = False) -> Run:
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": "320MB", "temp_directory": str(folder)})
    connection.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
    files = {name: folder / f"{name}_{n}.parquet" for name in ("events", "states")}
    places = {**files, "since": SINCE, "until": UNTIL, "cut": CUT}
    places["fired"] = FIRED.format(**places)

    def run() -> Answer:
        if log:
            for path, at in ((files["events"], "occurred_at"), (files["states"], "valid_from")):
                connection.execute(REFUSED.format(path=path, at=at, cut=CUT)).fetchall()
            connection.execute(LOG.format(**places))
        connection.execute((FROM_LOG if log else ENTRIES).format(**places))
        found = connection.execute(CHECKED).fetchall()[0]
        connection.execute("DROP TABLE cohort; DROP TABLE IF EXISTS log")
        return found

    return run


def hand_written_log(folder: Path, n: int) -> Run:
    return hand_written(folder, n, log=True)


def polars(folder: Path, n: int) -> Run:
    import polars as pl

    events, states = (folder / f"{name}_{n}.parquet" for name in ("events", "states"))
    t0, at = pl.col("t0"), pl.col("occurred_at")

    def run() -> Answer:
        read = pl.scan_parquet(events)
        fired = read.filter((pl.col("kind") == 5) & (at >= SINCE) & (at < UNTIL))
        fired = fired.select("user_id", t0=at).unique().sort("t0")
        held = fired.join_asof(
            pl.scan_parquet(states).sort("valid_from"),
            left_on="t0",
            right_on="valid_from",
            by="user_id",
            check_sortedness=False,
        ).filter(pl.col("status").fill_null(0) != 3)
        seen = read.join(fired, on="user_id").filter((at < t0) & (at >= t0 - timedelta(days=30)))
        active = seen.group_by("user_id", "t0").len().filter(pl.col("len") >= 5)
        entries = held.join(active, on=["user_id", "t0"]).group_by("user_id").agg(t0.min())
        cohort = entries.with_columns(mature=t0 + timedelta(days=28) <= CUT).collect(engine="streaming")
        return cohort.height, int((cohort["t0"].dt.epoch("us") // 1_000_000).sum()), int(cohort["mature"].sum())

    return run


PEERS: dict[str, Callable[[Path, int], Run]] = {
    peer.__name__: peer for peer in (ours, hand_written, hand_written_log, polars, ours_caps)
}


def main() -> None:
    peer, folder, n = sys.argv[1], Path(sys.argv[2]), int(float(sys.argv[3]))
    run = PEERS[peer](folder, n)
    check = run()
    first = cpu()
    start, wall = cpu(), time.perf_counter()
    run()
    figures = {
        "peer": peer,
        "n": n,
        "first_cpu": round(first, 4),
        "warm_cpu": round(cpu() - start, 4),
        "warm_wall": round(time.perf_counter() - wall, 4),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "check": list(check),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
