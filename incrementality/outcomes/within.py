"""The units of a table that have a value in a column: as a table of their own, and as a 0/1 column."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.outcomes.unit_table import all_of
from incrementality.warehouse import ReductionPlan, reduce_moments
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from incrementality.outcomes.unit_table import GroupValue, UnitTable
    from incrementality.stats import Moments

__all__ = ["HAS_VALUE", "rows_with", "value_moments"]

HAS_VALUE = "has the value 0/1"


def rows_with(table: UnitTable, name: str, value: GroupValue) -> UnitTable:
    """Return the units of a table that have a value in a column, strata and covariates taken off.

    Args:
        table: The unit table.
        name: The column, say of a segment.
        value: The engine's own value.
    """
    chosen = parse("$x = $value", x=column(name), value=literal(value))
    rule = replace(table.rule, kept=(*table.rule.kept, *table.placed(), chosen))
    data = table.experiment.data.model_copy(update={"stratum": None, "covariates": ()})
    experiment = table.experiment.model_copy(update={"data": data})
    return replace(table, experiment=experiment, rule=rule, strata={}, covariates={})


def value_moments(table: UnitTable, name: str, value: GroupValue) -> Moments:
    """Return the moments of ``HAS_VALUE`` by arm, and by cluster where whole clusters were randomised, in one pass.

    Args:
        table: The unit table.
        name: The column; units in which it is empty are left out.
        value: The engine's own value.
    """
    has = parse("CASE WHEN $x = $value THEN 1e0 ELSE 0e0 END", x=column(name), value=literal(value))
    known = parse("$x IS NOT NULL", x=column(name))
    plan = ReductionPlan(
        relation=table.relation.name,
        groups=(column(table.experiment.data.arm),),
        columns={HAS_VALUE: has},
        cluster=table.cluster,
        where=all_of([*table.placed(), *table.rule.kept, known]),
    )
    return reduce_moments(table.warehouse, plan).moments
