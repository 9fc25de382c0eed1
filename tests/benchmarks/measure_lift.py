"""One measurement of the readout of a three-arm experiment, in one process; prints one line of JSON.

    python tests/benchmarks/measure_lift.py PEER FOLDER N

The experiment has four metrics: a conversion, zero-inflated revenue, a ratio, and revenue adjusted by a pre-period
covariate. CPU is user plus system time of the process. ``first`` counts from the start of the interpreter, imports
included; ``warm`` is a second run in the same process.

Peers:
    ours                  the whole analysis: moments, residual pass, duplicate check, every check and estimate
    ours_row_numbers      the same without the duplicate check: the row number is the unit
    ours_moments          the same without the duplicate check and the residual pass: no HC2 for the adjusted effect
    hand_written          the DuckDB queries that the whole analysis needs, written by hand
    hand_written_moments  the first of them
    tea_tasting           tea-tasting on DuckDB, the same four metrics (it has no duplicate check and no HC2)
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


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def ours(path: str, *, unit: str | None, adjust: bool = True) -> Callable[[], list[float]]:
    from incrementality.experiment import Experiment
    from incrementality.lift import read_out
    from incrementality.warehouse import connect

    experiment = Experiment.model_validate(
        {
            "id": "benchmark",
            "question": "How fast?",
            "data": {
                **({"unit": unit} if unit else {"row_number_as_unit": True}),
                "covariates": ["pre"],
            },
            "arms": [
                {"name": "0", "share": "50%", "control": True},
                {"name": "1", "share": "25%"},
                {"name": "2", "share": "25%"},
            ],
            "metrics": [
                {"name": "conv", "kind": "conversion", "role": "primary", "adjust": False},
                {"name": "revenue", "kind": "revenue", "role": "secondary", "adjust": adjust},
                {
                    "name": "orders per session",
                    "kind": "ratio",
                    "numerator": "orders",
                    "denominator": "sessions",
                    "role": "secondary",
                    "adjust": False,
                },
            ],
        }
    )

    engine = connect(threads=THREADS)

    def run() -> list[float]:
        readout = read_out(experiment, data=Path(path), warehouse=engine)
        headline = readout.headline("revenue", "2")
        return [headline.effect, headline.standard_error, readout.headline("orders per session", "2").effect]

    return run


MOMENTS = """
    SELECT arm, count(*) AS n, sum(conv)::DOUBLE, sum(revenue), sum(revenue * revenue), sum(orders)::DOUBLE,
        sum(orders::DOUBLE * orders), sum(sessions)::DOUBLE, sum(sessions::DOUBLE * sessions),
        sum(orders::DOUBLE * sessions), sum(pre), sum(pre * pre), sum(pre * revenue)
    FROM '{path}' GROUP BY arm ORDER BY arm
"""
RESIDUALS = """
    SELECT {sums} FROM '{path}'
"""
DUPLICATES = "SELECT count(*), count(user_id), count(DISTINCT user_id) FROM '{path}'"


def hand_written(path: str, *, moments_only: bool) -> Callable[[], list[float]]:
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": "320MB"})
    connection.execute("SET enable_progress_bar = false")

    def run() -> list[float]:
        rows = connection.execute(MOMENTS.format(path=path)).fetchall()
        if moments_only:
            return [rows[2][3] / rows[2][1] - rows[0][3] / rows[0][1]]
        n = sum(row[1] for row in rows)
        target = sum(row[10] for row in rows) / n
        means, sums = [], []
        for arm, size, _, r, _, _, _, _, _, _, p, pp, pr in rows:
            scatter, cross = pp - p * p / size, pr - p * r / size
            slope, x, y = cross / scatter, p / size, r / size
            means.append(y + slope * (target - x))
            residual = f"(revenue - {y!r} - {slope!r} * (pre - {x!r}))"
            weight = f"({1 / size!r} + {(target - x) / scatter!r} * (pre - {x!r}))"
            keep = f"({1 - 1 / size!r} - {1 / scatter!r} * (pre - {x!r}) * (pre - {x!r}))"
            sums.append(f"sum({residual} * {residual} * {weight} * {weight} / {keep}) FILTER (WHERE arm = {arm})")
        variances = connection.execute(RESIDUALS.format(sums=", ".join(sums), path=path)).fetchone()
        connection.execute(DUPLICATES.format(path=path)).fetchall()
        return [means[2] - means[0], (variances[0] + variances[2]) ** 0.5]

    return run


def tea_tasting(path: str) -> Callable[[], list[float]]:
    import ibis
    import tea_tasting as tt

    metrics = {
        "conv": tt.Mean("conv"),
        "revenue": tt.Mean("revenue"),
        "ratio": tt.RatioOfMeans("orders", "sessions"),
        "adjusted": tt.Mean("revenue", "pre"),
    }
    experiment = tt.Experiment(metrics, variant="arm")
    connection = ibis.duckdb.connect(threads=THREADS)

    def run() -> list[float]:
        answer = experiment.analyze(connection.read_parquet(path), control=0, all_variants=True)[(0, 2)]
        return [answer["adjusted"].effect_size, answer["ratio"].effect_size]

    return run


PEERS: dict[str, Callable[[str], Callable[[], list[float]]]] = {
    "ours": lambda path: ours(path, unit="user_id"),
    "ours_row_numbers": lambda path: ours(path, unit=None),
    "ours_moments": lambda path: ours(path, unit=None, adjust=False),
    "hand_written": lambda path: hand_written(path, moments_only=False),
    "hand_written_moments": lambda path: hand_written(path, moments_only=True),
    "tea_tasting": tea_tasting,
}


def main() -> None:
    peer, folder, n = sys.argv[1], sys.argv[2], int(float(sys.argv[3]))
    run = PEERS[peer](str(Path(folder) / f"users_{n}.parquet"))
    check = run()
    first = cpu()
    start, wall = cpu(), time.perf_counter()
    run()
    print(
        json.dumps(
            {
                "peer": peer,
                "n": n,
                "first_cpu": round(first, 4),
                "warm_cpu": round(cpu() - start, 4),
                "warm_wall": round(time.perf_counter() - wall, 4),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "check": check,
            }
        )
    )


if __name__ == "__main__":
    main()
