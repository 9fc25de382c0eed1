"""The commands of a request: check it, or check what the tool that sends did with it."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotation at run time
from typing import Annotated

import typer

from incrementality.cli.group import holdout
from incrementality.cli.output import IdArgument, WorkspaceOption, examples, say
from incrementality.cli.screen import check_lines

__all__ = ["check_command"]


@holdout.command(
    "check",
    short_help="Compare what was sent with what was drawn.",
    epilog=examples("holdout check winback-2026q1 --deliveries sent.csv"),
)
def check_command(
    experiment_id: IdArgument,
    *,
    deliveries: Annotated[
        Path, typer.Option("--deliveries", metavar="FILE", help="A CSV with the columns unit, action, delivered_at.")
    ],
    workspace: WorkspaceOption = None,
) -> None:
    """Compare what the tool did with what was assigned: contamination both ways; exit with 1 where there is some."""
    from incrementality.workspace import Workspace, check_deliveries

    log, found = check_deliveries(Workspace.find(workspace), experiment_id, deliveries)
    refused = "; ".join(f"{reason}: {n:,}" for reason, n in log.refused.items()) or "none"
    say(f"Rows: {log.rows:,} read, {log.kept:,} kept; refused: {refused}.", *check_lines([found]))
    if found.passed is False:
        raise typer.Exit(1)
