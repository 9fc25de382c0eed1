"""The commands of a request: write it, check it, or check what the tool that sends did with it."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotation at run time
from typing import TYPE_CHECKING, Annotated

import typer

from incrementality.cli.group import holdout
from incrementality.cli.output import IdArgument, WorkspaceOption, examples, near, say
from incrementality.cli.screen import check_lines, paragraph

if TYPE_CHECKING:
    from incrementality.workspace import Workspace

__all__ = ["check_command", "new_command"]


@holdout.command(
    "new",
    short_help="Write a request for a holdout.",
    epilog=examples("holdout new winback-2026q1", "holdout new winback-2026q1 --interactive"),
)
def new_command(
    experiment_id: Annotated[
        str, typer.Argument(metavar="ID", help="The new experiment's id: a-z, 0-9, '.', '_', '-'.")
    ],
    *,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Ask for it in plain questions; ? helps with each.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write experiments/ID/experiment.yaml: a commented page to fill in, or one made from your answers.

    A file that is there already stays untouched; breaking off leaves nothing behind.
    """
    from incrementality.workspace import Workspace, new_request

    project = Workspace.find(workspace)
    path = _interviewed(project, experiment_id) if interactive else new_request(project, experiment_id)
    say(f"The request is ready: {near(path)}", f"Next: incrementality holdout check {experiment_id}")


def _interviewed(project: Workspace, experiment_id: str) -> Path:
    from incrementality.workspace import interview_request

    say("Press Enter for what stands in brackets, ? for help, Ctrl-C to leave; nothing is written before the end.", "")
    try:
        return interview_request(project, experiment_id, ask=_ask, say=lambda line: say(*paragraph(line, rest="  ")))
    except (typer.Abort, KeyboardInterrupt, EOFError):
        say("", "Nothing was written.")
        raise typer.Exit(1) from None


def _ask(question: str) -> str:
    return str(typer.prompt(question, default="", show_default=False, prompt_suffix=": "))


@holdout.command(
    "check",
    short_help="Check a request, or what was sent.",
    epilog=examples("holdout check winback-2026q1", "holdout check winback-2026q1 --deliveries sent.csv"),
)
def check_command(
    experiment_id: IdArgument,
    *,
    deliveries: Annotated[
        Path | None,
        typer.Option("--deliveries", metavar="FILE", help="A CSV with the columns unit, action, delivered_at."),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Check the request: its file line by line, live experiments, the design, who has to sign.

    With --deliveries: compare what the tool did with what was assigned, contamination both ways. Exit with 1 where
    something is wrong.
    """
    from incrementality.workspace import Workspace, check_request

    project = Workspace.find(workspace)
    if deliveries is not None:
        _check_deliveries(project, experiment_id, deliveries)
        return
    found = check_request(project, experiment_id)
    say(*check_lines(found))
    if any(check.passed is False for check in found):
        raise typer.Exit(1)


def _check_deliveries(project: Workspace, experiment_id: str, deliveries: Path) -> None:
    from incrementality.workspace import check_deliveries

    log, found = check_deliveries(project, experiment_id, deliveries)
    refused = "; ".join(f"{reason}: {n:,}" for reason, n in log.refused.items()) or "none"
    say(f"Rows: {log.rows:,} read, {log.kept:,} kept; refused: {refused}.", *check_lines([found]))
    if found.passed is False:
        raise typer.Exit(1)
