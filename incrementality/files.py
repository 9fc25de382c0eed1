"""Files written whole or not at all, hashed, and guarded when two processes write the same answer."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from incrementality.errors import WorkspaceBusy, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["exclusive", "make_folder", "sha256_of", "staged", "sync_folder", "write_files", "write_once", "write_whole"]

_CHUNK = 1 << 20
_PATIENCE = 60.0
_PAUSE = 0.05


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old content or the new, never a part.

    Raises:
        WorkspaceError: The folder cannot be written.
        WorkspaceBusy: Another process has been writing there all the time.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "note.txt"
        >>> write_whole(path, "done")
        >>> path.read_text(encoding="utf-8")
        'done'
    """
    write_files({path: text})


def write_files(files: Mapping[Path, str], *, held: Path | None = None) -> None:
    """Write several text files: all are on disk before the first takes its name.

    The folders are locked meanwhile, so of two processes that write the same files one wins with all of them. What
    a killed process left behind under the files' names is swept away.

    Args:
        files: The text of each file.
        held: A folder whose lock the caller holds already, as who reads a record before adding to it does.

    Raises:
        WorkspaceError: A folder cannot be written; no file has changed then.
        WorkspaceBusy: Another process has been writing there all the time.
    """
    folders = sorted({path.parent for path in files})
    with ExitStack() as locks:
        for folder in folders:
            if folder != held:
                locks.enter_context(exclusive(folder))
        _replace_all(files)
        for folder in folders:
            sync_folder(folder)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a temporary path for a file that something else writes; then it takes its name, whole and durable.

    No lock is taken: of two processes that stage the same name the last one wins. What a killed process leaves
    is a hidden file beside ``path`` that ends in ``.part``.

    Raises:
        WorkspaceError: The folder cannot be written; nothing has changed.
        FileNotFoundError: Somebody swept the temporary file away before it took its name; write it again.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> with staged(folder / "rows.bin") as temporary:
        ...     _ = temporary.write_bytes(b"rows")
        >>> [found.name for found in folder.iterdir()]
        ['rows.bin']
    """
    temporary = _beside(path)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_once(path: Path, text: str) -> bool:
    """Write a text file unless it is there; of several processes exactly one writes. Return whether we did.

    Raises:
        WorkspaceError: The folder cannot be written.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "settings.json"
        >>> write_once(path, "{}"), write_once(path, "[]"), path.read_text(encoding="utf-8")
        (True, False, '{}')
    """
    temporary = _beside(path)
    try:
        _write_durably(temporary, text)
        os.link(temporary, path)
        sync_folder(path.parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def _replace_all(files: Mapping[Path, str]) -> None:
    written: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "a folder of that name is in the way")
            _sweep(path)
            written[path] = temporary = _beside(path)
            _write_durably(temporary, text)
        for path, temporary in written.items():
            temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    for left in path.parent.glob(f".{path.name}.*.part"):
        left.unlink(missing_ok=True)


def _write_durably(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: files that were renamed into it stay there after a loss of power."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        WorkspaceError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error


def _cannot_write(path: Path, error: OSError) -> WorkspaceError:
    """Return the error for a path that the system does not let us write."""
    return WorkspaceError(
        f"{path} cannot be written: {error.strerror or error}; nothing has changed",
        hint="check that its folder exists, that you may write there, and that the disk has room",
    )


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

    The lock lies on the folder itself: no lock file is left, and the operating system drops the lock with the
    process. Where a file system has no such locks, each file is still written whole.

    Args:
        folder: The folder; it exists.
        patience: Seconds to wait for another process.

    Raises:
        WorkspaceBusy: Another process held it all the time.
    """
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # no locks here; whoever writes next meets what is wrong with the folder itself
        yield
        return
    try:
        waited_until = time.monotonic() + patience
        while not _locked(handle, fcntl.LOCK_EX | fcntl.LOCK_NB):
            if time.monotonic() > waited_until:
                raise WorkspaceBusy(
                    f"another process has been writing into {folder.name!r} for {patience:.0f} s",
                    hint="wait until it is done, then run the command again",
                )
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(handle)


def _locked(handle: int, operation: int) -> bool:
    """Return whether the lock is ours, or the file system knows none."""
    import fcntl

    try:
        fcntl.flock(handle, operation)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
