"""One measurement of a model that learns from paths, from touch rows, in one process; prints one line of JSON.

    python tests/benchmarks/measure_paths.py PEER FOLDER N

CPU is user plus system time of the process from the files to the answer; bringing rows into the shape that a package
wants is part of it, imports are not. ``first_cpu`` is the first run of the process, ``cpu`` a second one. ``check`` is
what the model says of e-mail, and of all channels.

Peers:
    ours_markov           exact removal effects of order 1
    ours_markov_3         exact removal effects of order 3
    ours_shapley          exact Shapley values of the conversions inside a coalition
    ours_shapley_rate     exact Shapley values of the rate of conversion, over all 4,096 coalitions
    hand_written_markov   the DuckDB query and a linear solve, written by hand
    hand_written_shapley  the DuckDB query and an equal split, written by hand
    channel_attribution   ChannelAttribution, Markov of order 1, simulated; paths are grouped by DuckDB beforehand
    mam_markov            marketing-attribution-models, Markov
    mam_shapley           marketing-attribution-models, Shapley up to four channels a coalition
    mta_shapley           mta, Shapley up to two channels a coalition; paths are grouped by DuckDB beforehand
    shapley_attribution   shapley-attribution, simplified; paths are made by DuckDB beforehand
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
K, EMAIL = 12, 1
LIMIT = {"memory_limit": "320MB"}  # ours has it as well; packages may take what they need

Check = list[float]


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def ours(name: str, touches: Path, journeys: Path) -> Callable[[], Check]:
    import scipy.sparse.linalg  # noqa: F401 - imported before the clock starts, as the peers' libraries are

    from incrementality.attribution import PATH_MODELS, open_paths
    from incrementality.warehouse import connect, locate
    from incrementality.warehouse.sql import parse

    with connect(threads=THREADS) as engine:  # the engine's libraries load on first use
        engine.query(parse("SELECT 1"))

    def run() -> Check:
        with connect(threads=THREADS) as engine:
            steps, ends = (engine.open(locate(str(path), base=path.parent)).name for path in (touches, journeys))
            won = parse("SELECT journey, value FROM ends WHERE converted", ends=ends)
            paths = open_paths(engine, steps, won, journey=("journey",), order=("ts",), value="value")
            answer = PATH_MODELS[name].credit(paths)
        return [float(answer.shares[answer.channels.index("email")]), float(answer.effects.sum())]

    return run


def duck(**limits: str) -> object:
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS, **limits})
    connection.execute("SET enable_progress_bar = false")
    return connection


MARKOV = """
    WITH w AS (SELECT journey, ch, lead(ch) OVER win AS nx, lag(ch) OVER win AS pv FROM '{touches}'
      WINDOW win AS (PARTITION BY journey ORDER BY ts))
    SELECT a, b, sum(c) AS c FROM (
      SELECT ch + 1 AS a, CASE WHEN nx IS NOT NULL THEN nx WHEN j.converted THEN 12 ELSE 13 END AS b, count(*) AS c
        FROM w JOIN '{journeys}' AS j USING (journey) GROUP BY 1, 2
      UNION ALL SELECT 0, ch, count(*) FROM w WHERE pv IS NULL GROUP BY 2) GROUP BY 1, 2
"""
SETS = """
    SELECT mask, sum(converted::INT) AS won FROM (
      SELECT journey, bit_or(1::INT << ch::INT) AS mask FROM '{touches}' GROUP BY 1
    ) JOIN '{journeys}' USING (journey) GROUP BY 1
"""


def hand_written_markov(touches: Path, journeys: Path) -> Callable[[], Check]:
    import duckdb  # noqa: F401 - before the clock starts
    import numpy as np

    def run() -> Check:
        found = duck(**LIMIT).execute(MARKOV.format(touches=touches, journeys=journeys)).fetchnumpy()
        counts = np.zeros((K + 1, K + 2))
        counts[found["a"].astype(int), found["b"].astype(int)] = found["c"]
        chance = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        onward, won = chance[:, :K], chance[:, K]

        def rate(kept: object) -> float:
            inside = np.eye(len(kept)) - onward[1:][np.ix_(kept, kept)]
            return float(won[0] + onward[0][kept] @ np.linalg.solve(inside, won[1:][kept]))

        whole = rate(np.arange(K))
        effects = np.array([1 - rate(np.delete(np.arange(K), k)) / whole for k in range(K)])
        return [float(effects[EMAIL] / effects.sum()), float(effects.sum())]

    return run


def hand_written_shapley(touches: Path, journeys: Path) -> Callable[[], Check]:
    import duckdb  # noqa: F401 - before the clock starts
    import numpy as np

    def run() -> Check:
        found = duck(**LIMIT).execute(SETS.format(touches=touches, journeys=journeys)).fetchnumpy()
        inside = found["mask"].astype(int)[:, None] >> np.arange(K) & 1
        values = (found["won"].astype(float) / inside.sum(axis=1)) @ inside
        return [float(values[EMAIL] / values.sum()), float(values.sum())]

    return run


GROUPED = """
    WITH p AS (SELECT journey, string_agg(channel, ' > ' ORDER BY ts) AS path FROM '{touches}' GROUP BY 1)
    SELECT path, sum(converted::INT)::DOUBLE AS total_conversions, sum(value) AS total_conversion_value,
      sum((NOT converted)::INT)::DOUBLE AS total_null
    FROM p JOIN '{journeys}' USING (journey) GROUP BY 1
