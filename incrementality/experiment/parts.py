"""The parts of an experiment: arms, metrics with their roles, covariates, segments, where the data lies."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
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
    with_log_columns,
    without_unused,
)
from incrementality.experiment.populations import (  # noqa: TC001 - pydantic reads the annotations at run time
    DataCut,
    Population,
    PopulationChoice,
)
from incrementality.experiment.shares import Share
from incrementality.metrics import Duration, Metric

__all__ = [
    "Arm",
    "Covariate",
    "DataMapping",
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


class DataMapping(Record):
    """Where the assignment and the outcomes lie, and which column is what."""

    source: Annotated[
        str | None,
        Field(
            description="A CSV (plain or gzipped), Parquet or DuckDB file, or the URL of a warehouse; "
            "${NAME} is read from the environment. Relative paths start at the experiment's folder."
        ),
    ] = None
    table: Annotated[
        str | None, Field(min_length=1, description="The table, where the source is a database: name or schema.name.")
    ] = None
    unit: Annotated[str | None, Field(min_length=1, description="The column with the unit's id.")] = None
    row_number_as_unit: Annotated[
        bool, Field(description="true where the data has no id and each row is one unit.")
    ] = False
    arm: Annotated[str, Field(min_length=1, description="The column that says which arm a unit was assigned to.")] = (
        "arm"
    )
    cluster: Annotated[
        str | None, Field(min_length=1, description="The column of the randomised group, e.g. the account.")
    ] = None
    stratum: Annotated[
        str | None, Field(min_length=1, description="The column within whose values units were randomised.")
    ] = None
    block: Annotated[
        str | None,
        Field(
            min_length=1,
            description="The same where its values are many and small, such as matched pairs or blocks of accounts: "
            "arms are compared block by block.",
        ),
    ] = None
    covariates: Annotated[
        tuple[Annotated[Covariate, BeforeValidator(named, json_schema_input_type=str | Covariate)], ...],
        Field(description="Columns measured before assignment."),
    ] = ()
    eligible: Annotated[
        str | None,
        Field(
            min_length=1,
            description="The 0/1 column that says whether a unit could have received it at the moment of decision, "
            "by one rule that never reads the arm; empty where that is not known.",
        ),
    ] = None
    delivered: Annotated[
        str | None,
        Field(
            min_length=1,
            description="The 0/1 column that says whether it reached the unit (delivered, not opened), in every arm; "
            "empty counts as not delivered.",
        ),
    ] = None
    t0: Annotated[
        str | None,
        Field(
            min_length=1,
            description="The column with the moment of the decision in UTC, the same for every arm and never the "
            "send; a date counts from its midnight.",
        ),
    ] = None
    p_arm: Annotated[
        str | None,
        Field(
            min_length=1,
            description="The column with the probability by which a unit was drawn into its arm; where shares changed "
            "over the phases of a ramp, with the phase as the stratum.",
        ),
    ] = None
    data_cut: Annotated[
        DataCut | None,
        Field(
            description="Up to when outcomes have arrived: a day (its midnight) or a moment in UTC, like 2026-03-01. "
            "Units whose longest window closes later are counted and left out."
        ),
    ] = None
    population: Annotated[
        PopulationChoice | None,
        Field(description="Whom the answer is about; default: eligible where that column is mapped, else assigned."),
    ] = None
    concurrent: Annotated[
        dict[str, str],
        Field(
            description="Other experiments on the same units: the id of each, and the column with a unit's arm in it; "
            "empty for units that are not in it."
        ),
    ] = {}
    log: Annotated[
        bool,
        Field(
            description="true: units, eligibility and t0 come from the decision log, arms from the ledger, outcomes "
            "from the events that each metric names."
        ),
    ] = False
    deliveries: Annotated[
        FromEvents | None,
        Field(description="The events that say it reached the unit (delivered, not opened); needs log."),
    ] = None
    maturity_lag: Annotated[
        Duration | None, Field(description="How late outcomes may arrive: a window is complete that much later.")
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _log_brings_columns(cls, value: object) -> object:
        return with_log_columns(value)

    @property
    def analysed(self) -> Population:
        """Whom the answer is about: the eligible where that is mapped and nothing else is asked for."""
        return self.population or ("assigned" if self.eligible is None else "eligible")

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if (self.unit is None) != self.row_number_as_unit:
            raise ValueError("give either 'unit' (a column) or 'row_number_as_unit: true'")
        return self

    @model_validator(mode="after")
    def _block_stands_alone(self) -> Self:
        if self.block is not None and (self.stratum is not None or self.p_arm is not None):
            raise ValueError(
                "block: units are drawn within blocks or within strata: give 'block' alone, without stratum and p_arm"
            )
        return self

    @model_validator(mode="after")
    def _population_is_mapped(self) -> Self:
        if self.population == "eligible" and self.eligible is None:
            raise ValueError("population: 'eligible' needs the key 'eligible', the column that says who was")
        if self.data_cut is not None and self.t0 is None:
            raise ValueError("data_cut: a data cut needs the key 't0', the column with the moment of the decision")
        own = [name for name in (self.eligible, self.delivered, self.t0, self.p_arm) if name is not None]
        others = {
            self.arm,
            self.unit,
            self.cluster,
            self.stratum,
            self.block,
            *(item.column for item in self.covariates),
        }
        taken = sorted({*repeated(own), *(name for name in own if name in others)})
        refuse(
            [f"the column {name!r} cannot be eligible, delivered, t0 or p_arm and another part too" for name in taken]
        )
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What a request does not use leaves its canonical JSON, and so its hash, as it was."""
        later = (
            "block",
            "eligible",
            "delivered",
            "t0",
            "p_arm",
            "data_cut",
            "population",
            "log",
            "deliveries",
            "maturity_lag",
            "concurrent",
        )
        return without_unused(handler(self), later)
