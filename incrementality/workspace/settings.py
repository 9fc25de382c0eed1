"""How files that people write into a workspace are read: as text, and refused with every problem and its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.experiment.problems import path_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from incrementality.experiment.tree import Problem

__all__ = ["holds_nothing", "settings_refusal", "settings_text"]


def settings_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        InputError: It is not encoded in UTF-8, or cannot be opened.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not encoded in UTF-8", hint="save the file as UTF-8") from None
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be opened: {error.strerror}", hint="check who may read the file"
        ) from error


def holds_nothing(text: str) -> bool:
    r"""Say whether a file holds nothing but comments.

    Examples:
        >>> holds_nothing("# later\n"), holds_nothing("layers: []")
        (True, False)
    """
    return all(line.lstrip().startswith("#") or not line.strip() for line in text.splitlines())


def settings_refusal(name: str, problems: Iterable[Problem]) -> InputError:
    """Return the error that lists every problem of a file by line."""
    lines = [
        f"  line {problem.line}{', ' if problem.path else ''}{path_text(problem.path)}: {problem.text}"
        for problem in sorted(problems, key=lambda problem: problem.line)
    ]
    count = f"{len(lines)} problem{'s' if len(lines) != 1 else ''}"
    return InputError("\n".join([f"{name} has {count}:", *lines]), hint="correct the file, then run the command again")
