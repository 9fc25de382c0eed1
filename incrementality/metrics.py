"""Metric definitions only: kind, columns, window, direction. No SQL and no numbers.

A metric's *role* (primary, secondary, guardrail) belongs to the experiment that uses it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, NoReturn, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from incrementality.windows import parse_duration

__all__ = ["Direction", "Metric", "MetricKind", "Winsorise"]

MetricKind = Literal["conversion", "mean", "quantile", "ratio", "revenue", "time"]
Direction = Literal["increase", "decrease"]

_LONGEST_WINDOW = timedelta(days=3650)
_LONGEST_TEXT = 20


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_duration(value) if len(value) <= _LONGEST_TEXT else _beyond(f"{value[:_LONGEST_TEXT]!r}...")
    except OverflowError:
        _beyond(repr(value))


def _beyond(shown: str) -> NoReturn:
    raise ValueError(f"{shown} is not a window; allowed: whole hours, days or weeks, from 1h to 3650d")


def _usable_window(value: timedelta) -> timedelta:
    if value % timedelta(hours=1):
        _beyond(repr(str(value)))
    return value if timedelta(0) < value <= _LONGEST_WINDOW else _beyond(repr(_duration_text(value)))


def _duration_text(value: timedelta) -> str:
    hours = int(value.total_seconds() // 3600)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


Duration = Annotated[
    timedelta,
    BeforeValidator(
        _duration,
        json_schema_input_type=Annotated[str, Field(pattern=r"^\d+ ?(h|d|w|hours?|days?|weeks?)$")],
    ),
    AfterValidator(_usable_window),
    PlainSerializer(_duration_text, return_type=str),
]


_SAYS_CAPPED = re.compile("winsori[sz]ed|capped", re.IGNORECASE)
_OWN_CAP = (
    "is a quantile of the outcomes that it cuts: such a cap moves with the effect and makes the interval too short; "
    "write value: a number fixed beforehand, or from: design, which looks it up in an earlier cohort"
)


def _known_cap(value: object) -> object:
    if isinstance(value, str) and value != "design":
        raise ValueError(f"'{value[:_LONGEST_TEXT]}' {_OWN_CAP}")
    return value


class Winsorise(BaseModel):
    """A cap on each unit's value: another estimand, whose cap is fixed before any outcome is seen.

    Either the number itself, or the quantile that the design looks up in the request's history of earlier units.

    Examples:
        >>> Winsorise(value=250.0).value
        250.0
        >>> Winsorise.model_validate({"at": 0.99, "from": "design"}).at
        0.99
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Annotated[
        float | None, Field(gt=0, allow_inf_nan=False, description="The cap, in the metric's unit, fixed beforehand.")
    ] = None
    at: Annotated[
        float | None, Field(gt=0.5, lt=1, description="The quantile of earlier units that is the cap, e.g. 0.99.")
    ] = None
    from_: Annotated[
        Literal["design"] | None,
        BeforeValidator(_known_cap),
        Field(alias="from", description="design: looked up in the request's history, and kept in the design."),
    ] = None

    @model_validator(mode="after")
    def _fixed_beforehand(self) -> Self:
        if self.value is None and self.at is None:
            raise ValueError("a cap is needed: 'value', or 'at' with 'from: design'")
        if self.value is None and self.from_ is None:
            raise ValueError(f"at: {self.at:g} on its own {_OWN_CAP}")
        if self.value is not None and self.from_ is not None:
            raise ValueError("give either 'value', or 'at' with 'from: design'")
        if self.from_ is not None and self.at is None:
            raise ValueError("from: the design needs 'at', the quantile of earlier units, e.g. 0.99")
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A cap that the design looked up is the design's, and leaves the request and its hash as they were."""
        looked_up = () if self.from_ is None else ("value",)
        content = {name: value for name, value in handler(self).items() if name not in looked_up}
        return {name.removesuffix("_"): value for name, value in content.items() if value is not None}


