"""The experiment as it is asked for: arms, metrics with their roles, data, what it withholds. Frozen and hashed."""

from __future__ import annotations

import hashlib
import json
from datetime import date  # noqa: TC003 - pydantic reads the annotation at run time
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    model_validator,
)

from incrementality.experiment.always_send import owed_messages
from incrementality.experiment.data_mapping import DataMapping  # noqa: TC001 - pydantic reads it
from incrementality.experiment.events import log_complaints
from incrementality.experiment.parts import (
    Arm,
    PlannedMetric,
    Record,
    Segment,
    Withholds,
    named,
    refuse,
    repeated,
)
from incrementality.experiment.request import HoldoutRequest  # noqa: TC001 - pydantic reads it

__all__ = ["Experiment"]

_FEWEST_ARMS = 2
_SHARE_TOLERANCE = Fraction(1, 1000)


def _arms_make_sense(arms: tuple[Arm, ...]) -> tuple[Arm, ...]:
    complaints = [f"the name {name!r} stands more than once" for name in repeated([arm.name for arm in arms])]
    controls = sum(arm.control for arm in arms)
    if controls != 1:
        complaints.append(f"exactly one arm needs 'control: true', {controls} have it")
    total = sum((arm.share for arm in arms), Fraction(0))
    if abs(total - 1) > _SHARE_TOLERANCE:
        complaints.append(f"shares add up to {float(total):.4g}, not to 1")
    refuse(complaints)
    return arms


def _metrics_make_sense(metrics: tuple[PlannedMetric, ...]) -> tuple[PlannedMetric, ...]:
    complaints = [f"the name {name!r} stands more than once" for name in repeated([m.name for m in metrics])]
    if all(metric.role != "primary" for metric in metrics):
        complaints.append("at least one metric needs 'role: primary'")
    refuse(complaints)
    return metrics


class Experiment(Record):
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
    alpha_split: Annotated[
        Literal["holm", "hochberg"],
        Field(
            description="How several primary comparisons share alpha; hochberg finds more and needs tests that are "
            "independent or rise together, such as arms against one control."
        ),
    ] = "holm"
    data: Annotated[DataMapping, Field(description="Where the data lies and which column is what.")]
    arms: Annotated[
        tuple[Arm, ...],
        Field(min_length=_FEWEST_ARMS, description="All arms; shares add up to 1."),
        AfterValidator(_arms_make_sense),
    ]
    metrics: Annotated[
        tuple[PlannedMetric, ...],
        Field(min_length=1, description="Metrics with their roles."),
        AfterValidator(_metrics_make_sense),
    ]
    segments: Annotated[
        tuple[Annotated[Segment, BeforeValidator(named, json_schema_input_type=str | Segment)], ...],
        Field(description="Columns declared beforehand, by whose values the effect is also shown."),
    ] = ()
    withholds: Annotated[Withholds, Field(description="What the control does not get.")] = Withholds()
    request: Annotated[
        HoldoutRequest | None, Field(description="The request for a holdout, before anybody is assigned.")
    ] = None
    notes: Annotated[str, Field(description="Anything a reader should know.")] = ""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        owed = () if self.request is None else owed_messages(self.withholds, self.request.purpose)
        complaints = [*_covariates_measured_late(self), *_columns_used_twice(self), *_dates_backwards(self), *owed]
        complaints += [
            *_times_without_a_clock(self),
            *_rows_within_blocks(self),
            *_cost_unknown(self),
            *_caps_nowhere(self),
        ]
        if self.id in self.data.concurrent:
            complaints.append(f"data.concurrent: {self.id!r} is this experiment; name the others")
        refuse([*complaints, *_blocks_by_segment(self), *log_complaints(self)])
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
        if content["request"] is None:
            del content["request"]
        if content["alpha_split"] == "holm":
            del content["alpha_split"]
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def _covariates_measured_late(experiment: Experiment) -> list[str]:
    outcomes = {column for metric in experiment.metrics for column in metric.reads}
    return [
        f"data.covariates: {covariate.column!r} is also an outcome; a covariate is measured before assignment"
        for covariate in experiment.data.covariates
        if covariate.column in outcomes
    ]


def _columns_used_twice(experiment: Experiment) -> list[str]:
    data = experiment.data
    outcomes = {column for metric in experiment.metrics for column in metric.reads}
    parts = [
        data.arm,
        *(column for column in (data.unit, data.cluster, data.stratum, data.block) if column),
        *data.concurrent.values(),
    ]
    return [
        f"data: the column {column!r} cannot be used twice among unit, arm, cluster, stratum, block, concurrent and "
        "outcomes"
        for column in sorted({*repeated(parts), *outcomes.intersection(parts)})
    ]


def _blocks_by_segment(experiment: Experiment) -> list[str]:
    if experiment.data.block is None or not experiment.segments:
        return []
    return ["segments: blocks may span segments, so an experiment with data.block has none; leave the segments out"]


def _rows_within_blocks(experiment: Experiment) -> list[str]:
    return [
        f"metrics: {metric.name!r} is of kind {metric.kind}, which is not compared within blocks; leave it out"
        for metric in experiment.metrics
        if experiment.data.block is not None and metric.kind in {"time", "quantile"}
    ]


def _caps_nowhere(experiment: Experiment) -> list[str]:
    """A design looks up the cap of the first primary metric, in the history that the request names."""
    baseline = None if experiment.request is None else experiment.request.baseline
    looked_up = baseline is not None and baseline.looked_up
    first = next((metric for metric in experiment.metrics if metric.role == "primary"), None)
    return [
        f"metrics: the cap of {metric.name!r} comes from the design, which looks it up for the first primary metric, "
        "in the history that request.baseline names; else write winsorise: {value: ...}"
        for metric in experiment.metrics
        if metric.winsorise is not None and metric.winsorise.from_ is not None and not (looked_up and metric is first)
    ]


def _cost_unknown(experiment: Experiment) -> list[str]:
    wanted = None if experiment.request is None else experiment.request.cost_metric
    amounts = [metric.name for metric in experiment.metrics if metric.kind in {"mean", "revenue"}]
    if wanted is None or wanted in amounts:
        return []
    allowed = ", ".join(amounts) or "none"
    return [f"request.cost_metric: {wanted!r} is no metric of kind mean or revenue here; those are: {allowed}"]


def _times_without_a_clock(experiment: Experiment) -> list[str]:
    missing = [f"data.{name}" for name in ("t0", "data_cut") if getattr(experiment.data, name) is None]
    return [
        f"metrics: {metric.name!r} counts days up to the moment in {metric.at!r}; it needs {' and '.join(missing)}"
        for metric in experiment.metrics
        if metric.at is not None and missing
    ]


def _dates_backwards(experiment: Experiment) -> list[str]:
    started, ended = experiment.started, experiment.ended
    return [f"ended: {ended} is before started, {started}"] if started and ended and ended < started else []
