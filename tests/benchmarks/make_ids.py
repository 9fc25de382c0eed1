"""Unit ids for the assignment benchmark, in Parquet: c_000000000, c_000000001, ...

python tests/benchmarks/make_ids.py FOLDER N
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("n", type=lambda text: int(float(text)))
    call = parser.parse_args()
    call.folder.mkdir(parents=True, exist_ok=True)
    path = call.folder / f"ids_{call.n}.parquet"
    rows = duckdb.sql("SELECT format('c_{:09d}', i) AS contact_id FROM range(?) t(i)", params=[call.n])
    rows.write_parquet(str(path), compression="zstd")
    print(path)


if __name__ == "__main__":
    main()
