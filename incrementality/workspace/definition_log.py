"""The change log of definitions: who changed what, why, with whose approval, and what figures were before and after.

definitions/0001.json, 0002.json, ...   one change each; written once, each names the hash of the one before
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from incrementality.errors import InputError, StaleReadout, WorkspaceError
from incrementality.files import exclusive, make_folder, write_once
from incrementality.workspace.definition_restating import restate
from incrementality.workspace.definitions import DefinitionChange, changed_sections, definitions_of

if TYPE_CHECKING:
    from pathlib import Path

    from incrementality.warehouse import Warehouse
    from incrementality.workspace.definitions import Definitions
    from incrementality.workspace.project import Workspace

__all__ = ["DefinitionCheck", "check_definitions", "definition_log", "record_definitions"]

_QUARTERS = (1, 4, 7, 10)


@dataclass(frozen=True, slots=True)
class DefinitionCheck:
    """Whether today's definitions are those on record.

    Attributes:
        unrecorded: Sections that changed since the last record.
        sentence: What every page prints; "" where all is recorded.

    Examples:
        >>> DefinitionCheck((), "").recorded
        True
    """

    unrecorded: tuple[str, ...]
    sentence: str

    @property
    def recorded(self) -> bool:
        """Whether no section changed unrecorded."""
        return not self.unrecorded


def definition_log(workspace: Workspace) -> tuple[DefinitionChange, ...]:
    """Return all recorded changes, oldest first.

    Raises:
        WorkspaceError: A record is missing, was edited, or does not follow the one before it.
    """
    paths = sorted((workspace.root / "definitions").glob("[0-9][0-9][0-9][0-9].json"))
    found: list[DefinitionChange] = []
    for path in paths:
        change = _read(path)
        before = found[-1].hash if found else ""
        if change.number != len(found) + 1 or path.stem != f"{change.number:04d}" or change.previous != before:
            raise _damaged(path, "it does not follow the record before it")
        found.append(change)
    return tuple(found)


def _read(path: Path) -> DefinitionChange:
    try:
        return DefinitionChange.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> WorkspaceError:
    return WorkspaceError(f"definitions/{path.name} cannot be used: {why}", hint="restore the folder from git")


def check_definitions(workspace: Workspace, quarter: str | None = None) -> DefinitionCheck:
    """Compare ``attribution.yaml`` with the log.

    Args:
        workspace: The workspace.
        quarter: The quarter that figures are for, like ``2026Q1``; a change that is in force only later is told.

    Raises:
        InputError: ``attribution.yaml`` has problems.
        WorkspaceError: The log was edited.

    Examples:
        >>> import tempfile
        >>> from incrementality.workspace import Workspace
        >>> workspace = Workspace.create(tempfile.mkdtemp())
        >>> for name in ("touches.csv", "deals.csv"):
        ...     _ = (workspace.root / name).write_text("account_id\\n", encoding="utf-8")
        >>> settings = "sources: {touchpoints: touches.csv, revenue_events: deals.csv}"
        >>> _ = (workspace.root / "attribution.yaml").write_text(settings, encoding="utf-8")
        >>> check_definitions(workspace).sentence
        'No definitions are on record: nobody answers for what these figures mean.'
    """
    log = definition_log(workspace)
    now = definitions_of(workspace)
    if not log:
        told = "No definitions are on record: nobody answers for what these figures mean."
        return DefinitionCheck(tuple(sorted(now.fingerprints)), told)
    last = log[-1]
    changed = changed_sections(last.fingerprints, now.fingerprints)
    if changed:
        told = (
            f"Definitions changed without a record since {last.recorded_at[:10]}: {', '.join(changed)}. These figures "
            "cannot be held against earlier ones."
        )
        return DefinitionCheck(changed, told)
    if quarter is not None and _first_day(quarter) < last.effective_from:
        told = f"Restated: {quarter} lies before {last.effective_from}, from which these definitions are in force."
        return DefinitionCheck((), told)
    return DefinitionCheck((), "")


def _first_day(quarter: str) -> str:
    return f"{quarter[:4]}-{3 * int(quarter[-1]) - 2:02d}-01"


def record_definitions(
    workspace: Workspace,
    *,
    owner: str,
    reason: str,
    approved_by: str,
    effective_from: date,
    at: datetime | None = None,
    warehouse: Warehouse | None = None,
) -> DefinitionChange:
    """Put today's definitions on record, with the credit of every function before and after.

    The first record is where the log begins and restates nothing. Each later one takes the records in under the old
    definitions and the new and credits the same events under both.

    Args:
        workspace: The workspace.
        owner: Who answers for the definitions.
        reason: Why they changed.
        approved_by: Who approved it.
        effective_from: The first day of a quarter.
        at: When it is recorded (UTC); default: now. Where the settings do not say until when records reach, until then.
        warehouse: An open engine.

    Raises:
        InputError: Nobody is named, no reason is given, the day does not begin a quarter, or nothing has changed.
        StaleReadout: Another change was recorded meanwhile, or ``attribution.yaml`` was edited meanwhile.
        WorkspaceError: The log was edited, or cannot be written; nothing has changed then.
    """
    _check_words({"owner": owner, "reason": reason, "approved_by": approved_by}, effective_from)
    log, now = definition_log(workspace), definitions_of(workspace)
    sections = changed_sections(log[-1].fingerprints if log else {}, now.fingerprints)
    if not sections:
        raise InputError(
            f"nothing has changed since record {len(log)}", hint="edit attribution.yaml first, then record the change"
        )
    moment = at or datetime.now(UTC)
    restated = restate(workspace, log[-1].text, at=moment, warehouse=warehouse) if log else None
    change = DefinitionChange(
        number=len(log) + 1,
        recorded_at=moment.isoformat(timespec="seconds"),
        owner=owner.strip(),
        reason=reason.strip(),
        approved_by=approved_by.strip(),
        effective_from=str(effective_from),
        sections=sections,
        fingerprints=dict(now.fingerprints),
        currency=restated.currency if restated else "",
        restated=restated.rows if restated else (),
        text=now.text,
        previous=log[-1].hash if log else "",
    )
    _append(workspace, change, now)
    return change


def _append(workspace: Workspace, change: DefinitionChange, now: Definitions) -> None:
    folder = workspace.root / "definitions"
    make_folder(folder)
    text = json.dumps(change.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    with exclusive(folder):
        fresh = definition_log(workspace)
        same = definitions_of(workspace) == now and (fresh[-1].hash if fresh else "") == change.previous
        if not same or not write_once(folder / f"{change.number:04d}.json", text):
            raise StaleReadout(
                "another change was recorded, or attribution.yaml was edited, while figures were restated",
                hint="look at the log, then record your change again",
            )


def _check_words(words: dict[str, str], effective_from: date) -> None:
    empty = next((name for name, word in words.items() if not word.strip()), None)
    if empty is not None:
        raise InputError(
            f"{empty} is empty; a change of definitions names owner, reason and approval", hint=f"say {empty}"
        )
    if effective_from.day != 1 or effective_from.month not in _QUARTERS:
        raise InputError(
            f"{effective_from} does not begin a quarter; half a quarter by other definitions can be compared with none",
            hint="choose the first day of January, April, July or October",
        )
