"""Assignments as the ledger keeps them: columns of one row a unit, their canonical order, and their fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from incrementality.assignment.hashing import SALT
from incrementality.errors import InputError, InvalidUnitId

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from incrementality.assignment.assign import Assigned
    from incrementality.assignment.plan import AssignmentPlan

__all__ = ["CONTENT", "Assignments", "Row", "RowDigest", "canonical_rows", "checked_experiment", "checked_ids"]

# The columns that a segment's name stands for, in the order in which rows are sorted; assigned_at stands apart.
CONTENT = ("unit_id", "experiment", "version", "arm", "hash", "probability", "phase", "source", "reason", "erased")

Row = tuple[Any, ...]

_MICROSECOND = "datetime64[us]"


@dataclass(frozen=True, slots=True, eq=False)
class Assignments:
    """Who was assigned to what, when: columns of one row a unit, shape (n,).

    Attributes:
        experiment: The experiment's id, one for all rows.
        unit_id: The unit, as it was hashed.
        version: The plan's version.
        arm: The arm; every row has one.
        hash: The hash that decided, 0 to 4294967295.
        probability: The arm's probability; see :class:`Assigned`.
        phase: The phase's name.
        assigned_at: When, in UTC, to the microsecond (``datetime64[us]``).
        source: ``hash``, ``override``, ``inherited`` or ``fixed``.
        reason: ``drawn``, or the override's reason.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from incrementality.assignment import assign, make_plan
        >>> plan = make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5})
        >>> at = datetime(2026, 1, 5, tzinfo=UTC)
        >>> batch = Assignments.of(plan, assign(plan, ["c_000001", "c_000002"]), assigned_at=at)
        >>> batch.arm.tolist(), batch.version.tolist()
        (['holdout', 'journey'], [1, 1])
    """

    experiment: str
    unit_id: NDArray[np.object_]
    version: NDArray[np.int64]
    arm: NDArray[np.object_]
    hash: NDArray[np.int64]
    probability: NDArray[np.float64]
    phase: NDArray[np.object_]
    assigned_at: NDArray[np.datetime64]
    source: NDArray[np.object_]
    reason: NDArray[np.object_]

    def __post_init__(self) -> None:
        checked_experiment(self.experiment)
        lengths = {name: len(column) for name, column in self.to_columns().items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"the columns have different lengths: {lengths}", hint="give each unit one value of each")

    def __len__(self) -> int:
        return len(self.unit_id)

    @classmethod
    def of(cls, plan: AssignmentPlan, assigned: Assigned, *, assigned_at: datetime) -> Assignments:
        """Return what :func:`assign` drew as rows for the ledger, units without an arm included.

        Args:
            plan: The plan that was drawn from.
            assigned: Its units and arms.
            assigned_at: The moment, with its time zone.

        Raises:
            InputError: The moment has no time zone.
        """
        return cls(
            experiment=plan.experiment,
            version=np.full(len(assigned), plan.version, dtype=np.int64),
            assigned_at=np.full(len(assigned), _moment(assigned_at), dtype=_MICROSECOND),
            **assigned.to_columns(),  # type: ignore[arg-type]
        )

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns by name, without the experiment."""
        return {field.name: getattr(self, field.name) for field in fields(self)[1:]}

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Assignments:
        """Return some rows: by number, or by a mask."""
        return Assignments(self.experiment, **{name: column[rows] for name, column in self.to_columns().items()})


def _moment(at: datetime) -> np.datetime64:
    if at.tzinfo is None:
        raise InputError(f"the moment {at.isoformat()} has no time zone", hint="write it in UTC: +00:00")
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")


def checked_experiment(experiment: str) -> str:
    """Return an experiment's id, which is also the name of its folder in the ledger.

    Raises:
        InputError: It holds a character that is not allowed.

    Examples:
        >>> checked_experiment("winback-2026q1")
        'winback-2026q1'
    """
    if not isinstance(experiment, str) or not re.match(SALT, experiment):
        raise InputError(
            f"the experiment {experiment!r} cannot name assignments; allowed: 1 to 63 of a-z, 0-9, '.', '_' and '-', "
            "the first a letter or digit",
            hint="use the experiment's id",
        )
    return experiment


