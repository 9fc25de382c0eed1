"""How units enter an experiment: a ramp of phases, a parent experiment, a cohort that is drawn at once."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads the annotation at run time
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from incrementality.experiment.parts import Record, Share

__all__ = ["FixedCohort", "Nesting", "RampPhase", "Rerandomisation", "ramp_complaints"]

_COLUMN = Annotated[str, Field(min_length=1)]


class RampPhase(Record):
    """One phase of a ramp: from this day on, so many units enter."""

    starts: Annotated[date, Field(description="The phase's first day (UTC).")]
    traffic: Annotated[Share, Field(gt=0, le=1, description="Share of units that enters, e.g. 10%; never less later.")]
    shares: Annotated[
        dict[str, Share] | None,
        Field(description="Each arm's share of those who enter, where it differs: {holdout: 5%, journey: 20%}."),
    ] = None

    @model_validator(mode="after")
    def _shares_are_shares(self) -> Self:
        total = sum((self.shares or {}).values(), Fraction(0))
        if any(share < 0 for share in (self.shares or {}).values()) or total > 1:
            raise ValueError(f"shares: they are 0 or more and add up to at most 1, not to {float(total):.4g}")
        return self


class Nesting(Record):
    """A nested experiment takes its units from arms of another one."""

    experiment: Annotated[str, Field(min_length=1, description="The other experiment's id.")]
    arms: Annotated[tuple[_COLUMN, ...], Field(min_length=1, description="Its arms from which units come, a list.")]


class Rerandomisation(Record):
    """A cohort is drawn again until the covariates of the arms are close, by a limit that is fixed beforehand."""

    covariates: Annotated[
        tuple[_COLUMN, ...],
        Field(min_length=1, description="Columns of numbers in the file of units, measured before; a list."),
    ]
    acceptance: Annotated[
        float, Field(gt=0, lt=1, description="Share of draws that would be close enough; smaller is closer.")
    ] = 0.05
    most: Annotated[int, Field(ge=1, le=100_000, description="Most draws that are tried.")] = 1000


class FixedCohort(Record):
    """All units are drawn at once, with exact counts; nobody enters later."""

    kind: Annotated[Literal["fixed"], Field(description="fixed: one draw of all units.")] = "fixed"
    strata: Annotated[
        tuple[_COLUMN, ...], Field(description="Columns in the file of units whose values make the strata; a list.")
    ] = ()
    rerandomise: Annotated[Rerandomisation | None, Field(description="Draw again until covariates are balanced.")] = (
        None
    )


def ramp_complaints(ramp: tuple[RampPhase, ...]) -> list[str]:
    """Return what is wrong with a ramp: a day that is not later, or traffic or a share that shrinks.

    Examples:
        >>> from datetime import date
        >>> ramp_complaints((RampPhase(starts=date(2026, 1, 5), traffic="20%"),
        ...                  RampPhase(starts=date(2026, 1, 12), traffic="10%")))
        ['ramp: traffic shrinks from 0.2 to 0.1 on 2026-01-12; whoever entered stays, so a ramp only grows']
    """
    complaints = []
    for before, after in pairwise(ramp):
        if after.starts <= before.starts:
            complaints.append(f"ramp: {after.starts} does not come after {before.starts}; phases follow one another")
        if after.traffic < before.traffic:
            complaints.append(
                f"ramp: traffic shrinks from {float(before.traffic):.4g} to {float(after.traffic):.4g} on "
                f"{after.starts}; whoever entered stays, so a ramp only grows"
            )
    return complaints
