"""The attribution benchmark: peers in turn, one process a measurement, medians and ratios round by round.

    python tests/benchmarks/run_attribution.py FOLDER [--sizes 1e6 1e7] [--rounds 5] [--large 5e7]
        [--mam PYTHON] [--channel-attribution PYTHON] [--peers-up-to 1e7]

Data that is missing in FOLDER is made first. Other packages need environments of their own, named by their
interpreters: ``marketing-attribution-models==2.1.1``; ``ChannelAttribution==2.2.5 matplotlib duckdb pyarrow``. The size
``--large`` is measured once, for its memory. Results go to
tests/benchmarks/results/attribution.json, beside those of other sizes.
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
PAIRS = (
    ("ours_five", "hand_written"),
    ("ours_five", "hand_canonical"),
    ("ours_five", "hand_same"),
    ("ours_nine", "hand_nine"),
    ("ours_ledger", "ours_five"),
    ("mam", "ours_five"),
    ("channel_attribution", "ours_five"),
)
OURS = (*dict.fromkeys(name for pair in PAIRS[:5] for name in reversed(pair)), "ours_bootstrap")
LARGE = ("hand_same", "ours_five", "ours_nine", "ours_ledger")
FIGURES = ("cpu", "wall", "peak_mb")
Rows = list[dict[str, object]]


def measure(python: str, peer: str, folder: Path, n: str) -> dict[str, object]:
    command = [python, str(HERE / "measure_attribution.py"), peer, str(folder), n]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        print(answer.stderr, file=sys.stderr)
        return {"peer": peer, "failed": f"exit {answer.returncode}"}
    return json.loads(answer.stdout.strip().splitlines()[-1])


def measured(folder: Path, n: str, rounds: int, peers: dict[str, str]) -> dict[str, Rows]:
    if not (folder / f"touches_{int(float(n))}.parquet").exists():
        subprocess.run([sys.executable, str(HERE / "make_touches.py"), str(folder), n], check=True)
    subprocess.run([sys.executable, str(HERE / "attribution_queries.py"), str(folder), n], check=True)
    found: dict[str, Rows] = {peer: [] for peer in peers}
    for i in range(rounds):
        for peer, python in peers.items():
            found[peer].append(measure(python, peer, folder, n))
            print(i, json.dumps(found[peer][-1]), file=sys.stderr, flush=True)
    return found


def medians(rows: Rows) -> dict[str, object]:
    if any("failed" in row for row in rows):
        return {"failed": next(row["failed"] for row in rows if "failed" in row)}
    figures: dict[str, object] = {name: statistics.median(float(str(row[name])) for row in rows) for name in FIGURES}
    return figures | {"cpu_min": min(float(str(row["cpu"])) for row in rows), "check": rows[0]["check"]}


def ratio(over: Rows, under: Rows) -> dict[str, float]:
    """The median of the ratios round by round, so that a machine that slows down slows both, and that of the minima."""
    pairs = [(float(str(a["cpu"])), float(str(b["cpu"]))) for a, b in zip(over, under, strict=True)]
    least = min(a for a, _ in pairs) / min(b for _, b in pairs)
    return {"median": round(statistics.median(a / b for a, b in pairs), 3), "of_minima": round(least, 3)}


def answered(found: dict[str, Rows], rounds: int) -> dict[str, object]:
    ok = {peer for peer, rows in found.items() if not any("failed" in row for row in rows)}
    ratios = {f"{a} / {b}": ratio(found[a], found[b]) for a, b in PAIRS if {a, b} <= ok}
    return {
        "rounds": rounds,
        "medians": {peer: medians(rows) for peer, rows in found.items()},
        "cpu_ratios": ratios,
    }


def write(n: str, answer: dict[str, object]) -> None:
    """Write one size beside the others, so that a long run that is cut short is not lost."""
    path = HERE / "results" / "attribution.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    before["machine"] = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    path.write_text(json.dumps(before | {n: answer}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({n: answer}, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", nargs="*", default=["1e6", "1e7"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", metavar="N")
    parser.add_argument("--peers-up-to", type=float, default=1e7, metavar="N")
    for peer in ("mam", "channel-attribution"):
        parser.add_argument(f"--{peer}", metavar="PYTHON")
    call = parser.parse_args()
    ours = dict.fromkeys(OURS, sys.executable)
    others = {"mam": call.mam, "channel_attribution": call.channel_attribution}
    for n in call.sizes:
        peers = ours | {k: v for k, v in others.items() if v and float(n) <= call.peers_up_to}
        write(n, answered(measured(call.folder, n, call.rounds, peers), call.rounds))
    if call.large:
        peers = dict.fromkeys(LARGE, sys.executable)
        write(call.large, answered(measured(call.folder, call.large, 1, peers), 1))


if __name__ == "__main__":
    main()
