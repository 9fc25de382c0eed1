"""The page of traps, made from what the truth tests measured: ``python tests/truth/make_traps_page.py``."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "traps.md"
HEAD = """\
# Traps

Each row is a world whose truth is known, simulated several times. *Naive* is the number that the mistake gives, *ours*
what a readout gives on the same data; behind each stands its Monte-Carlo error over the worlds. Effects are
differences in the share of converted units, in percentage points. This page is made from the truth tests.

| trap | truth | naive | ours | intervals that hold the truth | what the readout answers |
|---|---|---|---|---|---|
"""


def page(rows: list[dict[str, object]]) -> str:
    """Return the page's text."""
    return HEAD + "".join(f"| {' | '.join(_cells(row))} |\n" for row in rows)


def _cells(row: dict[str, object]) -> list[str]:
    held = row["intervals_that_hold_the_truth"]
    return [
        str(row["trap"]),
        _points(row["truth"]),
        _with_error(row["naive"], row["naive_error"]),
        _with_error(row["ours"], row["ours_error"]),
        "-" if held is None else f"{held} of {row['worlds']}",
        str(row["answer"]),
    ]


def _points(value: object) -> str:
    return "-" if value is None else f"{100 * float(str(value)):+.2f}"


def _with_error(value: object, error: object) -> str:
    return "-" if value is None else f"{_points(value)} (± {100 * float(str(error)):.2f})"


def measured() -> list[dict[str, object]]:
    """Return what the truth tests wrote."""
    rows: list[dict[str, object]] = json.loads((HERE / "results" / "traps.json").read_text(encoding="utf-8"))
    return rows


if __name__ == "__main__":
    PAGE.write_text(page(measured()), encoding="utf-8")
