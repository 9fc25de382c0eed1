"""The benchmark of models that learn from paths: peers in turn, one process a measurement, medians and ratios.

    python tests/benchmarks/run_paths.py FOLDER [--sizes 1e6 1e7] [--rounds 3] [--channel-attribution PYTHON]
        [--mam PYTHON] [--shapley PYTHON]

Data that is missing in FOLDER is made first. Peers need environments of their own, named by their interpreters:
``ChannelAttribution==2.2.5 matplotlib duckdb pyarrow``; ``marketing-attribution-models==2.1.1``, which is measured at
1e6 touches only, where it takes over a gigabyte; ``mta==0.0.9 shapley-attribution==2.1.0 six matplotlib duckdb
pyarrow``. Results go to tests/benchmarks/results/paths.json.
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
OURS = (
    "ours_markov",
    "ours_markov_3",
    "ours_shapley",
    "ours_shapley_rate",
    "hand_written_markov",
    "hand_written_shapley",
)
SMALL = 1_000_000
FIGURES = ("cpu", "first_cpu", "wall", "peak_mb")
PAIRS = (
    ("ours_markov", "hand_written_markov"),
    ("channel_attribution", "ours_markov"),
    ("mam_markov", "ours_markov"),
    ("ours_shapley", "hand_written_shapley"),
    ("mam_shapley", "ours_shapley"),
    ("mta_shapley", "ours_shapley"),
    ("shapley_attribution", "ours_shapley"),
)


def measure(python: str, peer: str, folder: Path, n: str) -> dict[str, object]:
    command = [python, str(HERE / "measure_paths.py"), peer, str(folder), n]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(answer.strip().splitlines()[-1])


def measured(call: argparse.Namespace) -> list[dict[str, object]]:
    peers = [(peer, sys.executable) for peer in OURS]
    peers += [("channel_attribution", call.channel_attribution)] if call.channel_attribution else []
    small = [("mam_markov", call.mam), ("mam_shapley", call.mam)] if call.mam else []
    small += [("mta_shapley", call.shapley), ("shapley_attribution", call.shapley)] if call.shapley else []
    found: list[dict[str, object]] = []
    for n in call.sizes:
        if not (call.folder / f"touches_{int(float(n))}.parquet").exists():
            subprocess.run([sys.executable, str(HERE / "make_touches.py"), str(call.folder), n], check=True)
        for i in range(call.rounds):
            for peer, python in [*peers, *(small if int(float(n)) <= SMALL else [])]:
                found.append(measure(python, peer, call.folder, n))
                print(i, json.dumps(found[-1]), file=sys.stderr, flush=True)
            written(found)
    return found


def written(found: list[dict[str, object]]) -> None:
    """Write what was measured so far, so that a long run that is cut short is not lost."""
    answer = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "rounds": {str(n): len(rows_of(found, n, OURS[0])) for n in dict.fromkeys(row["n"] for row in found)},
        "medians": medians(found),
        "ratios of CPU": ratios(found),
    }
    text = json.dumps(answer, indent=1).replace("NaN", "null") + "\n"
    (HERE / "results" / "paths.json").write_text(text, encoding="utf-8")


def rows_of(found: list[dict[str, object]], n: object, peer: object) -> list[dict[str, object]]:
    return [row for row in found if row["n"] == n and row["peer"] == peer]


def medians(found: list[dict[str, object]]) -> dict[str, dict[str, dict[str, object]]]:
    table: dict[str, dict[str, dict[str, object]]] = {}
    for n in dict.fromkeys(row["n"] for row in found):
        for peer in dict.fromkeys(row["peer"] for row in found):
            if rows := rows_of(found, n, peer):
                figures: dict[str, object] = {
                    name: statistics.median(float(str(row[name])) for row in rows) for name in FIGURES
                }
                table.setdefault(str(n), {})[str(peer)] = figures | {"check": rows[0]["check"]}
    return table


def ratios(found: list[dict[str, object]]) -> dict[str, dict[str, float]]:
    """Medians of the ratios of CPU round by round, so that a machine that slows down slows both."""
    answer: dict[str, dict[str, float]] = {}
    for n in dict.fromkeys(row["n"] for row in found):
        for over, under in PAIRS:
            pairs = list(zip(rows_of(found, n, over), rows_of(found, n, under), strict=False))
            if pairs:
                shares = [float(str(a["cpu"])) / float(str(b["cpu"])) for a, b in pairs]
                answer.setdefault(str(n), {})[f"{over} / {under}"] = round(statistics.median(shares), 2)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", nargs="+", default=["1e6", "1e7"])
    parser.add_argument("--rounds", type=int, default=3)
    for peer in ("channel-attribution", "mam", "shapley"):
        parser.add_argument(f"--{peer}", metavar="PYTHON")
    call = parser.parse_args()
    measured(call)
    print((HERE / "results" / "paths.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
