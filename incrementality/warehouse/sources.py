"""Where data lies: a file, a table of a database, a frame; environment variables keep paths out of the files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from incrementality.errors import InputError, SourceNotFound, UnsafePath, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Locator", "SourceKind", "frame_locator", "locate", "without_secret"]

SourceKind = Literal["csv", "parquet", "duckdb", "table", "frame"]

_SUFFIXES: dict[str, SourceKind] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "csv",
    ".tsv.gz": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".duckdb": "duckdb",
    ".ddb": "duckdb",
    ".db": "duckdb",
}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_URL = re.compile(r"^([a-z][a-z0-9+]*://|spark:local)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Locator:
    """A source that an engine can open.

    Attributes:
        kind: A csv, parquet or duckdb file, a table of the warehouse at ``url``, or a frame in memory.
        path: The file, for files.
        table: The table, for databases.
        url: The warehouse that holds the table; ``None`` for the workspace's own.
        written: What the user wrote, variables unexpanded; safe to print and store.
        frame: The frame itself.
    """

    kind: SourceKind
    path: Path | None = None
    table: str | None = None
    url: str | None = field(default=None, repr=False)
    written: str = ""
    frame: Any = field(default=None, repr=False, compare=False)


def frame_locator(frame: object) -> Locator:
    """Return the locator of a pandas, Polars or Arrow frame in memory."""
    return Locator("frame", written=f"{type(frame).__module__.split('.')[0]} frame", frame=frame)


def locate(
    source: str | None,
    *,
    table: str | None = None,
    base: Path,
    root: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Locator:
    """Return the locator that an experiment file writes.

    Args:
        source: A path or URL; ``${NAME}`` is read from the environment. ``None``: the workspace's warehouse.
        table: The table, where the source is a database.
        base: The folder that relative paths start from.
        root: The workspace: a path written in the file must stay inside it. A path that comes from an
            environment variable may lie anywhere, since whoever runs the command set it.
        environment: Default: the process's own.

    Raises:
        SourceNotFound: A variable is not set, or there is no such file.
        UnsafePath: A written path leaves the workspace.
        InputError: Nothing says where the data is, or the file's ending is unknown.
    """
    if source is None:
        if table is None:
            raise InputError(
                "data names neither a 'source' nor a 'table'", hint="write data.source, or hand in a frame"
            )
        return Locator("table", table=table, written=table)
    expanded = _expand(source, os.environ if environment is None else environment)
    if _URL.match(expanded):
        if table is None:
            raise InputError(
                f"the source {without_secret(source)!r} is a warehouse without a table", hint="write data.table"
            )
        return Locator("table", table=table, url=expanded, written=f"{without_secret(source)}#{table}")
    path = (base / Path(expanded).expanduser()).resolve()
    if root is not None and not _VARIABLE.search(source) and not path.is_relative_to(root.resolve()):
        raise UnsafePath(
            f"the source {without_secret(source)!r} lies outside the workspace {root.name!r}",
            hint="move the file into the workspace, or write ${NAME} and set that variable to the path",
        )
    return _file_locator(path, source=source, table=table)


def _expand(source: str, environment: Mapping[str, str]) -> str:
    for name in _VARIABLE.findall(source):
        if not environment.get(name):
            raise SourceNotFound(
                f"the source {without_secret(source)!r} needs the environment variable {name}, which is not set."
                + did_you_mean(name, (key for key in environment if key != name)),
                hint=f"point it at the data: export {name}=/path/to/the/file",
            )
    return _VARIABLE.sub(lambda match: environment[match.group(1)], source)


def without_secret(url: str) -> str:
    """Return a URL that is safe to print and store.

    Examples:
        >>> without_secret("postgresql://ada:p@ss@db.example/crm?password=p")
        'postgresql://ada:***@db.example/crm?password=***'
    """
    hidden = re.sub(r"(?i)^([a-z][a-z0-9+]*:(?://)?[^:/@]*):.*@", r"\1:***@", url)
    return re.sub(r"(?i)(password=)[^&#\s]*", r"\1***", hidden)


def _file_locator(path: Path, *, source: str, table: str | None) -> Locator:
    kind = next((kind for suffix, kind in _SUFFIXES.items() if path.name.lower().endswith(suffix)), None)
    if path.is_dir() and kind != "parquet":
        raise SourceNotFound(f"the source {source!r} is a folder", hint="name one file in it")
    if not path.exists():
        near = did_you_mean(path.name, (p.name for p in path.parent.iterdir())) if path.parent.is_dir() else ""
        raise SourceNotFound(
            f"there is no file at {source!r} ({path.name} in {path.parent.name or '/'}).{near}",
            hint="check the path; relative paths start at the experiment's folder",
        )
    if kind is None:
        raise InputError(
            f"the source {source!r} ends in {path.suffix!r}; allowed: {', '.join(sorted(_SUFFIXES))}",
            hint="convert the file, or rename it if its ending is wrong",
        )
    if kind == "duckdb" and table is None:
        raise InputError(f"the source {source!r} is a database without a table", hint="write data.table")
    if kind != "duckdb" and table is not None:
        raise InputError(f"data.table is {table!r}, but {source!r} is one table", hint="remove data.table")
    return Locator(kind, path=path, table=table, written=source)
