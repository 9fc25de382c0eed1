"""Contacts inherit the arm of their account; what was handed to the tool that sends stays on record.

ledger/contacts/   an assignment ledger of contacts; a row's reason names the account that the contact entered with
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from incrementality.assignment import Assigned, Inherited, assign, inherit
from incrementality.assignment.accounts import ENTERED_WITH, MERGED, MERGED_CONFLICT, MOVED, accounts_entered_with
from incrementality.assignment.assign import ALL_SHIPPED, STATUS_QUO
from incrementality.assignment.batch import Assignments
from incrementality.assignment.export import csv_text
from incrementality.assignment.hashing import draw, key_prefix
from incrementality.assignment.ledger import Ledger
from incrementality.assignment.ledger_base import ERASED
from incrementality.assignment.unit_ids import canonical_ids
from incrementality.errors import InputError, did_you_mean
from incrementality.files import make_folder, write_files
from incrementality.workspace.plans import ledger_folder, plan_in_force, today
from incrementality.workspace.programme import PROGRAMME, read_programme
from incrementality.workspace.units import read_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from incrementality.assignment import AssignmentPlan, GlobalHoldout
    from incrementality.workspace.project import Workspace

__all__ = ["CONTACT", "ContactExport", "contact_ledger", "export_contacts", "inherit_arms"]

CONTACT = "contact"

_FLAGS = (MOVED, MERGED, MERGED_CONFLICT)
_COLUMNS = ("contact_id", "account_id", "arm", "flag")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactExport:
    """What stands in a file of contacts, without any id; it lies beside the file as JSON.

    Attributes:
        experiment: The experiment, whose unit is the account.
        file: The file's name.
        sha256: Of the file's bytes.
        plan: The plan's hash.
        contacts: Contacts that were handed in.
        rows: Contacts in the file.
        arms: Rows by arm.
        stayed_out: Contacts without an arm, by reason: that of their account, or a global holdout of contacts.
        flags: Rows whose arm is not that of today's account, by reason: moved, merged, merged_conflict.
    """

    experiment: str
    file: str
    sha256: str
    plan: str
    contacts: int
    rows: int
    arms: dict[str, int]
    stayed_out: dict[str, int]
    flags: dict[str, int]


def contact_ledger(workspace: Workspace) -> Ledger:
    """Return the ledger of contacts that inherited an arm; it is made on first use."""
    return Ledger(ledger_folder(workspace) / "contacts")


def export_contacts(
    workspace: Workspace,
    experiment_id: str,
    contacts: Path,
    to: Path,
    *,
    contact_column: str,
    account_column: str,
    merged: Path | None = None,
    arm: str | None = None,
    unit: str = CONTACT,
) -> ContactExport:
    """Write each contact with its account's arm as CSV, and record it: who entered before keeps the first arm.

    Args:
        workspace: The workspace.
        experiment_id: The experiment; its unit is the account.
        contacts: A CSV or Parquet file with one row a contact and its account of today.
        to: The CSV; it is replaced, with a manifest beside it.
        contact_column: The column with the contact's id.
        account_column: The column with the account's id.
        merged: A CSV or Parquet file with the columns merged and kept: ids that were merged away, and what stayed.
        arm: One arm only; default: all.
        unit: What inherits: contacts, or the stores of regions. The programme says how its ids are spelled.

    Raises:
        InputError: The experiment draws this unit itself, an account was not assigned, or a file cannot be used.
    """
    plan = plan_in_force(workspace, experiment_id)
    _check(plan, arm, unit)
    found = read_columns(workspace, contacts, (contact_column, account_column))
    gone = {} if merged is None else read_columns(workspace, merged, ("merged", "kept"))
    pairs = zip(gone.get("merged", []), gone.get("kept", []), strict=True)
    given = inherit_arms(workspace, plan, found[contact_column], found[account_column], merged=dict(pairs), unit=unit)
    return _written(plan, given, to, arm)


def inherit_arms(
    workspace: Workspace,
    plan: AssignmentPlan,
    contact_ids: Sequence[str | int],
    account_ids: Sequence[str | int],
    *,
    merged: Mapping[str | int, str | int] | None = None,
    unit: str = CONTACT,
) -> Inherited:
    """Give contacts the arms of their accounts and record them; who entered before keeps the first arm, flagged.

    Args:
        workspace: The workspace.
        plan: The plan of an experiment that draws accounts, all of which were assigned.
        contact_ids: The contacts, each once, shape (n,).
        account_ids: The account of each contact today, shape (n,).
        merged: Ids that were merged away, with the id that stayed.
        unit: What inherits.

    Raises:
        InputError: A contact stands twice, or an account was not assigned.
    """
    programme = read_programme(workspace.root / PROGRAMME)
    contact_type = programme.unit_type(unit)
    pairs = merged or {}
    gone, kept = (canonical_ids(list(ids), contact_type) for ids in (pairs.keys(), pairs.values()))
    with Ledger(ledger_folder(workspace)) as accounts, contact_ledger(workspace) as ledger:
        drawn, versions = _accounts_with_arms(accounts, plan, account_ids)
        given = inherit(
            drawn,
            contact_ids,
            account_ids,
            first=_entered(ledger, plan.experiment),
            merged=dict(zip(gone, kept, strict=True)),
            unit_type=contact_type,
            account_type=plan.unit_type,
        )
        given = _hold_out(given, programme.holdout(unit), ledger, plan.experiment)
        _record(ledger, plan, given, versions)
    return given


def _check(plan: AssignmentPlan, arm: str | None, unit: str) -> None:
    if plan.unit_type.name == unit:
        raise InputError(
            f"{plan.experiment!r} draws {unit}s, so they inherit nothing", hint="export it without --contacts"
        )
    if arm is not None and arm not in plan.arm_names:
        raise InputError(
            f"the plan of {plan.experiment!r} has no arm {arm!r}; it has: {', '.join(plan.arm_names)}."
            f"{did_you_mean(arm, plan.arm_names)}",
            hint="name one of them, or leave arm out for all",
        )


def _accounts_with_arms(
    ledger: Ledger, plan: AssignmentPlan, ids: Sequence[str | int]
) -> tuple[Assigned, dict[str, int]]:
    """Return the accounts on record, with those of today's contacts that stayed out, and each one's plan version."""
    rows = ledger.read(plan.experiment)
    columns = {name: column for name, column in rows.to_columns().items() if name not in {"version", "assigned_at"}}
    versions = dict(zip(rows.unit_id.tolist(), rows.version.tolist(), strict=True))
    others = sorted(set(canonical_ids(ids, plan.unit_type)) - versions.keys())
    out = assign(plan, others, at=today()) if len(plan.phases) > 1 else assign(plan, others)
    gone = ledger.erased(others)
    out.arm[gone], out.reason[gone] = None, ERASED
    late = int(np.sum(out.arm != np.array(None)))
    if late:
        raise InputError(
            f"{late:,} accounts of these contacts have not been assigned",
            hint=f"first run: incrementality holdout assign {plan.experiment} --units FILE, with all accounts",
        )
    joined = {name: np.concatenate([column, out.to_columns()[name]]) for name, column in columns.items()}
    return Assigned(**joined), versions


def _entered(ledger: Ledger, experiment_id: str) -> Inherited | None:
    """Return who inherited an arm before, oldest first."""
    if experiment_id not in ledger.experiments():
        return None
    rows = ledger.read(experiment_id)
    rows = rows.take(np.argsort(rows.assigned_at, kind="stable"))
    entered_with = accounts_entered_with(rows.reason)
    columns = {name: column for name, column in rows.to_columns().items() if name not in {"version", "assigned_at"}}
    columns["reason"] = _objects(["drawn"] * len(rows))
    return Inherited(Assigned(**columns), entered_with, entered_with)


def _hold_out(given: Inherited, held: GlobalHoldout | None, ledger: Ledger, experiment_id: str) -> Inherited:
    """Keep new contacts out that a global holdout of contacts holds; whoever entered before it stays."""
    if held is None:
        return given
    known = set(ledger.read(experiment_id).unit_id) if experiment_id in ledger.experiments() else set()
    drawn = draw(key_prefix("global", held.salt, held.unit_type), given.assigned.unit_id.tolist())
    new = np.array([unit not in known for unit in given.assigned.unit_id], dtype=bool)
    new &= ~np.isin(given.assigned.reason.astype(str), _FLAGS)
    columns: dict[str, NDArray[Any]] = {name: column.copy() for name, column in given.assigned.to_columns().items()}
    for edge, reason in ((held.end, ALL_SHIPPED), (held.status_quo, STATUS_QUO)):
        out = new & (drawn < edge)
        columns["arm"][out], columns["probability"][out], columns["reason"][out] = None, np.nan, reason
    return Inherited(Assigned(**columns), given.account, given.entered_with)


def _record(ledger: Ledger, plan: AssignmentPlan, given: Inherited, versions: Mapping[str, int]) -> None:
    known = set(ledger.read(plan.experiment).unit_id) if plan.experiment in ledger.experiments() else set()
    taken = [
        row
        for row, (unit, arm) in enumerate(zip(given.assigned.unit_id, given.assigned.arm, strict=True))
        if arm is not None and unit not in known
    ]
    rows = np.array(taken, dtype=np.intp)
    if not taken:
        return
    entered = given.entered_with[rows].tolist()
    columns = given.assigned.take(rows).to_columns()
    columns["reason"] = _objects([f"{ENTERED_WITH}{account}" for account in entered])
    version = np.array([versions.get(account, plan.version) for account in entered], dtype=np.int64)
    moment = np.full(len(rows), np.datetime64(datetime.now(UTC).replace(tzinfo=None), "us"))
    ledger.append(Assignments(plan.experiment, version=version, assigned_at=moment, **columns))  # type: ignore[arg-type]


def _written(plan: AssignmentPlan, given: Inherited, to: Path, arm: str | None) -> ContactExport:
    assigned = given.assigned
    flags = [reason if reason in _FLAGS else "" for reason in assigned.reason.tolist()]
    rows = zip(assigned.unit_id.tolist(), given.account.tolist(), assigned.arm.tolist(), flags, strict=True)
    chosen = sorted(row for row in rows if row[2] is not None and arm in {None, row[2]})
    text = csv_text(_COLUMNS, chosen)
    arms, flagged = [row[2] for row in chosen], [row[3] for row in chosen]
    out = assigned.reason[assigned.arm == np.array(None)].tolist()
    manifest = ContactExport(
        experiment=plan.experiment,
        file=to.name,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        plan=plan.hash,
        contacts=len(assigned),
        rows=len(chosen),
        arms={name: arms.count(name) for name in (plan.arm_names if arm is None else (arm,))},
        stayed_out={reason: out.count(reason) for reason in sorted(set(out))},
        flags={flag: flagged.count(flag) for flag in _FLAGS if flag in flagged},
    )
    make_folder(to.parent)
    beside = to.with_name(f"{to.name}.manifest.json")
    write_files({to: text, beside: json.dumps(asdict(manifest), indent=2) + "\n"})
    return manifest


def _objects(values: list[str]) -> NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
