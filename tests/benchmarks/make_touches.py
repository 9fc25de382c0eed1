"""Seeded touches for the attribution benchmarks, in Parquet: journeys over twelve channels, about 8.6 % convert.

    python tests/benchmarks/make_touches.py FOLDER N [--seed 7]

``touches_N.parquet`` holds one row a touch, by time: journey, ts (seconds), channel, ch (its code);
``journeys_N.parquet`` one row a journey: journey, converted, value, end_ts (its last touch). More than ten million are
made and written in parts, so that memory stays small: touches are then by time within each part.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS_PER_GROUP = 500_000
PART = 10_000_000
MEAN_LENGTH, LONGEST, STAY = 4.2, 60, 0.25
DAY = 86_400
CHANNELS = (
    "paid_search",
    "email",
    "organic",
    "sdr_call",
    "display",
    "ae_demo",
    "webinar",
    "cs_qbr",
    "partner",
    "product_trigger",
    "support",
    "presales",
)
SHARES = (0.22, 0.16, 0.13, 0.11, 0.09, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01)


def touches(n: int, seed: int, part: int = 0, before: int = 0) -> tuple[pa.Table, pa.Table]:
    """Geometric journeys; a touch repeats the channel before it a quarter of the time; later channels sell better."""
    rng = np.random.default_rng([seed, len("touches"), n, *([part] if part else [])])
    lengths = np.minimum(rng.geometric(1 / MEAN_LENGTH, int(n / MEAN_LENGTH * 1.2) + 10), LONGEST)
    lengths = lengths[: int(np.searchsorted(np.cumsum(lengths), n, side="right"))]
    total, count = int(lengths.sum()), len(lengths)
    journey = np.repeat(np.arange(count, dtype="i4"), lengths)
    code = rng.choice(len(CHANNELS), total, p=SHARES).astype("i1")
    first = np.concatenate([[True], journey[1:] != journey[:-1]])
    stays = ~first & (rng.random(total) < STAY)
    code = code[np.maximum.accumulate(np.where(stays, 0, np.arange(total)))]
    start = rng.integers(0, 150 * DAY, count)
    gap = np.where(first, 0.0, rng.exponential(2 * DAY, total))
    elapsed = np.cumsum(gap)
    ts = (start[journey] + elapsed - np.repeat(elapsed[first], lengths)).astype("i4")
    pull = np.add.reduceat(np.linspace(-0.25, 0.35, len(CHANNELS))[code], np.flatnonzero(first))
    converted = rng.random(count) < 1 / (1 + np.exp(2.28 - 0.5 * pull - 0.12 * (lengths - 4)))
    value = np.where(converted, np.exp(rng.normal(4, 1, count)), 0.0).round(2)
    order = np.argsort(ts, kind="stable")
    names = pa.DictionaryArray.from_arrays(pa.array(code[order]), pa.array(CHANNELS))
    rows = pa.table({"journey": before + journey[order], "ts": ts[order], "channel": names, "ch": code[order]})
    ends = ts[np.cumsum(lengths) - 1]
    return rows, pa.table(
        {
            "journey": np.arange(before, before + count, dtype="i4"),
            "converted": converted,
            "value": value,
            "end_ts": ends,
        }
    )


def write(folder: Path, n: int, seed: int) -> list[Path]:
    paths = [folder / f"{name}_{n}.parquet" for name in ("touches", "journeys")]
    before = 0
    with ExitStack() as files:
        writers: list[pq.ParquetWriter] = []
        for part, start in enumerate(range(0, n, PART)):
            tables = touches(min(PART, n - start), seed, part, before)
            before += tables[1].num_rows
            if not writers:
                pairs = zip(paths, tables, strict=True)
                writers = [files.enter_context(pq.ParquetWriter(p, t.schema, compression="zstd")) for p, t in pairs]
            for writer, table in zip(writers, tables, strict=True):
                writer.write_table(table, row_group_size=ROWS_PER_GROUP)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("n", type=lambda text: int(float(text)))
    parser.add_argument("--seed", type=int, default=7)
    call = parser.parse_args()
    call.folder.mkdir(parents=True, exist_ok=True)
    for path in write(call.folder, call.n, call.seed):
        print(path)


if __name__ == "__main__":
    main()
