"""Units that are randomised whole: contacts inherit the arm of their account, stores that of their region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.assignment.assign import Assigned
from incrementality.assignment.unit_ids import UnitType, canonical_ids
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["ENTERED_WITH", "MERGED", "MERGED_CONFLICT", "MOVED", "Inherited", "accounts_entered_with", "inherit"]

MOVED = "moved"
MERGED = "merged"
MERGED_CONFLICT = "merged_conflict"

ENTERED_WITH = "account:"

_CONTACT = UnitType(name="contact")


@dataclass(frozen=True, slots=True, eq=False)
class Inherited:
    """Contacts with the arms of their accounts; columns of one row a contact, shape (n,).

    Attributes:
        assigned: The contacts with arm, hash and probability of the account; ``source`` is ``inherited``. The reason
            is the account's, or ``moved``, ``merged``, or ``merged_conflict`` (both were assigned, to two arms).
        account: The account that the contact belongs to now.
        entered_with: The account whose arm it has.
    """

    assigned: Assigned
    account: NDArray[np.object_]
    entered_with: NDArray[np.object_]


def inherit(
    accounts: Assigned,
    contact_ids: Sequence[str | int] | NDArray[np.generic],
    account_ids: Sequence[str | int] | NDArray[np.generic],
    *,
    first: Inherited | None = None,
    merged: Mapping[str, str] | None = None,
    unit_type: UnitType = _CONTACT,
    account_type: UnitType | None = None,
) -> Inherited:
    """Give contacts the arm of their account; whoever entered before keeps the first assignment, flagged.

    The same serves for geography: regions are the accounts, stores or customers the contacts.

    Args:
        accounts: Every account with its arm.
        contact_ids: The contacts, each once, shape (n,).
        account_ids: The account of each contact today, shape (n,).
        first: Who entered earlier, oldest first; the first row of a contact counts.
        merged: Ids that were merged away, with the id that stayed.
        unit_type: How contact ids are spelled.
        account_type: How account ids are spelled; default: as the type ``account``.

    Raises:
        InvalidUnitId: An id is refused.
        InputError: A contact stands twice, or an account was not assigned.

    Examples:
        >>> from incrementality.assignment.assign import assign
        >>> from incrementality.assignment.planning import make_plan
        >>> plan = make_plan("expansion-trigger-07", {"off": 0.5, "on": 0.5}, unit_type="account")
        >>> accounts = assign(plan, ["a_1", "a_2"])
        >>> before = inherit(accounts, ["c_1", "c_2"], ["a_1", "a_2"])
        >>> now = inherit(accounts, ["c_1", "c_2"], ["a_2", "a_2"], first=before)
        >>> now.assigned.reason.tolist(), now.entered_with.tolist()
        (['moved', 'drawn'], ['a_1', 'a_2'])
    """
    contacts = canonical_ids(contact_ids, unit_type)
    homes = canonical_ids(account_ids, account_type or UnitType(name="account"))
    _check(contacts, homes, accounts)
    rows = {unit: row for row, unit in enumerate(accounts.unit_id)}
    columns = accounts.take(np.array([rows[home] for home in homes], dtype=np.intp)).to_columns()
    columns["unit_id"], columns["source"] = _objects(contacts), _objects(["inherited"] * len(contacts))
    entered_with = _objects(homes)
    if first is not None:
        _keep_first(columns, entered_with, homes, first, merged or {})
    return Inherited(Assigned(**columns), _objects(homes), entered_with)  # type: ignore[arg-type]


def accounts_entered_with(reasons: Iterable[str]) -> NDArray[np.object_]:
    """Return the account that each recorded contact entered with, empty where its reason names none, shape (n,).

    Examples:
        >>> accounts_entered_with(["account:a_1", "drawn"]).tolist()
        ['a_1', '']
    """
    return _objects([r.removeprefix(ENTERED_WITH) if r.startswith(ENTERED_WITH) else "" for r in map(str, reasons)])


def _check(contacts: list[str], homes: list[str], accounts: Assigned) -> None:
    if len(contacts) != len(homes):
        raise InputError(f"there are {len(contacts)} contacts and {len(homes)} accounts", hint="one account a contact")
    if len(set(contacts)) < len(contacts):
        twice = next(contact for contact in contacts if contacts.count(contact) > 1)
        raise InputError(
            f"the contact {twice!r} stands more than once", hint="choose one account for each contact beforehand"
        )
    unknown = sorted(set(homes).difference(accounts.unit_id))
    if unknown:
        raise InputError(
            f"the account {unknown[0]!r} was not assigned, nor were {len(unknown) - 1} others",
            hint="assign all accounts before their contacts",
        )


def _keep_first(
    columns: dict[str, NDArray[np.generic]],
    entered_with: NDArray[np.object_],
    homes: list[str],
    first: Inherited,
    merged: Mapping[str, str],
) -> None:
    """Write earlier assignments over today's, with the flag that says why they differ from the account's."""
    entered: dict[str, list[int]] = {}
    for row, (unit, arm) in enumerate(zip(first.assigned.unit_id, first.assigned.arm, strict=True)):
        if arm is not None:
            entered.setdefault(_survivor(unit, merged), []).append(row)
    earlier = first.assigned.to_columns()
    for row, contact in enumerate(columns["unit_id"]):
        found = entered.get(str(contact))
        if found is None:
            continue
        oldest = found[0]
        for name in ("arm", "hash", "probability", "phase", "reason"):
            columns[name][row] = earlier[name][oldest]
        entered_with[row] = first.entered_with[oldest]
        flag = _flag(first, found, str(contact), homes[row])
        columns["reason"][row] = flag or earlier["reason"][oldest]


def _survivor(unit: str, merged: Mapping[str, str]) -> str:
    seen = {unit}
    while unit in merged:
        unit = merged[unit]
        if unit in seen:
            raise InputError(f"the merges of {unit!r} lead back to itself", hint="correct the list of merged ids")
        seen.add(unit)
    return unit


def _flag(first: Inherited, found: list[int], contact: str, home: str) -> str:
    arms = {first.assigned.arm[row] for row in found}
    if any(first.assigned.unit_id[row] != contact for row in found):
        return MERGED_CONFLICT if len(arms) > 1 else MERGED
    return MOVED if first.entered_with[found[0]] != home else ""


def _objects(values: Sequence[object]) -> NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
