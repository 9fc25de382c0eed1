"""Quarters of clean tables: their names, and how the engine counts by them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from datetime import datetime

    from sqlglot import exp

__all__ = ["month_name", "month_of", "quarter_ended_by", "quarter_index", "quarter_name", "quarter_of"]

_INSTANT = timedelta(microseconds=1)
_NAME = re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)


def quarter_name(index: int) -> str:
    """Return the name of a quarter that is counted as ``4 * year + 0 to 3``.

    Examples:
        >>> quarter_name(4 * 2026)
        '2026Q1'
    """
    return f"{index // 4}Q{index % 4 + 1}"


def month_name(index: int) -> str:
    """Return the name of a month that is counted as ``12 * year + 0 to 11``.

    Examples:
        >>> month_name(12 * 2026 + 7)
        '2026-08'
    """
    return f"{index // 12}-{index % 12 + 1:02d}"


def quarter_index(name: str) -> int:
    """Return the number of a quarter: ``4 * year + 0 to 3``.

    Raises:
        InputError: The text names no quarter.

    Examples:
        >>> quarter_index("2026Q1") - quarter_index("2025-q4")
        1
    """
    found = _NAME.fullmatch(name.strip())
    if found is None:
        raise InputError(f"{name!r} is no quarter", hint="write it like 2026Q1")
    return 4 * int(found[1]) + int(found[2]) - 1


def quarter_ended_by(at: datetime) -> str:
    """Return the last quarter that was over at a moment.

    Examples:
        >>> from datetime import datetime
        >>> quarter_ended_by(datetime(2026, 7, 30)), quarter_ended_by(datetime(2026, 6, 30))
        ('2026Q2', '2026Q1')
        >>> quarter_ended_by(datetime(2026, 6, 30, 23, 59, 59, 999999))  # the end of the last day
        '2026Q2'
    """
    after = at + _INSTANT
    return quarter_name(4 * after.year + (after.month - 1) // 3 - 1)


def quarter_of(time: str) -> exp.Expression:
    """Return the number of the quarter in which a column of times lies; empty where the time is."""
    return parse(
        "CAST(EXTRACT(YEAR FROM $t) AS BIGINT) * 4 + CAST(EXTRACT(QUARTER FROM $t) AS BIGINT) - 1", t=column(time)
    )


def month_of(time: str) -> exp.Expression:
    """Return the number of the month in which a column of times lies; empty where the time is."""
    return parse(
        "CAST(EXTRACT(YEAR FROM $t) AS BIGINT) * 12 + CAST(EXTRACT(MONTH FROM $t) AS BIGINT) - 1", t=column(time)
    )
