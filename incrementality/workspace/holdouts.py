"""Verbs of a holdout on disk: the plan, the SQL that draws it elsewhere, and assignment into the ledger.

experiments/<id>/assignment.json   the frozen plan, and how many units each arm has; no customer rows
ledger/                            who was assigned to what, append-only; never in git
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from incrementality.assignment import AssignmentPlan, assign, assignment_sql, plan_for
from incrementality.assignment.audit import audit
from incrementality.assignment.batch import Assignments
from incrementality.assignment.export import compare_deliveries, export_assignments, read_deliveries
from incrementality.assignment.ledger import Ledger
from incrementality.errors import WorkspaceError
from incrementality.files import make_folder, write_once, write_whole
from incrementality.workspace.lifecycle import refuse_entry
from incrementality.workspace.units import UnitBatch, read_ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from incrementality.assignment.audit import LedgerAudit
    from incrementality.assignment.erase import Erasure
    from incrementality.assignment.export import DeliveryLog, ExportManifest
    from incrementality.estimates import CheckResult
    from incrementality.workspace.project import Workspace

__all__ = [
    "AssignedUnits",
    "assign_units",
    "audit_ledger",
    "check_deliveries",
    "erase_units",
    "export_arms",
    "ledger_of",
    "plan_of",
    "record_units",
    "sql_of",
]

_PLAN = "assignment.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedUnits:
    """What one run of an assignment did.

    Attributes:
        experiment_id: The experiment.
        plan_hash: Hash of the plan that was drawn from.
        rows: Ids that were handed in.
        recorded: Ids of which the ledger now holds the arm.
        refused: The others, by reason.
        counts: Units of each arm in the whole ledger.
    """

    experiment_id: str
    plan_hash: str
    rows: int
    recorded: int
    refused: dict[str, int]
    counts: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def ledger_of(workspace: Workspace) -> Ledger:
    """Return the workspace's ledger; it is made on first use, with a rule that keeps it out of git."""
    folder = workspace.root / "ledger"
    make_folder(folder)
    write_once(folder / ".gitignore", "# customer rows never enter git\n*\n")
    return Ledger(folder)


def plan_of(workspace: Workspace, experiment_id: str) -> AssignmentPlan:
    """Return the plan of an experiment: the frozen one once units were assigned, else what its file asks for.

    Raises:
        WorkspaceError: The file has changed since units were assigned.
    """
    stored = workspace.folder(experiment_id) / _PLAN
    experiment = workspace.experiment(experiment_id)
    traffic = 1.0 if experiment.request is None else experiment.request.traffic
    asked = plan_for(experiment, traffic=traffic)
    if not stored.is_file():
        return asked
    frozen = AssignmentPlan.from_dict(_read(stored)["plan"])
    if _draws(frozen) != _draws(asked):
        raise WorkspaceError(
            f"the arms of experiments/{experiment_id}/experiment.yaml are not those that units were assigned by",
            hint="take the change back, or start a new experiment with an id of its own",
        )
    return frozen


def _draws(plan: AssignmentPlan) -> tuple[object, ...]:
    """What decides who gets what, apart from later phases."""
    return plan.salt, plan.unit_type, plan.arm_names, plan.phases[0].ranges


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WorkspaceError(f"{path.name} cannot be read: {error}", hint="restore it from git") from error
    return content


def sql_of(workspace: Workspace, experiment_id: str, *, dialect: str, table: str, unit_column: str) -> str:
    """Return the query that draws an experiment's arms where the ids lie; see ``assignment.assignment_sql``."""
    return assignment_sql(plan_of(workspace, experiment_id), dialect, table, unit_column)


