"""What all experiments together say of every cell: closed form at each point of the grid, averaged over it.

At one point theta ~ N(m, K) and y = H theta + c + noise, so the posterior is Normal. Interactions make H depend on
theta: the forms touch the removal at the posterior mean, found in two passes. One experiment may be an outlier: each
is allowed, with a small probability, a sampling variance many times its own, which is a rank-one change of the algebra.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from incrementality.calibration.gaussian import Parts, drift_of, linearise, parts_of, piece_weights
from incrementality.calibration.hyperparameters import HyperGrid
from incrementality.calibration.mixture import Mixture
from incrementality.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from incrementality.calibration.cells import CellTable
    from incrementality.calibration.evidence import EvidenceSet
    from incrementality.calibration.hyperparameters import HyperPoint

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

__all__ = ["Outliers", "Posterior", "calibrate_cells"]

_PASSES = 2


@dataclass(frozen=True, slots=True)
class Outliers:
    """How far one experiment may be off beyond what its standard error says.

    Attributes:
        probability: The prior probability that one of them is; 0 switches it off.
        inflation: Its variance is then so many times its own.

    Raises:
        InputError: The probability is not from 0 to below 1, or the inflation below 1.
    """

    probability: float = 0.05
    inflation: float = 25.0

    def __post_init__(self) -> None:
        if not 0 <= self.probability < 1 or self.inflation < 1:
            raise InputError(
                f"an outlier of probability {self.probability:g} with {self.inflation:g} times its variance is none",
                hint="give a probability from 0 to below 1, and an inflation of at least 1",
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """The estimates at one point of the grid: S^-1, S^-1 r and the rank-one factors of the outliers.

    ``gains[k]`` is d_k / (1 + d_k S^-1_kk), where d_k is what an outlier's variance gains; zero for "none".
    """

    inverse: FloatArray
    weighed: FloatArray
    gains: FloatArray
    log_weights: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """The posterior over the cells; ask it for linear forms, or for sets that are switched off.

    Attributes:
        table: The cells.
        evidence: The experiments that it knows.
        grid: The grid of the prior.
        centre: The fair shares around which removals are linear; shape (n,).
        weights: Posterior weight of each point of the grid and, inside it, of "no outlier" and of each experiment as
            the outlier; shape (points, 1 + m).
    """

    table: CellTable
    evidence: EvidenceSet
    grid: HyperGrid
    centre: FloatArray
    weights: FloatArray
    _points: tuple[_Point, ...]

    def fair_shares(self, forms: FloatArray) -> Mixture:
        """Return linear forms of the fair shares, such as sums over functions.

        Args:
            forms: Shape (k, n).
        """
        return self._mixture({rho: (forms, np.zeros(len(forms))) for rho in self.grid.redundancies})

    def removals(self, off: BoolArray) -> Mixture:
        """Return what switching each of k sets off would cost.

        Args:
            off: Shape (k, n).
        """
        overlap = self.table.overlap()
        return self._mixture({rho: linearise(self.centre, off, overlap, rho) for rho in self.grid.redundancies})

    def total(self) -> Mixture:
        """Return what all cells together brought: what a perfect global holdout would measure."""
        return self.fair_shares(np.ones((1, len(self.table))))

    def mean(self) -> FloatArray:
        """Return the mean fair share of every cell; shape (n,)."""
        overlap, off = self.table.overlap(), self.evidence.off(self.table)
        found = self.grid.level * self.table.scale
        told: dict[float, FloatArray] = {}
        for point, known, weights in zip(self.grid.points(), self._points, self.weights, strict=True):
            each = weights.sum() * known.weighed - known.inverse @ (weights[1:] * known.gains * known.weighed)
            told[point.redundancy] = told.get(point.redundancy, 0.0) + np.outer(piece_weights(point, self.grid), each)
        for rho, pieces in told.items():
            rows, _ = linearise(self.centre, off, overlap, rho)
            parts = parts_of(self.table, np.eye(len(self.table)), rows, level=self.grid.level)
            found = found + np.einsum("pnm,pm->n", parts.between, pieces)
        return np.asarray(found)

    def given_others(self, k: int) -> Mixture:
        """Return the k-th experiment's estimate as the others predict it, its own sampling noise included.

        Hyperparameters, outliers and noise shared with others are taken as the others alone see them; only the centre
        of the removals is this posterior's.

        Args:
            k: Its place among the experiments.
        """
        estimate = self.evidence.rows[k].estimate
        means, variances, logs = [], [], []
        for known, prior in zip(self._points, self.grid.log_prior(), strict=True):
            gains = np.append(0.0, known.gains)
            shared = np.append(0.0, known.inverse[k])
            precision = known.inverse[k, k] - gains * shared**2
            weighed = known.weighed[k] - gains * shared * np.append(0.0, known.weighed)
            means.append(estimate - weighed / precision)
            variances.append(1 / precision)
            logs.append(prior + known.log_weights + 0.5 * (weighed**2 / precision - np.log(precision)))
        log_weights = np.concatenate(logs)
        weights = np.exp(log_weights - log_weights.max())
        spreads = np.sqrt(np.concatenate(variances))
        return Mixture(weights / weights.sum(), np.concatenate(means)[:, None], spreads[:, None])

    def spread_at(self, forms: FloatArray) -> FloatArray:
        """Return the variances of linear forms of the fair shares at each point of the grid; shape (points, k).

        Args:
            forms: Shape (k, n).
        """
        found = self.fair_shares(forms).sds ** 2
        return np.asarray(found.reshape(self.weights.shape + found.shape[1:])[:, 0])

    def after_test(
        self, forms: FloatArray, off: BoolArray, variance: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return what a further test would do to linear forms of the fair shares, at each point of the grid.

        The drop of a variance does not depend on what the test will measure.

        Args:
            forms: The linear forms; shape (k, n).
            off: The set that the test switches off; shape (n,).
            variance: The sampling variance that its design promises.

        Returns:
            Means, variances now, and their drop by the test; three arrays of shape (points, k).
        """
        means, variances, drops = [], [], []
        overlap = self.table.overlap()
        removed = {rho: linearise(self.centre, off[None, :], overlap, rho)[0] for rho in self.grid.redundancies}
        asked = {
            rho: _Asked.of(self, rho, np.vstack([forms, row, forms + row]), np.zeros(2 * len(forms) + 1))
            for rho, row in removed.items()
        }
        k = len(forms)
        for point, known in zip(self.grid.points(), self._points, strict=True):
            mean, spread = (found[0] for found in asked[point.redundancy].given(point, self.grid, known))
            together = (spread[k + 1 :] - spread[:k] - spread[k]) / 2
            means.append(mean[:k])
            variances.append(spread[:k])
            drops.append(together**2 / (spread[k] + variance))
        return np.array(means), np.array(variances), np.array(drops)

    def outlying(self) -> FloatArray:
        """Return the probability that each experiment is the outlier; shape (m,)."""
        return np.asarray(self.weights[:, 1:].sum(axis=0))

    def _mixture(self, forms: dict[float, tuple[FloatArray, FloatArray]]) -> Mixture:
        asked = {rho: _Asked.of(self, rho, *pair) for rho, pair in forms.items()}
        pairs = [
            asked[point.redundancy].given(point, self.grid, known)
            for point, known in zip(self.grid.points(), self._points, strict=True)
        ]
        means, variances = (np.concatenate(found) for found in zip(*pairs, strict=True))
        return Mixture(self.weights.ravel(), means, np.sqrt(np.maximum(variances, 0.0)))


