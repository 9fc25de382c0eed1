"""The parts of an experiment: arms, metrics with their roles, covariates, segments, where the data lies."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from incrementality.experiment.events import (
    FromEvents,
    LookBack,
    metric_complaints,
    without_unused,
)
from incrementality.experiment.shares import Share
from incrementality.metrics import Metric

__all__ = [
    "Arm",
    "Covariate",
    "PlannedMetric",
    "Record",
    "Role",
    "Segment",
    "Share",
    "SmallestEffect",
    "Withholds",
    "named",
    "refuse",
    "repeated",
]

Role = Literal["primary", "secondary", "guardrail"]


def named(value: object) -> object:
    """Return a bare column name as the record that it abbreviates."""
    return {"column": value} if isinstance(value, str) else value


def refuse(complaints: list[str]) -> None:
    """Raise one error that holds every complaint, if there are any."""
    if complaints:
        raise ValueError("\n".join(complaints))


def repeated(names: list[str]) -> list[str]:
    """Return the names that stand more than once, sorted."""
    return sorted({name for name in names if names.count(name) > 1})


class Record(BaseModel):
    """A part of the experiment file: frozen, and without keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Arm(Record):
    """One arm: the value that the data holds for it, its planned share, and whether it is the control."""

    name: Annotated[str, Field(min_length=1, description="The value in the arm column, spelled exactly so.")]
    share: Annotated[Share, Field(gt=0, lt=1, description="Planned share of units: 1/3, 0.05 or 5%.")]
    control: Annotated[bool, Field(description="true for the one arm that the others are compared with.")] = False


class SmallestEffect(Record):
    """The smallest effect that would change the decision, absolute (in the metric's unit) or relative."""

    absolute: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False, description="In the metric's own unit, e.g. 0.005 of conversion."),
    ] = None
    relative: Annotated[Share | None, Field(gt=0, description="Relative to the control, e.g. 5%.")] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.absolute is None) == (self.relative is None):
            raise ValueError("give either 'absolute' or 'relative'")
        return self


class PlannedMetric(Metric):
    """A metric with the part that it plays in this experiment."""

    role: Annotated[Role, Field(description="primary decides; guardrail must not get worse; secondary explains.")]
    smallest_effect: Annotated[
        SmallestEffect | None,
        Field(
            description="The smallest effect that matters for the decision; of a guardrail, its margin: the largest "
            "harm that is accepted."
        ),
    ] = None
    adjust: Annotated[
        bool,
        Field(description="Whether the declared covariates adjust this metric; the balance check uses them anyway."),
    ] = True
    from_: Annotated[
        FromEvents | None, Field(alias="from", description="The events that it is made of; needs data.log.")
    ] = None
    over: Annotated[FromEvents | None, Field(description="Ratio only: the events of the denominator.")] = None

    @model_validator(mode="after")
    def _events_make_sense(self) -> Self:
        refuse(metric_complaints(self))
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        return without_unused(handler(self), ("from_", "over", "event", "at", "quantile", "winsorise"))


class Covariate(Record):
    """A column measured before assignment, used for balance and adjustment."""

    column: Annotated[str, Field(min_length=1, description="The column's name.")]
    kind: Annotated[
        Literal["numeric", "categorical"] | None,
        Field(description="Default: numeric for numbers and booleans, categorical for text."),
    ] = None
    from_: Annotated[
        LookBack | None, Field(alias="from", description="The earlier events that it is made of; needs data.log.")
    ] = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        return without_unused(handler(self), ("from_",))


class Segment(Record):
    """A column, declared beforehand, by whose values the effect is also shown."""

    column: Annotated[str, Field(min_length=1, description="The column's name.")]
    name: Annotated[str | None, Field(description="How the segment is called on the page; default: the column.")] = None

    @property
    def label(self) -> str:
        """The name on the page."""
        return self.name or self.column


class Withholds(Record):
    """What the control does not get: the cells that the experiment switches off."""

    journeys: Annotated[tuple[str, ...], Field(description="Names of the journeys, a list.")] = ()
    functions: Annotated[tuple[str, ...], Field(description="Functions of the company, a list: marketing, sales.")] = ()
