"""The unit table: one row for each assigned unit, a column for each outcome and covariate; who of them counts."""

from incrementality.outcomes.opening import open_unit_table, settle
from incrementality.outcomes.population import PopulationRule, longest_window
from incrementality.outcomes.standing import Standing, take_standing
from incrementality.outcomes.unit_table import DELIVERED, IdCounts, UnitTable

__all__ = [
    "DELIVERED",
    "IdCounts",
    "PopulationRule",
    "Standing",
    "UnitTable",
    "longest_window",
    "open_unit_table",
    "settle",
    "take_standing",
]
