"""Experiments correct attribution: what each function, journey and cell caused, how surely, and on whose evidence."""

from incrementality.calibration.cells import Cell, CellTable
from incrementality.calibration.evidence import Basis, Evidence, EvidenceSet
from incrementality.calibration.hyperparameters import HyperGrid, HyperPoint
from incrementality.calibration.mixture import Mixture
from incrementality.calibration.posterior import Outliers, Posterior, calibrate_cells

__all__ = [
    "Basis",
    "Cell",
    "CellTable",
    "Evidence",
    "EvidenceSet",
    "HyperGrid",
    "HyperPoint",
    "Mixture",
    "Outliers",
    "Posterior",
    "calibrate_cells",
]
