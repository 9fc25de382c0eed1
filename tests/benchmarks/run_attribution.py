"""The attribution benchmark: peers in turn, one process a measurement, medians and ratios round by round.

    python tests/benchmarks/run_attribution.py FOLDER [--sizes 1e6 1e7] [--rounds 5]

Data that is missing in FOLDER is made first. Results go to tests/benchmarks/results/attribution.json.
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
PEERS = ("hand_written", "ours_five", "hand_canonical", "ours_all", "ours_ledger", "ours_bootstrap")
FIGURES = ("cpu", "wall", "peak_mb")
PAIRS = (
    ("ours_five", "hand_written"),
    ("ours_five", "hand_canonical"),
    ("ours_all", "hand_canonical"),
    ("ours_ledger", "hand_canonical"),
)


def measure(peer: str, folder: Path, n: str) -> dict[str, object]:
    command = [sys.executable, str(HERE / "measure_attribution.py"), peer, str(folder), n]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measured(folder: Path, n: str, rounds: int) -> dict[str, list[dict[str, object]]]:
    if not (folder / f"touches_{int(float(n))}.parquet").exists():
        subprocess.run([sys.executable, str(HERE / "make_touches.py"), str(folder), n], check=True)
    found: dict[str, list[dict[str, object]]] = {peer: [] for peer in PEERS}
    for i in range(rounds):
        for peer in PEERS:
            found[peer].append(measure(peer, folder, n))
            print(i, json.dumps(found[peer][-1]), file=sys.stderr, flush=True)
    return found


def medians(rows: list[dict[str, object]]) -> dict[str, float]:
    figures = {name: statistics.median(float(str(row[name])) for row in rows) for name in FIGURES}
    return figures | {"cpu_min": min(float(str(row["cpu"])) for row in rows)}


def ratio(over: list[dict[str, object]], under: list[dict[str, object]]) -> dict[str, float]:
    """The median of the ratios round by round, so that a machine that slows down slows both, and that of the minima."""
    pairs = [(float(str(a["cpu"])), float(str(b["cpu"]))) for a, b in zip(over, under, strict=True)]
    least = min(a for a, _ in pairs) / min(b for _, b in pairs)
    return {"median": round(statistics.median(a / b for a, b in pairs), 3), "of_minima": round(least, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", nargs="+", default=["1e6", "1e7"])
    parser.add_argument("--rounds", type=int, default=5)
    call = parser.parse_args()
    answer: dict[str, object] = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "rounds": call.rounds,
    }
    for n in call.sizes:
        found = measured(call.folder, n, call.rounds)
        answer[n] = {
            "medians": {peer: medians(rows) for peer, rows in found.items()},
            "cpu_ratios": {f"{over} / {under}": ratio(found[over], found[under]) for over, under in PAIRS},
        }
    text = json.dumps(answer, indent=1) + "\n"
    (HERE / "results" / "attribution.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
