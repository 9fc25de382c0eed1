"""The verb that puts changed definitions on record, with the figures before and after."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from incrementality.errors import InputError, StaleReadout
from incrementality.files import exclusive, make_folder, write_once
from incrementality.workspace.definition_log import definition_log
from incrementality.workspace.definition_restating import restate
from incrementality.workspace.definitions import DefinitionChange, changed_sections, definitions_of

if TYPE_CHECKING:
    from incrementality.warehouse import Warehouse
    from incrementality.workspace.definitions import Definitions
    from incrementality.workspace.project import Workspace

__all__ = ["record_definitions"]

_QUARTERS = (1, 4, 7, 10)


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
