"""From the experiment file to the Experiment: every problem at once, each with its line and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from incrementality.errors import ExperimentFileError, did_you_mean
from incrementality.experiment.problems import path_text, problems_of
from incrementality.experiment.spec import Experiment
from incrementality.experiment.tree import Problem, clip, read_tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incrementality.experiment.tree import Tree

__all__ = ["parse_experiment", "read_experiment"]

_FILE_NAME = "experiment.yaml"
_MOST_BYTES = 1_000_000
_MOST_PROBLEMS = 100
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = "\ufeff"
_COMPARE = "correct the file and read it again; `experiment_yaml_example()` shows a complete one"


def read_experiment(path: Path | str) -> Experiment:
    """Read an experiment from its file or its folder.

    Args:
        path: ``experiment.yaml`` or the folder that holds it. The folder's name is the experiment's id.

    Raises:
        ExperimentFileError: There is no such file, it cannot be read, or it has problems. All of them are listed.

    Examples:
        >>> read_experiment("no/such/experiment.yaml")
        Traceback (most recent call last):
        incrementality.errors.ExperimentFileError: no/such/experiment.yaml: there is no such file
        Next: check the path, or write the file: `experiment_yaml_example()` gives a start
    """
    file = Path(path)
    file = file / _FILE_NAME if file.is_dir() else file
    return _experiment(_text(file), file=str(file), folder=file.resolve().parent.name)


def parse_experiment(text: str, *, file: str = _FILE_NAME) -> Experiment:
    r"""Read an experiment from the text of its file.

    Args:
        text: The YAML.
        file: What the problems call the file.

    Raises:
        ExperimentFileError: The text is no experiment. ``problems`` holds one line a problem, in the file's order.

    Examples:
        >>> from incrementality.experiment import experiment_yaml_example
        >>> parse_experiment(experiment_yaml_example()).control.name
        'holdout'
        >>> parse_experiment("id: [unclosed")
        Traceback (most recent call last):
        incrementality.errors.ExperimentFileError: experiment.yaml has 1 problem:
          experiment.yaml, line 1: a bracket is not closed, or a comma is missing; close the bracket
        Next: correct the file and read it again; `experiment_yaml_example()` shows a complete one
    """
    return _experiment(text, file=file, folder=None)


def _experiment(text: str, *, file: str, folder: str | None) -> Experiment:
    tree = read_tree(text.removeprefix(_BOM))
    experiment, found = _validated(tree)
    problems = [*tree.problems, *_without_echo(found, tree), *_misplaced(tree, folder)]
    if problems or experiment is None:
        raise _refusal(problems, file)
    return experiment


def _validated(tree: Tree) -> tuple[Experiment | None, list[Problem]]:
    if tree.value is None and tree.problems:
        return None, []
    if not isinstance(tree.value, dict):
        text = f"the file holds {tree.spot(()).kind}; expected 'key: value' lines, the first of them 'id: ...'"
        return None, [Problem(tree.spot(()).line, (), text)]
    try:
        return Experiment.model_validate(tree.value, strict=True), []
    except ValidationError as error:
        return None, problems_of(error, tree)


def _without_echo(found: list[Problem], tree: Tree) -> list[Problem]:
    """Leave out what only follows from a refusal at the same place."""
    refused = {problem.path for problem in tree.problems if problem.path}
    return [problem for problem in found if problem.path not in refused]


def _misplaced(tree: Tree, folder: str | None) -> Iterable[Problem]:
    found = tree.value.get("id") if isinstance(tree.value, dict) else None
    if folder is not None and isinstance(found, str) and found != folder:
        text = f"{clip(found)} differs from the folder's name, {clip(folder)}; rename one of them"
        yield Problem(tree.spot(("id",)).line, ("id",), text)


def _refusal(problems: list[Problem], file: str) -> ExperimentFileError:
    listed = tuple(_sentence(problem, file) for problem in sorted(problems, key=lambda problem: problem.line))
    count = f"{len(listed)} problem{'s' if len(listed) != 1 else ''}"
    shown = "\n".join(f"  {line}" for line in listed[:_MOST_PROBLEMS])
    rest = f"\n  and {len(listed) - _MOST_PROBLEMS} more" if len(listed) > _MOST_PROBLEMS else ""
    return ExperimentFileError(f"{file} has {count}:\n{shown}{rest}", problems=listed, hint=_COMPARE)


def _sentence(problem: Problem, file: str) -> str:
    where = path_text(problem.path)
    return f"{file}, line {problem.line}{', ' if where else ''}{where}: {problem.text}"


def _text(file: Path) -> str:
    if not file.is_file():
        raise _absent(file)
    try:
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _unreadable(file, f"cannot be opened: {error.strerror}", "check who may read the file") from None
    if len(content) > _MOST_BYTES:
        raise _unreadable(file, "is larger than 1 MB", "keep data out of the file; an experiment fits on a page")
    if content.startswith(_UTF16):
        raise _unreadable(file, "is UTF-16, not UTF-8", "save the file as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"the byte 0x{content[error.start]:02X} is not UTF-8"
        raise _unreadable(file, f"line {line}: {byte}", "save the file as UTF-8") from None


def _unreadable(file: Path, what: str, hint: str) -> ExperimentFileError:
    message = f"{file}, {what}" if what.startswith("line") else f"{file} {what}"
    return ExperimentFileError(message, problems=(message,), hint=hint)


def _absent(file: Path) -> ExperimentFileError:
    hint = "check the path, or write the file: `experiment_yaml_example()` gives a start"
    if file.parent.is_dir():
        there = sorted(other.name for other in file.parent.iterdir() if other.suffix in {".yaml", ".yml"})
        hint = f"rename {there[0]!r} to {file.name!r}" if len(there) == 1 else hint
        message = f"{file}: the folder has no such file"
    else:
        siblings = _names(file.parent.parent)
        message = f"{file}: there is no such file.{did_you_mean(file.parent.name, siblings)}".removesuffix(".")
    return ExperimentFileError(message, problems=(message,), hint=hint)


def _names(folder: Path) -> list[str]:
    return sorted(other.name for other in folder.iterdir() if other.is_dir()) if folder.is_dir() else []
