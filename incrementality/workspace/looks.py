"""The looks taken at an experiment on disk: ``experiments/<id>/looks.json``, only ever added to.

Numbers by comparison and no rows: what a look had to reach, what it found, and what it spent of the error rate.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from incrementality.errors import WorkspaceError
from incrementality.lift import TakenLook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from incrementality.lift import Readout

__all__ = ["looks_text", "looks_with", "taken_looks"]

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


def looks_with(taken: Sequence[TakenLook], readout: Readout) -> tuple[TakenLook, ...] | None:
    """Return the looks with that of a readout; ``None`` where it adds nothing: no look, or the same one again."""
    now = None if readout.look is None else readout.look.taken()
    return None if now is None or now in taken else (*taken, now)


def looks_text(taken: Sequence[TakenLook]) -> str:
    """Return ``looks.json``."""
    content = {"looks": [asdict(look) for look in taken]}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
