"""The benchmark of wide readouts and of accounts: peers in turn, one process a measurement, medians and ratios.

    python tests/benchmarks/run_wide.py FOLDER [--rounds 3]

Data that is missing in FOLDER is made first (seeded). Results go to tests/benchmarks/results/wide.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CALLS = [
    ("ours_wide", "1e7"), ("hand_written_wide", "1e7"), ("ours_accounts", "1e7"), ("hand_written_accounts", "1e7"),
    ("ours_accounts", "1e6"), ("statsmodels_accounts", "1e6"),
]  # fmt: skip
PAIRS = [
    ("ours_wide", "hand_written_wide", 10_000_000),
    ("ours_accounts", "hand_written_accounts", 10_000_000),
    ("statsmodels_accounts", "ours_accounts", 1_000_000),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    call = parser.parse_args()
    found = []
    for i in range(call.rounds):
        for peer, n in CALLS:
            command = [sys.executable, str(HERE / "measure_wide.py"), peer, str(call.folder), n]
            found.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
            print(i, json.dumps(found[-1]), file=sys.stderr, flush=True)

    def rows(peer: str, n: int) -> list[dict[str, float]]:
        return [row for row in found if (row["peer"], row["n"]) == (peer, n)]

    medians = {
        f"{peer} {n}": {
            f: statistics.median(row[f] for row in rows(peer, n)) for f in ("warm_cpu", "warm_wall", "peak_mb")
        }
        for peer, n in dict.fromkeys((row["peer"], row["n"]) for row in found)
    }
    ratios = {
        f"{over} / {under}, {n}": round(
            statistics.median(
                a["warm_cpu"] / b["warm_cpu"] for a, b in zip(rows(over, n), rows(under, n), strict=True)
            ),
            3,
        )
        for over, under, n in PAIRS
    }
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    answer = {"machine": machine, "rounds": call.rounds, "medians": medians, "ratios": ratios}
    (HERE / "results" / "wide.json").write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
