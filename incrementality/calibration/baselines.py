"""The simple ways to correct credit, named beforehand, each with its honest interval: calibration must beat them.

* ``raw``: credit is taken at its word.
* ``global scalar``: all credit times one factor, the weighted mean of what tests caused per credited.
* ``journey ratio``: each tested journey by its own factor, untested ones by the global scalar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from incrementality.calibration.cells import CellTable
    from incrementality.calibration.evidence import EvidenceSet

    FloatArray = NDArray[np.float64]

__all__ = ["BASELINES", "Baseline", "BaselineName", "fit_baseline"]

BaselineName = Literal["raw", "global scalar", "journey ratio"]
BASELINES: tuple[BaselineName, ...] = ("raw", "global scalar", "journey ratio")


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """A factor for each cell, and how surely each is known.

    Attributes:
        name: Which baseline.
        means: What each cell is said to have caused; shape (n,).
        covariance: The covariance of that by the delta method; shape (n, n).
    """

    name: BaselineName
    means: FloatArray
    covariance: FloatArray

    def sums(self, members: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return means and standard deviations of sums over cells; two arrays of shape (k,).

        Args:
            members: Shape (k, n).
        """
        spread = np.einsum("kn,nm,km->k", members, self.covariance, members)
        return members @ self.means, np.sqrt(np.maximum(spread, 0.0))


def fit_baseline(name: BaselineName, table: CellTable, evidence: EvidenceSet) -> Baseline:
    """Return a baseline for a table of credit and its experiments.

    Args:
        name: Which one.
        table: The cells with their credit.
        evidence: The experiments; without any, every factor is 1 and nothing is known of it.

    Raises:
        InputError: There is no such baseline.

    Examples:
        >>> from incrementality.calibration import Cell, CellTable, Evidence, EvidenceSet
        >>> cells = (Cell("marketing", "winback"), Cell("cs", "renewal"))
        >>> table = CellTable(cells, np.array([60.0, 40.0]), np.array([6.0, 4.0]), revenue=200.0)
        >>> told = EvidenceSet.independent([Evidence("winback", frozenset(cells[:1]), 30.0, 4.0)])
        >>> fit_baseline("global scalar", table, told).means.tolist()
        [30.0, 20.0]
    """
    if name not in BASELINES:
        raise InputError(f"there is no baseline {name!r}", hint=f"there are {', '.join(BASELINES)}")
    a = table.credited
    off = evidence.off(table).astype(float)
    credited = off @ a
    if name == "raw" or not credited.any():
        return Baseline(name, a.copy(), np.zeros((len(a), len(a))))
    y = np.array([row.estimate for row in evidence.rows])
    factor, variance = _pooled(y, credited, evidence.covariance)
    scalar = Baseline(name, factor * a, variance * np.outer(a, a))
    return scalar if name == "global scalar" else _by_journey(table, evidence, scalar)


def _pooled(y: FloatArray, credited: FloatArray, noise: FloatArray) -> tuple[float, float]:
    """Return the generalised least squares of y on credit, its variance widened by what the noise does not explain."""
    inverse = np.linalg.inv(noise)
    precision = float(credited @ inverse @ credited)
    factor = float(credited @ inverse @ y) / precision
    rest = y - factor * credited
    freedom = max(len(y) - 1, 1)
    return factor, max(1.0, float(rest @ inverse @ rest) / freedom) / precision


def _by_journey(table: CellTable, evidence: EvidenceSet, scalar: Baseline) -> Baseline:
    means, covariance = scalar.means.copy(), scalar.covariance.copy()
    off = evidence.off(table)
    for journey in table.journeys:
        cells = np.array([cell.journey == journey for cell in table.cells])
        credited = float(table.credited[cells].sum())
        own = [k for k in range(len(evidence)) if (off[k] == cells).all()]
        if not own or credited <= 0:
            continue
        ones = np.full(len(own), credited)
        y = np.array([evidence.rows[k].estimate for k in own])
        factor, variance = _pooled(y, ones, evidence.covariance[np.ix_(own, own)])
        means[cells] = factor * table.credited[cells]
        covariance[cells, :] = covariance[:, cells] = 0.0
        covariance[np.ix_(cells, cells)] = variance * np.outer(table.credited[cells], table.credited[cells])
    return Baseline("journey ratio", means, covariance)
