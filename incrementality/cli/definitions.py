"""The command for what figures rest on: which definitions are in force, who changed them, and what that changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from incrementality.cli.output import JsonOption, WorkspaceOption, print_json, progress, say
from incrementality.cli.screen import aligned, paragraph, printable
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from incrementality.workspace.definitions import DefinitionChange

__all__ = ["definitions"]


def definitions(
    *,
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Who answers for the definitions.")] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why they changed.")] = "",
    approved_by: Annotated[str, typer.Option("--approved-by", metavar="NAME", help="Who approved it.")] = "",
    effective_from: Annotated[
        str, typer.Option("--from", metavar="DAY", help="The first day of a quarter, from which they are in force.")
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the change log of definitions; with all four options, record a change.

    Definitions are what attribution.yaml says. A record credits the same events before and after, and is written
    once below definitions/, with who owns it, why, who approved it, and from when.
    """
    from incrementality.workspace import Workspace
    from incrementality.workspace.definition_log import check_definitions, definition_log
    from incrementality.workspace.definition_recording import record_definitions

    project = Workspace.find(workspace)
    if any((owner, reason, approved_by, effective_from)):
        day = _day(effective_from)
        with progress("crediting the same events before and after", quiet=as_json):
            record_definitions(project, owner=owner, reason=reason, approved_by=approved_by, effective_from=day)
    log, found = definition_log(project), check_definitions(project)
    if as_json:
        told = {"sentence": found.sentence, "unrecorded": list(found.unrecorded)}
        print_json(json.dumps({**told, "log": [one.to_dict() for one in log]}, ensure_ascii=False, indent=1) + "\n")
        return
    say(*paragraph(found.sentence or "All definitions are on record."), *_log_lines(log))


def _day(written: str) -> date:
    from datetime import date

    try:
        return date.fromisoformat(written)
    except ValueError:
        raise InputError(f"--from is {written!r}, which is no day", hint="write it like --from 2026-07-01") from None


def _log_lines(log: Sequence[DefinitionChange]) -> list[str]:
    """Return the log for a terminal: a sentence a change, and what the last one changed."""
    lines = [line for one in log for line in paragraph(printable(one.sentence), first="  - ", rest="    ")]
    if not log or not log[-1].restated:
        return lines
    names = ("kind", "function", "before", "after", "difference")
    rows = [tuple(_cell(row[name], log[-1].scale) for name in names) for row in log[-1].to_dicts()]
    return [*lines, "", f"Restated, {log[-1].currency}", *aligned([names, *rows], left={0, 1})]


def _cell(value: object, scale: int) -> str:
    return f"{value / scale:,.2f}" if isinstance(value, int) else printable(str(value))
