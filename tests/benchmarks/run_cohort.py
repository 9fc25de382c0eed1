"""The cohort benchmark: peers in turn, one process a measurement, medians and ratios.

    python tests/benchmarks/run_cohort.py FOLDER [--sizes 1e7 5e7] [--rounds 5 3]

Data that is missing in FOLDER is made first. The cohort alone is measured: outcomes are not joined. A peer whose
entries differ from the others' ends the run. Caps are measured once, up to 1e7 events, a tenth of which fire. Results
go to tests/benchmarks/results/cohort.json.
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
PEERS = ("ours", "hand_written", "hand_written_log", "polars", "ours_caps")
LARGEST_CAPPED = 10**7
FIGURES = ("warm_cpu", "warm_wall", "first_cpu", "peak_mb")
RATIOS = [("ours", other) for other in ("hand_written", "hand_written_log", "polars")]


def measure(peer: str, folder: Path, n: str) -> dict[str, object]:
    command = [sys.executable, str(HERE / "measure_cohort.py"), peer, str(folder), n]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def peers_of(n: str, turn: int) -> tuple[str, ...]:
    return PEERS if turn == 0 and float(n) <= LARGEST_CAPPED else PEERS[:-1]


def measured(folder: Path, n: str, rounds: int) -> list[dict[str, object]]:
    if not (folder / f"states_{int(float(n))}.parquet").exists():
        subprocess.run([sys.executable, str(HERE / "make_events.py"), str(folder), n], check=True)
    found = []
    for i in range(rounds):
        for peer in peers_of(n, i):
            found.append(measure(peer, folder, n))
            print(i, json.dumps(found[-1]), file=sys.stderr, flush=True)
    answers = {str(row["check"]) for row in found if row["peer"] != "ours_caps"}
    assert len(answers) == 1, answers
    return found


def column(found: list[dict[str, object]], peer: str, figure: str) -> list[float]:
    return [float(str(row[figure])) for row in found if row["peer"] == peer]


def ratios(found: list[dict[str, object]]) -> dict[str, float]:
    """Medians of the ratios round by round, so that a machine that slows down slows both."""
    answer = {}
    for over, under in RATIOS:
        for figure in ("warm_cpu", "warm_wall"):
            pairs = zip(column(found, over, figure), column(found, under, figure), strict=True)
            answer[f"{over} / {under}, {figure}"] = round(statistics.median(a / b for a, b in pairs), 3)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", nargs="+", default=["1e7", "5e7"])
    parser.add_argument("--rounds", type=int, nargs="+", default=[5, 3], help="for each size")
    call = parser.parse_args()
    load = os.getloadavg()[0]
    by_size: dict[str, list[dict[str, object]]] = {}
    for n, rounds in zip(call.sizes, call.rounds, strict=True):
        by_size[n] = measured(call.folder, n, rounds)
    answer = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load_before": round(load, 1),
        "rounds": dict(zip(call.sizes, call.rounds, strict=True)),
        "medians": {
            n: {peer: {f: statistics.median(column(found, peer, f)) for f in FIGURES} for peer in peers_of(n, 0)}
            for n, found in by_size.items()
        },
        "ratios": {n: ratios(found) for n, found in by_size.items()},
        "check": {n: found[0]["check"] for n, found in by_size.items()},
    }
    text = json.dumps(answer, indent=1) + "\n"
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "cohort.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
