"""How much each account moves each registered effect: what the covariance between experiments is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError
from incrementality.outcomes import identified_rows
from incrementality.stats import (
    adjusted_influence,
    difference_influence,
    independent_covariates,
    ratio_influence,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from incrementality.lift.evidence import ComparisonEvidence, Evidence
    from incrementality.lift.sample import MetricSample, Sample

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Keys = NDArray[np.bytes_]

__all__ = ["KEY_BYTES", "AccountInfluence", "account_influence"]

KEY_BYTES = 16
_MOST_UNITS = 5_000_000
_MOST_NUMBERS = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInfluence:
    """Influence values added up by account, or by unit where units were randomised one by one; A accounts.

    Attributes:
        keys: The key of each account, sorted, shape (A,); never its id.
        arm: Index of its arm in ``arms``, shape (A,); of an account in several arms, one of them.
        arms: The arms of the experiment.
        values: By (metric, arm): what each account adds to the error of the effect, shape (A,).
        skipped: Why there are no values: of all comparisons under the empty text, or by "metric, arm".
    """

    keys: Keys = field(default_factory=lambda: np.empty(0, dtype=f"S{KEY_BYTES}"))
    arm: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    arms: tuple[str, ...] = ()
    values: dict[tuple[str, str], Floats] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Units:
    """The rows that were fetched: the place of each one's account, its arm, its columns by name."""

    account: Ints
    arm: Ints
    columns: dict[str, Floats]

    def take(self, rows: NDArray[np.bool_]) -> _Units:
        return _Units(self.account[rows], self.arm[rows], {name: y[rows] for name, y in self.columns.items()})


def account_influence(
    sample: Sample, evidence: Evidence, *, key: Callable[[Sequence[str]], Sequence[bytes]]
) -> AccountInfluence:
    """Return the influence values of every comparison that is kept as evidence.

    Adjusted effects are of the population that the units come from, as pooling and calibration need them; strata
    enter as indicators. A ratio is linearised around each arm's own, before covariates.

    Args:
        sample: The units; only the columns that are needed are fetched, in one pass.
        evidence: The comparisons.
        key: Gives each id a key of ``KEY_BYTES`` bytes, which stands in its place from then on.
    """
    names = _needed(sample, evidence)
    if reason := _too_much(sample, len(names)):
        return AccountInfluence(skipped={"": reason})
    keys, units = _fetched(sample, names, key)
    arm = np.zeros(len(keys), dtype=np.int64)
    arm[units.account] = units.arm
    values: dict[tuple[str, str], Floats] = {}
    skipped: dict[str, str] = {}
    for comparison in evidence.comparisons:
        try:
            values[comparison.metric, comparison.arm] = _by_account(sample, comparison, units, len(keys))
        except InputError as error:
            skipped[f"{comparison.metric}, {comparison.arm}"] = error.message
    arms = tuple(each.name for each in sample.experiment.arms)
    return AccountInfluence(keys=keys, arm=arm, arms=arms, values=values, skipped=skipped)


def _too_much(sample: Sample, columns: int) -> str:
    data, units = sample.experiment.data, float(sample.moments.n.sum())
    if data.cluster is None and data.unit is None:
        return "the data has no unit ids"
    if data.block is not None:
        return "units were drawn within many small blocks"
    if units > _MOST_UNITS:
        return f"{units:,.0f} units are more than the {_MOST_UNITS:,} whose values are kept"
    if units * columns > _MOST_NUMBERS:
        return f"{columns} columns of {units:,.0f} units are more than the {_MOST_NUMBERS:,} numbers that are held"
    return ""


def _needed(sample: Sample, evidence: Evidence) -> tuple[str, ...]:
    parts = {part.metric.name: part for part in sample.metrics}
    outcomes = [name for c in evidence.comparisons for name in parts[c.metric].metric.columns]
    adjusted = any(c.adjusted for c in evidence.comparisons)
    beside = (*sample.table.strata, *(sample.table.covariates if adjusted else ()))
    return tuple(dict.fromkeys((*outcomes, *beside)))


def _fetched(
    sample: Sample, names: Sequence[str], key: Callable[[Sequence[str]], Sequence[bytes]]
) -> tuple[Keys, _Units]:
    """The accounts' keys, sorted, and the rows in an order that does not depend on the engine's."""
    keys, arms, columns = [], [], []
    for rows in identified_rows(sample.table, names, [sample.values[arm.name] for arm in sample.experiment.arms]):
        keys.append(np.array(key(rows.ids), dtype=f"S{KEY_BYTES}"))
        arms.append(rows.arm)
        columns.append(rows.columns)
    found, account = np.unique(np.concatenate(keys), return_inverse=True)
    arm, values = np.concatenate(arms), np.concatenate(columns)
    order = np.lexsort((*values.T, arm, account))
    by_name = {name: values[order, k] for k, name in enumerate(names)}
    return found, _Units(account[order].astype(np.int64), arm[order], by_name)


def _by_account(sample: Sample, comparison: ComparisonEvidence, units: _Units, accounts: int) -> Floats:
    part = next(part for part in sample.metrics if part.metric.name == comparison.metric)
    names = [arm.name for arm in sample.experiment.arms]
    pair = [names.index(comparison.arm), names.index(comparison.control)]
    present = np.isfinite([units.columns[name] for name in part.metric.columns]).all(axis=0)
    inside = units.take(np.isin(units.arm, pair) & present)
    values = _values(inside, part, _beside(sample, part, comparison), treated=inside.arm == pair[0])
    return np.bincount(inside.account, weights=values, minlength=accounts).astype(float)


def _beside(sample: Sample, part: MetricSample, comparison: ComparisonEvidence) -> tuple[str, ...]:
    """Indicators of strata, and covariates where the registered effect is adjusted."""
    planned = part.reduction.moments.select(*((arm.name,) for arm in sample.experiment.arms))
    covariates = tuple(sample.table.covariates) if comparison.adjusted else ()
    return independent_covariates(planned, (*sample.table.strata, *covariates))


def _values(units: _Units, part: MetricSample, beside: Sequence[str], *, treated: NDArray[np.bool_]) -> Floats:
    outcome, *below = (units.columns[name] for name in part.metric.columns)
    if not beside:
        if below:
            return ratio_influence(outcome, below[0], treated, accounts=units.account).values
        return difference_influence(outcome, treated, accounts=units.account).values
    if below:
        outcome = _linear(outcome, below[0], treated)
    design = np.column_stack([units.columns[name] for name in beside])
    return adjusted_influence(outcome, design, treated, accounts=units.account).values


def _linear(above: Floats, below: Floats, treated: NDArray[np.bool_]) -> Floats:
    """A ratio of sums as a mean, each arm around its own."""
    linear = np.empty(len(above))
    for side in (treated, ~treated):
        level = below[side].mean()
        linear[side] = (above[side] - above[side].mean() / level * below[side]) / level
    return linear