def calibrate_cells(
    table: CellTable,
    evidence: EvidenceSet,
    *,
    grid: HyperGrid | None = None,
    outliers: Outliers | None = None,
    centre: FloatArray | None = None,
) -> Posterior:
    """Return what experiments and credit together say of what each cell caused.

    Prior: theta_c = a_c (kappa + s (b_function + d_journey + e_c)), with a_c the credit, kappa ~ N(0.3, 0.5^2) inside
    the Normal so that totals may be negative, and s, the shares of the three components and the redundancy averaged
    over a grid.

    Args:
        table: The cells with their credit.
        evidence: The experiments; none at all leaves the prior.
        grid: The prior's hyperparameters.
        outliers: What is allowed to one experiment.
        centre: Fair shares around which removals are linear, where they are known already; shape (n,). By default
            they are found in two passes.

    Raises:
        InputError: An experiment switched off a cell that the table does not hold.

    References:
        Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, ch. 2, http://gaussianprocess.org/gpml/

    Examples:
        >>> from incrementality.calibration import Cell, CellTable, Evidence, EvidenceSet
        >>> cells = (Cell("marketing", "winback"), Cell("cs", "renewal"))
        >>> table = CellTable(cells, np.array([60.0, 40.0]), np.array([6.0, 4.0]), revenue=100.0)
        >>> tested = EvidenceSet.independent([Evidence("winback", frozenset(cells[:1]), 30.0, 4.0)])
        >>> shares = calibrate_cells(table, tested).fair_shares(np.eye(2))
        >>> shares.mean.round().tolist(), shares.sd.round().tolist()
        ([30.0, 18.0], [3.0, 15.0])
    """
    grid, outliers = grid or HyperGrid(), outliers or Outliers()
    if centre is None:
        centre = grid.level * table.scale
        for _ in range(_PASSES * bool(len(evidence)) * bool(table.overlap().any())):
            centre = _solved(table, evidence, grid, outliers, centre).mean()
    return _solved(table, evidence, grid, outliers, centre)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The experiments as linear forms at one redundancy: their covariances under the prior, and their surprise."""

    parts: Parts
    surprise: FloatArray

    @staticmethod
    def of(table: CellTable, evidence: EvidenceSet, level: float, centre: FloatArray, rho: float) -> _Rows:
        forms, constants = linearise(centre, evidence.off(table), table.overlap(), rho)
        estimates = np.array([row.estimate for row in evidence.rows])
        expected = constants + level * forms @ table.scale
        return _Rows(parts_of(table, forms, forms, level=level), estimates - expected)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """k linear forms that are asked for, at one redundancy: their prior, and their covariance with the experiments."""

    mean: FloatArray
    own: Parts
    crossed: Parts

    @staticmethod
    def of(posterior: Posterior, rho: float, forms: FloatArray, constants: FloatArray) -> _Asked:
        table, level = posterior.table, posterior.grid.level
        rows, _ = linearise(posterior.centre, posterior.evidence.off(table), table.overlap(), rho)
        return _Asked(
            constants + level * forms @ table.scale,
            parts_of(table, forms, forms, level=level).diagonal(),
            parts_of(table, forms, rows, level=level),
        )

    def given(self, point: HyperPoint, grid: HyperGrid, known: _Point) -> tuple[FloatArray, FloatArray]:
        """Return means and variances given the estimates; two arrays of shape (1 + m, k)."""
        crossed = self.crossed.at(point, grid)
        gain = crossed @ known.inverse
        mean = self.mean + crossed @ known.weighed
        variance = self.own.at(point, grid) - np.einsum("km,km->k", gain, crossed)
        moved = known.gains[:, None] * gain.T
        return (
            np.vstack([mean, mean - moved * known.weighed[:, None]]),
            np.vstack([variance, variance + moved * gain.T]),
        )


def _solved(
    table: CellTable, evidence: EvidenceSet, grid: HyperGrid, outliers: Outliers, centre: FloatArray
) -> Posterior:
    rows = {rho: _Rows.of(table, evidence, grid.level, centre, rho) for rho in grid.redundancies}
    drift = grid.drift**2 * drift_of(table, evidence)
    points = tuple(
        _point(
            rows[point.redundancy].parts.at(point, grid) + evidence.covariance + point.scale**2 * drift,
            rows[point.redundancy].surprise,
            evidence,
            outliers,
        )
        for point in grid.points()
    )
    logs = grid.log_prior()[:, None] + np.array([point.log_weights for point in points])
    weights = np.exp(logs - logs.max())
    return Posterior(table, evidence, grid, centre, weights / weights.sum(), points)


def _point(covariance: FloatArray, surprise: FloatArray, evidence: EvidenceSet, outliers: Outliers) -> _Point:
    """Return the inverse of the estimates' covariance, and how likely they are with each experiment as the outlier."""
    m = len(evidence)
    inverse = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
    weighed = inverse @ surprise
    more = (outliers.inflation - 1) * np.diag(evidence.covariance)
    stretched = 1 + more * np.diag(inverse)
    gains = more / stretched
    plain = -0.5 * (np.linalg.slogdet(covariance)[1] + surprise @ weighed)
    with np.errstate(divide="ignore"):
        none = np.log(1 - outliers.probability * (m > 0))
        each = np.log(np.divide(outliers.probability, max(m, 1)))
    one = plain - 0.5 * np.log(stretched) + 0.5 * gains * weighed**2 + each
    return _Point(inverse, weighed, gains, np.concatenate([[plain + none], one]))
