"""Phases of an experiment: how much traffic enters from which day, and which hashes belong to which arm.

Nobody is ever moved: two arms grow from opposite ends of the hashes, more arms grow inside fixed slots, and entry is
a draw of its own. Lowering stops entry only: whoever entered keeps the arm (see :func:`keep_first`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from incrementality.assignment.hashing import SPACE, cut, exact
from incrementality.assignment.records import Edge, Record
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.assignment.hashing import Share

__all__ = ["ArmRange", "Phase", "arm_ranges", "day_of", "moves"]

_TWO = 2


class ArmRange(Record):
    """The hashes [lo, hi) of an arm; an arm that does not take part yet has none."""

    lo: Edge
    hi: Edge

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.lo > self.hi:
            raise ValueError(f"the range [{self.lo}, {self.hi}) ends before it starts")
        return self

    @property
    def share(self) -> Fraction:
        """The share of all hashes."""
        return Fraction(self.hi - self.lo, SPACE)


class Phase(Record):
    """A stretch of time with one rule of entry.

    Attributes:
        name: The phase, as the assignment shows it.
        starts: Its first day (UTC); ``None`` where there is one phase only.
        traffic: A unit enters where its hash of kind ``exp`` is below this.
        ranges: The hashes of kind ``arm`` that belong to each arm, in the order of the plan's arms.
    """

    name: Annotated[str, Field(min_length=1)]
    starts: date | None = None
    traffic: Edge = SPACE
    ranges: Annotated[tuple[ArmRange, ...], Field(min_length=_TWO)]

    @model_validator(mode="after")
    def _arms_are_apart(self) -> Self:
        clash = next(((a, b) for a, b in combinations(self.ranges, 2) if _overlap(a, b)), None)
        if clash is not None:
            raise ValueError(f"two arms share hashes in the phase {self.name!r}: {clash[0]} and {clash[1]}")
        return self

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Each arm's probability for a unit outside the global holdout and inside the layer slot."""
        return tuple(float(Fraction(self.traffic, SPACE) * arm.share) for arm in self.ranges)


def _overlap(a: ArmRange, b: ArmRange) -> bool:
    return max(a.lo, b.lo) < min(a.hi, b.hi)


def arm_ranges(shares: Sequence[Share], *, before: Sequence[ArmRange] = ()) -> tuple[ArmRange, ...]:
    """Return the hashes of each arm.

    Two arms grow from opposite ends. More arms start where their slots start: slots follow one another in the
    order of the arms, each as wide as its share of the first phase's sum, and stay fixed afterwards.

    Args:
        shares: Each arm's share of the hashes; the sum is at most 1.
        before: The ranges of the phase before, whose slots are kept.

    Raises:
        InputError: A share is out of range or does not fit its slot, or the sum is above 1.

    Examples:
        >>> [(arm.lo, arm.hi) for arm in arm_ranges([0.25, 0.25])]
        [(0, 1073741824), (3221225472, 4294967296)]
        >>> [(arm.lo, arm.hi) for arm in arm_ranges([0.25, 0.125, 0.125])]
        [(0, 1073741824), (2147483648, 2684354560), (3221225472, 3758096384)]
    """
    wanted = [exact(share) for share in shares]
    if sum(wanted, Fraction(0)) > 1:
        raise InputError(f"the arms' shares add up to {float(sum(wanted)):.6g}, above 1", hint="lower one of them")
    if len(wanted) == _TWO:
        first, second = map(cut, wanted)
        return ArmRange(lo=0, hi=first), ArmRange(lo=SPACE - second, hi=SPACE)
    starts = [arm.lo for arm in before] if before else _slot_starts(wanted)
    slots = list(pairwise([*starts, SPACE]))
    return tuple(_in_slot(lo, end, share) for (lo, end), share in zip(slots, wanted, strict=True))


def _in_slot(lo: int, end: int, share: Fraction) -> ArmRange:
    """Return an arm's range; a slot and a share that are rounded apart by one hash are the same."""
    width = cut(share)
    if width > end - lo + 1:
        raise InputError(
            f"the share {float(share):.6g} does not fit the arm's slot of {(end - lo) / SPACE:.6g}: its units would "
            "change their arm",
            hint="keep the arms' proportions, or start a new experiment with a new salt",
        )
    return ArmRange(lo=lo, hi=end if abs(width - (end - lo)) <= 1 else lo + width)


def _slot_starts(shares: Sequence[Fraction]) -> list[int]:
    total = sum(shares, Fraction(0))
    if total <= 0:
        raise InputError("every arm has the share 0", hint="give at least one arm a share")
    return [cut(sum(shares[:i], Fraction(0)) / total) for i in range(len(shares))]


def moves(phases: Sequence[Phase]) -> tuple[str, str] | None:
    """Return two phases between which a unit would change its arm, or ``None``.

    Examples:
        >>> two = [Phase(name=str(i), ranges=arm_ranges([p, 1 - p])) for i, p in enumerate((0.5, 0.25))]
        >>> moves(two)
        ('0', '1')
    """
    for one, other in combinations(phases, 2):
        for i, a in enumerate(one.ranges):
            if any(_overlap(a, b) for j, b in enumerate(other.ranges) if i != j):
                return one.name, other.name
    return None


def day_of(at: date) -> date:
    """Return the UTC day of a date or of a moment with its time zone.

    Raises:
        InputError: A moment has no time zone, so its day is not known.

    Examples:
        >>> from datetime import timedelta, timezone
        >>> day_of(datetime(2026, 1, 5, 23, tzinfo=timezone(timedelta(hours=-5)))).isoformat()
        '2026-01-06'
    """
    if not isinstance(at, datetime):
        return at
    if at.tzinfo is None:
        raise InputError(f"the moment {at.isoformat()} has no time zone", hint="write it in UTC: +00:00")
    return at.astimezone(UTC).date()
