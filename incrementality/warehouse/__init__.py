"""Where the data lives: DuckDB by default, PostgreSQL and Spark by URL; SQL written once; rows become moments."""

from incrementality.warehouse.base import NUMERIC, ColumnType, Relation, Warehouse
from incrementality.warehouse.cluster_products import reduce_cluster_products
from incrementality.warehouse.connect import connect
from incrementality.warehouse.reduce import pilot_means, reduce_moments
from incrementality.warehouse.reduction import GroupValue, Reduction, ReductionPlan
from incrementality.warehouse.residuals import ArmFit, reduce_residuals
from incrementality.warehouse.sources import Locator, SourceKind, frame_locator, locate

__all__ = [
    "NUMERIC",
    "ArmFit",
    "ColumnType",
    "GroupValue",
    "Locator",
    "Reduction",
    "ReductionPlan",
    "Relation",
    "SourceKind",
    "Warehouse",
    "connect",
    "frame_locator",
    "locate",
    "pilot_means",
    "reduce_cluster_products",
    "reduce_moments",
    "reduce_residuals",
]
