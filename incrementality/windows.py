"""Values only: half-open UTC windows relative to a decision, and maturity arithmetic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from incrementality.errors import InputError

__all__ = ["Window", "parse_duration"]

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"^\s*(\d+)\s*(h|d|w|hours?|days?|weeks?)\s*$")


def parse_duration(text: str) -> timedelta:
    """Return a duration written as ``14d``, ``2 weeks`` or ``36h``.

    Raises:
        InputError: The text is not a whole number of hours, days or weeks.

    Examples:
        >>> parse_duration("14d")
        datetime.timedelta(days=14)
        >>> parse_duration("2 weeks") == parse_duration("14d")
        True
    """
    match = _DURATION.match(text)
    if match is None:
        raise InputError(
            f"{text!r} is not a duration; allowed: a whole number of hours, days or weeks",
            hint="write it like 36h, 14d or 2w",
        )
    number, unit = match.groups()
    return timedelta(**{_UNITS[unit[0]]: int(number)})


@dataclass(frozen=True, slots=True)
class Window:
    """The outcome window ``[t0 + start, t0 + start + length)``, the same for every arm.

    Args:
        length: How long outcomes count, above zero.
        start: Delay after the decision ``t0`` before they count.

    Examples:
        >>> window = Window(timedelta(days=14))
        >>> window.closes(datetime.fromisoformat("2026-01-01T00:00:00+00:00")).date()
        datetime.date(2026, 1, 15)
    """

    length: timedelta
    start: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if self.length <= timedelta(0) or self.start < timedelta(0):
            raise InputError(
                f"a window of {self.length} starting {self.start} after the decision is empty or looks back",
                hint="give a length above zero and a start of zero or more",
            )

    def closes(self, t0: datetime) -> datetime:
        """Return the first moment that no longer counts for a unit decided at ``t0`` (UTC)."""
        return t0 + self.start + self.length

    def is_mature(self, t0: datetime, *, data_cut: datetime, lag: timedelta = timedelta(0)) -> bool:
        """Return whether every outcome of the window has arrived by ``data_cut``."""
        return self.closes(t0) + lag <= data_cut
