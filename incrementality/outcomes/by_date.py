"""How outcomes came in: the units that count by the date on which their windows closed."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.outcomes.population import followed_window
from incrementality.outcomes.unit_table import all_of
from incrementality.warehouse import Reduction, ReductionPlan, reduce_moments
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.experiment import PlannedMetric
    from incrementality.outcomes.unit_table import UnitTable

__all__ = ["date_number", "first_complete", "reduce_by_date"]


def first_complete(table: UnitTable) -> datetime | None:
    """Return when the first unit's outcomes were complete (UTC); ``None`` where ``t0`` is not mapped."""
    if table.experiment.data.t0 is None:
        return None
    query = parse("SELECT CAST(min($t) AS TEXT) FROM source", t=_t0(table), source=table.relation.name)
    where = all_of([*table.placed(), *table.rule.kept])
    if where is not None:
        query.set("where", exp.Where(this=where))
    first = table.warehouse.row(query)[0]
    return None if first is None else datetime.fromisoformat(first) + _follow_up(table)


def reduce_by_date(table: UnitTable, metric: PlannedMetric, dates: Sequence[datetime]) -> Reduction:
    """Return the moments of a metric by arm (and stratum) and by the first date on which a unit counts, in one pass.

    Args:
        table: The unit table; ``t0`` is mapped, and units that do not count by the last date are left out.
        metric: The metric; units in which it is missing are left out.
        dates: The dates (UTC, without a zone), ascending. Groups end with the number of the date, counted from 0.
    """
    y = {name: table.outcomes[name] for name in metric.columns}
    tests = [parse("$y IS NOT NULL", y=value) for value in y.values()]
    tests.append(parse("$t <= $last", t=_t0(table), last=_moment(dates[-1] - _follow_up(table))))
    pairs = {(metric.columns[0], name) for name in metric.columns[1:]}
    data = table.experiment.data
    groups = [data.arm] if data.stratum is None else [data.arm, data.stratum]
    return reduce_moments(
        table.warehouse,
        ReductionPlan(
            relation=table.relation.name,
            groups=(*(column(name) for name in groups), date_number(table, dates)),
            columns=y,
            pairs=frozenset(pairs),
            shift=table.shift,
            where=all_of([*tests, *table.placed(), *table.rule.kept]),
            counted=metric.columns[:1],
        ),
    )


def date_number(table: UnitTable, dates: Sequence[datetime]) -> exp.Expression:
    """Return how many of the dates come before a unit counts: the number, from 0, of the first on which it does."""
    t0, wait = _t0(table), _follow_up(table)
    after = [parse("CASE WHEN $t > $date THEN 1 ELSE 0 END", t=t0, date=_moment(date - wait)) for date in dates[:-1]]
    return reduce(lambda left, right: parse("$a + $b", a=left, b=right), after) if after else literal(0)


def _t0(table: UnitTable) -> exp.Expression:
    return parse("CAST($t AS TIMESTAMP)", t=column(str(table.experiment.data.t0)))


def _follow_up(table: UnitTable) -> timedelta:
    return followed_window(table.experiment) + (table.experiment.data.maturity_lag or timedelta(0))


def _moment(value: datetime) -> exp.Expression:
    return parse("CAST($moment AS TIMESTAMP)", moment=literal(value.isoformat(sep=" ")))