def assign_units(
    workspace: Workspace,
    experiment_id: str,
    units: Path,
    *,
    unit_column: str | None = None,
    at: date | None = None,
) -> AssignedUnits:
    """Draw the arms of the units in a file and record them in the ledger; the first assignment of a unit stands.

    Running it again with the same file changes nothing. The plan is frozen by the first run.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        units: A CSV or Parquet file with one row a unit.
        unit_column: The column with the ids; default: the one that the experiment's ``data`` names.
        at: The day that decides the phase; default: today (UTC).

    Raises:
        InputError: There is no such file or column, or an id is refused; nothing is recorded then.
        WorkspaceError: The experiment's arms have changed since units were assigned.
    """
    ids = read_ids(workspace, units, unit_column or workspace.experiment(experiment_id).data.unit)
    return record_units(workspace, experiment_id, UnitBatch(ids=ids), at=at)


def record_units(
    workspace: Workspace, experiment_id: str, units: UnitBatch, *, at: date | None = None
) -> AssignedUnits:
    """Draw the arms of units in memory and record them in the ledger; the first assignment of a unit stands.

    The same units again change nothing. The plan is frozen by the first run.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        units: The units.
        at: The day that decides the phase; default: today (UTC).

    Raises:
        InputError: An id is refused; nothing is recorded then.
        WorkspaceError: The experiment's arms have changed since units were assigned, or it is declined, paused or
            stopped.
    """
    refuse_entry(workspace, workspace.experiment(experiment_id))
    plan = plan_of(workspace, experiment_id)
    moment = datetime.now(UTC)
    drawn = assign(plan, units.ids, at=at or moment.date()) if len(plan.phases) > 1 else assign(plan, units.ids)
    with ledger_of(workspace) as ledger:
        appended = ledger.append(Assignments.of(plan, drawn, assigned_at=moment))
        counts = {count.arm: count.units for count in ledger.counts(experiment_id)} if appended.kept else {}
    answer = AssignedUnits(
        experiment_id=experiment_id,
        plan_hash=plan.hash,
        rows=appended.rows,
        recorded=appended.kept,
        refused=appended.refused,
        counts=counts,
    )
    _freeze(workspace.folder(experiment_id) / _PLAN, plan, counts)
    return answer


def audit_ledger(workspace: Workspace) -> LedgerAudit:
    """Draw every row of the ledger again and say what explains it; see ``assignment.audit``."""
    with ledger_of(workspace) as ledger:
        known = [found for found in ledger.experiments() if found in workspace.experiment_ids()]
        return audit(ledger, [plan_of(workspace, experiment_id) for experiment_id in known])


def export_arms(workspace: Workspace, experiment_id: str, path: Path, *, arm: str | None = None) -> ExportManifest:
    """Write who is in which arm as CSV for the tool that sends, with a manifest beside it.

    Raises:
        InputError: The plan has no such arm, or nobody was assigned yet.
    """
    with ledger_of(workspace) as ledger:
        return export_assignments(ledger, plan_of(workspace, experiment_id), path, arm=arm)


def check_deliveries(workspace: Workspace, experiment_id: str, path: Path) -> tuple[DeliveryLog, CheckResult]:
    """Compare what the tool did, a CSV with unit, action and delivered_at, with what was assigned.

    Raises:
        InputError: The file cannot be used, or nobody was assigned yet.
    """
    log = read_deliveries(path)
    with ledger_of(workspace) as ledger:
        return log, compare_deliveries(ledger, plan_of(workspace, experiment_id), log)


def erase_units(workspace: Workspace, path: Path, *, unit_column: str) -> Erasure:
    """Erase units from the ledger for good; how many each arm had stays known.

    Args:
        workspace: The workspace.
        path: A CSV or Parquet file with the ids.
        unit_column: The column that holds them.
    """
    ids = read_ids(workspace, path, unit_column)
    with ledger_of(workspace) as ledger:
        return ledger.erase(map(str, ids))


def _freeze(path: Path, plan: AssignmentPlan, counts: Mapping[str, int]) -> None:
    text = json.dumps({"plan": plan.to_dict(), "plan_hash": plan.hash, "counts": counts}, indent=1, sort_keys=True)
    write_whole(path, text + "\n")
