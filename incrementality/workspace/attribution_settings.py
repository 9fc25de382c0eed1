"""``attribution.yaml``: where a company's tables lie and how credit is split; every problem is told with its line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from incrementality.attribution import ATTRIBUTION_SECTIONS, AttributionSpec, parse_attribution
from incrementality.capture import Sources, parse_sources
from incrementality.capture.audit import AuditTargets, parse_targets
from incrementality.errors import InputError, WorkspaceError, did_you_mean
from incrementality.experiment.tree import Problem, read_tree
from incrementality.files import sha256_of, write_once
from incrementality.taxonomy import Taxonomy, parse_taxonomy
from incrementality.workspace.governance import Governance, parse_governance
from incrementality.workspace.settings import settings_refusal, settings_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from incrementality.experiment.tree import KeyPath, Tree
    from incrementality.workspace.project import Workspace

__all__ = [
    "ATTRIBUTION",
    "AttributionSettings",
    "attribution_yaml_example",
    "parse_attribution_settings",
    "read_attribution_settings",
    "start_attribution",
]

ATTRIBUTION = "attribution.yaml"

_KEYS = ("company", "sources", "taxonomy", *ATTRIBUTION_SECTIONS, "targets", "governance")
_PLACE = re.compile(r"^([A-Za-z_*][\w*]*(?:\.[^\s:.\[\]]+|\[\d+\])*)(?::? )")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class AttributionSettings:
    """What ``attribution.yaml`` says.

    Attributes:
        name: The company's name.
        as_of: Until when the records reach, UTC; ``None``: until they are read.
        sources: Where the tables lie.
        taxonomy: The company's words.
        spec: How credit is split.
        targets: What the audit holds the records against.
        governance: Who answers for the figures, and what they may be used for.
        sha256: Of the file.
    """

    name: str
    as_of: datetime | None
    sources: Sources
    taxonomy: Taxonomy
    spec: AttributionSpec
    targets: AuditTargets
    governance: Governance
    sha256: str


def attribution_yaml_example() -> str:
    """Return a complete, commented ``attribution.yaml``.

    Examples:
        >>> attribution_yaml_example().splitlines()[4]
        'company:'
    """
    return files("incrementality.workspace").joinpath("templates", ATTRIBUTION).read_text(encoding="utf-8")


def start_attribution(workspace: Workspace) -> Path:
    """Write a commented ``attribution.yaml`` into a workspace, and return where it lies.

    Raises:
        WorkspaceError: There is one already.

    Examples:
        >>> import tempfile
        >>> from incrementality.workspace import Workspace
        >>> start_attribution(Workspace.create(tempfile.mkdtemp())).name
        'attribution.yaml'
    """
    path = workspace.root / ATTRIBUTION
    if not write_once(path, attribution_yaml_example()):
        raise WorkspaceError(f"{ATTRIBUTION} is there already", hint="edit it, then run: incrementality attribute")
    return path


def read_attribution_settings(workspace: Workspace) -> AttributionSettings:
    """Read ``attribution.yaml``.

    Raises:
        InputError: There is no such file, or it has problems; all that were found are listed with their lines.
    """
    path = workspace.root / ATTRIBUTION
    if not path.is_file():
        raise InputError(
            f"this workspace has no {ATTRIBUTION}, so nothing says where the company's tables lie",
            hint="write a commented one: incrementality attribute init",
        )
    return parse_attribution_settings(workspace, settings_text(path), sha256=sha256_of(path))


def parse_attribution_settings(workspace: Workspace, text: str, *, sha256: str = "") -> AttributionSettings:
    """Read the text of an ``attribution.yaml``, today's or an earlier one.

    Args:
        workspace: The workspace.
        text: The text.
        sha256: Of the file that it was read from.

    Raises:
        InputError: It has problems; all that were found are listed with their lines.
    """
    tree = read_tree(text)
    if not isinstance(tree.value, dict):
        told = tree.problems or (Problem(1, (), f"the file holds {tree.spot(()).kind}; expected 'company:'"),)
        raise settings_refusal(ATTRIBUTION, told)
    return AttributionSettings(*_parsed(workspace, tree, _with_lists(tree.value)), sha256)


def _with_lists(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Return values in which sequences are lists, as the sections' readers know them."""
    if isinstance(value, dict):
        return {key: _with_lists(item) for key, item in value.items()}
    return [_with_lists(item) for item in value] if isinstance(value, list | tuple) else value


