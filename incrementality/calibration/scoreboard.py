"""Which attribution model agrees with the experiments, beside the simple ways to correct credit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from incrementality.calibration.baselines import BASELINES, fit_baseline
from incrementality.calibration.predictions import interval_score, leave_one_out
from incrementality.display import DisplayMixin
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.calibration.baselines import BaselineName
    from incrementality.calibration.cells import CellTable
    from incrementality.calibration.evidence import EvidenceSet
    from incrementality.calibration.hyperparameters import HyperGrid

__all__ = ["Score", "Scoreboard", "score_models"]

_LOG_TWO_PI = float(np.log(2 * np.pi))


@dataclass(frozen=True, slots=True)
class Score:
    """How well one way of correcting one model's credit predicts experiments that it has not seen.

    Attributes:
        model: The attribution model.
        correction: ``calibrated``, or the name of a baseline.
        error: Root mean squared error of the predicted means.
        log_density: Mean log density of the estimates; higher is better.
        interval_score: Mean interval score; lower is better.
        covered: Share of the estimates inside their interval.
    """

    model: str
    correction: str
    error: float
    log_density: float
    interval_score: float
    covered: float


@dataclass(frozen=True, slots=True)
class Scoreboard(DisplayMixin):
    """All models and corrections, the best by log density first.

    Attributes:
        rows: One a model and correction.
        experiments: How many experiments were predicted.
        confidence: Level of the intervals.
    """

    rows: tuple[Score, ...]
    experiments: int
    confidence: float

    @property
    def sentence(self) -> str:
        """Which one agrees best; a baseline that wins is said to win."""
        best = self.rows[0]
        if best.correction == "calibrated":
            return (
                f"Calibrated {best.model} credit agrees best with {self.experiments} experiments that it had not seen."
            )
        return (
            f"The simple correction '{best.correction}' of {best.model} credit predicts this company's "
            f"{self.experiments} experiments better than calibration does."
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a model and correction."""
        return tuple({name: getattr(row, name) for name in Score.__slots__} for row in self.rows)


def score_models(
    tables: Mapping[str, CellTable],
    evidence: EvidenceSet,
    *,
    grid: HyperGrid | None = None,
    confidence: float = 0.9,
) -> Scoreboard:
    """Leave each experiment out, refit, and score what each model and correction said of it.

    Args:
        tables: The credit of the same cells by each attribution model.
        evidence: At least two experiments.
        grid: The prior's hyperparameters.
        confidence: Level of the intervals.

    Raises:
        InputError: There is no model, or there are fewer than two experiments.
    """
    if not tables:
        raise InputError("there is no attribution model to score", hint="hand over the credit of at least one")
    rows = []
    for model, table in tables.items():
        told = leave_one_out(table, evidence, grid=grid, confidence=confidence)
        rows.append(Score(model, "calibrated", told.error, told.log_density, told.interval_score, told.covered))
        rows += [_baseline_score(model, name, table, evidence, confidence) for name in BASELINES]
    rows.sort(key=lambda row: (-row.log_density, row.model, row.correction))
    return Scoreboard(tuple(rows), len(evidence), confidence)


def _baseline_score(
    model: str, name: BaselineName, table: CellTable, evidence: EvidenceSet, confidence: float
) -> Score:
    off = evidence.off(table).astype(float)
    far = float(ndtri((1 + confidence) / 2))
    errors, densities, scores, inside = [], [], [], []
    for k, row in enumerate(evidence.rows):
        mean, sd = (float(found[0]) for found in fit_baseline(name, table, evidence.without(k)).sums(off[k : k + 1]))
        spread = float(np.hypot(sd, np.sqrt(row.variance)))
        error = row.estimate - mean
        errors.append(error**2)
        densities.append(-0.5 * ((error / spread) ** 2 + _LOG_TWO_PI) - np.log(spread))
        scores.append(interval_score(mean - far * spread, mean + far * spread, row.estimate, confidence=confidence))
        inside.append(abs(error) <= far * spread)
    return Score(
        model,
        name,
        float(np.sqrt(np.mean(errors))),
        float(np.mean(densities)),
        float(np.mean(scores)),
        float(np.mean(inside)),
    )
