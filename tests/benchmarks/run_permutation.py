"""The permutation benchmark: 10,000 permutations of a million users, one process a measurement.

    python tests/benchmarks/run_permutation.py [--n 1e6] [--permutations 10000]

CPU is user plus system time of the comparison alone, both intervals included; the linear algebra library is held to
one thread. Results go to tests/benchmarks/results/permutation.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
CASES = {
    "zero-inflated 5/95": (0.05, 0.05),
    "zero-inflated 50/50": (0.5, 0.05),
    "dense 5/95": (0.05, 1.0),
    "dense 50/50": (0.5, 1.0),
}


def measure(case: str, n: int, permutations: int) -> dict[str, object]:
    import numpy as np

    from incrementality.stats import compare_by_permutation

    holdout, payers = CASES[case]
    rng = np.random.default_rng(1)
    values = np.where(rng.random(n) < payers, rng.lognormal(3, 1.5, n), 0.0)
    treated = rng.random(n) >= holdout
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    answer = compare_by_permutation(values, treated, seed=2, permutations=permutations)
    return {
        "case": case,
        "n": n,
        "permutations": permutations,
        "cpu_seconds": round(time.process_time() - start, 2),
        "memory_added_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
        "pvalue": round(answer.pvalue, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=float, default=1e6)
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--case", choices=CASES)
    call = parser.parse_args()
    if call.case:
        print(json.dumps(measure(call.case, int(call.n), call.permutations)))
        return
    found = []
    for case in CASES:
        command = [sys.executable, __file__, "--case", case, "--n", str(call.n)]
        command += ["--permutations", str(call.permutations)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        found.append(json.loads(run.stdout))
        print(run.stdout.strip(), file=sys.stderr, flush=True)
    answer = {"machine": f"{os.cpu_count()} cores, Python {platform.python_version()}", "measured": found}
    text = json.dumps(answer, indent=1) + "\n"
    (HERE / "results" / "permutation.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
