"""Metric definitions only: kind, columns, window, direction. No SQL and no numbers.

A metric's *role* (primary, secondary, guardrail) belongs to the experiment that uses it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, NoReturn, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from incrementality.windows import parse_duration

__all__ = ["Direction", "Metric", "MetricKind"]

MetricKind = Literal["conversion", "mean", "ratio", "revenue"]
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


class Metric(BaseModel):
    """What is measured for each unit.

    ``conversion``: a 0/1 column, read as a share. ``mean``: any number, averaged over units.
    ``revenue``: money, averaged over units, mostly zero. ``ratio``: the sum of ``numerator`` over the sum
    of ``denominator`` (orders per session, revenue per order).

    Examples:
        >>> Metric(name="spend", kind="revenue", column="spend", unit="USD", window="14d").columns
        ('spend',)
        >>> Metric(name="order value", kind="ratio", numerator="spend", denominator="orders").columns
        ('spend', 'orders')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80, description="How the metric is called on the page.")]
    kind: Annotated[MetricKind, Field(description="conversion (0/1), mean, ratio (two columns) or revenue (money).")]
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

    @property
    def columns(self) -> tuple[str, ...]:
        """The outcome columns that the metric reads: one, or numerator and denominator."""
        if self.numerator is not None and self.denominator is not None:
            return (self.numerator, self.denominator)
        return (self.column or self.name,)
