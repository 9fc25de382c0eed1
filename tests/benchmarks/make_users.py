"""Seeded users for the readout benchmark, in Parquet: three arms, heavy revenue, a ratio, a covariate.

python tests/benchmarks/make_users.py FOLDER N [--seed 7]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS_PER_GROUP = 500_000


def users(n: int, seed: int) -> pa.Table:
    """Half of the users in arm 0, a quarter each in arms 1 and 2, whose conversion is 2 % and 5 % higher."""
    rng = np.random.default_rng([seed, n])
    arm = rng.choice(3, n, p=[0.5, 0.25, 0.25]).astype("i1")
    engagement = rng.normal(size=n)
    lift = np.array([0.0, 0.02, 0.05])[arm]
    conversion = (rng.random(n) < (1 + lift) / (1 + np.exp(2.4 - 0.5 * engagement))).astype("i1")
    sessions = 1 + rng.poisson(np.exp(0.8 + 0.3 * engagement))
    orders = np.minimum(conversion * (1 + rng.poisson(0.4, n)), sessions)
    revenue = np.where(conversion == 1, np.exp(3.5 + 0.6 * engagement + rng.normal(size=n)), 0.0)
    before = np.where(rng.random(n) < 0.35, np.exp(3.2 + 0.7 * engagement + rng.normal(0, 0.8, n)), 0.0)
    return pa.table(
        {
            "user_id": np.arange(n, dtype="i8"),
            "arm": arm,
            "conv": conversion,
            "revenue": revenue.round(2),
            "orders": orders.astype("i2"),
            "sessions": sessions.astype("i2"),
            "pre": before.round(2),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("n", type=lambda text: int(float(text)))
    parser.add_argument("--seed", type=int, default=7)
    call = parser.parse_args()
    call.folder.mkdir(parents=True, exist_ok=True)
    path = call.folder / f"users_{call.n}.parquet"
    pq.write_table(users(call.n, call.seed), path, compression="zstd", row_group_size=ROWS_PER_GROUP)
    print(path)


if __name__ == "__main__":
    main()
