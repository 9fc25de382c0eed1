"""What every command shares: its common options, and how it prints, shows progress, and stays readable."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["IdArgument", "JsonOption", "WorkspaceOption", "examples", "near", "print_json", "progress", "say"]

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The experiment's id: its folder's name.")]
WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace", "-w", metavar="DIR", help="The workspace's folder; default: the one around the current folder."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON and nothing else.")]


def examples(*lines: str) -> str:
    """Return the examples of a command's help.

    Examples:
        >>> print(examples("demo").splitlines()[-1])
          incrementality demo
    """
    return "\n".join(["Examples:", "", "\b", *(f"  incrementality {line}" for line in lines)])


def say(*lines: str) -> None:
    """Print lines."""
    for line in lines:
        typer.echo(line)


def print_json(text: str) -> None:
    """Print JSON, which is UTF-8 whatever the terminal speaks."""
    typer.echo(text.encode(), nl=False)


def near(path: Path) -> Path:
    """Return a path as one would write it from the current folder, where that is shorter."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


@contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[None]:
    """Show that work is going on, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True, markup=False).status(f"{what} ..."):
        yield
