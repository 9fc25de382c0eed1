"""How many touches each source system, function and channel had in each month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.capture.audit.quarters import month_of
from incrementality.warehouse.sql import column, named, parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from incrementality.warehouse import Relation, Warehouse

__all__ = ["DIMENSIONS", "Volumes", "touch_volumes"]

DIMENSIONS = ("source_system", "function", "channel")


@dataclass(frozen=True, slots=True)
class Volumes:
    """Monthly counts of touches.

    Attributes:
        first: The first month, as ``12 * year + 0 to 11``.
        series: For each dimension and label the counts of all months from the first on, months without touches
            included.

    Examples:
        >>> volumes = Volumes(12 * 2026, {("channel", "email"): (5, 7, 6, 9)})
        >>> volumes.months, volumes.by_quarter(("channel", "email"))
        (4, {8104: 18, 8105: 9})
    """

    first: int
    series: Mapping[tuple[str, str], tuple[int, ...]]

    @property
    def months(self) -> int:
        """How many months there are."""
        return max((len(counts) for counts in self.series.values()), default=0)

    def by_quarter(self, key: tuple[str, str]) -> dict[int, int]:
        """Return the counts of one series by quarter, as ``4 * year + 0 to 3``."""
        found: dict[int, int] = {}
        for k, counted in enumerate(self.series[key]):
            quarter = (self.first + k) // 3
            found[quarter] = found.get(quarter, 0) + counted
        return found


def touch_volumes(warehouse: Warehouse, touches: Relation, *, as_of: datetime) -> Volumes:
    """Count touches by month and by source system, function and channel, in whole months up to the records' end.

    Args:
        warehouse: The engine.
        touches: Clean touchpoints.
        as_of: Until when the records reach; the month in which it lies is not whole and is left out.

    Examples:
        >>> from datetime import datetime
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     touches = engine.materialise("touches", parse(
        ...         "SELECT CAST('2026-01-05' AS TIMESTAMP) AS occurred_at, 'crm' AS source_system, 'ae' AS function, "
        ...         "NULL AS channel"))
        ...     touch_volumes(engine, touches, as_of=datetime(2026, 3, 1)).series
        {('source_system', 'crm'): (1, 0), ('function', 'ae'): (1, 0)}
    """
    keys = [*(column(name) for name in DIMENSIONS), named(month_of("occurred_at"), "month")]
    query = parse("SELECT count(*) FROM touches WHERE NOT occurred_at IS NULL", touches=touches.name)
    query.set("expressions", [*keys, parse("count(*)")])
    query.set("group", exp.Group(expressions=[exp.Literal.number(k + 1) for k in range(len(keys))]))
    after = as_of + timedelta(microseconds=1)
    last = 12 * after.year + after.month - 2
    found = [row for row in warehouse.query(query) if int(row[-2]) <= last]
    if not found:
        return Volumes(last + 1, {})
    first = min(int(row[-2]) for row in found)
    series: dict[tuple[str, str], list[int]] = {}
    for place, name in enumerate(DIMENSIONS):
        for row in sorted((one for one in found if one[place] is not None), key=lambda one: str(one[place])):
            counts = series.setdefault((name, str(row[place])), [0] * (last - first + 1))
            counts[int(row[-2]) - first] += int(row[-1])
    return Volumes(first, {key: tuple(counts) for key, counts in series.items()})
