"""Units that are put where they are by hand: a CSV beside experiment.yaml that git never sees."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from incrementality.assignment import Override
from incrementality.assignment.ledger import Ledger
from incrementality.errors import ColumnNotFound, InputError, SourceNotFound, SourceUnreadable, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from incrementality.experiment import Experiment
    from incrementality.workspace.project import Workspace

__all__ = ["read_overrides"]

_COLUMNS = ("unit", "arm", "reason")


def read_overrides(workspace: Workspace, experiment: Experiment) -> tuple[Override, ...]:
    """Return the overrides that an experiment's request names, in the order of the file; none where it names none.

    Units that were erased are left out.

    The file is a CSV, which the workspace keeps out of git: unit ids are customer data. Its columns are unit, arm
    (empty: the unit stays out) and reason.

    Raises:
        SourceNotFound: The request names a file that is not there.
        InputError: The file cannot be read, or has problems; all are listed by row, without ids.
    """
    if experiment.request is None or experiment.request.overrides is None:
        return ()
    path = workspace.folder(experiment.id) / experiment.request.overrides
    if not path.is_file():
        raise SourceNotFound(
            f"there is no experiments/{experiment.id}/{path.name}, which request.overrides names",
            hint=f"write it, with the columns {', '.join(_COLUMNS)}; git ignores it",
        )
    rows = list(_rows(path))
    arms = [arm.name for arm in experiment.arms]
    problems = [problem for number, row in enumerate(rows, start=2) for problem in _problems(number, row, arms)]
    units = [row["unit"] for row in rows]
    problems += [f"row {n}: the unit stands above already" for n, u in enumerate(units, start=2) if u in units[: n - 2]]
    if problems:
        raise InputError(
            "\n".join([f"{path.name} has {len(problems)} problem{'s' * (len(problems) > 1)}:", *problems]),
            hint="correct the file, then run the command again",
        )
    gone = _erased(workspace, [row["unit"] for row in rows])
    return tuple(
        Override(unit_id=row["unit"], arm=row["arm"].strip() or None, reason=row["reason"].strip())
        for row, erased in zip(rows, gone, strict=True)
        if not erased
    )


def _erased(workspace: Workspace, units: list[str]) -> list[bool]:
    """Say of each unit whether it was erased: its id must not come back by a file that nobody cleaned."""
    folder = workspace.root / "ledger"
    if not units or not (folder / "ledger.json").is_file():
        return [False] * len(units)
    with Ledger(folder) as ledger:
        return [bool(erased) for erased in ledger.erased(units)]


def _problems(number: int, row: dict[str, str], arms: list[str]) -> Iterator[str]:
    if not row["unit"]:
        yield f"  row {number}: it names no unit"
    if not row["reason"].strip():
        yield f"  row {number}: it gives no reason; say why the unit is put there by hand"
    arm = row["arm"].strip()
    if arm and arm not in arms:
        allowed = f"Allowed: {', '.join(arms)}, or nothing.{did_you_mean(arm, arms)}"
        yield f"  row {number}: there is no arm {arm!r}. {allowed}"


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ColumnNotFound(
                    f"{path.name} has no column {', '.join(map(repr, missing))}",
                    hint=f"name the columns {', '.join(_COLUMNS)} in its first line",
                )
            yield from ({name: row[name] or "" for name in _COLUMNS} for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceUnreadable(f"{path.name} cannot be read as CSV in UTF-8", hint="save it so, with commas") from error
