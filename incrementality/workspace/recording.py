"""Assignment into the ledger: the plan, the SQL that draws it elsewhere, and the units that it drew.

experiments/<id>/assignment.json   the frozen plan, and how many units each arm has; no customer rows
ledger/                            who was assigned to what, append-only; never in git
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from incrementality.assignment import Assigned, AssignmentPlan, assign, assignment_sql
from incrementality.assignment.batch import Assignments
from incrementality.assignment.ledger import Ledger
from incrementality.assignment.unit_ids import canonical_ids
from incrementality.errors import InputError
from incrementality.workspace.cohorts import draw_cohort, draw_kept_cohort
from incrementality.workspace.contacts import inherit_arms
from incrementality.workspace.frozen import read_frozen, write_frozen
from incrementality.workspace.lifecycle import refuse_entry
from incrementality.workspace.plans import in_turn, ledger_folder, plan_in_force, settle
from incrementality.workspace.units import UnitBatch, read_batch

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from incrementality.workspace.plans import SettledPlan
    from incrementality.workspace.project import Workspace

__all__ = [
    "AssignedUnits",
    "assign_units",
    "ledger_of",
    "plan_of",
    "record_units",
    "sql_of",
]


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
        phase: The phase of the ramp.
        flags: What a reader of the result has to know: a wash-out, overrides that came too late.
    """

    experiment_id: str
    plan_hash: str
    rows: int
    recorded: int
    refused: dict[str, int]
    counts: dict[str, int]
    phase: str = "1"
    flags: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def ledger_of(workspace: Workspace) -> Ledger:
    """Return the workspace's ledger; it is made on first use, with a rule that keeps it out of git."""
    return Ledger(ledger_folder(workspace))


def plan_of(workspace: Workspace, experiment_id: str) -> AssignmentPlan:
    """Return the plan of an experiment as an assignment would use it today; nothing is written.

    It is the frozen plan once units were assigned, or its next version where the files only let more units enter or
    keep more out: phases or overrides were added, the global holdout was rotated.

    Raises:
        WorkspaceError: The files have changed otherwise since units were assigned.
    """
    return plan_in_force(workspace, experiment_id)


def sql_of(
    workspace: Workspace,
    experiment_id: str,
    *,
    dialect: str,
    table: str,
    unit_column: str,
    at: date | None = None,
) -> str:
    """Return the query that draws an experiment's arms where the ids lie; see ``assignment.assignment_sql``.

    The layer's slot is opened for good: what was handed out must stay true.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        dialect: The engine.
        table: The table with the ids, ``name`` or ``schema.name``.
        unit_column: The column with the ids.
        at: The day that decides the phase; default: today (UTC).

    Raises:
        InputError: The cohort is drawn at once, which no query of single rows can do.
    """
    day = at or datetime.now(UTC).date()
    plan = plan_in_force(workspace, experiment_id, on=day)
    request = workspace.experiment(experiment_id).request
    if request is not None and request.cohort is not None:
        raise InputError(
            f"{experiment_id!r} is drawn at once from all its units, and a query sees one at a time",
            hint=f"run: incrementality holdout assign {experiment_id} --units FILE, then holdout export",
        )
    phase = plan.phase_at(day) if len(plan.phases) > 1 else plan.phase()
    with in_turn(workspace):
        plan = settle(workspace, experiment_id, day, writing=False).frozen.plan
    return assignment_sql(plan, dialect, table, unit_column, phase=phase.name)


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
    experiment = workspace.experiment(experiment_id)
    column = unit_column or experiment.data.unit
    if column is None:
        raise InputError("nothing says which column holds the ids", hint="name it: --unit-column COLUMN")
    cohort = None if experiment.request is None else experiment.request.cohort
    return record_units(workspace, experiment_id, read_batch(workspace, units, column, cohort=cohort), at=at)


