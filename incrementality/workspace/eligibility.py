"""``eligibility.yaml``: who could receive a journey, when, and why not; read with every problem and its line at once.

Beside the rule the file says which version of it this is, and where the rule's tables lie. Neither is part of the
rule's fingerprint: a table may move, and the rule stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from incrementality.cohorts import EligibilityRule, InputTable, NeverWithheld, ReadsOwnJourney, RuleError
from incrementality.errors import InputError, did_you_mean
from incrementality.experiment.problems import path_text
from incrementality.experiment.tree import Problem, clip, read_tree
from incrementality.workspace.configuration import CONFIGURATION
from incrementality.workspace.sources import Sources, TableSources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from incrementality.experiment.tree import KeyPath, Tree
    from incrementality.workspace.project import Workspace

__all__ = ["Eligibility", "eligibility_path", "eligibility_yaml_example", "has_eligibility", "read_eligibility"]

_FILE = "eligibility.yaml"
_EXAMPLE = "eligibility_yaml_example() shows a complete file"


class _Beside(BaseModel):
    """What the file holds beside the rule."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Annotated[int, Field(ge=1, description="1; one more for each change of the rule once it has decided.")] = 1
    sources: Annotated[TableSources, Field(description="Where the rule's tables lie.")] = {}


@dataclass(frozen=True, slots=True)
class Eligibility:
    """An experiment's rule as its file declares it.

    Attributes:
        experiment_id: The experiment.
        rule: The rule.
        version: Its declared version; a rule that changes after it has decided needs the next one.
        maps: Where tables lie: the file's own sources, then those of the workspace.
    """

    experiment_id: str
    rule: EligibilityRule
    version: int
    maps: tuple[Sources, ...]


def eligibility_path(workspace: Workspace, experiment_id: str) -> Path:
    """Return where an experiment's rule lies: what its request names, else ``eligibility.yaml`` in its folder."""
    asked = workspace.experiment(experiment_id).request
    name = _FILE if asked is None or asked.eligibility is None else asked.eligibility
    return workspace.folder(experiment_id) / name


def has_eligibility(workspace: Workspace, experiment_id: str) -> bool:
    """Return whether an experiment has a rule's file."""
    return eligibility_path(workspace, experiment_id).is_file()


def read_eligibility(workspace: Workspace, experiment_id: str) -> Eligibility:
    """Read an experiment's rule.

    Raises:
        RuleError: There is no file, or it has problems. All are listed, each with its line.
        ReadsOwnJourney: The rule reads an arm, or messages of its own journey.
        NeverWithheld: Its purpose must reach everyone.
    """
    path = eligibility_path(workspace, experiment_id)
    shown = f"experiments/{experiment_id}/{path.name}"
    if not path.is_file():
        raise RuleError(f"there is no {shown}", hint=f"write it; {_EXAMPLE}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(
            f"{shown} cannot be read: {error}", hint="save it as UTF-8, and check who may read it"
        ) from error
    rule, beside = _parsed(text, shown)
    maps = (
        Sources(beside.sources, path.parent, shown),
        Sources(workspace.configuration.sources, workspace.root, CONFIGURATION),
    )
    return Eligibility(experiment_id, rule, beside.version, maps)


def eligibility_yaml_example() -> str:
    """Return a complete, commented ``eligibility.yaml``: lapsed customers of a shop who sign in again.

    Examples:
        >>> eligibility_yaml_example().splitlines()[0]
        '# Who could receive the journey, at which moment (t0), and why not. One file beside experiment.yaml.'
    """
    return files("incrementality.workspace").joinpath("templates", _FILE).read_text(encoding="utf-8")


