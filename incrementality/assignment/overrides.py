"""Units that are put where they are by hand: testers, colleagues, customers who must stay out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from incrementality.assignment.records import Record
from incrementality.assignment.unit_ids import canonical_ids

if TYPE_CHECKING:
    from incrementality.assignment.unit_ids import UnitType

__all__ = ["Override", "canonical_overrides"]


class Override(Record):
    """One unit's forced arm. It wins over every draw, the global holdout too, and is never analysed as randomised.

    Attributes:
        unit_id: The unit.
        arm: The arm that it gets; ``None`` keeps it out of the experiment.
        reason: Why: it is written into the assignment.

    Examples:
        >>> Override(unit_id="c_7", arm="journey", reason="colleague who tests the e-mails").arm
        'journey'
    """

    unit_id: Annotated[str, Field(min_length=1)]
    arm: str | None
    reason: Annotated[str, Field(pattern=r"\S")]


def canonical_overrides(overrides: tuple[Override, ...], unit_type: UnitType) -> tuple[Override, ...]:
    """Return the overrides with ids as they are hashed.

    Raises:
        InvalidUnitId: An id is refused.
    """
    ids = canonical_ids([override.unit_id for override in overrides], unit_type) if overrides else []
    return tuple(
        Override(unit_id=unit_id, arm=override.arm, reason=override.reason)
        for unit_id, override in zip(ids, overrides, strict=True)
    )
