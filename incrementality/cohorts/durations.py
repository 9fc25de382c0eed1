"""Durations as rules write them: whole hours, days or weeks."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from incrementality.windows import parse_duration

__all__ = ["Duration", "duration_text"]

_LONGEST = timedelta(days=3650)
_HOUR = timedelta(hours=1)


def duration_text(length: timedelta) -> str:
    """Return a duration as rules write it.

    Examples:
        >>> duration_text(timedelta(days=14)), duration_text(timedelta(hours=36))
        ('14d', '36h')
    """
    hours = length // _HOUR
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


def _parsed(value: object) -> object:
    try:
        return parse_duration(value) if isinstance(value, str) else value
    except OverflowError:
        raise ValueError(f"{value!r} is longer than 3650d") from None


def _usable(value: timedelta) -> timedelta:
    if not timedelta(0) < value <= _LONGEST or value % _HOUR:
        raise ValueError(f"{value} is not allowed; allowed: whole hours, days or weeks, from 1h to 3650d")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(
        _parsed, json_schema_input_type=Annotated[str, Field(pattern=r"^\d+ ?(h|d|w|hours?|days?|weeks?)$")]
    ),
    AfterValidator(_usable),
    PlainSerializer(duration_text, return_type=str),
]
