"""One unit's inputs in Python: rows cleaned as the engines clean them, and the value of each operand at t0.

Times are microseconds since 1970 in UTC, numbers are floats, texts are texts; None is a missing input.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from incrementality.cohorts.operands import Attribute, Count, OperandRecord, Since, SinceLast, Sum, Until
from incrementality.errors import ColumnTypeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.cohorts.operands import Where
    from incrementality.cohorts.rule import EligibilityRule, InputTable

__all__ = ["CleanRow", "Inputs", "UnitRows", "Value", "clean", "matches", "micros", "value_at"]

Value = str | float | int | None
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known of one unit: rows by table, as the rule names its tables.

    A table that is absent is a missing input, so what reads it is unknown. A table without rows is known to be empty.

    Attributes:
        unit_id: The unit.
        tables: Rows of each table, as mappings of column names to values; times are aware datetimes.
    """

    unit_id: str
    tables: Mapping[str, Sequence[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class CleanRow:
    """A row that may be used: its time in microseconds and its values."""

    at: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class UnitRows:
    """One unit's usable rows by table, and how many were refused for which reason."""

    unit_id: str
    tables: Mapping[str, tuple[CleanRow, ...]]
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)


def micros(time: datetime) -> int:
    """Return a time as microseconds since 1970.

    Raises:
        ColumnTypeError: It has no time zone.

    Examples:
        >>> micros(datetime.fromisoformat("1970-01-02T01:00:00+01:00")) // 10**6
        86400
    """
    if time.tzinfo is None:
        raise ColumnTypeError(
            f"the time {time.isoformat()} has no zone", hint="give an aware time, e.g. datetime.now(UTC)"
        )
    return (time - EPOCH) // MICROSECOND


def clean(rule: EligibilityRule, inputs: Inputs, *, data_cut: datetime) -> UnitRows:
    """Return the rows that the rule may use; the others are counted by table and reason.

    Args:
        rule: Declares the tables.
        inputs: One unit's rows.
        data_cut: Rows at or after it lie in the future.

    Examples:
        >>> from incrementality.cohorts.rule import parse_rule
        >>> rule = parse_rule({"journey": "j", "purpose": "marketing", "tables": {"logins": {"kind": "events"}},
        ...                    "trigger": {"event": "logins"}, "window": "7d"})
        >>> naive = {"unit_id": "a", "occurred_at": datetime(2026, 1, 1)}
        >>> clean(rule, Inputs("a", {"logins": [naive]}), data_cut=datetime(2026, 2, 1, tzinfo=UTC)).refused
        Counter({('logins', 'time zone missing'): 1})
    """
    refused: Counter[tuple[str, str]] = Counter()
    tables: dict[str, tuple[CleanRow, ...]] = {}
    for name, table in rule.tables.items():
        if name not in inputs.tables:
            continue
        kept = []
        for row in inputs.tables[name]:
            reason = _refusal(row, table, rule.journey, micros(data_cut))
            if reason is None and _time(row.get(table.at), table) is not None:
                values = {column: _value(row.get(column), table) for column in rule.columns_of(name)}
                kept.append(CleanRow(_time(row.get(table.at), table) or 0, values))
            elif reason is not None:
                refused[name, reason] += 1
        tables[name] = tuple(kept)
    return UnitRows(inputs.unit_id, tables, refused)


def _refusal(row: Mapping[str, object], table: InputTable, journey: str, cut: int) -> str | None:
    """Return why a row is not used: the first reason that holds."""
    unit, time = row.get(table.unit), row.get(table.at)
    if unit is None or str(unit).strip(" ") == "":
        return "no unit id"
    if not isinstance(time, datetime):
        return "no time"
    at = _time(time, table)
    if at is None:
        return "time zone missing"
    if at >= cut:
        return "in the future"
    if table.journey is None:
        return None
    own = row.get(table.journey)
    return "no journey" if own is None else "own journey" if own == journey else None


def _time(time: object, table: InputTable) -> int | None:
    if not isinstance(time, datetime) or (time.tzinfo is None and table.time_zone is None):
        return None
    return micros(time if time.tzinfo is not None else time.replace(tzinfo=UTC))


def _value(value: object, table: InputTable) -> Value:
    if isinstance(value, datetime):
        return _time(value, table)
    if isinstance(value, (bool, int, float, Decimal)):
        number = float(value)
        return None if math.isnan(number) else number
    return None if value is None else str(value)


def matches(values: Mapping[str, Value], where: Where) -> bool:
    """Return whether a row's columns hold the filter's values; an empty column never does."""
    return all(any(_same(values[name], allowed) for allowed in options) for name, options in where)


def _same(value: Value, constant: str | float) -> bool:
    if value is None:
        return False
    if isinstance(value, str) != isinstance(constant, str):
        raise ColumnTypeError(
            f"the value {value!r} is compared with {constant!r}, which is of another type",
            hint="write the constant as the column holds it: text in quotes, numbers without",
        )
    return value == (constant if isinstance(constant, str) else float(constant))


def value_at(operand: OperandRecord, rows: UnitRows, t0: int) -> Value:
    """Return the value of an operand as of t0 (microseconds); None if it is missing."""
    if operand.table not in rows.tables:
        return None
    table = rows.tables[operand.table]
    found = [row for row in table if matches(row.values, operand.where)]
    if isinstance(operand, (Attribute, Since, Until)):
        value = _as_of(found, operand.column, t0)
        if isinstance(operand, Attribute) or value is None:
            return value
        if not isinstance(value, int):
            raise ColumnTypeError(f"{operand.path!r} holds {value!r}, which is no time", hint="name a column of times")
        return t0 - value if isinstance(operand, Since) else value - t0
    return _look_back(operand, found, t0)


def _as_of(rows: Sequence[CleanRow], column: str, t0: int) -> Value:
    """The value of the last row at or before t0; None where that instant holds two values or an empty one."""
    last = max((row.at for row in rows if row.at <= t0), default=None)
    held = {row.values[column] for row in rows if row.at == last}
    return held.pop() if len(held) == 1 else None


def _look_back(operand: Count | Sum | SinceLast, rows: Sequence[CleanRow], t0: int) -> Value:
    earliest = -math.inf if operand.within is None else t0 - operand.within // MICROSECOND
    inside = [row for row in rows if earliest <= row.at < t0]
    if isinstance(operand, Count):
        return float(len(inside))
    if isinstance(operand, SinceLast):
        return t0 - max(row.at for row in inside) if inside else None
    amounts = [row.values[operand.column] for row in inside]
    if any(amount is None for amount in amounts):
        return None
    return math.fsum(_number(amount, operand.path) for amount in amounts)


def _number(value: Value, path: str) -> float:
    if not isinstance(value, float):
        raise ColumnTypeError(f"{path!r} holds {value!r}, which is no number", hint="sum a column of numbers")
    return value
