"""The data card of a written company: what the files hold, what is known to be true, what is wrong in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incrementality.simulate.company.life import KINDS
from incrementality.tables import COMPANY_TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["data_card"]

_HEAD = """\
# A simulated company

A business-to-business software company, simulated: no person and no company behind it exists. Made by
`incrementality.simulate.simulate_company` with the arguments in `manifest.json`, which make every byte again.

* Times are UTC, money is EUR in whole cents, the export was made at {as_of}.
* Revenue events are {kinds}; they partition the money. A renewal whose account had been seen at risk says so in
  `flagged_at`, `loss_at` and `at_risk`. Where somebody intervened, a row of the kind `saved` stands beside it: a label,
  whose amount is the renewal's and must not be added to it.
* `entries` logs who met the moment of which journey, in both arms; `assignments` holds the arm of every account in
  every experiment.
* What every function and journey truly caused is not in the files: `SimulatedCompany.truth` computes it.
"""
_EXTRA = {
    "entries": "one account that met the moment which starts a journey",
    "assignments": "the arm of one account in one experiment",
}


def data_card(rows: Mapping[str, int], manifest: Mapping[str, Any]) -> str:
    """Return the card as Markdown.

    Args:
        rows: Number of rows of each table.
        manifest: The manifest.
    """
    parts = [_HEAD.format(as_of=manifest["as_of"], kinds=", ".join(KINDS)), _tables(rows)]
    parts.append(_experiments(manifest["arguments"]["holdouts"]))
    parts.append(_faults(manifest["planted"]))
    return "\n".join(parts)


def _tables(rows: Mapping[str, int]) -> str:
    lines = ["## Tables\n", "| table | rows | one row is |", "|---|---|---|"]
    for name in sorted(rows):
        meaning = COMPANY_TABLES[name].meaning if name in COMPANY_TABLES else _EXTRA[name]
        lines.append(f"| {name} | {rows[name]:,} | {meaning} |")
    return "\n".join(lines) + "\n"


def _experiments(holdouts: list[dict[str, Any]]) -> str:
    lines = ["## Experiments\n", "| experiment | share held out | withholds | quarters |", "|---|---|---|---|"]
    for each in holdouts:
        last = "end" if each["last"] is None else each["last"]
        lines.append(f"| {each['name']} | {each['share']:.0%} | {_withheld(each)} | {each['first']} to {last} |")
    return "\n".join(lines) + "\n" if holdouts else "## Experiments\n\nNone.\n"


def _withheld(holdout: dict[str, Any]) -> str:
    function, journey = holdout["function"], holdout["journey"]
    if function is None and journey is None:
        return "everything"
    if function is None:
        return f"the journey {journey}"
    return str(function) if journey is None else f"{function} in {journey}"


def _faults(planted: Mapping[str, int]) -> str:
    found = {name: count for name, count in planted.items() if count}
    if not found:
        return "## Faults of capture\n\nNone: everything that happened was captured.\n"
    lines = ["## Faults of capture\n", "| fault | rows |", "|---|---|"]
    lines += [f"| {name} | {count:,} |" for name, count in sorted(found.items())]
    return "\n".join(lines) + "\n"