def checked_ids(unit_ids: Iterable[object]) -> list[str]:
    """Return ids as they are, if all are text; the message names the row and never the id.

    Raises:
        InvalidUnitId: An id is no text, is empty, or is not valid Unicode.

    Examples:
        >>> checked_ids(["c_1", None])
        Traceback (most recent call last):
        ...
        incrementality.errors.InvalidUnitId: the unit id in row 2 is NoneType, not a text
        Next: hand in the ids that assign() returned
    """
    ids = list(unit_ids)
    if set(map(type, ids)) <= {str} and all(ids) and _is_text("".join(map(str, ids))):
        return [str(unit_id) for unit_id in ids]
    for number, unit_id in enumerate(ids, start=1):
        if not isinstance(unit_id, str):
            raise InvalidUnitId(
                f"the unit id in row {number} is {type(unit_id).__name__}, not a text",
                hint="hand in the ids that assign() returned",
            )
        if not unit_id or any("\ud800" <= letter <= "\udfff" for letter in unit_id) or "\x00" in unit_id:
            why = "holds characters that are no text" if unit_id else "is empty"
            raise InvalidUnitId(f"the unit id in row {number} {why}", hint="leave out the row, or export the ids again")
    return [str(unit_id) for unit_id in ids]


def _is_text(joined: str) -> bool:
    """Whether a text holds neither a NUL nor half a surrogate pair: UTF-8 has no bytes for the latter."""
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in joined


def canonical_rows(batch: Assignments) -> list[Row]:
    """Return the rows in the one order that does not depend on how they came: content first, then the moment.

    Of rows that differ in nothing but the moment the earliest stays. The moment is in microseconds since 1970.
    """
    n = len(batch)
    columns: dict[str, list[Any]] = {name: column.tolist() for name, column in batch.to_columns().items()}
    columns["unit_id"] = checked_ids(columns["unit_id"])
    columns["probability"] = [None if share is None or share != share else share for share in columns["probability"]]  # noqa: PLR0124 - NaN
    columns["experiment"], columns["erased"] = [batch.experiment] * n, [False] * n
    moments = batch.assigned_at.astype(_MICROSECOND).astype(np.int64).tolist()
    rows = list(zip(*(columns[name] for name in CONTENT), moments, strict=True))
    if len(set(columns["unit_id"])) == n:
        return sorted(rows, key=lambda row: row[0])
    firsts: dict[Row, Row] = {}
    for row in sorted(rows, key=_total_order):
        firsts.setdefault(row[:-1], row)
    return list(firsts.values())


def _total_order(row: Row) -> tuple[tuple[bool, Any], ...]:
    return tuple((value is None, value) for value in row)


class RowDigest:
    """The fingerprint of rows in canonical order, fed in pieces of any size: content and moments apart.

    Content is the SHA-256 of the rows as JSON, joined by commas; so any tool can compute it again.

    Examples:
        >>> digest = RowDigest()
        >>> digest.update([("c_1", "winback", 1, "holdout", 7, 0.5, "1", "hash", "drawn", False, 1767571200000000)])
        >>> digest.content[:16], digest.rows
        ('228b1c3084c0423b', 1)
    """

    def __init__(self) -> None:
        self._content, self._moments = hashlib.sha256(), hashlib.sha256()
        self.rows = 0

    def update(self, rows: Sequence[Row]) -> None:
        """Add rows, each the columns of ``CONTENT`` and the moment."""
        if not rows:
            return
        comma = b"," if self.rows else b""
        self._content.update(comma + _json([row[:-1] for row in rows]))
        self._moments.update(comma + _json([row[-1] for row in rows]))
        self.rows += len(rows)

    @property
    def content(self) -> str:
        """SHA-256 of the rows without their moments."""
        return self._content.hexdigest()

    @property
    def moments(self) -> str:
        """SHA-256 of the moments."""
        return self._moments.hexdigest()


def _json(values: list[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))[1:-1].encode()
