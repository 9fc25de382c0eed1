"""Segments: immutable Parquet files whose names say what they hold; written whole, listed safely, checked by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from incrementality.assignment.batch import CONTENT, Row, RowDigest
from incrementality.errors import SourceUnreadable, WorkspaceBusy
from incrementality.files import make_folder, staged, sync_folder
from incrementality.warehouse.parquet import parquet_table
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any, Literal

    from sqlglot import exp

    from incrementality.warehouse.parquet import ParquetEngine

__all__ = ["damage_of", "listed", "store_query", "store_rows", "sweep"]

_NAME = re.compile(r"(batch|compact)-([0-9a-f]{64})\.parquet\Z")
_MOMENTS = "assigned_at_sha256"
_ATTEMPTS = 20
_TYPES: dict[str, Any] = {"version": np.int64, "hash": np.int64, "probability": np.float64, "erased": np.bool_}
_IN_ORDER = ", ".join(CONTENT)


def store_rows(engine: ParquetEngine, folder: Path, rows: Sequence[Row]) -> tuple[Path, bool]:
    """Write rows in canonical order as a segment, durably, unless it is there; return it and whether it is new.

    Two processes that store the same rows write the same segment.

    Raises:
        WorkspaceError: The folder cannot be written; nothing has changed.
    """
    digest = RowDigest()
    digest.update(rows)
    return _placed(folder, "batch", digest, lambda path, notes: engine.write_columns(path, _columns(rows), notes=notes))


def store_query(engine: ParquetEngine, folder: Path, query: exp.Expression) -> tuple[Path, bool]:
    """Write a query's rows, with the columns of a segment, as a compacted segment; see :func:`store_rows`."""
    table = engine.stored("compacted", query)
    digest = RowDigest()
    for rows in engine.chunks(_in_order(table, f"{_IN_ORDER}, epoch_us(assigned_at)")):
        digest.update(rows)
    wanted = _in_order(table, f"{_IN_ORDER}, assigned_at")
    return _placed(folder, "compact", digest, lambda path, notes: engine.write_query(path, wanted, notes=notes))


def _in_order(table: exp.Expression, columns: str) -> exp.Expression:
    order = ", ".join(f"{name} ASC NULLS LAST" for name in (*CONTENT, "assigned_at"))
    return parse(f"SELECT {columns} FROM rows_of ORDER BY {order}", rows_of=table)  # noqa: S608 - constants


def _placed(
    folder: Path,
    kind: Literal["batch", "compact"],
    digest: RowDigest,
    write: Callable[[Path, dict[str, str]], None],
) -> tuple[Path, bool]:
    path = folder / f"{kind}-{digest.content}.parquet"
    make_folder(folder)
    for _ in range(_ATTEMPTS):
        if path.exists():
            sync_folder(folder)  # whoever wrote it may not have come so far
            return path, False
        try:
            with staged(path) as temporary:
                write(temporary, {_MOMENTS: digest.moments})
        except FileNotFoundError:  # a compaction swept the temporary file away
            continue
        return path, True
    raise WorkspaceBusy(
        f"the segment {path.name} was swept away {_ATTEMPTS} times while it was written", hint="append the batch again"
    )


def _columns(rows: Sequence[Row]) -> dict[str, Any]:
    *contents, moments = zip(*rows, strict=True)
    columns = {name: _column(name, values) for name, values in zip(CONTENT, contents, strict=True)}
    columns["assigned_at"] = np.array(moments, dtype=np.int64).astype("datetime64[us]")
    return columns


def _column(name: str, values: Sequence[Any]) -> Any:  # noqa: ANN401 - a numpy array, masked or not
    kind = _TYPES.get(name)
    if kind is None:
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column
    if None not in values:
        return np.array(values, dtype=kind)
    missing = [value is None for value in values]
    return np.ma.masked_array([kind() if value is None else value for value in values], mask=missing, dtype=kind)


def listed(folder: Path) -> tuple[Path, ...]:
    """Return the segments of a folder, so that no row which was there at the start is missing from them.

    A folder that changes while it is listed may show neither the segment that a compaction wrote nor those that it
    then deleted. A compacted segment is there before any deletion, so two listings that agree on compacted segments
    have missed none.
    """
    before = _names(folder)
    while True:
        after = _names(folder)
        if _compacted(before) == _compacted(after):
            return tuple(folder / name for name in sorted(before))
        before = after


def _names(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir() if path.name.endswith(".parquet")}
    except FileNotFoundError:
        return set()


def _compacted(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("compact-")}


def sweep(folder: Path) -> int:
    """Delete what killed processes left half written, and return how many files; a live writer starts again."""
    left = list(folder.glob(".*.part"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def damage_of(engine: ParquetEngine, path: Path) -> str | None:
    """Return what is wrong with a segment, or ``None``: its rows must be those that its name and footer say."""
    match = _NAME.match(path.name)
    if match is None:
        return "its name is not that of a segment"
    digest = RowDigest()
    rows = parse(f"SELECT {_IN_ORDER}, epoch_us(assigned_at) FROM segment", segment=parquet_table([path]))  # noqa: S608 - constants
    try:
        for chunk in engine.chunks(rows):
            digest.update(chunk)
        moments = engine.notes(path).get(_MOMENTS)
    except (SourceUnreadable, UnicodeDecodeError):
        return "it cannot be read"
    if digest.content != match.group(2):
        return "its rows are not those that its name stands for"
    return None if digest.moments == moments else "its moments are not those that were written"
