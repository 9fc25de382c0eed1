"""What sets t0: an event, a change of state, a threshold crossed with hysteresis, or a schedule."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Self

from pydantic import AwareDatetime, BeforeValidator, Field, FiniteFloat, Tag, model_validator

from incrementality.cohorts.durations import Duration  # noqa: TC001 - pydantic reads it at run time
from incrementality.cohorts.operands import ColumnPath, Filter, Record, Scalar, TableName, key_of

__all__ = ["EventTrigger", "ScheduleTrigger", "StateTrigger", "ThresholdTrigger", "Trigger", "TriggerRecord"]

_MOST_TICKS = 10_000


def _several(value: object) -> object:
    return (value,) if isinstance(value, (str, int, float)) else value


Values = Annotated[tuple[Scalar, ...], BeforeValidator(_several), Field(min_length=1)]


class EventTrigger(Record):
    """Each event of a table; t0 is its time. Events at the same instant are one."""

    event: TableName
    where: Filter = ()

    @property
    def table(self) -> str:
        """The table that is read."""
        return self.event


class _Path(Record):
    where: Filter = ()

    @property
    def path(self) -> str:
        """The table and column."""
        raise AssertionError(self)

    @property
    def table(self) -> str:
        """The table that is read."""
        return self.path.partition(".")[0]

    @property
    def column(self) -> str:
        """The column that is read."""
        return self.path.partition(".")[2]


class StateTrigger(_Path):
    """A column that becomes one of ``to``, having been another (or one of ``from``) before.

    Rows whose value is empty are passed over; the first known value is no change.
    """

    state: ColumnPath
    to: Values
    from_: Annotated[Values | None, Field(alias="from")] = None

    @property
    def path(self) -> str:
        """The table and column."""
        return self.state

    @model_validator(mode="after")
    def _one_type(self) -> Self:
        if len({isinstance(value, str) for value in (*self.to, *(self.from_ or ()))}) > 1:
            raise ValueError("texts and numbers stand side by side in 'to' and 'from'; give one of the two")
        return self


class ThresholdTrigger(_Path):
    """A number that crosses ``above`` (or ``below``) after it was on the other side of ``rearm``.

    With ``above: 80, rearm: 60`` it fires at 80 or more, and again only after a value under 60. The first known
    value never fires: nothing was crossed.
    """

    threshold: ColumnPath
    above: FiniteFloat | None = None
    below: FiniteFloat | None = None
    rearm: Annotated[FiniteFloat | None, Field(description="Default: the threshold itself.")] = None

    @property
    def path(self) -> str:
        """The table and column."""
        return self.threshold

    @property
    def level(self) -> float:
        """The threshold."""
        return self.above if self.above is not None else self.below or 0.0

    @property
    def rearmed_at(self) -> float:
        """The value that must be passed before it can fire again."""
        return self.level if self.rearm is None else self.rearm

    @model_validator(mode="after")
    def _rearm_lies_on_the_other_side(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("give either 'above' or 'below'")
        wrong = self.rearmed_at > self.level if self.above is not None else self.rearmed_at < self.level
        if wrong:
            side = "at or below" if self.above is not None else "at or above"
            raise ValueError(f"rearm is {self.rearm:g}; it must lie {side} the threshold {self.level:g}")
        return self


class ScheduleTrigger(Record):
    """Every so often from ``start`` on, for each unit that the state table knows at that moment."""

    schedule: TableName
    every: Duration
    start: AwareDatetime
    where: Filter = ()
    column: ClassVar[None] = None

    @property
    def table(self) -> str:
        """The table that is read."""
        return self.schedule

    def ticks(self, since: datetime, until: datetime) -> list[datetime]:
        """Return the moments in ``[since, until)`` in UTC.

        Raises:
            ValueError: There are more than 10,000.

        Examples:
            >>> from datetime import timedelta
            >>> trigger = ScheduleTrigger(schedule="contacts", every="7d", start="2026-01-05T09:00:00Z")
            >>> [tick.day for tick in trigger.ticks(trigger.start, trigger.start + timedelta(days=15))]
            [5, 12, 19]
        """
        first = max(0, -((self.start - since) // self.every))
        last = -((self.start - until) // self.every)
        if last - first > _MOST_TICKS:
            raise ValueError(f"the schedule has {last - first:,} moments; at most {_MOST_TICKS:,}: shorten the period")
        return [self.start.astimezone(UTC) + i * self.every for i in range(first, last)]


TriggerRecord = EventTrigger | StateTrigger | ThresholdTrigger | ScheduleTrigger
Trigger = Annotated[
    Annotated[EventTrigger, Tag("event")]
    | Annotated[StateTrigger, Tag("state")]
    | Annotated[ThresholdTrigger, Tag("threshold")]
    | Annotated[ScheduleTrigger, Tag("schedule")],
    key_of("event", "state", "threshold", "schedule"),
]
