"""The page of the truth grid, made from what was measured: ``python tests/truth/make_grid_page.py``."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "truth-grid.md"
RESULTS = HERE / "results" / "readout_grid.json"
TEA = HERE / "results" / "tea_tasting_grid.json"
TESTS = ("score", "exact", "Welch", "permutation", "CR2", "confidence sequence", "O'Brien-Fleming", "Pocock")
HEAD = """\
# The truth grid

How often readouts find an effect where there is none, and how often their intervals hold the effect that there is, in
{cells} simulated cells. This page is made from `tests/truth/results/readout_grid.json`; the cells, and where an answer
is expected, were listed in `tests/truth/grid_cells.json` before the run.

The bar: size at most 5.5 % and coverage at least 94.5 % wherever the engine answers (the relative interval by
permutation at least 93 %), no tail above 3.5 %. At fixed looks, split 50/50, with at least 100 events in the smaller
arm or 100 effective accounts an arm, also size at least 4.3 % and a mean width of at most 1.05 times the oracle's,
which knows the variances. Confidence sequences, exact tests and the bounds of several looks: size only.

A rate beyond the bar by more than three Monte-Carlo standard errors is *outside*; one beyond it by less is *near*:
chance alone puts many there. Rates are of the experiments that were answered. *Usual* is the size of Welch's t on the
same experiments; for accounts, of Welch's t on their units and of statsmodels' cluster-robust regression.
*tea-tasting* is its size, its coverage and that of its lift in 2,000 worlds of the cell, by `Mean`, `RatioOfMeans` or
`Proportion` as they are set up by themselves (`tests/truth/grid_tea.py`); it knows no accounts and no looks, and below
1,000 units no interval of a share.

A difference is answered whatever the control holds. A lift is stated where five events or payers are expected in the
control, both arms counted together; *of the lift* is its coverage where it is stated.

* An answer is expected in {expected} cells, {share} of the grid, and given in {given}.
* Outside the bar: {outside} cells. Near it: {near}. Inside: {inside}. Without enough answers to say: {silent}.
* Refused although the smaller arm has 50 payers, 40 accounts or 100 conversions: {refused}.

Money is lognormal among payers (log standard deviation 1.5; 1 per session and at looks). Where there is an effect it is
a lift of 20 % (5 % at looks): by more payers, by another rate, by a shift. Accounts hold 20 units in the mean, of
standard deviation 11.8; *reaction* is the standard deviation of their own effects, in those of a unit. At looks, means
are tested by Welch's t and shares by the score or the exact test, as normal deviates that meet the bounds. Revenue at
planned looks is drawn by rows: where the small-holdout rule fires at a look, the whole path is permuted (1,999 times).
"""
COLUMNS = (
    "cell | experiments | refused | size | treatment loses | treatment wins | coverage | of the lift | "
    "width / oracle | usual | tea-tasting"
)


def loaded(name: str) -> ModuleType:
    """Return a module that lies beside this one; test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


bar = loaded("grid_bar")
Row = dict[str, object]
TEA_ROWS: dict[str, Row] = {row["cell"]: row for row in json.loads(TEA.read_text(encoding="utf-8"))}


def verdict(row: Row) -> str:
    """Return where a cell lies: outside, near, inside, or silent where too few experiments were answered."""
    if row["loses"] is None:
        return "silent"
    missed = bar.missed(row)
    if any(clear for *_, clear in missed):
        return "outside"
    return "near" if missed else "inside"


def page(rows: list[Row]) -> str:
    """Return the page's text."""
    lying = {name: [row for row in rows if verdict(row) == name] for name in ("outside", "near", "inside", "silent")}
    expected = sum(bool(row["answers"]) for row in rows)
    text = HEAD.format(
        cells=len(rows),
        expected=expected,
        share=_rate(expected / len(rows)),
        given=sum(2 * int(str(row["refused"])) <= int(str(row["replications"])) for row in rows),
        refused=sum(bool(row["refused"]) and bar.must_answer(row) for row in rows) or "none",
        **{name: len(found) for name, found in lying.items()},
    )
    told = [f"* {_cell(row)}: {_told(row)}.\n" for row in lying["outside"]]
    text += "\n## Outside the bar\n\n" + ("".join(told) or "None.\n")
    text += "\n## Near the bar\n\n" + "".join(f"* {_cell(row)}: {_told(row)}.\n" for row in lying["near"])
    for test in TESTS:
        of_test = [row for row in rows if row["tests_used"] and bar.main_test(row) == test and row["loses"] is not None]
        text += _table(f"By test: {test}", of_test)
    return text + _refusals(rows)


def _told(row: Row) -> str:
    said = [
        f"{what} {_rate(rate, 2) if what != 'width' else rate} (bar {_rate(limit) if what != 'width' else limit})"
        for what, rate, limit, _ in bar.missed(row)
    ]
    return "; ".join(said)


def _table(title: str, rows: list[Row]) -> str:
    order = {"outside": 0, "near": 1, "inside": 2}
    lines = [_line(row) for row in sorted(rows, key=lambda row: order[verdict(row)])]
    return f"\n## {title}\n\n| {COLUMNS} |\n|{'---|' * 11}\n" + "".join(lines)


def _cell(row: Row) -> str:
    world = str(row["cell"]).partition(" bounds=")[0]
    named = row.get("bounds")
    return f"{world}, {named}" if named else world


def _line(row: Row) -> str:
    mark = {"outside": " **outside**", "near": " *near*", "inside": ""}[verdict(row)]
    size = float(str(row["loses"])) + float(str(row["wins"]))
    usual = row["usual"]
    assert isinstance(usual, dict)
    shown = [
        _cell(row) + mark,
        f"{row['replications']:,}",
        f"{row['refused']:,}",
        _rate(size),
        *(_rate(row[key]) for key in ("loses", "wins", "covers_effect", "covers_lift")),
        "-" if row["width"] is None else f"{row['width']:.3f}",
        ", ".join(_rate(sum(sides)) for sides in usual.values() if sides) or "-",
        _by_tea(str(row["cell"])),
    ]
    return f"| {' | '.join(shown)} |\n"


def _by_tea(cell: str) -> str:
    row = TEA_ROWS.get(cell)
    if row is None or row["loses"] is None:
        return "-"
    size = float(str(row["loses"])) + float(str(row["wins"]))
    return ", ".join([_rate(size), *(_rate(row.get(key)) for key in ("covers_effect", "covers_lift"))])


def _rate(value: object, decimals: int = 1) -> str:
    return "-" if value is None else f"{100 * float(str(value)):.{decimals}f} %"


def _refusals(rows: list[Row]) -> str:
    refused = [row for row in rows if row["refused"]]
    lines = []
    for row in refused:
        share = int(str(row["refused"])) / int(str(row["replications"]))
        lines.append(f"| {_cell(row)} | {'yes' if row['answers'] else 'no'} | {_rate(share)} |\n")
    return "\n## Refusals\n\n| cell | answer expected | refused |\n|---|---|---|\n" + "".join(lines)


def measured() -> list[Row]:
    """Return what the truth tests wrote."""
    found: list[Row] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    PAGE.write_text(page(measured()), encoding="utf-8")
