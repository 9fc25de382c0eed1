"""What the functions cost: salaries by the work they did, media and tools, events and fixed shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from incrementality.simulate.company.calendar import name_of_quarter
from incrementality.simulate.company.cells import FUNCTIONS
from incrementality.simulate.company.deal_tables import CURRENCY
from incrementality.simulate.company.rows import constant, labels
from incrementality.simulate.company.touches import KINDS_OF_TOUCH

if TYPE_CHECKING:
    from incrementality.simulate.company.rows import Columns
    from incrementality.simulate.company.touches import Touches
    from incrementality.simulate.world import Integers

__all__ = ["cost_table", "work_of"]

# cents a touch, by function, and what its tools cost a quarter and account
_SALARIES = dict(zip(FUNCTIONS, (150, 900, 9_000, 14_000, 30_000, 7_000, 60, 2_500, 40_000, 20_000), strict=True))
_TOOLS = 40
_MEDIA = {"paid_impression": 90, "ad_click": 700, "webinar": 4_000}


def work_of(touches: Touches, quarter_of: Integers, quarters: int) -> Integers:
    """Return how many touches of each kind there were by quarter; shape (quarters, kinds of touch)."""
    counted = np.bincount(quarter_of * len(KINDS_OF_TOUCH) + touches.kind, minlength=quarters * len(KINDS_OF_TOUCH))
    return counted.reshape(quarters, len(KINDS_OF_TOUCH))


def cost_table(work: Integers, accounts: int) -> Columns:
    """Return the costs of each function and quarter, in cents.

    Salaries are allocated by touches; media is booked straight on its journey and channel; half of the tools is a
    fixed share of new business, and a footnote says so.

    Args:
        work: Touches by quarter and kind.
        accounts: Number of accounts.
    """
    rows = [
        row
        for number in range(len(work))
        for function in FUNCTIONS
        for row in _rows(function, name_of_quarter(number), work[number], accounts)
    ]
    names = ("function", "period", "amount", "category", "kind", "journey", "channel", "rule", "share", "note")
    columns: Columns = {}
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        columns[name] = _column(name, values)
    columns["currency"] = constant(CURRENCY, len(rows))
    return columns


def _column(name: str, values: tuple[object, ...]) -> np.ndarray:
    if name == "amount":
        return np.array(values, dtype=np.int64)
    if name == "share":
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return labels(tuple(value if value is None else str(value) for value in values), np.arange(len(values)))


def _rows(function: str, period: str, work: Integers, accounts: int) -> list[tuple[object, ...]]:
    kinds = [
        (number, kind) for number, kind in enumerate(KINDS_OF_TOUCH) if kind.function == function and kind.cell >= 0
    ]
    done = sum(int(work[number]) for number, _ in kinds)
    salaries = _SALARIES[function] * done
    rows: list[tuple[object, ...]] = [
        (function, period, salaries, "salaries", None, None, None, "touches", None, None),
        (
            function,
            period,
            _TOOLS * accounts,
            "tools",
            "new",
            None,
            None,
            "fixed",
            0.5,
            "half of the tools serve new business",
        ),
    ]
    for number, kind in kinds:
        price = _MEDIA.get(kind.touch.type, 0)
        if price and work[number]:
            spent = price * int(work[number])
            rows.append(
                (function, period, spent, "media", "new", kind.journey, kind.touch.channel, "direct", None, None)
            )
    return rows
