"""From a plan and ids to arms: global holdout, layer slot, parent, traffic, arm; overrides last, and they win."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from incrementality.assignment.hashing import SPACE, draw, key_prefix
from incrementality.assignment.unit_ids import canonical_ids
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from incrementality.assignment.plan import AssignmentPlan
    from incrementality.assignment.ramp import Phase

__all__ = [
    "ALL_SHIPPED",
    "DRAWN",
    "NOT_IN_TRAFFIC",
    "NO_ARM",
    "OTHER_SLOT",
    "OUTSIDE_PARENT",
    "STATUS_QUO",
    "Assigned",
    "assign",
    "keep_first",
]

STATUS_QUO = "global_status_quo"
ALL_SHIPPED = "global_all_shipped"
OTHER_SLOT = "other_slot"
OUTSIDE_PARENT = "outside_parent"
NOT_IN_TRAFFIC = "not_in_traffic"
NO_ARM = "no_arm"
DRAWN = "drawn"

_REASONS = (STATUS_QUO, ALL_SHIPPED, OTHER_SLOT, OUTSIDE_PARENT, NOT_IN_TRAFFIC, NO_ARM)
_UNDECIDED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """Units with their arms: columns of one row a unit, in the order in which the ids were given, shape (n,).

    Attributes:
        unit_id: The id as it was hashed.
        arm: The arm; ``None`` for a unit that does not take part.
        hash: The hash that decided: of the draw ``arm``, or of the draw by which the unit stayed out.
        probability: The arm's probability, given that the unit is not in the global holdout, in the layer slot and,
            for a nested experiment, in the parent's arms; traffic is part of it. NaN without an arm, 1 if forced.
        phase: The phase's name.
        source: ``hash``, ``override``, ``inherited`` (from the account) or ``fixed`` (a cohort drawn at once).
        reason: ``drawn``; why the unit stayed out; or the override's reason.
    """

    unit_id: NDArray[np.object_]
    arm: NDArray[np.object_]
    hash: NDArray[np.int64]
    probability: NDArray[np.float64]
    phase: NDArray[np.object_]
    source: NDArray[np.object_]
    reason: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.unit_id)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Assigned:
        """Return some rows: by number, or by a mask."""
        return Assigned(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def to_columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns by name, for a frame or a file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def counts(self) -> dict[str, int]:
        """Return how many units each arm has, and how many stayed out for which reason.

        Examples:
            >>> from incrementality.assignment.planning import make_plan
            >>> plan = make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5}, traffic=0.5)
            >>> assign(plan, [f"c_{i:06d}" for i in range(1000)]).counts()
            {'holdout': 237, 'journey': 263, 'not_in_traffic': 500}
        """
        labels = [str(reason) if arm is None else str(arm) for arm, reason in zip(self.arm, self.reason, strict=True)]
        names, numbers = np.unique(np.array(labels, dtype=object), return_counts=True)
        return dict(zip(names.tolist(), numbers.tolist(), strict=True))


def assign(
    plan: AssignmentPlan,
    unit_ids: Sequence[str | int] | NDArray[np.generic],
    *,
    phase: str | None = None,
    at: date | None = None,
) -> Assigned:
    """Draw the arm of each unit: a pure function of the unit, the plan and the phase.

    Args:
        plan: The plan.
        unit_ids: Ids as text or whole numbers, shape (n,).
        phase: The phase's name; it may be left out where the plan has one phase.
        at: A day (UTC), in place of the phase's name.

    Raises:
        InvalidUnitId: An id is refused; see :func:`canonical_ids`.
        InputError: Phase and day are both given, or neither where the plan has several phases.

    Examples:
        >>> from incrementality.assignment.planning import make_plan
        >>> plan = make_plan("winback-2026q1", {"holdout": 0.5, "journey": 0.5})
        >>> assigned = assign(plan, ["c_000001", "c_000002"])
        >>> assigned.arm.tolist(), assigned.probability.tolist(), assigned.source.tolist()
        (['holdout', 'journey'], [0.5, 0.5], ['hash', 'hash'])
    """
    if phase is not None and at is not None:
        raise InputError(f"phase={phase!r} and at={at} are both given", hint="say one of the two")
    chosen = plan.phase(phase) if at is None else plan.phase_at(at)
    ids = canonical_ids(unit_ids, plan.unit_type)
    return _with_overrides(plan, _drawn(plan, chosen, ids))


def _drawn(plan: AssignmentPlan, phase: Phase, ids: list[str]) -> Assigned:
    codes, hashes = _entry(plan, phase, ids)
    staying = _entering(codes, ids)
    drawn = draw(key_prefix(plan.draws, plan.salt, plan.unit_type.name), staying[1])
    arms = np.full(len(drawn), len(plan.arms) + _REASONS.index(NO_ARM), dtype=np.int64)
    for number, arm in enumerate(phase.ranges):
        arms[(drawn >= arm.lo) & (drawn < arm.hi)] = number
    codes[staying[0]], hashes[staying[0]] = arms, drawn
    outside = [None] * len(_REASONS)
    return Assigned(
        unit_id=_objects(ids),
        arm=_objects([*plan.arm_names, *outside])[codes],
        hash=hashes,
        probability=np.array([*phase.probabilities, *[np.nan] * len(outside)])[codes],
        phase=_objects([phase.name] * len(ids)),
        source=_objects(["hash"] * len(ids)),
        reason=_objects([DRAWN] * len(plan.arms) + list(_REASONS))[codes],
    )


def _entry(plan: AssignmentPlan, phase: Phase, ids: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each unit the code of the reason that keeps it out, or -1, and the hash that said so."""
    codes = np.full(len(ids), _UNDECIDED, dtype=np.int64)
    hashes = np.zeros(len(ids), dtype=np.int64)
    first = len(plan.arms)
    name = plan.unit_type.name
    if plan.global_holdout is not None:
        held = plan.global_holdout
        hashes = draw(key_prefix("global", held.salt, name), ids)
        codes[hashes < held.end] = first + _REASONS.index(ALL_SHIPPED)
        codes[hashes < held.status_quo] = first + _REASONS.index(STATUS_QUO)
    if plan.layer is not None:
        rows, some = _entering(codes, ids)
        drawn = draw(key_prefix("layer", plan.layer.layer, name), some)
        outside = (drawn < plan.layer.lo) | (drawn >= plan.layer.hi)
        _keep_out(codes, hashes, rows[outside], drawn[outside], first + _REASONS.index(OTHER_SLOT))
    if plan.within is not None:
        rows, some = _entering(codes, ids)
        parent = assign(plan.within.plan, some, phase=plan.within.phase)
        outside = np.array([arm not in plan.within.arms for arm in parent.arm], dtype=bool)
        _keep_out(codes, hashes, rows[outside], parent.hash[outside], first + _REASONS.index(OUTSIDE_PARENT))
    if phase.traffic < SPACE:
        rows, some = _entering(codes, ids)
        drawn = draw(key_prefix("exp", plan.salt, name), some)
        outside = drawn >= phase.traffic
        _keep_out(codes, hashes, rows[outside], drawn[outside], first + _REASONS.index(NOT_IN_TRAFFIC))
    return codes, hashes


