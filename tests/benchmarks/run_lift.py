"""The readout benchmark: peers in turn, one process a measurement, medians and ratios.

    python tests/benchmarks/run_lift.py FOLDER [--sizes 1e6 1e7] [--rounds 7] [--tea-tasting PYTHON]

Data that is missing in FOLDER is made first. tea-tasting needs ``ibis-framework[duckdb]`` in an environment of its
own; name its interpreter to include it. Results go to tests/benchmarks/results/lift.json.
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
OURS = ("ours", "ours_row_numbers", "ours_moments", "hand_written", "hand_written_moments")
FIGURES = ("warm_cpu", "warm_wall", "first_cpu", "peak_mb")


def measure(python: str, peer: str, folder: Path, n: str) -> dict[str, object]:
    command = [python, str(HERE / "measure_lift.py"), peer, str(folder), n]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measured(folder: Path, sizes: list[str], rounds: int, tea_tasting: str | None) -> list[dict[str, object]]:
    peers = [(peer, sys.executable) for peer in OURS]
    peers += [("tea_tasting", tea_tasting)] if tea_tasting else []
    found = []
    for n in sizes:
        if not (folder / f"users_{int(float(n))}.parquet").exists():
            subprocess.run([sys.executable, str(HERE / "make_users.py"), str(folder), n], check=True)
        for i in range(rounds):
            for peer, python in peers:
                found.append(measure(python, peer, folder, n))
                print(i, json.dumps(found[-1]), file=sys.stderr, flush=True)
    return found


def medians(found: list[dict[str, object]]) -> dict[str, dict[str, dict[str, float]]]:
    table: dict[str, dict[str, dict[str, float]]] = {}
    for n in dict.fromkeys(row["n"] for row in found):
        for peer in dict.fromkeys(row["peer"] for row in found):
            rows = [row for row in found if row["n"] == n and row["peer"] == peer]
            if rows:
                figures = {name: statistics.median(float(str(row[name])) for row in rows) for name in FIGURES}
                figures["warm_cpu_min"] = min(float(str(row["warm_cpu"])) for row in rows)
                figures["warm_cpu_max"] = max(float(str(row["warm_cpu"])) for row in rows)
                table.setdefault(str(n), {})[str(peer)] = figures
    return table


def ratios(found: list[dict[str, object]]) -> dict[str, dict[str, float]]:
    """Medians of the ratios round by round, so that a machine that slows down slows both."""
    pairs = [
        ("ours", "hand_written", "warm_cpu"),
        ("tea_tasting", "ours_row_numbers", "warm_cpu"),
        ("tea_tasting", "ours_moments", "warm_cpu"),
        ("tea_tasting", "ours_row_numbers", "first_cpu"),
        ("tea_tasting", "ours", "first_cpu"),
    ]
    answer: dict[str, dict[str, float]] = {}
    for n in dict.fromkeys(row["n"] for row in found):
        by_peer = {
            p: [row for row in found if row["n"] == n and row["peer"] == p] for p in {row["peer"] for row in found}
        }
        for over, under, figure in pairs:
            if by_peer.get(over) and by_peer.get(under):
                shares = [
                    float(str(a[figure])) / float(str(b[figure]))
                    for a, b in zip(by_peer[over], by_peer[under], strict=True)
                ]
                answer.setdefault(str(n), {})[f"{over} / {under}, {figure}"] = round(statistics.median(shares), 3)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", nargs="+", default=["1e6", "1e7"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tea-tasting", metavar="PYTHON")
    call = parser.parse_args()
    found = measured(call.folder, call.sizes, call.rounds, call.tea_tasting)
    answer = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "rounds": call.rounds,
        "medians": medians(found),
        "ratios": ratios(found),
    }
    text = json.dumps(answer, indent=1) + "\n"
    (HERE / "results" / "lift.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
