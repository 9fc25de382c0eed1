"""Files written whole or not at all, hashed, and guarded when two processes write the same answer."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from incrementality.errors import WorkspaceBusy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["exclusive", "sha256_of", "write_files", "write_whole"]

_CHUNK = 1 << 20
_PATIENCE = 60.0


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old content or the new, never a part.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "note.txt"
        >>> write_whole(path, "done")
        >>> path.read_text(encoding="utf-8")
        'done'
    """
    write_files({path: text})


def write_files(files: Mapping[Path, str]) -> None:
    """Write several text files: all are on disk before the first takes its name."""
    staged: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            staged[path] = _stage(path, text)
        for path, temporary in staged.items():
            temporary.replace(path)
        for folder in {path.parent for path in files}:
            _sync_folder(folder)
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


def _stage(path: Path, text: str) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def exclusive(folder: Path, *, patience: float = _PATIENCE) -> Iterator[None]:
    """Hold a folder's lock while writing into it; other processes wait their turn.

    The operating system drops the lock with the process, so a killed one leaves nothing behind.

    Raises:
        WorkspaceBusy: Another process held it all the time.
    """
    try:
        import fcntl
    except ImportError:  # no such locks here: each file is still written whole
        yield
        return
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        waited_until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > waited_until:
                    raise WorkspaceBusy(
                        f"another process has been writing into {folder.name!r} for {patience:.0f} s",
                        hint="wait until it is done, then run the command again",
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)
