"""What a new workspace holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import WorkspaceError
from incrementality.experiment import experiment_yaml_example
from incrementality.files import make_folder, write_whole
from incrementality.workspace.configuration import CONFIGURATION
from incrementality.workspace.programme import PROGRAMME

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["EXAMPLE", "make_workspace"]

EXAMPLE = "winback-example"

_FOLDERS = ("experiments", "notebooks", "reports")

_CONFIGURATION_TEXT = """\
# This folder is a workspace of `incrementality`; these are its settings.
#
#   programme.yaml                     what experiments share: global holdouts, layers, how ids are spelled
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

_PROGRAMME_TEXT = """\
# What the experiments of this workspace share. Take the # away from what you need; nothing here means nothing shared.
#
# global_holdouts:                    # units that no experiment may touch; one entry for each unit
#   - salt: gh-2026h1                 # names the draw; a new salt is a new draw
#     share: 5%                       # both halves together: status quo (gets nothing new), all shipped (no tests)
#     unit: contact
#     starts: 2026-01-01
#     # a rotation names the old salt, and how long the old holdout still shows:
#     # replaces: gh-2025h2
#     # washout_days: 28
#
# units:                              # how ids are spelled; what is not named here is kept as it is
#   email: {case: lower, form: email}
#
# layers:                             # experiments in one layer never share a unit: request.layer names it
#   - name: lifecycle-email
#     unit: contact
#     washout_days: 14                # rest of a unit between two experiments of the layer
#     slots:                          # kept by hand; others open by themselves at an experiment's first draw
#       - {experiment: winback-2026q1, share: 50%}
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
    texts[root / PROGRAMME] = _PROGRAMME_TEXT
    texts[root / CONFIGURATION] = _CONFIGURATION_TEXT
    for path, text in texts.items():
        if not path.exists():
            make_folder(path.parent)
            write_whole(path, text)
