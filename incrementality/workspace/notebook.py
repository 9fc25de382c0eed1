"""The analyst's notebook: a thin conversation, written from a template."""

from __future__ import annotations

import json
from importlib.resources import files

__all__ = ["notebook_text"]

_PLACE = "EXPERIMENT_ID"


def notebook_text(experiment_id: str) -> str:
    """Return the readout notebook of an experiment, as the text of an ``.ipynb`` file.

    Examples:
        >>> cells = json.loads(notebook_text("winback-2026q1"))["cells"]
        >>> "winback-2026q1" in "".join(cells[1]["source"])
        True
    """
    template = files("incrementality.workspace").joinpath("templates/readout.ipynb").read_text(encoding="utf-8")
    notebook = json.loads(template)
    for cell in notebook["cells"]:
        cell["source"] = [line.replace(_PLACE, experiment_id) for line in cell["source"]]
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
