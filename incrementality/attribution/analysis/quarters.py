"""Quarters: the periods of a report, in UTC, half-open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from incrementality.errors import InputError

__all__ = ["Quarter", "quarter_of"]

_NAME = re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])(-\d{2})?")


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A calendar quarter.

    Attributes:
        year: The year.
        number: 1 to 4.

    Examples:
        >>> quarter = Quarter.parse("2026q1")
        >>> quarter.name, quarter.previous.name, str(quarter.after)
        ('2026Q1', '2025Q4', '2026-04-01 00:00:00')
    """

    year: int
    number: int

    @classmethod
    def parse(cls, written: str) -> Quarter:
        """Return the quarter that a text names: ``2026Q1``, ``2026-q1``.

        Raises:
            InputError: It names none.
        """
        found = _NAME.fullmatch(written.strip())
        if found is None:
            raise InputError(f"{written!r} is no quarter", hint="write it like 2026Q1")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, at: datetime) -> Quarter:
        """Return the quarter that a moment lies in."""
        return cls(at.year, (at.month + 2) // 3)

    @classmethod
    def ended_by(cls, at: datetime) -> Quarter:
        """Return the last quarter that was over at a moment.

        Examples:
            >>> Quarter.ended_by(datetime(2026, 4, 1)).name, Quarter.ended_by(datetime(2026, 3, 31)).name
            ('2026Q1', '2025Q4')
        >>> Quarter.ended_by(datetime(2026, 3, 31, 23, 59, 59, 999999)).name  # the end of the last day
        '2026Q1'
        """
        return cls.of(at + timedelta(microseconds=1)).previous

    @property
    def name(self) -> str:
        """How it is written: ``2026Q1``."""
        return f"{self.year}Q{self.number}"

    @property
    def first(self) -> datetime:
        """Its first instant, UTC without a zone."""
        return datetime(self.year, 3 * self.number - 2, 1)  # noqa: DTZ001 - times of clean tables are UTC without a zone

    @property
    def after(self) -> datetime:
        """The first instant after it."""
        return self.next.first

    @property
    def next(self) -> Quarter:
        """The quarter after it."""
        return Quarter(self.year + (self.number == 4), self.number % 4 + 1)  # noqa: PLR2004 - the last quarter

    @property
    def previous(self) -> Quarter:
        """The quarter before it."""
        return Quarter(self.year - (self.number == 1), (self.number - 2) % 4 + 1)


def quarter_of(period: str) -> str:
    """Return the quarter of a period that is written as a quarter, a month or a day; any other text as it is.

    Examples:
        >>> quarter_of("2026-03"), quarter_of("2026-Q2"), quarter_of("last year")
        ('2026Q1', '2026Q2', 'last year')
    """
    month = _MONTH.fullmatch(period.strip())
    if month is not None:
        return Quarter(int(month[1]), (int(month[2]) + 2) // 3).name
    return Quarter.parse(period).name if _NAME.fullmatch(period.strip()) else period
