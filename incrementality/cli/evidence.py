"""The command that takes all experiments on one metric together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from incrementality.cli.output import JsonOption, WorkspaceOption, print_json, progress, say
from incrementality.cli.screen import aligned, paragraph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incrementality.lift import EvidenceRow, PooledEvidence

__all__ = ["evidence", "evidence_lines"]


def evidence(
    experiment_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="The experiments; default: all.", show_default=False)
    ] = None,
    *,
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="NAME", help="The metric; default: the one that all have.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every experiment on one metric, their mean, and each effect in the light of the others.

    Null results and stopped experiments count; what is left out is named.
    """
    from incrementality.workspace import Workspace, evidence_of

    with progress("reading all readouts", quiet=as_json):
        found = evidence_of(Workspace.find(workspace), metric, experiment_ids=experiment_ids or None)
    if as_json:
        print_json(json.dumps(found.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        say(*evidence_lines(found))


def evidence_lines(found: PooledEvidence) -> list[str]:
    """Return the evidence for a terminal: the answer, a row an experiment, what differs, what is left out."""
    lines = [*paragraph(found.sentence), "", *_table(found), "", *_numbers(found)]
    if found.left_out:
        lines += ["", "Left out"]
        lines += [line for one, why in found.left_out for line in paragraph(f"{one}: {why}", first="  ", rest="    ")]
    return [*lines, *(line for note in found.notes for line in ("", *paragraph(note)))]


def _table(found: PooledEvidence) -> list[str]:
    from incrementality.formatting import difference_unit, level

    head = ("experiment", "effect", f"{level(found.alpha)} interval", "shrunken", "interval", "n", "control", "")
    table = [head, *(_row(found, row) for row in found.rows)]
    unit = difference_unit(kind=found.kind, unit=found.unit)
    return [*aligned(table, left={0, 7}), f"  effects in {unit}"]


def _row(found: PooledEvidence, row: EvidenceRow) -> tuple[str, ...]:
    from incrementality.formatting import difference_number, interval

    def told(value: float | None) -> str:
        return "-" if value is None else difference_number(value, kind=found.kind, unit=found.unit)

    bounds = interval(told(row.ci_lower), told(row.ci_upper))
    shrunken = "-" if row.shrunken is None else interval(told(row.shrunken_ci_lower), told(row.shrunken_ci_upper))
    marks = [row.grade] * (row.grade != "trust") + [f"stopped {row.stopped}"] * (row.stopped is not None)
    marks += [f"look {row.look} of {row.looks}"] * (row.look is not None and row.looks not in {None, 1})
    numbers = (told(row.effect), bounds, told(row.shrunken), shrunken, f"{row.n:,}", f"{row.n_control:,}")
    return (row.experiment_id, *numbers, ", ".join(marks))


def _numbers(found: PooledEvidence) -> Iterator[str]:
    from incrementality.formatting import difference, share

    if found.mean is None or found.tau is None or found.q is None or found.i_squared is None:
        return
    spread = difference(found.tau, kind=found.kind, unit=found.unit).lstrip("+")
    yield from paragraph(f"Mean: {found.method}.")
    yield from paragraph(
        f"True effects differ with a standard deviation of {spread}; {share(found.i_squared)} of what is seen is more "
        f"than chance (Q = {found.q:.1f} on {found.q_df})."
    )
