"""A commented experiment file to start from."""

from __future__ import annotations

from importlib.resources import files

import yaml

from incrementality.experiment.reader import parse_experiment

__all__ = ["experiment_yaml_example"]

_ID = "winback-2026q1"


def experiment_yaml_example(experiment_id: str = _ID) -> str:
    """Return a complete, commented experiment file: a win-back journey with a holdout of 10 %.

    Args:
        experiment_id: The id that the file shall carry, the name of the folder it goes to.

    Raises:
        ExperimentFileError: The id is not allowed.

    Examples:
        >>> print(experiment_yaml_example("reminder-2026q2").splitlines()[1])
        id: reminder-2026q2                  # lower case; the same as the folder's name
    """
    text = files("incrementality.experiment").joinpath("example.yaml").read_text(encoding="utf-8")
    entry = yaml.safe_dump({"id": experiment_id}, allow_unicode=True, width=float("inf")).strip()
    text = text.replace(f"id: {_ID}", entry, 1)
    parse_experiment(text, file="the example")
    return text
