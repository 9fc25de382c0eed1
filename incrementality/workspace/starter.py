"""What a new workspace holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import WorkspaceError
from incrementality.experiment import experiment_yaml_example
from incrementality.files import make_folder, write_whole
from incrementality.workspace.configuration import CONFIGURATION

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["EXAMPLE", "make_workspace"]

EXAMPLE = "winback-example"

_FOLDERS = ("experiments", "notebooks", "reports")

_CONFIGURATION_TEXT = """\
# This folder is a workspace of `incrementality`; these are its settings.
#
#   experiments/<id>/experiment.yaml   what was planned: people write it and review it in git
#   experiments/<id>/readout.html      the answer, made by `incrementality readout <id>`
#   notebooks/<id>.ipynb               made by `incrementality notebook <id>`, for the analyst
#   reports/                           what is handed on

# Where tables live: duckdb: (embedded), postgresql://user@host/database, or spark://host:port.
# ${NAME} is read from the environment, so that no password stands here.
warehouse: "duckdb:"

# What the embedded engine may use before it spills to a temporary folder.
memory_limit: 320MB
"""

_GITIGNORE_TEXT = """\
# customer rows never enter git
*.csv
*.csv.gz
*.tsv
*.tsv.gz
*.parquet
*.pq
*.duckdb
*.ddb
*.db
# generated answers: made again by `incrementality readout`
result.json
readout.html
design.html
design.md
# what a killed process may leave until the next run
*.part
"""


def make_workspace(root: Path, *, example: bool) -> None:
    """Make a workspace's folders and files; what is there already stays untouched.

    The configuration comes last: once it is there, the workspace is complete, and only missing folders are made.

    Args:
        root: The folder, made unless it is there.
        example: Whether a new workspace gets the commented example.

    Raises:
        WorkspaceError: The path is a file, or cannot be written.
    """
    if root.exists() and not root.is_dir():
        raise WorkspaceError(f"{root.name!r} is a file", hint="name a folder, new or there already")
    for name in _FOLDERS:
        make_folder(root / name)
    if (root / CONFIGURATION).exists():
        return
    texts = {root / "experiments" / ".gitignore": _GITIGNORE_TEXT}
    if example:
        texts[root / "experiments" / EXAMPLE / "experiment.yaml"] = experiment_yaml_example(experiment_id=EXAMPLE)
    texts[root / CONFIGURATION] = _CONFIGURATION_TEXT
    for path, text in texts.items():
        if not path.exists():
            make_folder(path.parent)
            write_whole(path, text)