"""


def channel_attribution(touches: Path, journeys: Path) -> Callable[[], Check]:
    import ChannelAttribution
    import pyarrow as pa  # noqa: F401 - before the clock starts

    def run() -> Check:
        paths = duck().execute(GROUPED.format(touches=touches, journeys=journeys)).fetchdf()
        options = {"var_value": "total_conversion_value", "var_null": "total_null", "order": 1, "sep": ">"}
        answer = ChannelAttribution.markov_model(
            paths, "path", "total_conversions", **options, verbose=False, flg_pro=False, seed=1
        )
        found = answer["result"] if isinstance(answer, dict) else answer
        share = found.total_conversions / found.total_conversions.sum()
        return [float(share[found.channel_name.str.strip() == "email"].iloc[0]), float("nan")]

    return run


def mam(touches: Path, journeys: Path, model: str) -> Callable[[], Check]:
    import polars as pl
    from mam.core import MAM

    def run() -> Check:
        last = pl.col("ts") == pl.col("end_ts")
        rows = (
            pl.scan_parquet(touches)
            .select("journey", "ts", "channel")
            .join(pl.scan_parquet(journeys), on="journey")
            .with_columns(
                pl.from_epoch("ts"),
                pl.col("channel").cast(pl.String),
                conv=pl.col("converted") & last,
                value=pl.when(last).then("value").otherwise(0.0),
            )
            .select("journey", "ts", "channel", "conv", "value")
            .collect()
        )
        names = {"user_id_colname": "journey", "datetime_colname": "ts", "conversion_value_colname": "value"}
        models = MAM(rows, "session", "channel", "conv", **names)
        if model == "shapley":
            models.run_shapley(max_size=4)
            return [float("nan"), float("nan")]
        effects = models.run_markov(transition_to_same_state=True).__dict__["metadata"]["removal_effect"]
        share = effects["removal_effect"] / effects["removal_effect"].sum()
        return [float(share.loc["email"]), float("nan")]

    return run


def mta_shapley(touches: Path, journeys: Path) -> Callable[[], Check]:
    import pyarrow as pa  # noqa: F401 - before the clock starts
    from mta import MTA

    def run() -> Check:
        paths = duck().execute(GROUPED.format(touches=touches, journeys=journeys)).fetchdf()
        wanted = paths[["path", "total_conversions", "total_null"]]
        models = MTA(
            wanted.astype({"total_conversions": int, "total_null": int}), allow_loops=True, add_timepoints=False
        )
        models.shapley(max_coalition_size=2)
        return [float(dict(next(iter(models.attribution.values())))["email"]), float("nan")]

    return run


LISTS = """
    SELECT list(ch ORDER BY ts) AS p, any_value(converted)::INT AS c
    FROM '{touches}' JOIN '{journeys}' USING (journey) GROUP BY journey
"""


def shapley_attribution(touches: Path, journeys: Path) -> Callable[[], Check]:
    import pyarrow as pa  # noqa: F401 - before the clock starts
    from shapley_attribution.models.simplified import SimplifiedShapleyAttribution

    def run() -> Check:
        found = duck().execute(LISTS.format(touches=touches, journeys=journeys)).fetchnumpy()
        model = SimplifiedShapleyAttribution()
        paths, won = [path.tolist() for path in found["p"]], found["c"].tolist()
        model.fit(paths, won)
        scores = model.attribution_
        return [float(scores[EMAIL] / sum(scores.values())), float("nan")]

    return run


PEERS: dict[str, Callable[[Path, Path], Callable[[], Check]]] = {
    "ours_markov": lambda touches, journeys: ours("markov", touches, journeys),
    "ours_markov_3": lambda touches, journeys: ours("markov_3", touches, journeys),
    "ours_shapley": lambda touches, journeys: ours("shapley", touches, journeys),
    "ours_shapley_rate": lambda touches, journeys: ours("shapley_rate", touches, journeys),
    "hand_written_markov": hand_written_markov,
    "hand_written_shapley": hand_written_shapley,
    "channel_attribution": channel_attribution,
    "mam_markov": lambda touches, journeys: mam(touches, journeys, "markov"),
    "mam_shapley": lambda touches, journeys: mam(touches, journeys, "shapley"),
    "mta_shapley": mta_shapley,
    "shapley_attribution": shapley_attribution,
}


def main() -> None:
    peer, folder, n = sys.argv[1], Path(sys.argv[2]), int(float(sys.argv[3]))
    run = PEERS[peer](folder / f"touches_{n}.parquet", folder / f"journeys_{n}.parquet")
    before = cpu()
    run()
    first = cpu() - before
    start, wall = cpu(), time.perf_counter()
    check = run()
    answer = {
        "peer": peer,
        "n": n,
        "first_cpu": round(first, 4),
        "cpu": round(cpu() - start, 4),
        "wall": round(time.perf_counter() - wall, 4),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "check": check,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
