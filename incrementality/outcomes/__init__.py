"""The unit table: one row for each assigned unit, a column for each outcome and covariate; who of them counts."""

from incrementality.outcomes.by_day import with_differences
from incrementality.outcomes.draws import P_ARM, Draws, take_draws
from incrementality.outcomes.entries import LATER_ENTRY, Entries, first_entries
from incrementality.outcomes.identified import IdentifiedRows, identified_rows
from incrementality.outcomes.missing import MISSING, missing_moments
from incrementality.outcomes.opening import open_unit_table, settle
from incrementality.outcomes.plan_pass import mixed_factors
from incrementality.outcomes.population import PopulationRule, followed_window, longest_window
from incrementality.outcomes.row_counts import (
    IdCounts,
    count_clusters_in_several_arms,
    count_clusters_in_several_strata,
    count_ids,
    count_refused,
)
from incrementality.outcomes.shape import (
    PooledShape,
    UnitRows,
    UnitValues,
    known_shape,
    pooled_shapes,
    unit_rows,
    unit_values,
)
from incrementality.outcomes.standing import Standing, take_standing
from incrementality.outcomes.unit_table import DELIVERED, UnitTable
from incrementality.outcomes.within import HAS_VALUE, rows_with, value_moments

__all__ = [
    "DELIVERED",
    "HAS_VALUE",
    "LATER_ENTRY",
    "MISSING",
    "P_ARM",
    "Draws",
    "Entries",
    "IdCounts",
    "IdentifiedRows",
    "PooledShape",
    "PopulationRule",
    "Standing",
    "UnitRows",
    "UnitTable",
    "UnitValues",
    "count_clusters_in_several_arms",
    "count_clusters_in_several_strata",
    "count_ids",
    "count_refused",
    "first_entries",
    "followed_window",
    "identified_rows",
    "known_shape",
    "longest_window",
    "missing_moments",
    "mixed_factors",
    "open_unit_table",
    "pooled_shapes",
    "rows_with",
    "settle",
    "take_draws",
    "take_standing",
    "unit_rows",
    "unit_values",
    "value_moments",
    "with_differences",
]
