"""Who was decided, in which arm: the log's decision on each unit joined with the ledger, for a readout or a draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from incrementality.assignment import assign
from incrementality.assignment.unit_ids import canonical_ids
from incrementality.errors import EmptyTable
from incrementality.outcomes.from_events import DECIDED_COLUMNS
from incrementality.warehouse.parquet import ParquetEngine, parquet_table
from incrementality.warehouse.sql import column, literal, parse
from incrementality.warehouse.upload import upload
from incrementality.workspace.decisions import log_of, logged_runs
from incrementality.workspace.holdouts import AssignedUnits, ledger_of, plan_of, record_units
from incrementality.workspace.units import UnitBatch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from incrementality.assignment import AssignmentPlan
    from incrementality.warehouse import Relation, Warehouse
    from incrementality.workspace.project import Workspace

__all__ = ["assign_decided", "decided_units"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ARMS = {"decision_id": "TEXT", "arm": "TEXT", "p_arm": "DOUBLE"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A unit's decision as the draw sees it: whose arm counts, and on which day it was decided."""

    key: str | None
    decision_id: str
    day: date
    entered: bool


def assign_decided(workspace: Workspace, experiment_id: str, *, at: date | None = None) -> AssignedUnits:
    """Draw the arms of all that entered, by the decision log, and record them; earlier assignments stand.

    Only first entries are drawn, and only those without an arm on record. Where the experiment maps
    ``data.cluster``, it is accounts that are drawn, each by its first entry.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        at: The day that decides the phase; default: the day of each decision (UTC).

    Raises:
        InputError: Nothing was decided yet, or nobody entered; nothing is recorded then.
        WorkspaceError: The experiment's arms have changed since units were assigned.
    """
    firsts: dict[str, _Row] = {}
    for row in _rows(workspace, experiment_id):
        if row.entered and row.key is not None:
            firsts.setdefault(row.key, row)
    if not firsts:
        raise EmptyTable(
            f"nobody has entered {experiment_id!r} yet",
            hint=f"see why: experiments/{experiment_id}/decisions.json counts the decisions by reason",
        )
    plan = plan_of(workspace, experiment_id)
    known = _arms_on_record(workspace, plan, list(firsts))
    new = [row for key, row in firsts.items() if key not in known]
    if not new:
        return _nothing_new(workspace, plan, len(firsts))
    batches: dict[str, list[_Row]] = {}
    for row in new:
        batches.setdefault(_phase(plan, at or row.day), []).append(row)
    answers = [_recorded(workspace, experiment_id, batch, at) for batch in batches.values()]
    return _together(answers, known=len(known))


def _phase(plan: AssignmentPlan, day: date) -> str:
    return plan.phases[0].name if len(plan.phases) == 1 else plan.phase_at(day).name


def _recorded(workspace: Workspace, experiment_id: str, rows: Sequence[_Row], at: date | None) -> AssignedUnits:
    batch = UnitBatch(ids=[str(row.key) for row in rows], decision_ids=[row.decision_id for row in rows])
    return record_units(workspace, experiment_id, batch, at=at or max(row.day for row in rows))


def _together(answers: Sequence[AssignedUnits], *, known: int) -> AssignedUnits:
    reasons = dict.fromkeys(reason for answer in answers for reason in answer.refused)
    return replace(
        answers[-1],
        rows=known + sum(answer.rows for answer in answers),
        recorded=known + sum(answer.recorded for answer in answers),
        refused={reason: sum(answer.refused.get(reason, 0) for answer in answers) for reason in reasons},
    )


def _nothing_new(workspace: Workspace, plan: AssignmentPlan, units: int) -> AssignedUnits:
    with ledger_of(workspace) as ledger:
        counts = {count.arm: count.units for count in ledger.counts(plan.experiment)}
    return AssignedUnits(
        experiment_id=plan.experiment, plan_hash=plan.hash, rows=units, recorded=units, refused={}, counts=counts
    )


