"""Incremental credit: what each function, journey or segment caused, beside what it was credited with.

Three readings that are never mixed: the *fair share* adds up over rows and serves a budget split; the *removal* is what
would be lost if this row alone were switched off, serves a decision to cut, and never adds up; the *interaction* closes
the table. None of them answers "20 % less".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from incrementality.calibration.evidence import Evidence, EvidenceSet
from incrementality.calibration.posterior import Outliers, Posterior, calibrate_cells
from incrementality.display import DisplayMixin
from incrementality.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from incrementality.calibration.hyperparameters import HyperGrid
    from incrementality.calibration.mixture import Mixture

    FloatArray = NDArray[np.float64]

__all__ = ["CausedExceedsRevenue", "CreditTable", "Grouping", "IncrementalCredit", "Spread", "incremental_credit"]

Grouping = Literal["function", "journey", "variant", "segment"]

_SPLIT_NEEDED = 0.2
_FACTOR_RIGHT = (0.8, 1.25)
_SURE = 0.9
_IMPOSSIBLE = 0.01


class CausedExceedsRevenue(InputError):
    """More is estimated to have been caused than was earned: an experiment or the ledger is wrong."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A number with what is not known of it.

    Attributes:
        mean: Posterior mean.
        low: Lower end of the interval.
        high: Upper end.
        sd: Posterior standard deviation.
    """

    mean: float
    low: float
    high: float
    sd: float


@dataclass(frozen=True, slots=True)
class IncrementalCredit:
    """What one row of the table caused.

    Attributes:
        name: The function, journey, variant or segment.
        credited: What attribution credits it with.
        fair_share: Its part of what all of them caused together; parts add up.
        removal: What would be lost if it alone were switched off.
        factor: Fair share per credit; ``None`` where nothing was credited.
        split: Share of what is known of its part that comes from experiments, beyond the level of the whole, 0 to 1.
        recalibrate: Whether its credit is known to be off by more than a fifth, on evidence.
    """

    name: str
    credited: float
    fair_share: Spread
    removal: Spread
    factor: Spread | None
    split: float
    recalibrate: bool

    @property
    def prior_driven(self) -> bool:
        """Whether its part rests on the prior: experiments say little about how the whole is split."""
        return self.split < _SPLIT_NEEDED


@dataclass(frozen=True, slots=True)
class CreditTable(DisplayMixin):
    """Incremental credit by function, journey, variant or segment.

    Attributes:
        by: What the rows are.
        rows: One a name.
        total: What all caused together: what a perfect global holdout would measure.
        baseline: Revenue that would have happened anyway.
        interaction: ``total`` less the sum of this table's removals.
        revenue: All revenue of the period.
        level: Share of what is known of the total that comes from experiments, 0 to 1.
        loses: Probability that the programme as a whole loses money.
        confidence: Level of all intervals.
    """

    by: Grouping
    rows: tuple[IncrementalCredit, ...]
    total: Spread
    baseline: Spread
    interaction: float
    revenue: float
    level: float
    loses: float
    confidence: float

    def row(self, name: str) -> IncrementalCredit:
        """Return the row of a name.

        Raises:
            InputError: There is no such row.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise InputError(f"there is no {self.by} {name!r}", hint=f"there are {', '.join(r.name for r in self.rows)}")

    @property
    def sentence(self) -> str:
        """The answer in two sentences."""
        share = self.total.mean / self.revenue
        return (
            f"Contacts caused {100 * share:.0f} % of the revenue "
            f"({100 * self.confidence:.0f} % interval {100 * self.total.low / self.revenue:.0f} to "
            f"{100 * self.total.high / self.revenue:.0f} %); {100 * (1 - share):.0f} % would have happened anyway. "
            f"{self._basis()}"
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a name, then the interaction, the total and the baseline; removals are never summed."""
        named = [self._row(row) for row in self.rows]
        return (
            *named,
            {"name": "interaction", "removal": self.interaction},
            {"name": "total", **_ends("fair_share", self.total)},
            {"name": "would have happened anyway", **_ends("fair_share", self.baseline)},
        )

    def _row(self, row: IncrementalCredit) -> dict[str, object]:
        return {
            "name": row.name,
            "credited": row.credited,
            **_ends("fair_share", row.fair_share),
            **_ends("removal", row.removal),
            "factor": None if row.factor is None else row.factor.mean,
            "split": row.split,
            "basis": "prior-driven" if row.prior_driven else "evidence",
            "recalibrate": row.recalibrate,
        }

    def _basis(self) -> str:
        told = [row.name for row in self.rows if not row.prior_driven]
        if not told:
            return f"No experiment says how this is split between {self.by}s: every row is prior-driven."
        return f"Experiments speak of {', '.join(told)}; the other rows are prior-driven."


def incremental_credit(posterior: Posterior, *, by: Grouping = "function", confidence: float = 0.9) -> CreditTable:
    """Return what each function, journey, variant or segment caused.

    Args:
        posterior: What credit and experiments say of the cells.
        by: What the rows are.
        confidence: Level of the intervals.

    Raises:
        CausedExceedsRevenue: The probability that more was caused than earned is above 1 %.

    References:
        Shapley (1953), A value for n-person games, https://doi.org/10.1515/9781400881970-018, for the fair share.

    Examples:
        >>> from incrementality.calibration import Cell, CellTable, Evidence, EvidenceSet, calibrate_cells
        >>> cells = (Cell("marketing", "winback"), Cell("cs", "renewal"))
        >>> table = CellTable(cells, np.array([60.0, 40.0]), np.array([6.0, 4.0]), revenue=200.0)
        >>> told = EvidenceSet.independent([Evidence("winback", frozenset(cells[:1]), 30.0, 4.0)])
        >>> credit = incremental_credit(calibrate_cells(table, told))
        >>> [(row.name, round(row.fair_share.mean), row.prior_driven) for row in credit.rows]
        [('cs', 18, True), ('marketing', 30, False)]
    """
    table = posterior.table
    names = sorted({getattr(cell, by) for cell in table.cells})
    members = np.array([[getattr(cell, by) == name for cell in table.cells] for name in names])
    shares, removals, total = (
        posterior.fair_shares(members.astype(float)),
        posterior.removals(members),
        posterior.total(),
    )
    _refuse_impossible(total, table.revenue)
    credited = members @ table.credited
    spreads, losses = _spreads(shares, confidence), _spreads(removals, confidence)
    split = _split_evidence(posterior, members.astype(float))
    (whole,) = _spreads(total, confidence)
    rows = tuple(
        IncrementalCredit(
            name,
            float(credited[k]),
            spreads[k],
            losses[k],
            _divided(spreads[k], float(credited[k])),
            float(split[k]),
            _off(shares, k, float(credited[k])) and bool(split[k] >= _SPLIT_NEEDED),
        )
        for k, name in enumerate(names)
    )
    return CreditTable(
        by,
        rows,
        whole,
        Spread(table.revenue - whole.mean, table.revenue - whole.high, table.revenue - whole.low, whole.sd),
        whole.mean - sum(loss.mean for loss in losses),
        table.revenue,
        _level_evidence(posterior, total),
        float(total.below(0.0)[0]),
        confidence,
    )


def _refuse_impossible(total: Mixture, revenue: float) -> None:
    beyond = 1 - float(total.below(revenue)[0])
    if beyond > _IMPOSSIBLE:
        raise CausedExceedsRevenue(
            f"with probability {beyond:.2f} contacts caused more than the revenue of {revenue:,.0f}: "
            f"they are estimated at {total.mean[0]:,.0f}",
            hint="check that experiments and ledger speak of the same period, population, currency and revenue",
        )


def _spreads(found: Mixture, confidence: float) -> list[Spread]:
    low, high = found.interval(confidence)
    return [Spread(*map(float, ends)) for ends in zip(found.mean, low, high, found.sd, strict=True)]


def _divided(share: Spread, credited: float) -> Spread | None:
    if credited <= 0:
        return None
    return Spread(share.mean / credited, share.low / credited, share.high / credited, share.sd / credited)


def _off(shares: Mixture, k: int, credited: float) -> bool:
    """Whether caused per credited lies outside 0.8 to 1.25 with probability above 0.9."""
    if credited <= 0:
        return False
    low, high = (float(shares.below(bound * credited)[k]) for bound in _FACTOR_RIGHT)
    return 1 - (high - low) > _SURE


def _level_evidence(posterior: Posterior, total: Mixture) -> float:
    prior = calibrate_cells(posterior.table, EvidenceSet.independent([]), grid=posterior.grid)
    return max(0.0, float(1 - total.variance[0] / prior.total().variance[0]))


def _split_evidence(posterior: Posterior, members: FloatArray) -> FloatArray:
    """Return what experiments add to how the whole is split, beyond what they say of the whole.

    It is the lesser of two: given the total (by a global holdout, or as if one had measured it), and given the common
    share of credit that is caused. The first alone would call the rest of a total known once one part was tested; the
    second alone would take journey holdouts, which fix sums over functions, for evidence on each. Both are averaged
    over the grid by the same weights: that tests taught how unlike cells are is no evidence of which one earned what.
    """
    everything = frozenset(posterior.table.cells)
    known = posterior.evidence.where([row.off == everything for row in posterior.evidence.rows])
    all_told = posterior.evidence
    if not len(known):
        total = posterior.total()
        exact = Evidence("", everything, float(total.mean[0]), 1e-6 * float(total.variance[0]))
        known, all_told = EvidenceSet.independent([exact]), _with(all_told, exact)
    fixed = replace(posterior.grid, level_sd=1e-6 * posterior.grid.level_sd)
    given_total = _reduction(posterior, members, posterior.grid, all_told, known)
    given_level = _reduction(posterior, members, fixed, posterior.evidence, EvidenceSet.independent([]))
    return np.minimum(given_total, given_level)


def _reduction(
    posterior: Posterior, members: FloatArray, grid: HyperGrid, told: EvidenceSet, known: EvidenceSet
) -> FloatArray:
    weights = posterior.weights.sum(axis=1)
    after, before = (
        weights @ calibrate_cells(posterior.table, evidence, grid=grid, outliers=Outliers(0.0)).spread_at(members)
        for evidence in (told, known)
    )
    ratio = np.divide(after, before, out=np.ones(len(members)), where=before > 0)
    return np.asarray(np.clip(1 - ratio, 0.0, 1.0))


def _with(evidence: EvidenceSet, row: Evidence) -> EvidenceSet:
    m = len(evidence)
    covariance = np.zeros((m + 1, m + 1))
    covariance[:m, :m] = evidence.covariance
    covariance[m, m] = row.variance
    return EvidenceSet((*evidence.rows, row), covariance)


def _ends(name: str, spread: Spread) -> dict[str, object]:
    return {name: spread.mean, f"{name}_low": spread.low, f"{name}_high": spread.high}