def _parsed(text: str, shown: str) -> tuple[EligibilityRule, _Beside]:
    tree = read_tree(text)
    if not isinstance(tree.value, dict):
        found = tree.problems or (Problem(1, (), f"the file holds {tree.spot(()).kind}; expected 'key: value' lines"),)
        raise _refusal(RuleError, list(found), shown)
    own = {key: value for key, value in tree.value.items() if key in _Beside.model_fields}
    rest = {key: value for key, value in tree.value.items() if key not in own}
    rule, rule_problems, kind = _validated(EligibilityRule, rest, tree)
    beside, beside_problems, _ = _validated(_Beside, own, tree)
    problems = [*tree.problems, *rule_problems, *beside_problems]
    if problems or rule is None or beside is None:
        raise _refusal(kind, problems, shown)
    return rule, beside


def _validated(model: Any, content: Mapping[str, object], tree: Tree) -> tuple[Any, list[Problem], type[InputError]]:  # noqa: ANN401 - one of two models
    try:
        return model.model_validate(content), [], RuleError
    except ValidationError as error:
        details = error.errors(include_url=False)
        causes = [(found.get("ctx") or {}).get("error") for found in details]
        special = [type(cause) for cause in causes if isinstance(cause, (NeverWithheld, ReadsOwnJourney))]
        problems = [problem for found in details for problem in _problems(found, tree)]
        return None, problems, special[0] if special else RuleError


def _problems(found: Any, tree: Tree) -> Iterator[Problem]:  # noqa: ANN401 - what the validating library says
    path: KeyPath = _written(found["loc"], tree)
    line = tree.spot(path).line
    cause = (found.get("ctx") or {}).get("error")
    if cause is None:
        yield Problem(line, path, _words(found, path, tree))
        return
    told = f"{cause.message}; {cause.hint}" if isinstance(cause, InputError) else str(cause)
    for sentence in told.splitlines():
        yield Problem(line, path, sentence)


def _written(path: KeyPath, tree: Tree) -> KeyPath:
    """The path as it stands in the file: the tags of alternatives are the library's own."""
    kept: KeyPath = ()
    for step in path[:-1]:
        kept = (*kept, step) if (*kept, step) in tree.spots else kept
    places = [(*kept[:depth], *path[-1:]) for depth in (len(kept), len(kept) - 1) if depth >= 0]
    return next((place for place in places if place in tree.spots), places[0])


def _words(found: Any, path: KeyPath, tree: Tree) -> str:  # noqa: ANN401 - what the validating library says
    key = clip(str(path[-1])) if path else ""
    if found["type"] == "missing":
        return f"the key {key} is missing. {_meaning(path)}".rstrip()
    if found["type"] == "extra_forbidden":
        allowed = _allowed(path)
        listed = f" Allowed: {', '.join(allowed)}.{did_you_mean(str(path[-1]), allowed)}" if allowed else ""
        return f"the key {key} is unknown.{listed}"
    spot = tree.spot(path)
    told = str(found["msg"]).replace("Input should be", "expected", 1)
    echo = clip(spot.text) if spot.text else spot.kind
    return f"{echo} cannot be used: {told[:1].lower()}{told[1:]}"


def _allowed(path: KeyPath) -> tuple[str, ...]:
    if len(path) == 1:
        return (*_Beside.model_fields, *EligibilityRule.model_fields)
    return tuple(InputTable.model_fields) if path[0] == "tables" else ()


def _meaning(path: KeyPath) -> str:
    field = EligibilityRule.model_fields.get(str(path[0])) if len(path) == 1 else None
    return "" if field is None else field.description or ""


def _refusal(kind: type[InputError], problems: list[Problem], shown: str) -> InputError:
    found = sorted(dict.fromkeys(problems), key=lambda problem: problem.line)
    lines = tuple(f"line {p.line}{', ' if p.path else ''}{path_text(p.path)}: {p.text}" for p in found)
    count = f"{len(lines)} problem{'s' if len(lines) != 1 else ''}"
    message = "\n".join([f"{shown} has {count}:", *(f"  {line}" for line in lines)])
    hint = f"correct the file; {_EXAMPLE}"
    return RuleError(message, problems=lines, hint=hint) if kind is RuleError else kind(message, hint=hint)
