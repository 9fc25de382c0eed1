"""The page of traps, made from what the truth tests measured: ``python tests/truth/make_traps_page.py``."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "traps.md"
HEAD = """\
# Traps

Each row is a world whose truth is known, simulated many times. *Naive* is the number that the mistake gives, *ours*
what a readout gives on the same units; behind each stands its Monte-Carlo error over the worlds. Effects are
differences in the share of converted units, in percentage points. The last column names the check that withholds the
answer (*do not use*) where someone hands the mistake itself in. This page is made from the truth tests.

| trap | truth | naive | ours | intervals that hold the truth | what the readout answers | the mistake is refused by |
|---|---|---|---|---|---|---|
"""
ALARMS = """
## Effects that are not there

Worlds without any effect, read at 5 %: how often one is found.

| trap | naive | ours | worlds | the mistake is refused by |
|---|---|---|---|---|
"""
# Refused before any readout.
ELSEWHERE = {"an earlier test's salt used again": "the audit of assignments (salt reuse)"}

Found = dict[str, list[dict[str, object]]]


def page(found: Found) -> str:
    """Return the page's text."""
    effects = "".join(_line(_effect(row)) for row in found["effects"])
    return HEAD + effects + ALARMS + "".join(_line(_alarm(row)) for row in found["false_alarms"])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _effect(row: dict[str, object]) -> list[str]:
    held = row["intervals_that_hold_the_truth"]
    return [
        str(row["trap"]),
        _points(row["truth"]),
        _with_error(row["naive"], row["naive_error"]),
        _with_error(row["ours"], row["ours_error"]),
        "-" if held is None else f"{held} of {row['worlds']}",
        str(row["answer"]),
        _refused(row),
    ]


def _alarm(row: dict[str, object]) -> list[str]:
    worlds = int(str(row["worlds"]))
    return [str(row["trap"]), _rate(row["naive"], worlds), _rate(row["ours"], worlds), f"{worlds:,}", _refused(row)]


def _refused(row: dict[str, object]) -> str:
    check = row["mistake_refused_by"]
    return ELSEWHERE.get(str(row["trap"]), "-") if check is None else f"`{check}`"


def _points(value: object) -> str:
    return "-" if value is None else f"{100 * float(str(value)):+.2f}"


def _with_error(value: object, error: object) -> str:
    return "-" if value is None else f"{_points(value)} (± {100 * float(str(error)):.2f})"


def _rate(value: object, worlds: int) -> str:
    rate = float(str(value))
    return f"{100 * rate:.1f} % (± {100 * (rate * (1 - rate) / worlds) ** 0.5:.1f})"


def measured() -> Found:
    """Return what the truth tests wrote."""
    found: Found = json.loads((HERE / "results" / "traps.json").read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    PAGE.write_text(page(measured()), encoding="utf-8")
