"""Some rows of a unit table as a unit table of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from incrementality.outcomes.unit_table import GroupValue, UnitTable

__all__ = ["rows_with"]


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
