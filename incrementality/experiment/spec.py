"""The experiment as it is asked for: arms, metrics with their roles, data, what it withholds. Frozen and hashed."""

from __future__ import annotations

import hashlib
import json
from datetime import date  # noqa: TC003 - pydantic reads the annotation at run time
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from incrementality.metrics import Metric

__all__ = [
    "Arm",
    "Covariate",
    "DataMapping",
    "Experiment",
    "PlannedMetric",
    "Role",
    "Segment",
    "SmallestEffect",
    "Withholds",
]

Role = Literal["primary", "secondary", "guardrail"]

_FEWEST_ARMS = 2
_SHARE_TOLERANCE = Fraction(1, 1000)


def _fraction(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return value
    text = str(value).strip()
    try:
        return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is not a share; write it like 1/3, 0.05 or 5%") from None


Share = Annotated[
    Fraction,
    BeforeValidator(_fraction, json_schema_input_type=str | float),
    PlainSerializer(str, return_type=str),
]


def _named(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Arm(_Record):
    """One arm: the value that the data holds for it, its planned share, and whether it is the control."""

    name: Annotated[str, Field(min_length=1, description="The value in the arm column, spelled exactly so.")]
    share: Annotated[Share, Field(gt=0, lt=1, description="Planned share of units: 1/3, 0.05 or 5%.")]
    control: Annotated[bool, Field(description="true for the one arm that the others are compared with.")] = False


class SmallestEffect(_Record):
    """The smallest effect that would change the decision, absolute (in the metric's unit) or relative."""

    absolute: Annotated[float | None, Field(gt=0, description="In the metric's own unit, e.g. 0.005 of conversion.")] = None
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
        SmallestEffect | None, Field(description="The smallest effect that matters for the decision.")
    ] = None


class Covariate(_Record):
    """A column measured before assignment, used for balance and adjustment."""

    column: Annotated[str, Field(min_length=1)]
    kind: Annotated[
        Literal["numeric", "categorical"] | None,
        Field(description="Default: numeric for numbers and booleans, categorical for text."),
    ] = None


class Segment(_Record):
    """A column, declared beforehand, by whose values the effect is also shown."""

    column: Annotated[str, Field(min_length=1)]
    name: Annotated[str | None, Field(description="How the segment is called on the page; default: the column.")] = None

    @property
    def label(self) -> str:
        """The name on the page."""
        return self.name or self.column


class Withholds(_Record):
    """What the control does not get: the cells that the experiment switches off."""

    journeys: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()


class DataMapping(_Record):
    """Where the assignment and the outcomes lie, and which column is what."""

    source: Annotated[
        str | None,
        Field(
            description="A CSV (plain or gzipped), Parquet or DuckDB file, or the URL of a warehouse; "
            "${NAME} is read from the environment. Relative paths start at the experiment's folder."
        ),
    ] = None
    table: Annotated[str | None, Field(description="The table, where the source is a database: name or schema.name.")] = None
    unit: Annotated[str | None, Field(description="The column with the unit's id.")] = None
    row_number_as_unit: Annotated[bool, Field(description="true where the data has no id and each row is one unit.")] = False
    arm: Annotated[str, Field(description="The column that says which arm a unit was assigned to.")] = "arm"
    cluster: Annotated[str | None, Field(description="The column of the randomised group, e.g. the account.")] = None
    stratum: Annotated[str | None, Field(description="The column within whose values units were randomised.")] = None
    covariates: Annotated[
        tuple[Annotated[Covariate, BeforeValidator(_named, json_schema_input_type=str | Covariate)], ...],
        Field(description="Columns measured before assignment."),
    ] = ()

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if (self.unit is None) != self.row_number_as_unit:
            raise ValueError("give either 'unit' (a column) or 'row_number_as_unit: true'")
        return self


class Experiment(_Record):
    """One experiment, as requested: frozen, validated, hashed.

    The ``id`` is the folder's name, the salt, the notebook's name and the key of its evidence.

    Examples:
        >>> experiment = Experiment(
        ...     id="winback-2026q1",
        ...     question="Does the win-back journey bring customers back?",
        ...     data={"unit": "contact_id"},
        ...     arms=[{"name": "holdout", "share": "10%", "control": True}, {"name": "journey", "share": "90%"}],
        ...     metrics=[{"name": "reactivated", "kind": "conversion", "role": "primary"}],
        ... )
        >>> experiment.control.name, [arm.name for arm in experiment.treatments]
        ('holdout', ['journey'])
    """

    id: Annotated[
        str,
        Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="Lower-case id; the same as the folder's name."),
    ]
    question: Annotated[str, Field(min_length=1, description="The question that the experiment answers.")]
    owner: Annotated[str, Field(description="Who decides on the answer.")] = ""
    unit: Annotated[str, Field(description="What one row stands for: contact, account, customer.")] = "contact"
    started: Annotated[date | None, Field(description="First day of assignment.")] = None
    ended: Annotated[date | None, Field(description="Last day of assignment.")] = None
    alpha: Annotated[float, Field(gt=0, lt=0.5, description="Two-sided error rate; 0.05 gives 95 % intervals.")] = 0.05
    data: Annotated[DataMapping, Field(description="Where the data lies and which column is what.")]
    arms: Annotated[tuple[Arm, ...], Field(min_length=_FEWEST_ARMS, description="All arms; shares add up to 1.")]
    metrics: Annotated[tuple[PlannedMetric, ...], Field(min_length=1, description="Metrics with their roles.")]
    segments: Annotated[
        tuple[Annotated[Segment, BeforeValidator(_named, json_schema_input_type=str | Segment)], ...],
        Field(description="Columns declared beforehand, by whose values the effect is also shown."),
    ] = ()
    withholds: Annotated[Withholds, Field(description="What the control does not get.")] = Withholds()
    notes: Annotated[str, Field(description="Anything a reader should know.")] = ""

    @model_validator(mode="after")
    def _arms_make_sense(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError(f"arms: names repeat in {names}")
        if sum(arm.control for arm in self.arms) != 1:
            raise ValueError("arms: exactly one arm needs 'control: true'")
        total = sum(arm.share for arm in self.arms)
        if abs(total - 1) > _SHARE_TOLERANCE:
            raise ValueError(f"arms: shares add up to {float(total):.4g}, not to 1")
        return self

    @model_validator(mode="after")
    def _metrics_make_sense(self) -> Self:
        names = [metric.name for metric in self.metrics]
        if len(set(names)) < len(names):
            raise ValueError(f"metrics: names repeat in {names}")
        if all(metric.role != "primary" for metric in self.metrics):
            raise ValueError("metrics: at least one metric needs 'role: primary'")
        return self

    @model_validator(mode="after")
    def _columns_play_one_part(self) -> Self:
        outcomes = {column for metric in self.metrics for column in metric.columns}
        for covariate in self.data.covariates:
            if covariate.column in outcomes:
                raise ValueError(
                    f"data.covariates: {covariate.column!r} is also an outcome; a covariate is measured before assignment"
                )
        parts = [self.data.arm, *(c for c in (self.data.unit, self.data.cluster, self.data.stratum) if c)]
        repeated = {column for column in parts if parts.count(column) > 1 or column in outcomes}
        if repeated:
            raise ValueError(f"data: {sorted(repeated)} cannot be used twice among unit, arm, cluster, stratum and outcomes")
        if self.started and self.ended and self.ended < self.started:
            raise ValueError(f"ended: {self.ended} is before started, {self.started}")
        return self

    @property
    def control(self) -> Arm:
        """The arm that the others are compared with."""
        return next(arm for arm in self.arms if arm.control)

    @property
    def treatments(self) -> tuple[Arm, ...]:
        """The arms that are compared with the control, in the order of the file."""
        return tuple(arm for arm in self.arms if not arm.control)

    @property
    def primary(self) -> tuple[PlannedMetric, ...]:
        """The metrics that decide."""
        return tuple(metric for metric in self.metrics if metric.role == "primary")

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of the request; the data's locator is left out."""
        content = self.model_dump(mode="json", exclude={"data": {"source", "table"}})
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()
