"""The commands of eligibility: decide and log, ask for one unit, run the rule again; all blind to the arm."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from incrementality.cli.group import holdout
from incrementality.cli.output import IdArgument, JsonOption, WorkspaceOption, examples, print_json, progress, say

if TYPE_CHECKING:
    from incrementality.workspace import DecidedUnits

__all__ = ["decide_command", "drift_command", "may_command"]

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"]
_SHOWN = 30


def _utc(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@holdout.command(
    "decide",
    short_help="Decide who is eligible, and log it.",
    epilog=examples(
        "holdout decide winback-2026q1",
        "holdout decide winback-2026q1 --until 2026-02-01",
        "holdout decide winback-2025q4 --since 2025-10-01 --until 2026-01-01 --reconstruct",
    ),
)
def decide_command(
    experiment_id: IdArgument,
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since", formats=_FORMATS, metavar="TIME", help="From here on (UTC); default: where the log ends."
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--until", formats=_FORMATS, metavar="TIME", help="Up to here, this moment left out."),
    ] = None,
    data_cut: Annotated[
        datetime | None,
        typer.Option("--data-cut", formats=_FORMATS, metavar="TIME", help="Inputs are complete to here; default: now."),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--reconstruct", help="Mark it: no log was written when the triggers fired.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide each firing of the trigger in eligibility.yaml, for both arms, and append it to the log.

    A period is decided once: run it again and nothing changes. Counts go to decisions.json, no customer rows.
    """
    from incrementality.workspace import Workspace, decide_units

    with progress(f"deciding {experiment_id}", quiet=as_json):
        answer = decide_units(
            Workspace.find(workspace),
            experiment_id,
            since=_utc(since),
            until=_utc(until),
            data_cut=_utc(data_cut),
            basis="reconstructed" if rebuild else "logged",
        )
    if as_json:
        print_json(json.dumps(answer.to_dict(), indent=1, ensure_ascii=False) + "\n")
    else:
        say(*_decided_lines(answer))


def _decided_lines(answer: DecidedUnits) -> list[str]:
    new, total = (sum(count.n for count in counts) for counts in (answer.new, answer.logged))
    period = f"{answer.since:%Y-%m-%d %H:%M} to {answer.until:%Y-%m-%d %H:%M} UTC"
    lines = [f"{new:,} new decisions on {answer.experiment_id}, {period} ({answer.basis}); {total:,} are on record."]
    if answer.since >= answer.until:
        lines = [f"Nothing to decide: {answer.experiment_id} is decided up to {answer.since:%Y-%m-%d %H:%M} UTC."]
    lines += [f"Decided together with {', '.join(answer.together)}."] if len(answer.together) > 1 else []
    for title, counts in (("New", answer.new), ("On record, all runs together", answer.logged)):
        lines += ["", title] if counts else []
        lines += [f"  {c.status:<12}{c.reasons or '':<40}{c.n:>12,}" for c in counts[:_SHOWN]]
        lines += [f"  and {len(counts) - _SHOWN} more kinds; --json lists all"] if len(counts) > _SHOWN else []
    refused = {table: why for table, why in answer.refused.items() if any(why.values())}
    lines += ["", "Input rows not used"] if refused else []
    lines += [
        f"  {table}: " + ", ".join(f"{why} {n:,}" for why, n in found.items() if n) for table, found in refused.items()
    ]
    return [*lines, "", f"Rule version {answer.version}, {answer.fingerprint[:12]}"]


@holdout.command(
    "may",
    short_help="Ask whether one unit may get it.",
    epilog=examples(
        "holdout may winback-2026q1 --unit c_000001",
        "holdout may winback-2026q1 --unit c_000001 --at 2026-02-01T09:30:00Z",
    ),
)
def may_command(
    experiment_id: IdArgument,
    *,
    unit: Annotated[str, typer.Option("--unit", metavar="ID", help="The unit's id, as the tables write it.")],
    at: Annotated[
        datetime | None, typer.Option("--at", formats=_FORMATS, metavar="TIME", help="When (UTC); default: now.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a unit is eligible at a moment, or why not, or what is missing; the arm is not in the answer."""
    from incrementality.workspace import Workspace, may_receive

    answer = may_receive(Workspace.find(workspace), experiment_id, unit, at=_utc(at))
    if as_json:
        print_json(json.dumps(answer.to_dict(), indent=1, ensure_ascii=False) + "\n")
        return
    why = f": {', '.join(answer.reasons)}" if answer.reasons else ""
    by = f", by {answer.channel}" if answer.channel else ""
    say(f"{answer.unit_id} is {answer.status}{by} at {answer.at:%Y-%m-%d %H:%M} UTC{why}")


@holdout.command(
    "drift",
    short_help="Run the rule again over the logged period.",
    epilog=examples("holdout drift winback-2026q1", "holdout drift winback-2026q1 --json"),
)
def drift_command(
    experiment_id: IdArgument,
    *,
    data_cut: Annotated[
        datetime | None,
        typer.Option("--data-cut", formats=_FORMATS, metavar="TIME", help="Inputs are known to here; default: now."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what the rule finds today with the frozen decisions; a check on the inputs, never a new population."""
    from incrementality.workspace import Workspace, drift_of

    with progress(f"running the rule of {experiment_id} again", quiet=as_json):
        answer = drift_of(Workspace.find(workspace), experiment_id, data_cut=_utc(data_cut))
    if as_json:
        rows = {"frozen": answer.frozen, "changed": answer.changed, "rows": answer.to_dicts()}
        print_json(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
        return
    lines = [f"  {row.change:<10}{row.was or '-'} -> {row.now or '-'}: {row.n:,}" for row in answer.rows[:_SHOWN]]
    say(answer.sentence, "", *lines)
