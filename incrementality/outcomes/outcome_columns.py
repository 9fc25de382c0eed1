"""The number behind each outcome column: as it stands, capped, or days and whether the event came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.cohorts.sql_engine import clock_kinds, micros_of
from incrementality.cohorts.values import micros
from incrementality.errors import InputError, ValueNotAllowed
from incrementality.warehouse.sql import column, literal, not_nan, number_of, parse

if TYPE_CHECKING:
    from sqlglot import exp

    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["outcome_columns"]

_MICROSECONDS_A_DAY = 86_400e6


def outcome_columns(
    warehouse: Warehouse, relation: Relation, experiment: Experiment, *, source: str
) -> dict[str, exp.Expression]:
    """Return the expression of each outcome column of the unit table, by its name there.

    Args:
        warehouse: The engine.
        relation: The table or view, whose columns have been checked.
        experiment: Says which columns each metric reads, and what is made of them.
        source: How the source is called in errors.

    Raises:
        InputError: A cap that the design looks up is not known.
        ValueNotAllowed: An event came before its decision.
    """
    found: dict[str, exp.Expression] = {}
    for metric in experiment.metrics:
        if metric.at is not None:
            days, came = _days_to(warehouse, relation, experiment, metric.at, source)
            found |= dict(zip(metric.columns, (days, came), strict=True))
        elif metric.winsorise is not None:
            found[metric.columns[0]] = _capped(relation, metric)
        else:
            found |= {name: number_of(name, relation.columns[name]) for name in metric.columns}
    return found


def _capped(relation: Relation, metric: PlannedMetric) -> exp.Expression:
    cap = None if metric.winsorise is None else metric.winsorise.value
    if cap is None:
        raise InputError(
            f"the cap of {metric.name!r} comes from the design, and there is no design that states it",
            hint="run `incrementality design` before the readout, or write the cap: winsorise: {value: ...}",
        )
    kind = relation.columns[metric.reads[0]]
    number = number_of(metric.reads[0], kind)
    number = not_nan(number) if kind == "float" else number
    return parse("CASE WHEN $y > $cap THEN $cap ELSE $y END", y=number, cap=literal(float(cap)))


def _days_to(
    warehouse: Warehouse, relation: Relation, experiment: Experiment, name: str, source: str
) -> tuple[exp.Expression, exp.Expression]:
    """Days from the decision to the event, or to the data cut where it had not come by then; and whether it came."""
    data = experiment.data
    if data.t0 is None or data.data_cut is None:
        raise InputError(
            f"the moments in column {name!r} need 'data.t0' and 'data.data_cut'",
            hint="map the moment of the decision, and say up to when events have arrived",
        )
    kinds = clock_kinds(warehouse, relation, [name, data.t0])
    event, start = (micros_of(column(each), warehouse.dialect, kind=kinds[each]) for each in (name, data.t0))
    early = parse("SELECT count(*) FROM source WHERE $event < $start", event=event, start=start, source=relation.name)
    if rows := int(warehouse.row(early)[0]):
        raise ValueNotAllowed(
            f"column {name!r} of {source} holds events before their decision, column {data.t0!r}, in {rows:,} rows",
            hint="export the first event at or after the decision; who had it before was not at risk",
        )
    cut = literal(micros(data.data_cut))
    came = parse("$event IS NOT NULL AND $event < $cut", event=event, cut=cut)
    days = parse(
        "CAST(CASE WHEN $came THEN $event - $start ELSE $cut - $start END AS DOUBLE) / $day",
        came=came, event=event, start=start, cut=cut, day=literal(_MICROSECONDS_A_DAY),
    )  # fmt: skip
    return days, parse("CASE WHEN $came THEN 1e0 ELSE 0e0 END", came=came)
