"""Where the data of an experiment lies, and which of its columns is what."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from incrementality.experiment.events import FromEvents, with_log_columns, without_unused
from incrementality.experiment.parts import Covariate, Record, named, refuse, repeated
from incrementality.experiment.populations import (  # noqa: TC001 - pydantic reads the annotations at run time
    DataCut,
    Population,
    PopulationChoice,
)
from incrementality.metrics import Duration  # noqa: TC001 - pydantic reads it

__all__ = ["DataMapping"]


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
    ] = {}  # noqa: RUF012 - pydantic copies it
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