def record_units(
    workspace: Workspace, experiment_id: str, units: UnitBatch, *, at: date | None = None
) -> AssignedUnits:
    """Draw the arms of units in memory and record them in the ledger; the first assignment of a unit stands.

    The same units again change nothing. The plan is frozen by the first run.

    An experiment that draws accounts may be handed contacts with their accounts: the accounts are assigned, and the
    contacts inherit.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        units: The units.
        at: The day that decides the phase; default: today (UTC).

    Raises:
        InputError: An id is refused; nothing is recorded then.
        WorkspaceError: The files have changed since units were assigned, a global holdout washes out, or a unit
            comes too late for a cohort that was drawn at once; or it is declined, paused or stopped.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from incrementality.workspace import Workspace
        >>> workspace = Workspace.create(Path(tempfile.mkdtemp()) / "crm")
        >>> batch = UnitBatch(ids=[f"c_{i:03d}" for i in range(500)])
        >>> answer = record_units(workspace, "winback-example", batch)
        >>> answer.recorded, answer.counts
        (500, {'holdout': 56, 'journey': 444})
        >>> record_units(workspace, "winback-example", batch) == answer
        True
    """
    refuse_entry(workspace, workspace.experiment(experiment_id))
    moment = datetime.now(UTC)
    day = at or moment.date()
    plan = plan_in_force(workspace, experiment_id, on=day)
    if units.accounts is not None and plan.unit_type.name != "contact" and list(units.accounts) != list(units.ids):
        accounts = replace(units, ids=list(dict.fromkeys(units.accounts)), accounts=None, decision_ids=None)
        answer = record_units(workspace, experiment_id, accounts, at=at)
        inherit_arms(workspace, plan_of(workspace, experiment_id), units.ids, units.accounts)
        return answer
    canonical_ids(list(units.ids), plan.unit_type)
    phase = plan.phase_at(day).name if len(plan.phases) > 1 else plan.phase().name
    settled = _settled(workspace, experiment_id, units, day=day, moment=moment)
    return _recorded(workspace, settled, units, phase=phase, moment=moment)


def _settled(workspace: Workspace, experiment_id: str, units: UnitBatch, *, day: date, moment: datetime) -> SettledPlan:
    request = workspace.experiment(experiment_id).request
    cohort = None if request is None else request.cohort
    with in_turn(workspace):
        settled = settle(workspace, experiment_id, day, writing=cohort is None)
        if cohort is not None and settled.is_new:
            return draw_cohort(workspace, settled, units, cohort, at=moment)
        return settled


def _recorded(
    workspace: Workspace, settled: SettledPlan, units: UnitBatch, *, phase: str, moment: datetime
) -> AssignedUnits:
    plan = settled.frozen.plan
    with ledger_of(workspace) as ledger:
        fixed = settled.frozen.cohort is not None
        ids = list(units.ids)
        drawn = draw_kept_cohort(workspace, plan, units, ledger) if fixed else assign(plan, ids, phase=phase)
        known, late = _on_record(ledger, drawn, plan)
        appended = ledger.append(Assignments.of(plan, drawn.take(~known), assigned_at=moment))
        on_record = plan.experiment in ledger.experiments()
        counts = {count.arm: count.units for count in ledger.counts(plan.experiment)} if on_record else {}
    flags = (*settled.flags, *([f"{late:,} overrides name units that were assigned before: they stay"] if late else []))
    with in_turn(workspace):
        frozen = read_frozen(workspace, plan.experiment) or settled.frozen
        told = (*frozen.flags, *(flag for flag in settled.flags if flag not in frozen.flags))
        write_frozen(workspace, plan.experiment, replace(frozen, counts=counts, flags=told))
    return AssignedUnits(
        experiment_id=plan.experiment,
        plan_hash=plan.hash,
        rows=len(drawn),
        recorded=appended.kept + int(known.sum()),
        refused=appended.refused,
        counts=counts,
        phase=phase,
        flags=flags,
    )


def _on_record(ledger: Ledger, drawn: Assigned, plan: AssignmentPlan) -> tuple[NDArray[np.bool_], int]:
    """Return which units are on record, and how many overrides came too late for theirs."""
    if plan.experiment not in ledger.experiments():
        return np.zeros(len(drawn), dtype=bool), 0
    rows = ledger.read(plan.experiment)
    arms = dict(zip(rows.unit_id.tolist(), rows.arm.tolist(), strict=True))
    stored = ledger.stored_ids(drawn.unit_id.tolist())
    late = {o.unit_id for o in plan.overrides if arms.get(ledger.stored_ids([o.unit_id])[0], o.arm) != o.arm}
    return np.array([unit in arms for unit in stored], dtype=bool), len(late)
