"""Experiments correct attribution: what each function, journey and cell caused, how surely, and on whose evidence."""

from incrementality.calibration.cells import Cell, CellTable
from incrementality.calibration.credit import (
    CausedExceedsRevenue,
    CreditTable,
    Grouping,
    IncrementalCredit,
    Spread,
    incremental_credit,
)
from incrementality.calibration.evidence import Basis, Evidence, EvidenceSet
from incrementality.calibration.hyperparameters import HyperGrid, HyperPoint
from incrementality.calibration.mixture import Mixture
from incrementality.calibration.posterior import Outliers, Posterior, calibrate_cells
from incrementality.calibration.quantities import (
    CalibrationFactor,
    Conversions,
    Money,
    RelativeLift,
    ShareCaused,
    scaled_to_period,
)

__all__ = [
    "Basis",
    "CalibrationFactor",
    "CausedExceedsRevenue",
    "Cell",
    "CellTable",
    "Conversions",
    "CreditTable",
    "Evidence",
    "EvidenceSet",
    "Grouping",
    "HyperGrid",
    "HyperPoint",
    "IncrementalCredit",
    "Mixture",
    "Money",
    "Outliers",
    "Posterior",
    "RelativeLift",
    "ShareCaused",
    "Spread",
    "calibrate_cells",
    "incremental_credit",
    "scaled_to_period",
]
