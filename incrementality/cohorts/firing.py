"""When a rule's trigger fires for one unit: Python's side; ``sql_triggers`` says the same in SQL."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from incrementality.cohorts.triggers import EventTrigger, ScheduleTrigger, StateTrigger, ThresholdTrigger
from incrementality.cohorts.values import CleanRow, UnitRows, Value, matches, micros
from incrementality.errors import ColumnTypeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from incrementality.cohorts.rule import EligibilityRule

__all__ = ["firings"]


def firings(rule: EligibilityRule, rows: UnitRows, *, since: datetime, until: datetime) -> list[int]:
    """Return every t0 in ``[since, until)`` at which the trigger fires, in microseconds and in order.

    Args:
        rule: The rule.
        rows: One unit's cleaned rows; without the trigger's table nothing fires.
        since: The first moment that counts.
        until: The first moment that no longer counts.
    """
    trigger = rule.trigger
    found = [row for row in rows.tables.get(trigger.table, ()) if matches(row.values, trigger.where)]
    if isinstance(trigger, EventTrigger):
        times = {row.at for row in found}
    elif isinstance(trigger, ScheduleTrigger):
        first = min((row.at for row in found), default=None)
        ticks = map(micros, trigger.ticks(since, until))
        times = {tick for tick in ticks if first is not None and first <= tick}
    else:
        times = _changes(trigger, _known(found, trigger.column))
    return sorted(time for time in times if micros(since) <= time < micros(until))


def _known(rows: Sequence[CleanRow], column: str) -> list[tuple[int, Value]]:
    """The column's values in order of time; instants with an empty value or with two values are passed over."""
    ordered = sorted(rows, key=lambda row: row.at)
    held = [(at, {row.values[column] for row in same}) for at, same in groupby(ordered, key=lambda row: row.at)]
    return [(at, values.pop()) for at, values in held if len(values) == 1 and None not in values]


def _changes(trigger: StateTrigger | ThresholdTrigger, known: list[tuple[int, Value]]) -> set[int]:
    """The times at which the value comes to the trigger's side, having been on the other side before."""
    sides = [(at, value, _side(trigger, value)) for at, value in known]
    told = [row for row in sides if row[2] is not None]
    return {
        at
        for (_, before, side_before), (at, _, side) in pairwise(told)
        if side and not side_before and _came_from(trigger, before)
    }


def _side(trigger: StateTrigger | ThresholdTrigger, value: Value) -> bool | None:
    """Whether a value lies on the trigger's side; None between a threshold and its re-arming level."""
    if isinstance(trigger, StateTrigger):
        return _is_one_of(value, trigger.to, trigger.path)
    if not isinstance(value, float):
        raise ColumnTypeError(f"{trigger.path!r} holds {value!r}, which is no number", hint="name a column of numbers")
    if trigger.above is not None:
        return True if value >= trigger.level else False if value < trigger.rearmed_at else None
    return True if value <= trigger.level else False if value > trigger.rearmed_at else None


def _came_from(trigger: StateTrigger | ThresholdTrigger, before: Value) -> bool:
    if isinstance(trigger, ThresholdTrigger) or trigger.from_ is None:
        return True
    return _is_one_of(before, trigger.from_, trigger.path)


def _is_one_of(value: Value, constants: Sequence[str | float], path: str) -> bool:
    return matches({path: value}, ((path, tuple(constants)),))
