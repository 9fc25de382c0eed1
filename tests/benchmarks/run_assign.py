"""The assignment benchmark: peers in turn, one process a measurement, medians and ratios.

    python tests/benchmarks/run_assign.py FOLDER [--engine 1e7] [--python 1e6] [--rounds 5] [--peers PYTHON]

Data that is missing in FOLDER is made first. ``growthbook`` and ``planout`` are installed in an environment of their
own; name its interpreter to include them. Results go to tests/benchmarks/results/assign.json.
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
ENGINE = ("ours_engine", "hand_written")
OURS = ("ours_python", "ours_hash")
OTHERS = ("growthbook", "growthbook_hash", "planout")
FIGURES = ("warm_cpu", "warm_wall", "peak_mb")
RATIOS = [
    ("ours_engine", "hand_written"),
    ("growthbook_hash", "ours_hash"),
    ("growthbook", "ours_python"),
    ("planout", "ours_python"),
]


def measure(python: str, peer: str, folder: Path, n: str) -> dict[str, object]:
    command = [python, str(HERE / "measure_assign.py"), peer, str(folder), n]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measured(call: argparse.Namespace) -> list[dict[str, object]]:
    if not (call.folder / f"ids_{int(float(call.engine))}.parquet").exists():
        subprocess.run([sys.executable, str(HERE / "make_ids.py"), str(call.folder), call.engine], check=True)
    peers = [(sys.executable, peer, call.engine) for peer in ENGINE]
    peers += [(sys.executable, peer, call.python) for peer in OURS]
    peers += [(call.peers, peer, call.python) for peer in OTHERS if call.peers]
    found = []
    for i in range(call.rounds):
        for python, peer, n in peers:
            found.append(measure(python, peer, call.folder, n))
            print(i, json.dumps(found[-1]), file=sys.stderr, flush=True)
    return found


def column(found: list[dict[str, object]], peer: str, figure: str) -> list[float]:
    return [float(str(row[figure])) for row in found if row["peer"] == peer]


def ratios(found: list[dict[str, object]]) -> dict[str, float]:
    """Medians of the ratios round by round, so that a machine that slows down slows both."""
    answer = {}
    for over, under in RATIOS:
        pairs = list(zip(column(found, over, "warm_cpu"), column(found, under, "warm_cpu"), strict=False))
        if pairs:
            answer[f"{over} / {under}, warm_cpu"] = round(statistics.median(a / b for a, b in pairs), 3)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", default="1e7", metavar="N")
    parser.add_argument("--python", default="1e6", metavar="N")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", metavar="PYTHON")
    call = parser.parse_args()
    found = measured(call)
    peers = dict.fromkeys(str(row["peer"]) for row in found)
    answer = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "rounds": call.rounds,
        "n": {str(row["peer"]): row["n"] for row in found},
        "medians": {
            peer: {figure: statistics.median(column(found, peer, figure)) for figure in FIGURES} for peer in peers
        },
        "ratios": ratios(found),
    }
    text = json.dumps(answer, indent=1) + "\n"
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "assign.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
