"""Cells: one function inside one journey, the smallest thing that can be switched off."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from incrementality.errors import InputError, did_you_mean
from incrementality.simulate.company.playbook import JOURNEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.simulate.company.steps import Journey, Step

__all__ = ["CELLS", "FUNCTIONS", "STEPS", "TOGETHER", "Cell", "cells_of"]

Cell: TypeAlias = tuple[str, str]

STEPS: tuple[tuple[Journey, Step], ...] = tuple((journey, step) for journey in JOURNEYS for step in journey.steps)
CELLS: tuple[Cell, ...] = tuple((step.function, journey.name) for journey, step in STEPS)
FUNCTIONS: tuple[str, ...] = (
    "marketing",
    "sdr",
    "ae",
    "presales",
    "implementation",
    "cs",
    "product",
    "support",
    "executive",
    "partner",
)

# What two cells do together beside what each does alone: the goal, the two cells, the extra push.
TOGETHER: Mapping[tuple[Cell, Cell], tuple[str, float]] = MappingProxyType(
    {
        (("ae", "sales-process"), ("presales", "sales-process")): ("deal", 0.35),
        (("product", "seat-limit-nudge"), ("cs", "seat-limit-nudge")): ("expansion", -0.12),
        (("marketing", "webinar-to-demo"), ("sdr", "webinar-to-demo")): ("interest", 0.2),
    }
)


def cells_of(*, function: str | None = None, journey: str | None = None) -> frozenset[Cell]:
    """Return the cells (function, journey) of a function, of a journey, of one inside the other, or all.

    Raises:
        InputError: There is no such function or journey, or the function has no part in the journey.

    Examples:
        >>> sorted(cells_of(journey="seat-limit-nudge"))
        [('cs', 'seat-limit-nudge'), ('product', 'seat-limit-nudge')]
        >>> len(cells_of())
        31
    """
    _known("function", function, FUNCTIONS)
    _known("journey", journey, tuple(each.name for each in JOURNEYS))
    found = frozenset(cell for cell in CELLS if function in {None, cell[0]} and journey in {None, cell[1]})
    if not found:
        raise InputError(
            f"{function} has no part in the journey {journey}",
            hint=f"choose one of {', '.join(sorted(cell[0] for cell in CELLS if cell[1] == journey))}",
        )
    return found


def _known(what: str, name: str | None, allowed: tuple[str, ...]) -> None:
    if name is not None and name not in allowed:
        raise InputError(f"{what} {name!r} is not one of the company's", hint=did_you_mean(name, allowed))
