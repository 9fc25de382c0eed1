"""Verbs of a holdout on disk: the plan, the SQL that draws it elsewhere, and assignment into the ledger.

experiments/<id>/assignment.json   the frozen plan, and how many units each arm has; no customer rows
ledger/                            who was assigned to what, append-only; never in git
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.assignment import redraw
from incrementality.assignment.accounts import accounts_entered_with
from incrementality.assignment.audit import LedgerAudit, audit
from incrementality.assignment.export import compare_deliveries, export_assignments, read_deliveries
from incrementality.assignment.ledger_base import LedgerCheck
from incrementality.assignment.unit_ids import canonical_ids
from incrementality.workspace.contacts import contact_ledger
from incrementality.workspace.frozen import forget_units, read_cohort, read_frozen
from incrementality.workspace.plans import in_turn
from incrementality.workspace.programme import PROGRAMME, read_programme
from incrementality.workspace.recording import (
    AssignedUnits,
    assign_units,
    ledger_of,
    plan_of,
    record_units,
    sql_of,
)
from incrementality.workspace.units import read_ids

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from incrementality.assignment import UnitType
    from incrementality.assignment.erase import Erasure
    from incrementality.assignment.export import DeliveryLog, ExportManifest
    from incrementality.assignment.ledger import Ledger
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
    "not_erased_from",
    "plan_of",
    "record_units",
    "sql_of",
]


def audit_ledger(workspace: Workspace) -> LedgerAudit:
    """Draw every row of the ledger again and say what explains it; see ``assignment.audit``.

    Contacts that inherited an arm are drawn again by the account that they entered with.
    """
    frozen = {found: read_frozen(workspace, found) for found in workspace.experiment_ids()}
    plans = [plan for found in frozen.values() if found is not None for plan in found.versions]
    cohorts = {
        experiment_id: redraw(found.plan, read_cohort(workspace, experiment_id))
        for experiment_id, found in frozen.items()
        if found is not None and found.cohort is not None
    }
    with ledger_of(workspace) as ledger, contact_ledger(workspace) as contacts:
        found, inherited = (audit(one, plans, cohorts=cohorts) for one in (ledger, contacts))
    named = [replace(one, experiment=f"{one.experiment}, contacts") for one in inherited.experiments]
    files = LedgerCheck(
        files=found.files.files + inherited.files.files, damages=(*found.files.damages, *inherited.files.damages)
    )
    return LedgerAudit(experiments=(*found.experiments, *named), files=files, reused=found.reused)


def export_arms(workspace: Workspace, experiment_id: str, path: Path, *, arm: str | None = None) -> ExportManifest:
    """Write who is in which arm as CSV for the tool that sends, with a manifest beside it.

    Raises:
        InputError: The plan has no such arm, or nobody was assigned yet.
    """
    with ledger_of(workspace) as ledger:
        return export_assignments(ledger, plan_of(workspace, experiment_id), path, arm=arm)


def check_deliveries(workspace: Workspace, experiment_id: str, path: Path) -> tuple[DeliveryLog, CheckResult]:
    """Compare what the tool did, a CSV with unit, action and delivered_at, with what was assigned.

    Where contacts inherited their arms from accounts, the log's units are these contacts.

    Raises:
        InputError: The file cannot be used, or nobody was assigned yet.
    """
    log = read_deliveries(path)
    plan = plan_of(workspace, experiment_id)
    with ledger_of(workspace) as ledger, contact_ledger(workspace) as contacts:
        inherited = experiment_id in contacts.experiments()
        unit = read_programme(workspace.root / PROGRAMME).unit_type("contact") if inherited else plan.unit_type
        return log, compare_deliveries(contacts if inherited else ledger, plan, _as_hashed(log, unit))


def _as_hashed(log: DeliveryLog, unit_type: UnitType) -> DeliveryLog:
    """Return the log with ids spelled as they were hashed; of two spellings of one unit the first action stays."""
    spelled: dict[str, tuple[str, datetime]] = {}
    units = canonical_ids(list(log.deliveries), unit_type) if unit_type.lower or unit_type.nfc else list(log.deliveries)
    for unit, action in zip(units, log.deliveries.values(), strict=True):
        spelled[unit] = min(spelled.get(unit, action), action, key=lambda done: (done[1], done[0]))
    return replace(log, deliveries=spelled)


def erase_units(workspace: Workspace, path: Path, *, unit_column: str) -> Erasure:
    """Erase units from the ledger for good; how many each arm had stays known.

    They are also taken out of kept cohorts and of the overrides on record. With an account go the contacts that
    inherited from it, whose rows name it. The files that people hand in, overrides too, are theirs to clean.

    Args:
        workspace: The workspace.
        path: A CSV or Parquet file with the ids.
        unit_column: The column that holds them.
    """
    ids = _spellings(workspace, [str(unit) for unit in read_ids(workspace, path, unit_column)])
    with in_turn(workspace), ledger_of(workspace) as ledger, contact_ledger(workspace) as contacts:
        answer = ledger.erase(ids)
        inherited = contacts.erase([*ids, *_contacts_of(contacts, set(ids))])
        forget_units(workspace, {unit: secrets.token_hex(8) for unit in ids})
    counts = (*answer.counts, *(replace(c, experiment=f"{c.experiment}, contacts") for c in inherited.counts))
    return replace(answer, found=answer.found + inherited.found, counts=counts)


def not_erased_from(workspace: Workspace) -> tuple[str, ...]:
    """Return the folders beside the ledger that may still name erased units: no verb takes rows out of them."""
    return tuple(name for name in ("decisions", "evidence") if any((workspace.root / name).rglob("*.parquet")))


def _spellings(workspace: Workspace, ids: list[str]) -> list[str]:
    """Return ids with every spelling by which a unit type of the programme hashes them."""
    programme = read_programme(workspace.root / PROGRAMME)
    spelled = [unit for name in programme.units for unit in canonical_ids(ids, programme.unit_type(name))]
    return list(dict.fromkeys([*ids, *spelled]))


def _contacts_of(contacts: Ledger, accounts: set[str]) -> list[str]:
    """Return the contacts that entered with accounts: their rows name these."""
    found = []
    for experiment in contacts.experiments():
        rows = contacts.read(experiment)
        entered = accounts_entered_with(rows.reason).tolist()
        found += [unit for unit, account in zip(rows.unit_id.tolist(), entered, strict=True) if account in accounts]
    return found
