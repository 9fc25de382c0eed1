"""Dirty capture: each knob plants one fault in an exact number of rows, never two faults in one row."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.simulate.world import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.simulate.world import Column, Integers

__all__ = ["UNPLANNED", "Faults", "plant"]

UNPLANNED = "unplanned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How many rows each fault hits.

    Attributes:
        missing_outcomes: Rows whose outcomes are all missing.
        missing_arm: Rows without an arm.
        unplanned_arm: Rows with an arm that nobody planned.
        duplicated_rows: Rows that are there twice, the copy at the end.
        mixed_units: Contacts that are there a second time, with another arm.
        lost_control_rows: Rows of the control that were never captured: a sample ratio mismatch.
    """

    missing_outcomes: int = 0
    missing_arm: int = 0
    unplanned_arm: int = 0
    duplicated_rows: int = 0
    mixed_units: int = 0
    lost_control_rows: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            rows = getattr(self, field.name)
            if not isinstance(rows, int) or rows < 0:
                raise InputError(
                    f"{field.name} is {rows}; allowed: a whole number of rows, 0 or more",
                    hint=f"leave {field.name} out for clean data",
                )


def plant(
    columns: dict[str, Column], faults: Faults, *, arms: Sequence[str], rng: np.random.Generator
) -> dict[str, Column]:
    """Return the columns with every fault planted; the columns given are left as they are.

    Raises:
        InputError: There are fewer rows than faults.
    """
    if faults == Faults():
        return columns
    kept = _lose(columns, faults.lost_control_rows, control=arms[0], rng=rng)
    hits = _hits(len(kept["arm"]), faults, rng)
    copies = _take(kept, np.concatenate([hits["duplicated_rows"], hits["mixed_units"]]))
    mixed = slice(faults.duplicated_rows, None)
    copies["arm"][mixed] = _other_arms(copies["arm"][mixed], arms)
    kept["arm"][hits["missing_arm"]] = None
    kept["arm"][hits["unplanned_arm"]] = UNPLANNED
    if faults.missing_outcomes:
        _blank(kept, hits["missing_outcomes"])
    return {name: np.concatenate([column, copies[name]]) for name, column in kept.items()}


def _take(columns: dict[str, Column], rows: Integers) -> dict[str, Column]:
    return {name: column[rows] for name, column in columns.items()}


def _lose(columns: dict[str, Column], count: int, *, control: str, rng: np.random.Generator) -> dict[str, Column]:
    held_out = np.flatnonzero(columns["arm"] == control)
    _enough(count, held_out.size, "rows of the control")
    lost = rng.choice(held_out, size=count, replace=False)
    return _take(columns, np.delete(np.arange(columns["arm"].size), lost))


def _hits(rows: int, faults: Faults, rng: np.random.Generator) -> dict[str, Integers]:
    names = [field.name for field in fields(faults) if field.name != "lost_control_rows"]
    ends = np.cumsum([getattr(faults, name) for name in names])
    _enough(int(ends[-1]), rows, "rows")
    order = rng.permutation(rows)[: ends[-1]]
    return dict(zip(names, np.split(order, ends[:-1]), strict=True))


def _enough(wanted: int, there: int, what: str) -> None:
    if wanted > there:
        raise InputError(
            f"faults are asked for in {wanted} {what} and there are {there}", hint="ask for fewer faults or raise 'n'"
        )


def _other_arms(arm: Column, arms: Sequence[str]) -> Column:
    following = {name: arms[(place + 1) % len(arms)] for place, name in enumerate(arms)}
    return np.array([following[name] for name in arm], dtype=object)


def _blank(columns: dict[str, Column], rows: Integers) -> None:
    for name in OUTCOMES:
        column = columns[name].astype(np.float64)
        column[rows] = np.nan
        columns[name] = column