class Metric(BaseModel):
    """What is measured for each unit.

    ``conversion``: a 0/1 column, read as a share. ``mean``: any number, averaged over units.
    ``revenue``: money, averaged over units, mostly zero. ``ratio``: the sum of ``numerator`` over the sum
    of ``denominator`` (orders per session, revenue per order). ``quantile``: the value that the share ``quantile`` of
    units stays at or below. ``time``: days until an event, of the first ``window`` days, with units that were watched
    for less (``event`` 0) counted for as long as they were.

    Examples:
        >>> Metric(name="spend", kind="revenue", column="spend", unit="USD", window="14d").columns
        ('spend',)
        >>> Metric(name="order value", kind="ratio", numerator="spend", denominator="orders").columns
        ('spend', 'orders')
        >>> Metric(name="time to expansion", kind="time", column="days", event="expanded", window="90d").columns
        ('days', 'expanded')
        >>> Metric(name="capped spend", kind="revenue", column="spend", winsorise={"value": 250.0}).columns
        ('spend capped',)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80, description="How the metric is called on the page.")]
    kind: Annotated[
        MetricKind, Field(description="conversion (0/1), mean, quantile, ratio (two columns), revenue or time.")
    ]
    column: Annotated[
        str | None, Field(min_length=1, description="The outcome's column; default: the metric's name.")
    ] = None
    numerator: Annotated[
        str | None, Field(min_length=1, description="Ratio only: the column that is summed on top.")
    ] = None
    denominator: Annotated[
        str | None, Field(min_length=1, description="Ratio only: the column that is summed below.")
    ] = None
    window: Annotated[Duration | None, Field(description="How long outcomes count from the decision on, e.g. 14d.")] = (
        None
    )
    direction: Annotated[Direction, Field(description="Which way is better.")] = "increase"
    unit: Annotated[str, Field(max_length=20, description="Unit of the values: USD, EUR, days, sessions.")] = ""
    relative: Annotated[
        bool, Field(description="Whether a relative lift is reported; false where the control can be zero.")
    ] = True
    event: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Time only: the 0/1 column that says whether the event came; where 0, 'column' holds the days "
            "that the unit was watched.",
        ),
    ] = None
    at: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Time only, in place of 'column' and 'event': the column with the event's moment in UTC, empty "
            "where it has not come; needs data.t0 and data.data_cut.",
        ),
    ] = None
    quantile: Annotated[
        float | None, Field(gt=0, lt=1, description="Quantile only: the share of units at or below it, e.g. 0.9.")
    ] = None
    winsorise: Annotated[
        Winsorise | None,
        Field(description="A cap on each unit's value, fixed beforehand: {value: 250}, or {at: 0.99, from: design}."),
    ] = None

    @model_validator(mode="after")
    def _columns_fit_the_kind(self) -> Self:
        if self.kind == "ratio":
            if self.numerator is None or self.denominator is None or self.column is not None:
                raise ValueError("a ratio needs 'numerator' and 'denominator' and no 'column'")
            if self.numerator == self.denominator:
                raise ValueError(f"numerator and denominator are the same column, {self.numerator!r}")
        elif self.numerator is not None or self.denominator is not None:
            raise ValueError(f"'numerator' and 'denominator' belong to kind ratio, not to {self.kind}")
        return self

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> Self:
        complaints = [*_complaints_of_time(self), *_complaints_of_quantile(self), *_complaints_of_cap(self)]
        if complaints:
            raise ValueError("\n".join(complaints))
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the data that the metric is made of."""
        if self.numerator is not None and self.denominator is not None:
            return (self.numerator, self.denominator)
        if self.at is not None:
            return (self.at,)
        own = self.column or self.name
        return (own,) if self.event is None else (own, self.event)

    @property
    def value_unit(self) -> str:
        """The unit of the metric's values; a time is in days."""
        return "days" if self.kind == "time" else self.unit

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the unit table: one, numerator and denominator, or days and whether the event came."""
        if self.at is not None:
            return (f"days to {self.at}", f"{self.at} came")
        return self.reads if self.winsorise is None else (f"{self.reads[0]} capped",)


def _complaints_of_time(metric: Metric) -> list[str]:
    if metric.kind != "time":
        return [
            f"{key}: it belongs to kind time, not to {metric.kind}" for key in ("event", "at") if getattr(metric, key)
        ]
    found = []
    if (metric.event is None) == (metric.at is None):
        found.append("a time needs 'column' and 'event', or 'at', the column with the moment of the event")
    if metric.at is not None and metric.column is not None:
        found.append("column: the days are worked out from 'at' and data.t0; leave 'column' out")
    if metric.event is not None and metric.event == (metric.column or metric.name):
        found.append(f"event: {metric.event!r} is the column of days too; one says how long, the other whether it came")
    if metric.window is None:
        found.append("a time needs 'window', the horizon up to which it is averaged, e.g. 90d")
    if metric.unit not in {"", "days"}:
        found.append(f"unit: a time is in days, not in {metric.unit!r}; leave 'unit' out")
    return found


def _complaints_of_quantile(metric: Metric) -> list[str]:
    if metric.kind == "quantile":
        return ["a quantile needs 'quantile', e.g. 0.9"] if metric.quantile is None else []
    return [] if metric.quantile is None else [f"quantile: it belongs to kind quantile, not to {metric.kind}"]


def _complaints_of_cap(metric: Metric) -> list[str]:
    if metric.winsorise is None:
        return []
    if metric.kind not in {"mean", "revenue"}:
        return [f"winsorise: a cap belongs to kinds mean and revenue, not to {metric.kind}"]
    if _SAYS_CAPPED.search(metric.name):
        return []
    told = f"name: a winsorised metric is another estimand, and {metric.name!r} does not say so; call it "
    return [f"{told}'{metric.name} capped' and name the column under 'column'"]
