"""One measurement of a wide readout, or of one by account, in one process; prints one line of JSON.

    python tests/benchmarks/measure_wide.py PEER FOLDER N

``wide`` is three arms, ten metrics (eight means, revenue, a conversion), all adjusted by a pre-period covariate;
``accounts`` is three arms of whole accounts, ten users each on average, and revenue. CPU is user plus system time of
the second run in the process.

Peers:
    ours_wide             the whole readout, HC2 pass, small-holdout rule and every check; the row number is the unit
    hand_written_wide     the DuckDB query of the moments alone, written by hand
    ours_accounts         the whole readout by account, CR2
    hand_written_accounts the DuckDB queries of the sums by account that CR2 needs, and of accounts in several arms
    statsmodels_accounts  OLS with a covariance by account, on rows in memory; reading them is not counted
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
MEANS = [f"m{k}" for k in range(8)]
COLUMNS = ["conv", "revenue", *MEANS]
ARMS = [{"name": "0", "share": "50%", "control": True}, {"name": "1", "share": "25%"}, {"name": "2", "share": "25%"}]
ROWS_PER_GROUP = 500_000


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def made(folder: Path, n: int) -> Path:
    """The seeded rows, made where they are missing."""
    path = folder / f"wide_{n}.parquet"
    if not path.exists():
        import pyarrow as pa
        import pyarrow.parquet as pq

        rng = np.random.default_rng([7, n])
        accounts = n // 10
        account = rng.integers(0, accounts, n)
        arm_of = rng.choice(3, accounts, p=[0.5, 0.25, 0.25]).astype("i1")
        conv = (rng.random(n) < 0.1).astype("i1")
        columns = {
            "account": account,
            "arm": arm_of[account],
            "conv": conv,
            "revenue": np.round(conv * rng.lognormal(3.5, 1, n), 2),
        }
        columns |= {name: rng.normal(5 + k, 1 + k, n) for k, name in enumerate(MEANS)}
        columns["pre"] = rng.gamma(2.0, 3.0, n)
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=ROWS_PER_GROUP)
    return path


def ours(path: Path, *, wide: bool) -> Callable[[], list[float]]:
    from incrementality.experiment import Experiment
    from incrementality.lift import read_out
    from incrementality.warehouse import connect

    metrics = [{"name": name, "kind": "mean", "role": "secondary"} for name in MEANS] if wide else []
    metrics += [{"name": "revenue", "kind": "revenue", "role": "primary"}]
    metrics += [{"name": "conv", "kind": "conversion", "role": "secondary"}] if wide else []
    data = {"row_number_as_unit": True, **({"covariates": ["pre"]} if wide else {"cluster": "account"})}
    experiment = Experiment.model_validate(
        {"id": "benchmark", "question": "How fast?", "data": data, "arms": ARMS, "metrics": metrics}
    )
    engine = connect(threads=THREADS)

    def run() -> list[float]:
        headline = read_out(experiment, data=path, warehouse=engine).headline("revenue", "2")
        return [headline.effect, headline.standard_error]

    return run


def by_hand(path: Path, query: str, *more: str) -> Callable[[], list[float]]:
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": "320MB"})
    connection.execute("SET enable_progress_bar = false")

    def run() -> list[float]:
        rows = connection.execute(query.format(path=path)).fetchall()
        for other in more:
            connection.execute(other.format(path=path)).fetchall()
        control, treated = rows[0], rows[2]
        return [treated[2] / treated[1] - control[2] / control[1]]

    return run


def wide_by_hand(path: Path) -> Callable[[], list[float]]:
    order = ["revenue", *(name for name in COLUMNS if name != "revenue")]
    sums = ", ".join(f"sum({c})::DOUBLE, sum({c}::DOUBLE * {c}), sum({c} * pre)" for c in order)
    head, tail = "SELECT arm, count(*), ", ", sum(pre), sum(pre * pre) FROM '{path}' GROUP BY arm ORDER BY arm"
    return by_hand(path, head + sums + tail)


SUMS_BY_ACCOUNT = """
    SELECT arm, sum(n), sum(t), n AS size, count(*), sum(t * t)
    FROM (SELECT arm, account, count(*) AS n, sum(revenue) AS t FROM '{path}' GROUP BY arm, account)
    GROUP BY GROUPING SETS ((arm), (arm, n)) ORDER BY size NULLS FIRST, arm
"""
ACCOUNTS_IN_SEVERAL_ARMS = """
    SELECT count(*) FROM (SELECT account FROM '{path}' GROUP BY account HAVING min(arm) <> max(arm))
"""


def by_statsmodels(path: Path) -> Callable[[], list[float]]:
    import pyarrow.parquet as pq
    import statsmodels.api as sm

    table = pq.read_table(path, columns=["account", "arm", "revenue"])
    account, arm, y = (table[name].to_numpy() for name in ("account", "arm", "revenue"))

    def run() -> list[float]:
        design = np.column_stack([np.ones(len(y)), arm == 1, arm == 2]).astype(float)
        fit = sm.OLS(y, design).fit(cov_type="cluster", cov_kwds={"groups": account})
        return [float(fit.params[2]), float(fit.bse[2])]

    return run


PEERS: dict[str, Callable[[Path], Callable[[], list[float]]]] = {
    "ours_wide": lambda path: ours(path, wide=True),
    "hand_written_wide": wide_by_hand,
    "ours_accounts": lambda path: ours(path, wide=False),
    "hand_written_accounts": lambda path: by_hand(path, SUMS_BY_ACCOUNT, ACCOUNTS_IN_SEVERAL_ARMS),
    "statsmodels_accounts": by_statsmodels,
}


def main() -> None:
    peer, folder, n = sys.argv[1], Path(sys.argv[2]), int(float(sys.argv[3]))
    run = PEERS[peer](made(folder, n))
    check = run()
    start, wall = cpu(), time.perf_counter()
    run()
    row = {"peer": peer, "n": n, "warm_cpu": round(cpu() - start, 3), "warm_wall": round(time.perf_counter() - wall, 3)}
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    print(json.dumps({**row, "peak_mb": peak, "check": check}))


if __name__ == "__main__":
    main()
