"""The algebra at one point of the grid: a Normal prior over cells, linear evidence, a Normal posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from incrementality.calibration.cells import CellTable
    from incrementality.calibration.evidence import EvidenceSet
    from incrementality.calibration.hyperparameters import HyperGrid, HyperPoint

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

__all__ = ["Parts", "drift_of", "linearise", "parts_of", "piece_weights", "removal"]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The pieces of a covariance that a point of the grid only weighs.

    Between two sets of linear forms L (k x n) and R (r x n) of the cells, ``between[i]`` is L C_i R', where the
    covariance of the cells is sum_i weight_i C_i: the level, functions, journeys, cells, and the certain rest.
    """

    between: FloatArray

    def at(self, point: HyperPoint, grid: HyperGrid) -> FloatArray:
        """Return the covariance at a point of the grid; shape (k, r)."""
        return np.asarray(np.tensordot(piece_weights(point, grid), self.between, axes=1))

    def diagonal(self) -> Parts:
        """Return the pieces of the variances alone."""
        return Parts(np.diagonal(self.between, axis1=1, axis2=2))


def piece_weights(point: HyperPoint, grid: HyperGrid) -> FloatArray:
    """Return what each piece of a covariance weighs at a point of the grid; shape (5,)."""
    s2 = point.scale**2
    return np.array([grid.level_sd**2, s2 * point.function, s2 * point.journey, s2 * point.cell, 1.0])


def parts_of(table: CellTable, left: FloatArray, right: FloatArray, *, level: float) -> Parts:
    """Return the pieces of the covariance between linear forms of the cells.

    Args:
        table: The cells.
        left: k linear forms; shape (k, n).
        right: r linear forms; shape (r, n).
        level: The prior share of credit that is caused, by which disagreement about the credit counts.
    """
    a = table.scale
    scaled_left, scaled_right = left * a, right * a
    pieces = [np.outer(scaled_left.sum(axis=1), scaled_right.sum(axis=1))]
    for name in ("function", "journey"):
        groups = _indicator([getattr(cell, name) for cell in table.cells])
        pieces.append((scaled_left @ groups) @ (scaled_right @ groups).T)
    pieces.append(scaled_left @ scaled_right.T)
    rest = np.zeros_like(pieces[0]) if table.disagreement is None else level**2 * left @ table.disagreement @ right.T
    return Parts(np.array([*pieces, rest]))


def removal(theta: FloatArray, off: BoolArray, overlap: FloatArray, redundancy: float) -> float:
    """Return what switching a set of cells off would cost.

    With theta the fair shares and I_cd = -rho n_cd (theta_c / n_c)(theta_d / n_d) the pairwise interaction, the
    removal of S is sum over S of theta + half the interaction between S and the rest.

    Args:
        theta: Fair shares; shape (n,).
        off: The set; shape (n,).
        overlap: n_cd / (n_c n_d), zero on the diagonal; shape (n, n).
        redundancy: rho.

    References:
        Grabisch and Roubens (1999), An axiomatic approach to the concept of interaction among players in cooperative
        games, https://doi.org/10.1007/s001820050125
    """
    inside, outside = theta * off, theta * ~off
    return float(inside.sum() - 0.5 * redundancy * inside @ overlap @ outside)


def linearise(
    theta: FloatArray, off: BoolArray, overlap: FloatArray, redundancy: float
) -> tuple[FloatArray, FloatArray]:
    """Return the removals of m sets as linear forms around ``theta``, and their constants.

    Args:
        theta: Where the forms touch; shape (n,).
        off: The sets; shape (m, n).
        overlap: n_cd / (n_c n_d); shape (n, n).
        redundancy: rho.

    Returns:
        The forms, shape (m, n), and the constants, shape (m,).
    """
    outside = (~off * theta) @ overlap
    inside = (off * theta) @ overlap
    forms = np.where(off, 1.0 - 0.5 * redundancy * outside, -0.5 * redundancy * inside)
    touched = (off * theta).sum(axis=1) - 0.5 * redundancy * ((off * theta) * outside).sum(axis=1)
    return forms, touched - forms @ theta


def drift_of(table: CellTable, evidence: EvidenceSet) -> FloatArray:
    """Return the covariance that a random walk of the effects adds between experiments, per q^2 s^2; shape (m, m)."""
    off = evidence.off(table) * table.scale
    ages = np.array([row.age for row in evidence.rows])
    return np.asarray(np.minimum.outer(ages, ages) * (off @ off.T))


def _indicator(names: list[str]) -> FloatArray:
    known = {name: k for k, name in enumerate(dict.fromkeys(names))}
    found = np.zeros((len(names), len(known)))
    found[np.arange(len(names)), [known[name] for name in names]] = 1.0
    return found