def _entering(codes: NDArray[np.int64], ids: list[str]) -> tuple[NDArray[np.intp], list[str]]:
    rows = np.flatnonzero(codes == _UNDECIDED)
    return rows, ids if len(rows) == len(ids) else [ids[row] for row in rows]


def _keep_out(
    codes: NDArray[np.int64], hashes: NDArray[np.int64], rows: NDArray[np.intp], drawn: NDArray[np.int64], code: int
) -> None:
    codes[rows], hashes[rows] = code, drawn


def _with_overrides(plan: AssignmentPlan, drawn: Assigned) -> Assigned:
    forced = {override.unit_id: override for override in plan.overrides}
    if not forced:
        return drawn
    for row, unit_id in enumerate(drawn.unit_id):
        override = forced.get(unit_id)
        if override is not None:
            drawn.arm[row], drawn.source[row], drawn.reason[row] = override.arm, "override", override.reason
            drawn.probability[row] = np.nan if override.arm is None else 1.0
    return drawn


def _objects(values: Sequence[object]) -> NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def keep_first(earlier: Assigned, now: Assigned) -> Assigned:
    """Return today's assignment with everyone who entered earlier as they entered: nobody is moved, nobody leaves.

    Args:
        earlier: Who entered before; the first row of a unit counts.
        now: Today's draw of the same experiment.

    Examples:
        >>> from incrementality.assignment.planning import make_plan
        >>> arms = {"holdout": 0.5, "journey": 0.5}
        >>> before = assign(make_plan("winback-2026q1", arms), ["c_000001"])
        >>> now = assign(make_plan("winback-2026q1", arms, traffic=0), ["c_000001", "c_000002"])
        >>> keep_first(before, now).arm.tolist()
        ['holdout', None]
    """
    entered: dict[str, int] = {}
    for row, (unit_id, arm) in enumerate(zip(earlier.unit_id, earlier.arm, strict=True)):
        if arm is not None:
            entered.setdefault(unit_id, row)
    found = np.array([entered.get(unit_id, _UNDECIDED) for unit_id in now.unit_id], dtype=np.int64)
    known = found != _UNDECIDED
    kept = {name: column.copy() for name, column in now.to_columns().items()}
    for name, column in earlier.to_columns().items():
        kept[name][known] = column[found[known]]
    return Assigned(**kept)  # type: ignore[arg-type]