def _parsed(
    workspace: Workspace, tree: Tree, written: Mapping[str, Any]
) -> tuple[str, datetime | None, Sources, Taxonomy, AttributionSpec, AuditTargets, Governance]:
    problems = [*tree.problems, *_unknown_keys(tree, written)]
    company = _mapping(written, "company", tree, problems)
    told = {key: value for key, value in company.items() if key != "as_of"}
    tables = _mapping(written, "sources", tree, problems)
    sources = _tried(lambda: parse_sources(tables, workspace.root, company=told, root=workspace.root), tree, problems)
    taxonomy = _tried(lambda: parse_taxonomy(written.get("taxonomy")), tree, problems, inside="taxonomy")
    sections = {key: value for key, value in written.items() if key in ATTRIBUTION_SECTIONS}
    spec = _tried(lambda: parse_attribution(sections), tree, problems)
    targets = _tried(lambda: parse_targets(written.get("targets")), tree, problems)
    governance = _tried(lambda: parse_governance(written.get("governance")), tree, problems)
    as_of = _as_of(company.get("as_of"), tree, problems)
    if problems or not (sources and taxonomy and spec and targets and governance):
        raise settings_refusal(ATTRIBUTION, problems)
    return str(company.get("name", "")), as_of, sources, taxonomy, spec, targets, governance


def _unknown_keys(tree: Tree, written: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem(
            tree.spot((key,)).line,
            (key,),
            f"the key is unknown. Allowed: {', '.join(_KEYS)}.{did_you_mean(key, _KEYS)}",
        )
        for key in map(str, written)
        if key not in _KEYS
    ]


def _mapping(written: Mapping[str, Any], key: str, tree: Tree, problems: list[Problem]) -> dict[str, Any]:
    value = written.get(key)
    if value is None or isinstance(value, dict):
        return dict(value or {})
    problems.append(
        Problem(tree.spot((key,)).line, (key,), f"this is {tree.spot((key,)).kind}; expected keys below it")
    )
    return {}


def _tried(read: Callable[[], _Read], tree: Tree, problems: list[Problem], *, inside: str = "") -> _Read | None:
    """Return what a section says, or note its problems with their lines."""
    try:
        return read()
    except InputError as error:
        several = getattr(error, "problems", ()) or (error.message,)
        problems += [_placed(str(told), tree, inside) for told in several]
    return None


def _placed(told: str, tree: Tree, inside: str) -> Problem:
    """Return a problem with the line of the key that it begins with."""
    found = _PLACE.match(told)
    path: KeyPath = (inside,) if inside else ()
    text = told
    if found is not None:
        steps = tuple(int(number) if number else name for name, number in _STEP.findall(found[1]))
        steps = steps[1:] if steps[0] in {"attribution", inside} else steps
        if tree.spots.get((*path, *steps[:1])) is not None:
            path, text = (*path, *steps), told[found.end() :]
    return Problem(tree.spot(path).line, path, text)


def _as_of(written: object, tree: Tree, problems: list[Problem]) -> datetime | None:
    """Return the last moment of the records: the end of a day, or the moment that is written."""
    if written is None:
        return None
    if isinstance(written, datetime):
        return written if written.tzinfo else written.replace(tzinfo=UTC)
    if isinstance(written, date):
        return datetime.combine(written + timedelta(days=1), time(), UTC) - timedelta(microseconds=1)
    path = ("company", "as_of")
    problems.append(Problem(tree.spot(path).line, path, f"{written!r} is no day; write it like 2026-06-30"))
    return None
