"""The group of commands ``incrementality holdout``; the modules beside it put theirs in."""

from __future__ import annotations

import typer

__all__ = ["holdout"]

holdout = typer.Typer(
    name="holdout",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Hold out: design it, draw who gets what, record it, hand it to the tool that sends, audit it.",
)
