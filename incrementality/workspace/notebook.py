"""The analyst's notebooks, of a design and of a readout: thin conversations, written from templates."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

from incrementality.errors import InputError

if TYPE_CHECKING:
    from incrementality.experiment import Experiment

__all__ = ["design_notebook_text", "notebook_text"]

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
    without = set() if experiment.data.covariates else {"balance"}
    without |= set() if experiment.segments else {"segments-title", "segments"}
    return _from_template("readout", experiment, without)


def design_notebook_text(experiment: Experiment) -> str:
    """Return the design notebook of an experiment, as the text of an ``.ipynb`` file.

    The curve by weeks is left out where the request expects nobody to arrive later.

    Raises:
        InputError: The experiment's file asks for no holdout.
    """
    if experiment.request is None:
        raise InputError(
            f"the file of {experiment.id!r} asks for no holdout, so there is nothing to design",
            hint="add the section `request:` to experiment.yaml, or leave out --design for the readout's notebook",
        )
    return _from_template("design", experiment, set() if experiment.request.arrivals_per_week else {"weeks"})


def _from_template(name: str, experiment: Experiment, without: set[str]) -> str:
    template = files("incrementality.workspace").joinpath(f"templates/{name}.ipynb").read_text(encoding="utf-8")
    notebook = json.loads(template)
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] not in without]
    for cell in notebook["cells"]:
        cell["source"] = [line.replace(_PLACE, experiment.id) for line in cell["source"]]
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
