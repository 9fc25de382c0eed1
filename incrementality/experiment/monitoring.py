"""How an experiment is watched while it runs: once, at planned looks, or on any day."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from incrementality.experiment.parts import Record, refuse

__all__ = ["Monitoring"]


class Monitoring(Record):
    """How often the primary metric may be read, and by which rule; the design registers it and pays for it.

    Examples:
        >>> Monitoring(kind="group sequential", looks=4).spending
        'obrien-fleming'
        >>> Monitoring(kind="confidence sequence").looks is None
        True
    """

    kind: Annotated[
        Literal["fixed", "group sequential", "confidence sequence"],
        Field(description="fixed: read once; group sequential: at planned looks; confidence sequence: on any day."),
    ]
    looks: Annotated[
        int | None, Field(ge=1, le=100, description="Looks of a group-sequential test, the last one included.")
    ] = None
    spending: Annotated[
        Literal["obrien-fleming", "pocock", "power"],
        Field(description="How a group-sequential test spends its error rate: late, evenly, or as alpha t^rho."),
    ] = "obrien-fleming"
    rho: Annotated[
        float | None, Field(gt=0, le=50, description="Exponent of the spending function power; 3 if left out.")
    ] = None
    sides: Annotated[
        Literal["two", "one"],
        Field(description="two: effects either way; one: only the good direction of the metric is tested."),
    ] = "two"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        complaints = []
        if self.kind == "group sequential" and (self.looks or 0) < 2:  # noqa: PLR2004 - one look is a fixed test
            complaints.append("looks: a group-sequential test has at least 2; write looks: 4, or kind: fixed")
        if self.kind != "group sequential" and (self.looks or 1) > 1:
            complaints.append(
                f"looks: {self.looks} looks belong to kind: group sequential, and the kind is {self.kind}"
            )
        if self.kind != "group sequential" and self.spending != "obrien-fleming":
            complaints.append(f"spending: belongs to kind: group sequential, and the kind is {self.kind}; leave it out")
        if self.rho is not None and (self.kind, self.spending) != ("group sequential", "power"):
            complaints.append("rho: belongs to spending: power; leave it out")
        if self.kind == "fixed" and self.sides == "one":
            complaints.append("sides: a fixed test is two-sided; leave it out")
        refuse(complaints)
        return self
