"""The commands of a design: answer the request for a holdout, sign the answer."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from incrementality.cli.group import holdout
from incrementality.cli.output import IdArgument, JsonOption, WorkspaceOption, examples, near, print_json, progress, say
from incrementality.cli.screen import design_lines

__all__ = ["design_command", "sign_command"]


@holdout.command(
    "design",
    short_help="Answer the request for a holdout.",
    epilog=examples("holdout design winback-2026q1", "holdout design winback-2026q1 --json"),
)
def design_command(
    experiment_id: IdArgument,
    *,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of what is drawn from history.", min=0)] = 0,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer the request in experiment.yaml: feasible or not, how many, how long, what to change.

    Writes design.json, design.html and design.md beside it. A signed design stays; a changed request is a new version.
    """
    from incrementality.workspace import Workspace, design_experiment, design_page

    project = Workspace.find(workspace)
    with progress(f"designing {experiment_id}", quiet=as_json):
        answer = design_experiment(project, experiment_id, seed=seed)
    if as_json:
        print_json(json.dumps(answer.to_dict(), indent=1, ensure_ascii=False) + "\n")
    else:
        say(*design_lines(answer), "", f"Page: {near(design_page(project, experiment_id))}")


@holdout.command(
    "sign",
    short_help="Sign a design.",
    epilog=examples("holdout sign winback-2026q1 --role owner --name 'Ada Lovelace'"),
)
def sign_command(
    experiment_id: IdArgument,
    *,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="One of the request's approvals.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Who signs.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Sign the design on disk; its registration hash freezes what was asked and answered."""
    from incrementality.workspace import Workspace, sign_design

    answer = sign_design(Workspace.find(workspace), experiment_id, role=role, name=name)
    waiting = ", ".join(answer.missing_approvals)
    say(f"Signed as {role} by {name}: version {answer.version}, registration {answer.hash[:12]}.")
    say(f"Still to sign: {waiting}." if waiting else "Everybody has signed.")
