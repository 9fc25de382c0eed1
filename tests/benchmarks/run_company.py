"""The company simulator: CPU, wall time and memory by size, one process a measurement.

    python tests/benchmarks/run_company.py [--sizes 1e3 1e4 1e5 1e6] [--rounds 3]

What is measured, user plus system time of one thread's process from the first call on:
    tables          all tables in memory (up to 1e5 accounts)
    blocks          all tables, block by block, none kept
    write           the same as CSV files (up to 1e5 accounts)
    counterfactual  the revenue of one other world
    truth           removal effects of all functions and journeys, and the baseline

Medians go to tests/benchmarks/results/company.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
LARGEST_KEPT = 10**5
FIGURES = ("cpu_s", "wall_s", "peak_mb")


def tables(company) -> int:
    return len(company.tables["touchpoints"]["touch_id"])


def blocks(company) -> int:
    return sum(
        len(each["touchpoints"]["touch_id"])
        for each in company.export().tables(company.blocks)
        if "touchpoints" in each
    )


def write(company) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return company.write(folder)["files"]["touchpoints.csv"]["rows"]


def counterfactual(company) -> int:
    return company.counterfactual().revenue


def truth(company) -> int:
    return company.truth.caused


MEASURED = {each.__name__: each for each in (tables, blocks, write, counterfactual, truth)}


def measure(what: str, accounts: int) -> dict[str, object]:
    from incrementality.simulate import simulate_company

    company = simulate_company(accounts, seed=1)
    start, wall = time.process_time(), time.perf_counter()
    answer = MEASURED[what](company)
    return {
        "cpu_s": round(time.process_time() - start, 3),
        "wall_s": round(time.perf_counter() - wall, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "answer": answer,
    }


def in_a_process(what: str, accounts: int) -> dict[str, object]:
    command = [sys.executable, __file__, "--measure", what, str(accounts)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def medians(what: str, accounts: int, rounds: int) -> dict[str, object]:
    found = [in_a_process(what, accounts) for _ in range(rounds)]
    assert len({str(row["answer"]) for row in found}) == 1
    kept: dict[str, object] = {name: statistics.median(float(str(row[name])) for row in found) for name in FIGURES}
    name = "touches" if what in {"tables", "blocks", "write"} else "cents"
    return kept | {name: found[0]["answer"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["1e3", "1e4", "1e5", "1e6"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=2)
    call = parser.parse_args()
    if call.measure:
        print(json.dumps(measure(call.measure[0], int(call.measure[1]))))
        return
    load, results = os.getloadavg()[0], {}
    for size in call.sizes:
        accounts = int(float(size))
        kept = [what for what in MEASURED if accounts <= LARGEST_KEPT or what not in {"tables", "write", "truth"}]
        results[size] = {what: medians(what, accounts, call.rounds) for what in kept}
        print(size, json.dumps(results[size]), file=sys.stderr, flush=True)
        keep(results, call.rounds, load)


def keep(results: dict[str, object], rounds: int, load: float) -> None:
    answer = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load_before": round(load, 1),
        "rounds": rounds,
        "accounts": results,
    }
    text = json.dumps(answer, indent=1) + "\n"
    (HERE / "results" / "company.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
