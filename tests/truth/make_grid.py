"""The cells of the truth grid, written before anything is measured: ``python tests/truth/make_grid.py``.

A cell names its world and sizes, the test that the engine's own rules choose for the expected counts, and whether the
engine is expected to answer. It is expected to refuse where an arm is expected to hold fewer than 8 effective accounts.
"""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

from incrementality.lift.methods import fewest_of_counts, share_method
from incrementality.stats import FEWEST_EFFECTIVE_CLUSTERS, pooled_small_holdout

CELLS = Path(__file__).with_name("grid_cells.json")
SPREAD = 1.5  # of the logarithm of a payer's spend
SPREAD_OF_RATIO = 1.0
SHARES = (0.5, 0.2, 0.05)
UNITS = (200, 1000, 5000, 20_000, 100_000)
ACCOUNTS = (20, 40, 100, 300)
MEAN_SIZE, VARIANCE_OF_SIZE = 20.0, 19 + 19**2 / 3  # one contact, and a Poisson number with a gamma mean


def skewness_of_spend(payers: float, spread: float) -> float:
    """Return the skewness of spend that is lognormal for a share of units and zero for the others."""
    first, second, third = (payers * math.exp(k * k * spread * spread / 2) for k in (1, 2, 3))
    return (third - 3 * first * second + 2 * first**3) / (second - first * first) ** 1.5


def _cell(family: str, test: str, *, answers: bool, **world: object) -> dict[str, object]:
    name = " ".join([family, *(f"{key}={value}" for key, value in world.items())])
    return {"cell": name, "family": family, **world, "test": test, "answers": answers}


def _sizes(n: int, holdout: float) -> tuple[int, int]:
    control = round(n * holdout)
    return n - control, control


def _conversions() -> list[dict[str, object]]:
    found = []
    for n, holdout, rate in product(UNITS, SHARES, (0.005, 0.02, 0.05, 0.1, 0.3)):
        sizes = _sizes(n, holdout)
        test = share_method(fewest_of_counts(*((rate * size, size) for size in sizes)))
        found.append(_cell("conversion", test, answers=True, n=n, holdout=holdout, rate=rate))
    return found


def _guarded(sizes: tuple[int, int], payers: float, skewness: float) -> str:
    return (
        "permutation" if pooled_small_holdout(sizes, payers=payers * sum(sizes), skewness=skewness).fires else "Welch"
    )


def _means() -> list[dict[str, object]]:
    found = [
        _cell("normal", _guarded(_sizes(n, h), 1.0, 0.0), answers=True, n=n, holdout=h)
        for n, h in product(UNITS, SHARES)
    ]
    found += [
        _cell("orders per session", _guarded(_sizes(n, h), 0.7, 1.0), answers=True, n=n, holdout=h)
        for n, h in product(UNITS, SHARES)
    ]
    spend = [*product((1000, 5000, 20_000, 100_000), SHARES, (0.02, 0.1)), *product(UNITS[:4], SHARES, (0.3,))]
    for n, h, payers in spend:
        sizes, skewness = _sizes(n, h), skewness_of_spend(payers, SPREAD)
        found.append(_cell("revenue", _guarded(sizes, payers, skewness), answers=True, n=n, holdout=h, payers=payers))
    for n, h in product((1000, 5000, 20_000), SHARES):
        sizes, skewness = _sizes(n, h), skewness_of_spend(0.1, SPREAD_OF_RATIO)
        test = _guarded(sizes, 0.1, skewness)
        found.append(_cell("revenue per session", test, answers=True, n=n, holdout=h, payers=0.1))
    return found


def _accounts() -> list[dict[str, object]]:
    shrink = 1 + VARIANCE_OF_SIZE / MEAN_SIZE**2
    return [
        _cell(
            "accounts",
            "CR2",
            answers=min(_sizes(accounts, h)) / shrink >= FEWEST_EFFECTIVE_CLUSTERS,
            accounts=accounts,
            holdout=h,
            icc=icc,
            reaction=reaction,
        )
        for accounts, h, icc, reaction in product(ACCOUNTS, SHARES, (0.05, 0.3), (0.0, 0.5))
    ]


def _looks() -> list[dict[str, object]]:
    worlds = (*product(("normal", "conversion"), (20_000,), SHARES), *product(("revenue",), (100_000,), SHARES))
    return [
        _cell("twenty looks", test, answers=True, outcome=outcome, n=n, holdout=h, bounds=test)
        for outcome, n, h in worlds
        for test in ("confidence sequence", "O'Brien-Fleming", "Pocock")
    ]


def cells() -> list[dict[str, object]]:
    """Return every cell of the grid."""
    return [*_conversions(), *_means(), *_accounts(), *_looks()]


def text(found: list[dict[str, object]]) -> str:
    """Return the file's text: one cell a line."""
    return "[\n" + ",\n".join(f" {json.dumps(cell)}" for cell in found) + "\n]\n"


if __name__ == "__main__":
    CELLS.write_text(text(cells()), encoding="utf-8")
