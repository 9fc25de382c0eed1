"""The looks taken at an experiment on disk: ``experiments/<id>/looks.json``, only ever added to.

Numbers by comparison and no rows: what a look had to reach, what it found, and what it spent of the error rate.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from incrementality.errors import WorkspaceBusy, WorkspaceError
from incrementality.files import exclusive, write_files
from incrementality.lift import TakenLook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from incrementality.lift import Readout

__all__ = ["looks_text", "looks_with", "taken_looks", "write_with_look"]

_NAME = "looks.json"


def taken_looks(folder: Path) -> tuple[TakenLook, ...]:
    """Return the looks taken at the experiment of a folder, in the order in which they were taken.

    Raises:
        WorkspaceError: The record cannot be read.
    """
    path = folder / _NAME
    if not path.is_file():
        return ()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return tuple(TakenLook.from_dict(entry) for entry in content["looks"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(
            f"experiments/{folder.name}/{_NAME} cannot be read, and it says what earlier looks have spent",
            hint="restore it from git",
        ) from error


def write_with_look(folder: Path, files: Mapping[Path, str], readout: Readout, taken: Sequence[TakenLook]) -> None:
    """Write a readout's files, and its look into the record as it is now: no process loses the look of another.

    Args:
        folder: The experiment's folder.
        files: The text of each of the readout's files.
        readout: The readout.
        taken: The looks that it knew of.

    Raises:
        WorkspaceBusy: Another process has taken an earlier look meanwhile, so that this one states too little as
            spent; nothing is written.
        WorkspaceError: The record cannot be read, or a folder cannot be written.
    """
    with exclusive(folder):
        kept = taken_looks(folder)
        if _before(kept, readout) != _before(taken, readout):
            raise WorkspaceBusy(
                f"another process has taken an earlier look at {folder.name!r} meanwhile, and this readout does not "
                "know what it spent; nothing is written",
                hint=f"run again: incrementality readout {folder.name}",
            )
        looks = looks_with(kept, readout)
        record = {} if looks is None else {folder / _NAME: looks_text(looks)}
        write_files({**files, **record}, held=folder)


def _before(taken: Sequence[TakenLook], readout: Readout) -> list[TakenLook]:
    number = None if readout.look is None else readout.look.number
    return [] if number is None else [one for one in taken if one.number < number]


def looks_with(taken: Sequence[TakenLook], readout: Readout) -> tuple[TakenLook, ...] | None:
    """Return the looks with that of a readout; ``None`` where it adds nothing: no look, or the same one again."""
    now = None if readout.look is None else readout.look.taken()
    if now is None or any(now in {one, replace(one, units=now.units)} for one in taken):
        return None
    return (*taken, now)


def looks_text(taken: Sequence[TakenLook]) -> str:
    """Return ``looks.json``."""
    content = {"looks": [asdict(look) for look in taken]}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
