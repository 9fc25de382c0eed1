"""What the cells that act do together: pushes that saturate, pairs that work or hinder one another, pressure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.cells import CELLS, STEPS, TOGETHER
from incrementality.simulate.company.steps import GOALS

if TYPE_CHECKING:
    from incrementality.simulate.world import BoolArray, Floats

__all__ = ["irritation_of", "push"]

_MOST = {"interest": 1.3, "deal": 1.6, "usage": 0.2, "expansion": 1.1, "renewal": 1.5}
_WEIGHTS = {goal: np.array([step.pushes.get(goal, 0.0) for _, step in STEPS]) for goal in GOALS}
_IRRITATION = np.array([step.irritation for _, step in STEPS])
_PAIRS = [(goal, CELLS.index(one), CELLS.index(other), extra) for (one, other), (goal, extra) in TOGETHER.items()]


def push(goal: str, acts: BoolArray, *, before: Floats | float = 0.0) -> Floats:
    """Return how far the cells that act move a goal, on its scale; shape (accounts,).

    What helps saturates at a limit; what harms does not.

    Args:
        goal: One of ``GOALS``.
        acts: Which cells act on whom; shape (cells, accounts).
        before: What earlier quarters left behind, which saturates with the rest.
    """
    weights = _WEIGHTS[goal]
    helps = before + weights[weights > 0] @ acts[weights > 0]
    for _, one, other, extra in (pair for pair in _PAIRS if pair[0] == goal):
        helps = helps + extra * (acts[one] & acts[other])
    harms = weights[weights < 0] @ acts[weights < 0]
    most = _MOST[goal]
    moved: Floats = most * -np.expm1(-np.maximum(helps, 0.0) / most) + np.minimum(helps, 0.0) + harms
    return moved


def irritation_of(acts: BoolArray) -> Floats:
    """Return the contact pressure that the acting cells add up to; shape (accounts,)."""
    counted = _IRRITATION > 0
    pressure: Floats = _IRRITATION[counted] @ acts[counted]
    return pressure
