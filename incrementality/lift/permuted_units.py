"""The units that a permutation relabels: those with a value fetched, those at zero only counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from incrementality.outcomes import unit_values
from incrementality.outcomes.by_date import reduce_by_date

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.warehouse import GroupValue

__all__ = ["PermutedUnits", "stratum_values", "units_to_permute"]


class PermutedUnits(NamedTuple):
    """The units of two arms, one entry a unit.

    Attributes:
        values: The outcome, or a ratio's numerator, shape (n,).
        denominator: A ratio's denominator, shape (n,); ``None`` for others.
        treated: Whether a unit is in the treatment arm, shape (n,).
        stratum: The stratum in which it was drawn, from 0, shape (n,).
        entry: The first of the dates on which it counts, from 0, shape (n,); all 0 without dates.
        fetched: Units whose outcome is not zero.
    """

    values: NDArray[np.float64]
    denominator: NDArray[np.float64] | None
    treated: NDArray[np.bool_]
    stratum: NDArray[np.int64]
    entry: NDArray[np.int64]
    fetched: int


def units_to_permute(sample: Sample, part: MetricSample, arm: str, dates: Sequence[datetime] = ()) -> PermutedUnits:
    """Return the units of an arm and the control in which a metric is present.

    Args:
        sample: The units.
        part: The metric.
        arm: The treatment arm.
        dates: Dates (UTC, without a zone) by the first of which units are told apart, ascending, the last one that of
            the data cut; ``t0`` is mapped then.
    """
    arms, raw = [arm, sample.experiment.control.name], stratum_values(part)
    strata = sorted({group[1:] for group in part.reduction.moments.groups if group[0] in arms})
    found = unit_values(
        sample.table,
        part.metric.columns,
        [sample.values[name] for name in arms],
        [raw[stratum[0]] for stratum in strata if stratum],
        dates=dates,
    )
    moments = reduce_by_date(sample.table, part.metric, dates).moments if dates else part.reduction.moments
    units = dict(zip(moments.groups, moments.n, strict=True))
    cells = [(a, s, k) for a in (0, 1) for s in range(len(strata)) for k in range(max(1, len(dates)))]
    keys = [(arms[a], *strata[s], *([str(k)] if dates else [])) for a, s, k in cells]
    place = np.column_stack([found.arm, found.stratum, found.entry])
    zeros = [
        round(float(units.get(key, 0.0))) - int((place == cell).all(1).sum())
        for key, cell in zip(keys, cells, strict=True)
    ]
    everyone = np.concatenate([place, np.repeat(np.array(cells), zeros, axis=0)])
    columns = [np.concatenate([values, np.zeros(sum(zeros))]) for values in found.outcomes]
    return PermutedUnits(
        values=columns[0],
        denominator=columns[1] if len(columns) > 1 else None,
        treated=everyone[:, 0] == 0,
        stratum=everyone[:, 1],
        entry=everyone[:, 2],
        fetched=len(found.arm),
    )


def stratum_values(part: MetricSample) -> dict[str, GroupValue]:
    """Return the engine's own value of each stratum, by its label."""
    reduction = part.reduction
    return {
        group[1]: raw[1]
        for group, raw in zip(reduction.moments.groups, reduction.values, strict=True)
        if len(group) > 1
    }
