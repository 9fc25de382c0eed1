"""When things happen within a quarter: what a touch may have moved comes after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.playbook import JOURNEYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from incrementality.simulate.company.life import Quarter
    from incrementality.simulate.company.population import Population
    from incrementality.simulate.world import Column, Floats, Integers

__all__ = ["DAY", "HOUR", "Days", "as_times", "days_of", "name_of_quarter", "start_of_quarter"]

HOUR = 3_600
DAY = 24 * HOUR
_FIRST_MONTH = np.datetime64("2025-01", "M")
_LAST_DAY = 88  # of a quarter, with room before the next


@dataclass(frozen=True, slots=True)
class Days:
    """Days within a quarter, counted from 0.

    Attributes:
        opened: When a first deal is opened; shape (accounts,).
        closed: When a first deal ends.
        expanded: When seats are added.
        renewed: When contracts end.
        start: When each journey starts; shape (journeys, accounts).
        end: Before which day its touches lie; same shape.
    """

    opened: Integers
    closed: Integers
    expanded: Integers
    renewed: Integers
    start: Integers
    end: Integers


def days_of(population: Population, quarter: Quarter, chance: Floats) -> Days:
    """Return the days of a quarter.

    Args:
        population: The accounts.
        quarter: What happened.
        chance: Uniform draws for when journeys start; shape (journeys, accounts).
    """
    luck, decisions = quarter.luck.uniform, quarter.decisions
    opened = 15 + np.floor(30 * luck["open_day"]).astype(np.int64)
    closed = 52 + np.floor(36 * luck["close_day"]).astype(np.int64)
    renewed = population.renewal_day
    expanded = np.where(decisions.renewed, renewed, 35 + np.floor(53 * luck["expand_day"]).astype(np.int64))
    due = np.where(quarter.moments["renewal_due"], renewed, _LAST_DAY)
    ends = {
        "interest": np.where(quarter.opened, opened, _LAST_DAY),
        "deal": np.where(decisions.decided, closed, _LAST_DAY),
        "usage": np.full_like(opened, _LAST_DAY),
        "expansion": np.where(decisions.added_seats > 0, expanded, due),
        "renewal": due,
    }
    end = np.stack([ends[journey.goal] for journey in JOURNEYS])
    start = 1 + np.floor(0.5 * chance * (end - 1)).astype(np.int64)
    deal = [journey.goal for journey in JOURNEYS].index("deal")
    start[deal] = np.where(quarter.opened, opened + 1, 1)
    return Days(opened, closed, expanded, renewed, start, end)


def start_of_quarter(number: int) -> int:
    """Return when a quarter starts, in seconds since 1970 (UTC)."""
    return int((_FIRST_MONTH + 3 * number).astype("datetime64[s]").astype(np.int64))


def name_of_quarter(number: int) -> str:
    """Return a quarter's name.

    Examples:
        >>> name_of_quarter(5)
        '2026Q2'
    """
    return f"{2025 + number // 4}Q{number % 4 + 1}"


def as_times(seconds: NDArray[np.int64]) -> Column:
    """Return seconds since 1970 as times (UTC); those below zero are missing."""
    times: Column = np.where(seconds < 0, np.datetime64("NaT"), seconds.astype("datetime64[s]"))
    return times.astype("datetime64[us]")
