"""The unit table: one row for each assigned unit, a column for each outcome and covariate."""

from incrementality.outcomes.opening import open_unit_table, settle
from incrementality.outcomes.unit_table import IdCounts, UnitTable

__all__ = ["IdCounts", "UnitTable", "open_unit_table", "settle"]
