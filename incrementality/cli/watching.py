"""The command that watches a running experiment without peeking."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from incrementality.cli.group import holdout
from incrementality.cli.output import IdArgument, JsonOption, WorkspaceOption, examples, print_json, progress, say
from incrementality.cli.screen import health_lines

__all__ = ["health_command"]


@holdout.command(
    "health",
    short_help="Watch a running experiment.",
    epilog=examples("holdout health winback-2026q1", "holdout health winback-2026q1 --json"),
)
def health_command(
    experiment_id: IdArgument,
    *,
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], metavar="DATE", help="The day; default: today.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show checks, guardrails and progress to the answer; exit with 1 where a check fails.

    The effect on the primary metric is not read, unless the signed design registers a look for that day.
    """
    from incrementality.workspace import Workspace, health_of

    day = (on.replace(tzinfo=UTC) if on else datetime.now(UTC)).date()
    with progress(f"watching {experiment_id}", quiet=as_json):
        seen = health_of(Workspace.find(workspace), experiment_id, on=day)
    if as_json:
        print_json(json.dumps(seen.to_dict(), indent=1, ensure_ascii=False) + "\n")
    else:
        say(*health_lines(seen))
    if not seen.healthy:
        raise typer.Exit(1)
