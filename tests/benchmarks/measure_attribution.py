"""One measurement of credit from touch rows, in one process; prints one line of JSON.

    python tests/benchmarks/measure_attribution.py PEER FOLDER N

The tables of ``attribution_queries.py`` are there already. CPU is user plus system time of the process for one run of
what the peer does, from the files to the answer, after a first one; imports are not part of it, bringing rows into the
shape that a package wants is. ``check`` is the credit of e-mail by the first five models.

Peers:
    ours_five            first, last, linear, time decay and position-based credit by channel, in one query
    ours_nine            nine rule models by channel, in one query, on the full tables
    ours_ledger          the rounded ledger of the five models, one row an event, model and channel
    ours_bootstrap       intervals of the five models' credit by channel, 1,000 replicates, from the ledger
    hand_written         the DuckDB query of the five models, by hand, on the rows as they were made
    hand_canonical       the same on the canonical tables that ours reads
    hand_same            the same with what ours does as well: touches within 180 days, ties in a declared order
    hand_nine            the DuckDB query of the nine models, by hand, on the full tables; windows and order as ours
    mam                  marketing-attribution-models, the five models
    channel_attribution  ChannelAttribution, first, last and linear; paths are grouped by DuckDB beforehand
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution_queries import PATHS, QUERIES, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from incrementality.attribution import Journeys

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
FIVE = ("first", "last", "linear", "time_decay", "position")
NINE = (*FIVE, "last_non_direct", "w_shaped", "usage_weighted", "shipped")


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def journeys_of(folder: Path, n: int, tables: str = "canonical") -> Journeys:
    from incrementality.attribution import WINDOW_PRESETS, open_journeys
    from incrementality.warehouse import connect, locate

    engine = connect(threads=THREADS)
    paths = [table(f"{tables}_{name}", folder, n) for name in ("touches", "events")]
    touches, events = (engine.open(locate(str(path), base=folder)) for path in paths)
    return open_journeys(engine, touches, events, WINDOW_PRESETS["default"])


def totals(journeys: Journeys, names: tuple[str, ...]) -> Callable[[], list[float]]:
    from incrementality.attribution import RULE_MODELS, credit_totals

    def run() -> list[float]:
        credit = credit_totals(journeys, [RULE_MODELS[name] for name in names])
        return [credit.of(name)["email",] / 100 for name in names]

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


def hand_written(folder: Path, n: int, query: str) -> Callable[[], list[float]]:
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": "320MB"})
    connection.execute("SET enable_progress_bar = false")

    def run() -> list[float]:
        rows = connection.execute(query.format(folder=folder, n=n)).fetchall()
        return next([*row[1:]] for row in rows if row[0] == "email")

    return run


def mam(folder: Path, n: int) -> Callable[[], list[float]]:
    import polars as pl
    from mam.core import MAM

    names = {"user_id_colname": "journey", "datetime_colname": "ts", "conversion_value_colname": "value"}
    models = ("first_click", "last_click", "linear", "time_decay", "position_based")

    def credit(answer: object) -> float:
        frames = [value for value in vars(answer).values() if isinstance(value, pl.DataFrame)]
        found = next(frame for frame in frames if "attribution" in frame.columns)
        return float(found.filter(pl.col("channels").cast(pl.String) == "email")["attribution"][0])

    def run() -> list[float]:
        last = pl.col("ts") == pl.col("end_ts")
        rows = (
            pl.scan_parquet(table("touches", folder, n))
            .select("journey", "ts", "channel")
            .join(pl.scan_parquet(table("journeys", folder, n)), on="journey")
            .with_columns(
                pl.from_epoch("ts"),
                pl.col("channel").cast(pl.String),
                conv=pl.col("converted") & last,
                value=pl.when(last).then("value").otherwise(0.0),
            )
            .filter("converted")
            .select("journey", "ts", "channel", "conv", "value")
            .collect()
        )
        made = MAM(rows, "session", "channel", "conv", **names)
        return [credit(getattr(made, f"run_{name}")()) for name in models]

    return run


def channel_attribution(folder: Path, n: int) -> Callable[[], list[float]]:
    import ChannelAttribution
    import duckdb
    import pyarrow as pa  # noqa: F401 - before the clock starts

    def run() -> list[float]:
        connection: Any = duckdb.connect(config={"threads": THREADS})
        connection.execute("SET enable_progress_bar = false")
        paths = connection.execute(PATHS.format(folder=folder, n=n)).fetchdf()
        options = {"var_value": "total_conversion_value", "sep": ">", "flg_pro": False}
        found = ChannelAttribution.heuristic_models(paths, "path", "total_conversions", **options)
        row = found[found.channel_name.str.strip() == "email"].iloc[0]
        return [float(row[f"{name}_touch_value"]) for name in ("first", "last", "linear")]

    return run


PEERS: dict[str, Callable[[Path, int], Callable[[], list[float]]]] = {
    "ours_five": lambda folder, n: totals(journeys_of(folder, n), FIVE),
    "ours_nine": lambda folder, n: totals(journeys_of(folder, n, "full"), NINE),
    "ours_ledger": ledger,
    "ours_bootstrap": bootstrap,
    **{name: lambda folder, n, query=query: hand_written(folder, n, query) for name, query in QUERIES.items()},
    "mam": mam,
    "channel_attribution": channel_attribution,
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
