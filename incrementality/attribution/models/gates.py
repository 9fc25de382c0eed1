"""When a model that learns from paths has enough conversions to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.formatting import count
from incrementality.warehouse.sql import literal, parse

if TYPE_CHECKING:
    from incrementality.attribution.models.path_credit import PathCredit
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["ConversionGate", "conversions_a_month"]

_COUNTED = """
SELECT count(*) FROM events AS e
WHERE e.kind = $kind AND e.occurred_at >= CAST($first AS TIMESTAMP) AND e.occurred_at < CAST($end AS TIMESTAMP)
"""
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class ConversionGate:
    """How many conversions a month models that learn from paths need, of one kind of event.

    Attributes:
        conversions_a_month: The least mean over the last complete months.
        months: How many months the mean is over.

    Raises:
        InputError: The months are not from 1 to 12, or the conversions are below 0.

    Examples:
        >>> gate = ConversionGate()
        >>> gate.opens(500.0), gate.opens(499.9)
        (True, False)
    """

    conversions_a_month: int = 500
    months: int = 3

    def __post_init__(self) -> None:
        if not (1 <= self.months <= _MONTHS and self.conversions_a_month >= 0):
            raise InputError(
                f"the gate asks for {self.conversions_a_month} conversions a month over {self.months} months; allowed: "
                f"0 or more over 1 to {_MONTHS} months",
                hint="write conversions_a_month: 500 and months: 3",
            )

    def opens(self, mean: float) -> bool:
        """Return whether so many conversions a month are enough."""
        return mean >= self.conversions_a_month

    def judge(self, credit: PathCredit, *, kind: str, mean: float) -> PathCredit:
        """Return an answer, as not usable where its kind of event has too few conversions.

        Args:
            credit: The answer.
            kind: The kind of event that it credits.
            mean: That kind's conversions a month; see ``conversions_a_month``.

        Examples:
            >>> from incrementality.attribution import PATH_MODELS, paths_of_strings
            >>> answer = PATH_MODELS["shapley"].credit(paths_of_strings(["a > b", "a"], [6, 9]))
            >>> ConversionGate().judge(answer, kind="expansion", mean=212.0).reasons[0]
            'Needs 500 conversions a month (mean of 3); expansion had 212. Shown, not counted; position-based leads.'
        """
        if self.opens(mean):
            return credit
        return credit.refused(
            f"Needs {count(self.conversions_a_month)} conversions a month (mean of {self.months}); {kind} had "
            f"{count(int(mean))}. Shown, not counted; position-based leads."
        )


def conversions_a_month(
    warehouse: Warehouse, events: Relation, *, kind: str, as_of: datetime, months: int = 3
) -> float:
    """Return the mean number of a kind's events over the last complete calendar months (UTC).

    Args:
        warehouse: The engine that holds the events.
        events: Clean revenue events: ``kind`` and ``occurred_at``.
        kind: The kind.
        as_of: When it is asked, UTC; the month that it lies in is not complete.
        months: Over how many months.

    Examples:
        >>> import numpy as np
        >>> from incrementality.warehouse import connect, frame_locator
        >>> with connect() as engine:
        ...     events = engine.open(frame_locator({
        ...         "kind": np.array(["new", "new", "new"], dtype=object),
        ...         "occurred_at": np.array(["2026-03-31", "2026-04-01", "2026-07-01"], dtype="datetime64[us]")}))
        ...     conversions_a_month(engine, events, kind="new", as_of=datetime(2026, 7, 9))
        0.3333333333333333
    """
    end = datetime(as_of.year, as_of.month, 1)  # noqa: DTZ001 - times of clean tables are UTC without a zone
    before = end.year * _MONTHS + end.month - 1 - months
    first = datetime(before // _MONTHS, before % _MONTHS + 1, 1)  # noqa: DTZ001 - as above
    query = parse(
        _COUNTED,
        events=events.name,
        kind=literal(kind),
        first=literal(first.isoformat(sep=" ")),
        end=literal(end.isoformat(sep=" ")),
    )
    return float(warehouse.row(query)[0]) / months
