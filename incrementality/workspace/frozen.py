"""The frozen plan of an experiment: every version that units were assigned by, without a customer's id in git.

experiments/<id>/assignment.json   the plan, its earlier versions, its hash, how many units each arm has
ledger/plans/<id>.json             the same plans with their overrides, whose unit ids never enter git
ledger/cohorts/<id>.json           the units of a cohort that was drawn at once
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from incrementality.assignment import AssignmentPlan, KeptCohort
from incrementality.errors import WorkspaceError
from incrementality.files import make_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from incrementality.workspace.project import Workspace

__all__ = [
    "FROZEN",
    "FrozenPlan",
    "forget_units",
    "is_erased",
    "read_cohort",
    "read_frozen",
    "write_cohort",
    "write_frozen",
]

FROZEN = "assignment.json"

_ERASED = "erased:"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenPlan:
    """What units were assigned by.

    Attributes:
        versions: Every version of the plan; the last one is in force.
        counts: Units of each arm in the whole ledger.
        cohort: How a fixed cohort was drawn: source, counts, salt, tries, distance; ``None`` for other experiments.
        flags: What a reader of the result has to know, such as an assignment during a wash-out.
    """

    versions: tuple[AssignmentPlan, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    cohort: Mapping[str, Any] | None = None
    flags: tuple[str, ...] = ()

    @property
    def plan(self) -> AssignmentPlan:
        """The version in force."""
        return self.versions[-1]


def read_frozen(workspace: Workspace, experiment_id: str) -> FrozenPlan | None:
    """Return the frozen plan of an experiment, or ``None`` where no units were assigned.

    Raises:
        WorkspaceError: It cannot be read, or is not what it was when it was frozen.
    """
    path = workspace.folder(experiment_id) / FROZEN
    if not path.is_file():
        return None
    content = _read(path)
    whole = _whole_plans(workspace, experiment_id)
    versions = tuple(_plan(entry, whole, experiment_id) for entry in [*content.get("earlier", []), content])
    return FrozenPlan(
        versions=versions,
        counts=content.get("counts", {}),
        cohort=content.get("cohort"),
        flags=tuple(content.get("flags", ())),
    )


def write_frozen(workspace: Workspace, experiment_id: str, frozen: FrozenPlan) -> None:
    """Write a frozen plan; the part with unit ids goes first, and only into the ledger's folder."""
    known = _whole_plans(workspace, experiment_id)
    contents = {plan.hash: plan.to_dict() for plan in frozen.versions}
    new = {
        name: plan for name, plan in contents.items() if plan != _redacted(plan) and plan not in list(known.values())
    }
    if new:
        known = {**known, **new}
        write_whole(_ledger_file(workspace, "plans", experiment_id), json.dumps(known, indent=1) + "\n")
    entries = [_entry(plan, known) for plan in frozen.versions]
    content = {**entries[-1], "counts": dict(frozen.counts)}
    later = {"earlier": entries[:-1], "cohort": frozen.cohort, "flags": list(frozen.flags)}
    content |= {name: value for name, value in later.items() if value}
    write_whole(workspace.folder(experiment_id) / FROZEN, json.dumps(content, indent=1, sort_keys=True) + "\n")


def _entry(plan: AssignmentPlan, whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return a version as git keeps it; one whose overrides lost an erased id keeps the hash that it had."""
    content = plan.to_dict()
    known = next((name for name, stored in whole.items() if stored == content), plan.hash)
    return {"plan": _redacted(content), "plan_hash": known}


def _redacted(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan without the overrides, its own and those of the experiments that it lies within."""
    within = content["within"]
    inner = None if within is None else {**within, "plan": _redacted(within["plan"])}
    return {**content, "overrides": [], "within": inner}


def _plan(entry: Mapping[str, Any], whole: Mapping[str, Any], experiment_id: str) -> AssignmentPlan:
    plan = AssignmentPlan.from_dict(entry["plan"])
    if plan.hash == entry.get("plan_hash"):
        return plan
    stored = whole.get(str(entry.get("plan_hash")))
    if stored is not None:
        found = AssignmentPlan.from_dict(stored)
        if found.hash == entry["plan_hash"] or _ERASED in json.dumps(stored):
            return found
    raise WorkspaceError(
        f"experiments/{experiment_id}/{FROZEN} is not as it was frozen: its plan has another hash",
        hint=f"restore it from git, and ledger/plans/{experiment_id}.json, which holds its overrides, from a backup",
    )


def _whole_plans(workspace: Workspace, experiment_id: str) -> dict[str, Any]:
    path = workspace.root / "ledger" / "plans" / f"{experiment_id}.json"
    return dict(_read(path)) if path.is_file() else {}


def _ledger_file(workspace: Workspace, kind: str, experiment_id: str) -> Path:
    folder = workspace.root / "ledger" / kind
    make_folder(folder)
    return folder / f"{experiment_id}.json"


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WorkspaceError(f"{path.name} cannot be read: {error}", hint="restore it from git") from error
    return content


def read_cohort(workspace: Workspace, experiment_id: str) -> KeptCohort:
    """Return the units of a cohort that was drawn at once.

    Raises:
        WorkspaceError: The file is not there or cannot be read.
    """
    path = _ledger_file(workspace, "cohorts", experiment_id)
    if not path.is_file():
        raise WorkspaceError(
            f"ledger/cohorts/{path.name} is missing, and without it nothing says how the cohort was drawn",
            hint="restore it from a backup",
        )
    try:
        return KeptCohort.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, KeyError) as error:
        raise WorkspaceError(f"ledger/cohorts/{path.name} cannot be read", hint="restore it from a backup") from error


def write_cohort(workspace: Workspace, experiment_id: str, kept: KeptCohort) -> None:
    """Keep the units of a cohort that was drawn at once, outside git."""
    write_whole(_ledger_file(workspace, "cohorts", experiment_id), kept.to_json() + "\n")


def forget_units(workspace: Workspace, keys: Mapping[str, str]) -> None:
    """Take erased units out of kept cohorts and overrides.

    Args:
        workspace: The workspace.
        keys: Each id with the key that stands for it from now on.
    """
    for path in sorted((workspace.root / "ledger" / "cohorts").glob("*.json")):
        kept = read_cohort(workspace, path.stem)
        if not keys.keys().isdisjoint(kept.units):
            write_cohort(workspace, path.stem, kept.without(keys.keys()))
    for path in sorted((workspace.root / "ledger" / "plans").glob("*.json")):
        before = _read(path)
        after = {name: _without(plan, keys) for name, plan in before.items()}
        if after != before:
            write_whole(path, json.dumps(after, indent=1) + "\n")


def _without(content: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    within = content["within"]
    inner = None if within is None else {**within, "plan": _without(within["plan"], keys)}
    overrides = [
        {**override, "unit_id": f"{_ERASED}{keys[override['unit_id']]}"} if override["unit_id"] in keys else override
        for override in content["overrides"]
    ]
    return {**content, "overrides": overrides, "within": inner}


def is_erased(unit_id: str) -> bool:
    """Say whether an override's id stands for an erased unit."""
    return unit_id.startswith(_ERASED)
