"""The commands of an experiment's way: decline, pause, resume, stop, conclude, release."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads the annotation at run time
from typing import Annotated

import typer

from incrementality.cli.group import holdout
from incrementality.cli.output import IdArgument, JsonOption, WorkspaceOption, examples, near, print_json, say
from incrementality.cli.screen import paragraph

__all__ = [
    "conclude",
    "decline_command",
    "pause_command",
    "release_command",
    "resume_command",
    "stop_command",
]

NameOption = Annotated[str, typer.Option("--name", metavar="NAME", help="Who decides.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in words.")]


@holdout.command(
    "decline",
    short_help="Turn a request down.",
    epilog=examples("holdout decline winback-2026q1 --name 'Ada Lovelace' --reason 'Too few contacts.'"),
)
def decline_command(
    experiment_id: IdArgument, *, reason: ReasonOption, name: NameOption, workspace: WorkspaceOption = None
) -> None:
    """Turn a request down; no unit is drawn for it until somebody changes it."""
    from incrementality.workspace import Workspace, decline_request

    found = decline_request(Workspace.find(workspace), experiment_id, reason=reason, name=name)
    say(f"Declined by {found.name} on {found.on}: {found.reason}", "A changed request stands again.")


@holdout.command(
    "pause",
    short_help="Stop entry for now.",
    epilog=examples("holdout pause winback-2026q1 --name 'Ada Lovelace' --reason 'The tool is down.'"),
)
def pause_command(
    experiment_id: IdArgument, *, reason: ReasonOption, name: NameOption, workspace: WorkspaceOption = None
) -> None:
    """Stop entry: no unit is drawn until it is resumed; those drawn keep their arm."""
    from incrementality.workspace import Workspace, pause_entry

    found = pause_entry(Workspace.find(workspace), experiment_id, reason=reason, name=name)
    say(f"Paused by {found.name} at {found.at}: {found.reason}", f"Next: incrementality holdout resume {experiment_id}")


@holdout.command(
    "resume",
    short_help="Let entry go on.",
    epilog=examples("holdout resume winback-2026q1 --name 'Ada Lovelace' --reason 'It is back.'"),
)
def resume_command(
    experiment_id: IdArgument, *, reason: ReasonOption, name: NameOption, workspace: WorkspaceOption = None
) -> None:
    """Let entry go on after a pause."""
    from incrementality.workspace import Workspace, resume_entry

    found = resume_entry(Workspace.find(workspace), experiment_id, reason=reason, name=name)
    say(f"Resumed by {found.name} at {found.at}: {found.reason}")


@holdout.command(
    "stop",
    short_help="End entry for good.",
    epilog=examples("holdout stop winback-2026q1 --name 'Ada Lovelace' --reason 'Complaints.'"),
)
def stop_command(
    experiment_id: IdArgument, *, reason: ReasonOption, name: NameOption, workspace: WorkspaceOption = None
) -> None:
    """End entry before the last day, for good; those drawn are followed until their windows close."""
    from incrementality.workspace import Workspace, stop_experiment

    found = stop_experiment(Workspace.find(workspace), experiment_id, reason=reason, name=name)
    say(f"Stopped by {found.name} on {found.on}: {found.reason}", "When it is complete: incrementality status")


def conclude(
    experiment_id: IdArgument,
    *,
    decision: Annotated[
        str,
        typer.Option("--decision", metavar="WORD", help='scale, keep, "limit to segment", pause or retest.'),
    ],
    name: NameOption,
    reason: ReasonOption,
    segment: Annotated[
        str, typer.Option("--segment", metavar="SEGMENT", help='The one it is limited to: "name: value".')
    ] = "",
    despite: Annotated[
        str,
        typer.Option("--despite", metavar="TEXT", help='Why it is concluded without a readout, or on "do not use".'),
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record what is done with an answer, beside the readout's grade, hash and headline numbers.

    Writes decision.json; an earlier decision stays beside it.
    """
    from incrementality.workspace import Workspace, conclude as record

    found = record(
        Workspace.find(workspace),
        experiment_id,
        decision=decision,
        name=name,
        reason=reason,
        segment=segment,
        despite=despite,
    )
    if as_json:
        print_json(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) + "\n")
        return
    limited = f" ({found.segment})" if found.segment else ""
    say(f"{experiment_id}: {found.decision}{limited}, decided by {found.name} on {found.on}.")
    say(*paragraph(found.verdict or "It rests on no readout.", first=f"  {found.grade or 'no grade'}: ", rest="    "))
    say(f"  Those held out: {found.release}", f"  Version {found.version}, readout {found.readout_hash[:12] or 'none'}")


@holdout.command(
    "release",
    short_help="List those held out, once it is over.",
    epilog=examples(
        "holdout release winback-2026q1 --to release.csv",
        "holdout release winback-2026q1 --to release.csv --despite 'A recall.'",
    ),
)
def release_command(
    experiment_id: IdArgument,
    *,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The CSV file; it is replaced.")],
    despite: Annotated[
        str, typer.Option("--despite", metavar="TEXT", help="Why it is done before outcomes are complete.")
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write those held out as CSV for the tool that sends, and say what the request wants done with them."""
    from incrementality.workspace import Workspace, release_units

    found = release_units(Workspace.find(workspace), experiment_id, to, despite=despite)
    if as_json:
        print_json(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) + "\n")
        return
    say(f"{found.rows:,} held-out units of {experiment_id} in {near(to)}")
    say(*(f"  {arm:<24}{n:>12,}{'  released' * (arm == found.arm)}" for arm, n in found.counts.items()))
    say(f"What becomes of them: {found.plan}")
