"""The command line: parses, calls a verb of the workspace, prints. A room is loaded when it is needed."""

from incrementality.cli.commands import app, main

__all__ = ["app", "main"]
