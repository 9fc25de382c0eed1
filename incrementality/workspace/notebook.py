"""The analyst's notebook: a thin conversation, written from a template."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from incrementality.experiment import Experiment

__all__ = ["notebook_text"]

_PLACE = "EXPERIMENT_ID"


def notebook_text(experiment: Experiment) -> str:
    """Return the readout notebook of an experiment, as the text of an ``.ipynb`` file.

    Cells about covariates and segments are left out where the experiment declares none.

    Examples:
        >>> from incrementality.experiment import experiment_yaml_example, parse_experiment
        >>> cells = json.loads(notebook_text(parse_experiment(experiment_yaml_example())))["cells"]
        >>> "winback-2026q1" in "".join(cells[1]["source"])
        True
    """
    template = files("incrementality.workspace").joinpath("templates/readout.ipynb").read_text(encoding="utf-8")
    notebook = json.loads(template)
    without = set() if experiment.data.covariates else {"balance"}
    without |= set() if experiment.segments else {"segments-title", "segments"}
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] not in without]
    for cell in notebook["cells"]:
        cell["source"] = [line.replace(_PLACE, experiment.id) for line in cell["source"]]
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