def decided_units(
    workspace: Workspace, experiment_id: str, engine: Warehouse, *, name: str = "decided_units"
) -> Relation:
    """Return in an engine one row a decided unit, with its arm: ``outcomes.DECIDED_COLUMNS``.

    A unit that entered stands with its first entry and the arm on record, empty where it was not assigned. A unit
    that never entered stands with its first decision and the arm that the draw gives it, so that eligibility can be
    compared between arms.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        engine: The engine that holds the events.
        name: How the table is called there; a name serves once.

    Raises:
        InputError: Nothing was decided or assigned yet.
    """
    paths = log_of(workspace).paths(logged_runs(workspace, experiment_id))
    arms = _arms(workspace, experiment_id, _rows(workspace, experiment_id))
    if isinstance(engine, ParquetEngine):
        return engine.materialise(name, _with_arms(engine, paths, experiment_id, arms))
    with ParquetEngine() as reader:
        rows = reader.query(_with_arms(reader, paths, experiment_id, arms))
    return upload(engine, name, DECIDED_COLUMNS, rows)


def _rows(workspace: Workspace, experiment_id: str) -> list[_Row]:
    """The decision that stands for each unit: its first entry, else its first decision; in order of time."""
    paths = log_of(workspace).paths(logged_runs(workspace, experiment_id))
    clustered = workspace.experiment(experiment_id).data.cluster is not None
    query = parse(
        "SELECT $key, decision_id, epoch_us(t0), coalesce(entry_no, 0) FROM standing ORDER BY t0, decision_id",
        key=column("account_id" if clustered else "unit_id"),
        standing=_standing(paths, experiment_id),
    )
    with ParquetEngine() as engine:
        found = engine.query(query)
    return [
        _Row(key, decision, (_EPOCH + timedelta(microseconds=t0)).date(), entry == 1)
        for key, decision, t0, entry in found
    ]


def _standing(paths: Sequence[Path], experiment_id: str) -> exp.Expression:
    return exp.Subquery(
        this=parse(
            "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY unit_id ORDER BY "
            "CASE WHEN entry_no = 1 THEN 0 ELSE 1 END, t0, decision_id) AS nth FROM log WHERE experiment_id = $id) "
            "AS n WHERE nth = 1",
            log=parquet_table(paths),
            id=literal(experiment_id),
        )
    )


def _arms(workspace: Workspace, experiment_id: str, rows: Sequence[_Row]) -> list[tuple[str, str | None, float | None]]:
    """The arm of each decision: the one on record; for who never entered and has none, the one that the draw gives."""
    plan = plan_of(workspace, experiment_id)
    known = _arms_on_record(workspace, plan, list({row.key for row in rows if row.key is not None}))
    outside: dict[str, set[str]] = {}
    for row in rows:
        if not row.entered and row.key is not None and row.key not in known:
            outside.setdefault(_phase(plan, row.day), set()).add(row.key)
    drawn = {key: arm for phase, keys in outside.items() for key, arm in _drawn(plan, phase, sorted(keys)).items()}
    found = [(row, known.get(row.key or "") or (None if row.entered else drawn.get(row.key or ""))) for row in rows]
    return [(row.decision_id, *(arm or (None, None))) for row, arm in found]


def _arms_on_record(workspace: Workspace, plan: AssignmentPlan, keys: list[str]) -> dict[str, tuple[str, float]]:
    """The arm and its probability of each id that the ledger knows."""
    if not keys:
        return {}
    with ledger_of(workspace) as ledger:
        if plan.experiment not in ledger.experiments():
            return {}
        rows = ledger.read(plan.experiment)
        known = dict(
            zip(rows.unit_id.tolist(), zip(rows.arm.tolist(), rows.probability.tolist(), strict=True), strict=True)
        )
        stored = ledger.stored_ids(canonical_ids(keys, plan.unit_type))
    return {key: known[found] for key, found in zip(keys, stored, strict=True) if found in known}


def _drawn(plan: AssignmentPlan, phase: str, keys: list[str]) -> dict[str, tuple[str, float]]:
    drawn = assign(plan, keys, phase=phase)
    arms = zip(keys, drawn.arm.tolist(), drawn.probability.tolist(), strict=True)
    return {key: (arm, share) for key, arm, share in arms if arm is not None}


def _with_arms(
    engine: ParquetEngine, paths: Sequence[Path], experiment_id: str, arms: Sequence[tuple[Any, ...]]
) -> exp.Expression:
    drawn = upload(engine, "arms_of_decisions", _ARMS, arms)
    return parse(
        "SELECT d.unit_id, d.decision_id, a.arm, a.p_arm, epoch_us(d.t0) AS t0_us, d.eligible, d.account_id, "
        "d.stratum, d.would_send_channel AS channel, d.rule_version, d.basis FROM decided AS d "
        "LEFT JOIN arms AS a ON d.decision_id = a.decision_id",
        decided=_standing(paths, experiment_id),
        arms=drawn.name,
    )
