"""The designs on disk: the one that counts, and the signed ones that it replaced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from incrementality.design import DesignAnswer
from incrementality.errors import InputError, WorkspaceError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["designs_on_record", "read_design"]


def read_design(path: Path) -> DesignAnswer:
    """Return the design that a file holds.

    Raises:
        WorkspaceError: It cannot be read, or somebody edited it.
    """
    try:
        return DesignAnswer.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, InputError) as error:
        raise WorkspaceError(
            f"experiments/{path.parent.name}/{path.name} cannot be read: {error}", hint="restore it from git"
        ) from error


def designs_on_record(folder: Path) -> tuple[DesignAnswer, ...]:
    """Return every version of an experiment's design, the oldest first; the last is the one that counts.

    Raises:
        WorkspaceError: One cannot be read.
    """
    paths = [*folder.glob("design-v*.json"), *folder.glob("design.json")]
    return tuple(sorted(map(read_design, paths), key=lambda design: design.version))
