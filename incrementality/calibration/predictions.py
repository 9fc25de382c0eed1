"""Each experiment predicted from the others: how well the calibration knows what it has not seen.

References:
    Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and estimation,
    https://doi.org/10.1198/016214506000001437
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from incrementality.calibration.posterior import calibrate_cells
from incrementality.display import DisplayMixin
from incrementality.errors import InputError

if TYPE_CHECKING:
    from incrementality.calibration.cells import CellTable
    from incrementality.calibration.evidence import EvidenceSet
    from incrementality.calibration.hyperparameters import HyperGrid
    from incrementality.calibration.posterior import Posterior

__all__ = ["Prediction", "Predictions", "forward_in_time", "interval_score", "leave_one_out"]

_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Prediction:
    """One experiment's estimate, as the others predict it, sampling noise included.

    Attributes:
        experiment: Its id.
        estimate: What it measured.
        mean: What was predicted.
        sd: How surely.
        low: Lower end of the interval.
        high: Upper end.
        pit: The probability that was given to an estimate below this one; uniform where predictions are honest.
        log_density: The log of the density that was given to it; higher is better.
    """

    experiment: str
    estimate: float
    mean: float
    sd: float
    low: float
    high: float
    pit: float
    log_density: float


@dataclass(frozen=True, slots=True)
class Predictions(DisplayMixin):
    """All experiments, each predicted without itself.

    Attributes:
        rows: One an experiment.
        confidence: Level of the intervals.
    """

    rows: tuple[Prediction, ...]
    confidence: float

    @property
    def log_density(self) -> float:
        """Mean log density; higher is better."""
        return float(np.mean([row.log_density for row in self.rows]))

    @property
    def error(self) -> float:
        """Root mean squared error of the predicted means."""
        return float(np.sqrt(np.mean([(row.estimate - row.mean) ** 2 for row in self.rows])))

    @property
    def covered(self) -> float:
        """Share of the estimates inside their interval."""
        return float(np.mean([row.low <= row.estimate <= row.high for row in self.rows]))

    @property
    def interval_score(self) -> float:
        """Mean interval score; lower is better."""
        return float(
            np.mean([interval_score(r.low, r.high, r.estimate, confidence=self.confidence) for r in self.rows])
        )

    def histogram(self, bins: int = 5) -> tuple[int, ...]:
        """Return how many probabilities fall into equal bins from 0 to 1; level where predictions are honest."""
        counts, _ = np.histogram([row.pit for row in self.rows], bins=bins, range=(0, 1))
        return tuple(int(n) for n in counts)

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row an experiment."""
        return tuple({name: getattr(row, name) for name in Prediction.__slots__} for row in self.rows)


def interval_score(low: float, high: float, value: float, *, confidence: float) -> float:
    """Return the width of an interval, plus 2/alpha for each unit by which it misses the value; lower is better.

    Examples:
        >>> interval_score(0.0, 10.0, 12.0, confidence=0.9)
        50.0
    """
    miss = max(low - value, 0.0) + max(value - high, 0.0)
    return high - low + 2 / round(1 - confidence, 12) * miss


def leave_one_out(
    table: CellTable, evidence: EvidenceSet, *, grid: HyperGrid | None = None, confidence: float = 0.9
) -> Predictions:
    """Predict each experiment from all others, everything fitted without it.

    Noise that it shares with others, by common units or a common control, is taken into account.

    Args:
        table: The cells with their credit.
        evidence: At least two experiments.
        grid: The prior's hyperparameters.
        confidence: Level of the intervals.

    Raises:
        InputError: There are fewer than two experiments.
    """
    if len(evidence) < 2:  # noqa: PLR2004 - one to predict, one to predict it from
        raise InputError(
            f"{len(evidence)} experiments cannot predict one another", hint="the scoreboard needs two or more"
        )
    rows = [_predicted(_without(table, evidence, k, grid), k, confidence) for k in range(len(evidence))]
    return Predictions(tuple(rows), confidence)


def forward_in_time(
    table: CellTable, evidence: EvidenceSet, *, grid: HyperGrid | None = None, confidence: float = 0.9
) -> Predictions:
    """Predict each experiment from those that were read in earlier quarters; those of the first quarter are not.

    Args:
        table: The cells with their credit.
        evidence: Experiments of at least two quarters.
        grid: The prior's hyperparameters.
        confidence: Level of the intervals.

    Raises:
        InputError: All experiments were read in one quarter.
    """
    ages = np.array([row.age for row in evidence.rows])
    if len(set(ages.tolist())) < 2:  # noqa: PLR2004 - a past and a future
        raise InputError(
            "all experiments were read in one quarter, so none predicts another forward in time",
            hint="use leave_one_out, or come back when the next quarter's experiments are read",
        )
    rows = []
    for k in np.flatnonzero(ages < ages.max()):
        seen = ages > ages[k]
        seen[k] = True
        place = int(seen[:k].sum())
        rows.append(_predicted(_without(table, evidence.where(list(seen)), place, grid), place, confidence))
    return Predictions(tuple(rows), confidence)


def _without(table: CellTable, evidence: EvidenceSet, k: int, grid: HyperGrid | None) -> Posterior:
    """Return the posterior of all, its removals centred where the others alone put them."""
    centre = calibrate_cells(table, evidence.without(k), grid=grid).centre
    return calibrate_cells(table, evidence, grid=grid, centre=centre)


def _predicted(posterior: Posterior, k: int, confidence: float) -> Prediction:
    row, seen = posterior.evidence.rows[k], posterior.given_others(k)
    low, high = seen.interval(confidence)
    z = (row.estimate - seen.means[:, 0]) / seen.sds[:, 0]
    density = seen.weights @ (np.exp(-0.5 * z**2) / (seen.sds[:, 0] * np.sqrt(2 * np.pi)))
    return Prediction(
        row.experiment,
        row.estimate,
        float(seen.mean[0]),
        float(seen.sd[0]),
        float(low[0]),
        float(high[0]),
        float(seen.weights @ ndtr(z)),
        float(np.log(max(density, _TINY))),
    )
