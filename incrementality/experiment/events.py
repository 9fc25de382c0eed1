"""What a column of the unit table is made of, where it is not there yet: events of a table within a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictBool, StrictInt, StrictStr

from incrementality.metrics import Duration  # noqa: TC001 - pydantic reads the annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from incrementality.experiment.parts import PlannedMetric
    from incrementality.experiment.spec import Experiment

__all__ = [
    "LOG_COLUMNS",
    "FromEvents",
    "LookBack",
    "log_complaints",
    "metric_complaints",
    "with_log_columns",
    "without_unused",
]

LOG_COLUMNS = (
    "unit_id", "decision_id", "arm", "t0", "eligible", "delivered", "account_id", "stratum", "channel", "rule_version",
    "basis", "p_arm",
)  # fmt: skip

_Value = StrictBool | StrictInt | FiniteFloat | StrictStr
_BROUGHT = ("source", "table", "unit", "row_number_as_unit", "arm", "eligible", "delivered", "t0")


class FromEvents(BaseModel):
    """Events of one table: whether there is one, how many there are, or the sum of a column over them.

    Examples:
        >>> FromEvents(table="orders", column="amount").at
        'occurred_at'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: Annotated[str, Field(min_length=1, description="The table, as 'sources' names it.")]
    column: Annotated[
        str | None,
        Field(min_length=1, description="The column that is summed, refunds negative; without it rows are counted."),
    ] = None
    unit: Annotated[str, Field(min_length=1, description="The column with the unit's id.")] = "unit_id"
    at: Annotated[str, Field(min_length=1, description="The column that says when it happened.")] = "occurred_at"
    time_zone: Annotated[
        Literal["UTC"] | None, Field(description="UTC, where the times carry no zone of their own.")
    ] = None
    where: Annotated[
        dict[str, _Value | tuple[_Value, ...]],
        Field(description="Only rows whose columns hold these values, like {status: [paid, refunded]}."),
    ] = {}

    @property
    def filters(self) -> tuple[tuple[str, tuple[bool | float | str, ...]], ...]:
        """Columns with the values that they may hold, sorted by column."""
        listed = {name: found if isinstance(found, tuple) else (found,) for name, found in self.where.items()}
        return tuple(sorted(listed.items()))


class LookBack(FromEvents):
    """Events before the decision, in ``[t0 - lookback, t0)``."""

    lookback: Annotated[Duration, Field(description="How far back, e.g. 90d.")]


def with_log_columns(value: object) -> object:
    """Return a data mapping with the columns that a decision log brings filled in.

    Raises:
        ValueError: The mapping names what the log brings.
    """
    if not isinstance(value, dict) or value.get("log") is not True:
        return value
    if taken := [name for name in _BROUGHT if name in value]:
        raise ValueError("\n".join(f"{name}: the decision log brings it; leave it out" for name in taken))
    own = {"unit": "unit_id", "arm": "arm", "eligible": "eligible", "t0": "t0"}
    reached = {} if value.get("deliveries") is None else {"delivered": "delivered"}
    return {**value, **own, **reached}


def metric_complaints(metric: PlannedMetric) -> list[str]:
    """Return what is wrong with the events that a metric is made of."""
    found = []
    if metric.over is not None and (metric.kind != "ratio" or metric.from_ is None):
        found.append("over: it is the denominator of a ratio and stands beside 'from', the numerator")
    if metric.from_ is None:
        return found
    if metric.window is None:
        found.append("from: events count within a window; add 'window', e.g. 28d")
    if metric.kind == "time":
        found.append("from: a time is read from columns, not from events; leave 'from' out, or use kind: conversion")
    if metric.kind == "ratio" and metric.over is None:
        found.append("from: a ratio is made of two sums; add 'over', the events of the denominator")
    if metric.kind == "conversion" and metric.from_.column is not None:
        found.append("from: a conversion asks whether there is any event; leave 'column' out, or use kind: mean")
    if metric.kind == "revenue" and metric.from_.column is None:
        found.append("from: revenue is the sum of a column; name it: from: {table: ..., column: amount}")
    return found


def log_complaints(experiment: Experiment) -> list[str]:
    """Return what does not fit between a decision log and the columns of an experiment."""
    data = experiment.data
    if not data.log:
        return [
            f"{place}: it needs 'data.log: true'; else the column is in the data" for place in _events_in(experiment)
        ]
    return [
        *(() if data.data_cut is not None else ("data.data_cut: a readout from the log needs it",)),
        *_foreign(experiment),
        *(f"data.concurrent: the decision log holds no arm of {other!r}; leave it out" for other in data.concurrent),
        *(f"metrics: {metric.name!r} needs 'from', the events that it is made of"
          for metric in experiment.metrics if metric.from_ is None),
        *(f"data.covariates: {covariate.column!r} needs 'from' with a 'lookback'"
          for covariate in data.covariates if covariate.from_ is None and covariate.column not in LOG_COLUMNS),
        *(f"metrics: the column {name!r} is one of the decision log; choose another name"
          for metric in experiment.metrics for name in metric.reads if name in LOG_COLUMNS),
    ]  # fmt: skip


def _foreign(experiment: Experiment) -> Iterator[str]:
    data = experiment.data
    mapped = {
        "cluster": (data.cluster, "account_id"),
        "stratum": (data.stratum, "stratum"),
        "p_arm": (data.p_arm, "p_arm"),
    }
    for part, (found, allowed) in mapped.items():
        if found not in {None, allowed}:
            yield f"data.{part}: the decision log holds it as {allowed!r}; write {part}: {allowed}"


def _events_in(experiment: Experiment) -> Iterator[str]:
    yield from ("metrics" for metric in experiment.metrics if metric.from_ is not None)
    yield from ("data.covariates" for covariate in experiment.data.covariates if covariate.from_ is not None)
    yield from () if experiment.data.deliveries is None else ("data.deliveries",)


def without_unused(content: Mapping[str, Any], later: tuple[str, ...]) -> dict[str, Any]:
    """Return a record's content without later keys that it does not use, so that its hash stays as it was."""
    return {
        name.removesuffix("_"): value
        for name, value in content.items()
        if name not in later or value not in (None, False, {})
    }
