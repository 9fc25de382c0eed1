"""Negative signals of a quarter beside what was credited: unsubscribes, complaints, bounces, by function."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from incrementality.attribution.analysis.periods import inside_quarter
from incrementality.attribution.specification import LEADING
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from incrementality.attribution.analysis.cube import CreditCube
    from incrementality.attribution.analysis.quarters import Quarter
    from incrementality.capture import Company

__all__ = ["signal_rows"]

_SIGNALS = """
SELECT coalesce(function, 'unknown') AS who, signal, count(*) FROM source WHERE $inside GROUP BY 1, 2 ORDER BY 1, 2
"""
_SENT = "SELECT coalesce(function, 'unknown') AS who, count(*) FROM source WHERE $inside GROUP BY 1"
_PER = 1000


def signal_rows(company: Company, cube: CreditCube, quarter: Quarter, scale: float) -> tuple[dict[str, object], ...]:
    """Return one row a function with signals: each signal's count, all per 1,000 touches, and the credit beside.

    Touches are all touches of the quarter, whether or not an event followed. No row where there is no such table.
    """
    table = company.tables.get("signals")
    if table is None:
        return ()
    inside = inside_quarter("occurred_at", quarter)
    counted: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for function, signal, n in company.warehouse.query(parse(_SIGNALS, source=table.name, inside=inside)):
        counted[str(function)][str(signal)] = int(n)
    touches = company.tables["touchpoints"].name
    sent = dict(company.warehouse.query(parse(_SENT, source=touches, inside=inside)))
    credit = cube.sums("function", quarter=quarter.name, model=LEADING)
    names = sorted({signal for signals in counted.values() for signal in signals})
    return tuple(
        {
            "function": function,
            "touches": int(sent.get(function, 0)),
            **{name: signals.get(name, 0) for name in names},
            "signals_per_1000_touches": _rate(sum(signals.values()), int(sent.get(function, 0))),
            "revenue_credited": credit.get(function, 0.0) / scale,
        }
        for function, signals in sorted(counted.items())
    )


def _rate(signals: int, touches: int) -> float | None:
    return _PER * signals / touches if touches else None
