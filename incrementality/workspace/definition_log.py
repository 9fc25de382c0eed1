"""The change log of definitions: who changed what, why, with whose approval, and what figures were before and after.

definitions/0001.json, 0002.json, ...   one change each; written once, each names the hash of the one before
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.errors import WorkspaceError
from incrementality.workspace.definitions import DefinitionChange, changed_sections, definitions_of

if TYPE_CHECKING:
    from pathlib import Path

    from incrementality.workspace.project import Workspace

__all__ = ["DefinitionCheck", "check_definitions", "definition_log"]


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
    r"""Compare ``attribution.yaml`` with the log.

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
        ...     _ = (workspace.root / name).write_text("account_id\n", encoding="utf-8")
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
