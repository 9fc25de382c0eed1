"""Which experiment to run next: what it would teach, per revenue that it puts at risk.

At one point of the grid the drop of a variance does not depend on what will be measured, so it is known beforehand;
over the grid the weighted average ranks. A decision is served by the expected value of sample information: how much
better one would decide on average, in money.

References:
    Raiffa and Schlaifer (1961), Applied Statistical Decision Theory, ch. 5 (unit normal loss).
    Chaloner and Verdinelli (1995), Bayesian experimental design: a review, https://doi.org/10.1214/ss/1177009939
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from incrementality.display import DisplayMixin
from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from incrementality.calibration.cells import Cell
    from incrementality.calibration.posterior import Posterior

    FloatArray = NDArray[np.float64]

__all__ = ["Candidate", "NextExperiments", "Suggestion", "rank_experiments"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An experiment that could be run.

    Attributes:
        name: What it is called.
        off: The cells that it would switch off.
        standard_error: The standard error that its design promises, in the ledger's unit.
        at_risk: Revenue that it puts at risk, by its design's own estimate.

    Raises:
        InputError: It switches nothing off, or a number is not positive.
    """

    name: str
    off: frozenset[Cell]
    standard_error: float
    at_risk: float

    def __post_init__(self) -> None:
        if not self.off or not self.standard_error > 0 or not self.at_risk > 0:
            raise InputError(
                f"the candidate {self.name!r} needs cells to switch off, a standard error and revenue at risk above "
                f"zero; it has {len(self.off)} cells, {self.standard_error:g} and {self.at_risk:g}",
                hint="take both numbers from its design",
            )


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What one candidate would teach.

    Attributes:
        candidate: The experiment.
        variance_drop: Expected drop of the variance of functions' credit, summed over functions.
        share_of_variance: The same as a share of what is not known now, 0 to 1.
        decision_value: Expected gain of deciding, function by function, whether its cost pays; 0 without costs.
        per_risk: What it is ranked by: the decision's value, or without costs the drop, per revenue at risk.
    """

    candidate: Candidate
    variance_drop: float
    share_of_variance: float
    decision_value: float
    per_risk: float


@dataclass(frozen=True, slots=True)
class NextExperiments(DisplayMixin):
    """Candidates, the best first.

    Attributes:
        rows: One a candidate.
        by_decision: Whether they are ranked by the value of a decision.
    """

    rows: tuple[Suggestion, ...]
    by_decision: bool

    @property
    def sentence(self) -> str:
        """Which one to run, and why."""
        best = self.rows[0]
        return (
            f"Run {best.candidate.name} next: it would remove {100 * best.share_of_variance:.0f} % of what is not "
            f"known of the functions' credit, at {best.candidate.at_risk:,.0f} of revenue at risk."
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a candidate."""
        return tuple(
            {
                "experiment": row.candidate.name,
                "at_risk": row.candidate.at_risk,
                "variance_drop": row.variance_drop,
                "share_of_variance": row.share_of_variance,
                "decision_value": row.decision_value,
                "per_risk": row.per_risk,
            }
            for row in self.rows
        )


def rank_experiments(
    posterior: Posterior, candidates: Sequence[Candidate], *, costs: dict[str, float] | None = None
) -> NextExperiments:
    """Rank candidates by what they would teach of functions' credit per revenue at risk.

    Args:
        posterior: What is known now.
        candidates: The experiments that could be run.
        costs: What each function costs in the period: with them candidates are ranked by the value of deciding which
            function pays; a function not named costs nothing and is not decided on.

    Raises:
        InputError: There is no candidate, a candidate switches off a cell that the ledger does not hold, or costs
            name a function that it does not hold.

    Examples:
        >>> from incrementality.calibration import Cell, CellTable, EvidenceSet, calibrate_cells
        >>> cells = (Cell("marketing", "winback"), Cell("cs", "renewal"))
        >>> table = CellTable(cells, np.array([600.0, 40.0]), np.array([6.0, 4.0]), revenue=2000.0)
        >>> now = calibrate_cells(table, EvidenceSet.independent([]))
        >>> ranked = rank_experiments(now, [Candidate(c.journey, frozenset({c}), 20.0, 100.0) for c in cells])
        >>> [row.candidate.name for row in ranked.rows]
        ['winback', 'renewal']
    """
    if not candidates:
        raise InputError("there is no experiment to choose from", hint="name at least one candidate")
    table = posterior.table
    unknown = set(costs or {}) - set(table.functions)
    if unknown:
        raise InputError(
            f"costs name {', '.join(sorted(unknown))}, which the ledger does not hold",
            hint=f"its functions are {', '.join(table.functions)}",
        )
    members = np.array([[cell.function == name for cell in table.cells] for name in table.functions], dtype=float)
    paid = np.array([(costs or {}).get(name, np.nan) for name in table.functions])
    rows = [_suggestion(posterior, candidate, members, paid) for candidate in candidates]
    rows.sort(key=lambda row: (-row.per_risk, row.candidate.name))
    return NextExperiments(tuple(rows), costs is not None)


def _suggestion(posterior: Posterior, candidate: Candidate, members: FloatArray, costs: FloatArray) -> Suggestion:
    off = np.array([cell in candidate.off for cell in posterior.table.cells])
    if off.sum() < len(candidate.off):
        raise InputError(
            f"the candidate {candidate.name!r} would switch off cells that the ledger does not hold",
            hint="name cells of the reporting period",
        )
    means, variances, drops = posterior.after_test(members, off, candidate.standard_error**2)
    weights = posterior.weights.sum(axis=1)
    average = weights @ drops
    known_now = weights @ variances
    value = float(weights @ _value_of_deciding(means, np.sqrt(np.maximum(drops, 0.0)), costs))
    drop = float(average.sum())
    gain = drop if np.isnan(costs).all() else value
    return Suggestion(candidate, drop, drop / float(known_now.sum()), value, gain / candidate.at_risk)


def _value_of_deciding(means: FloatArray, moves: FloatArray, costs: FloatArray) -> FloatArray:
    """Return the expected gain of deciding after the test rather than now; shape (points,).

    A function is kept where its credit exceeds its cost. Its posterior mean will move by a Normal of standard deviation
    ``moves``; the gain is E max(0, mean') - max(0, mean), mean taken net of the cost.
    """
    net = means - costs
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(moves > 0, net / moves, np.inf * np.sign(net))
    density = np.exp(-0.5 * np.minimum(z**2, 1e4)) / np.sqrt(2 * np.pi)
    later = net * ndtr(z) + moves * density
    gain = np.maximum(later - np.maximum(net, 0.0), 0.0)
    return np.asarray(np.nansum(gain, axis=1))
