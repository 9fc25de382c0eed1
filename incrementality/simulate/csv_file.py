"""Columns to a CSV file, whole or not at all."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.files import staged

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from incrementality.simulate.world import Column

__all__ = ["rows_of", "write_csv"]

_ROWS_AT_ONCE = 50_000


def write_csv(columns: dict[str, Column], path: str | os.PathLike[str]) -> Path:
    """Write columns as UTF-8 CSV through a temporary file in the same folder, and return the path.

    Raises:
        InputError: The folder does not exist.
        WorkspaceError: The folder cannot be written.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(f"{str(target.parent)!r} is not a folder", hint="create the folder first")
    with staged(target) as temporary, temporary.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for rows in rows_of(columns):
            writer.writerows(rows)
    return target


def rows_of(columns: dict[str, Column]) -> Iterator[Iterator[tuple[object, ...]]]:
    """Yield the rows of a table as they are written, some ten thousand at a time; missing values are ``None``."""
    rows = len(next(iter(columns.values())))
    for start in range(0, rows, _ROWS_AT_ONCE):
        cells = [_cells(column[start : start + _ROWS_AT_ONCE]) for column in columns.values()]
        yield zip(*cells, strict=True)


def _cells(column: Column) -> list[object]:
    values: list[object] = column.tolist()
    if column.dtype.kind != "f":
        return values
    return [value if value == value else None for value in values]  # noqa: PLR0124 - NaN alone differs from itself
