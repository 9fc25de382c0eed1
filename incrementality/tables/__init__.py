"""The contracts of the input tables, checked once at the border: parts that columns play, and a company's tables."""

from incrementality.tables.company import COMPANY_TABLES
from incrementality.tables.contract import ColumnContract, ColumnKind, TableContract
from incrementality.tables.parts import ARM, COVARIATE, GROUP, OUTCOME, UNIT_ID, Part, check_columns

__all__ = [
    "ARM",
    "COMPANY_TABLES",
    "COVARIATE",
    "GROUP",
    "OUTCOME",
    "UNIT_ID",
    "ColumnContract",
    "ColumnKind",
    "Part",
    "TableContract",
    "check_columns",
]
