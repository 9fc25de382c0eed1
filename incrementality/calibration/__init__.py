"""Experiments correct attribution: what each function, journey and cell caused, how surely, and on whose evidence."""

from incrementality.calibration.baselines import BASELINES, Baseline, BaselineName, fit_baseline
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
from incrementality.calibration.ledger_cells import NEVER_SWITCHED_OFF, cells_of_ledger
from incrementality.calibration.mixture import Mixture
from incrementality.calibration.next_best import Candidate, NextExperiments, Suggestion, rank_experiments
from incrementality.calibration.posterior import Outliers, Posterior, calibrate_cells
from incrementality.calibration.predictions import (
    Prediction,
    Predictions,
    forward_in_time,
    interval_score,
    leave_one_out,
)
from incrementality.calibration.quantities import (
    CalibrationFactor,
    Conversions,
    Money,
    RelativeLift,
    ShareCaused,
    scaled_to_period,
)
from incrementality.calibration.scoreboard import Score, Scoreboard, score_models

__all__ = [
    "BASELINES",
    "NEVER_SWITCHED_OFF",
    "Baseline",
    "BaselineName",
    "Basis",
    "CalibrationFactor",
    "Candidate",
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
    "NextExperiments",
    "Outliers",
    "Posterior",
    "Prediction",
    "Predictions",
    "RelativeLift",
    "Score",
    "Scoreboard",
    "ShareCaused",
    "Spread",
    "Suggestion",
    "calibrate_cells",
    "cells_of_ledger",
    "fit_baseline",
    "forward_in_time",
    "incremental_credit",
    "interval_score",
    "leave_one_out",
    "rank_experiments",
    "scaled_to_period",
    "score_models",
]
