"""The units that a permutation relabels: those with a value fetched, those at zero only counted; or whole accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from incrementality.outcomes import unit_rows, unit_values
from incrementality.outcomes.by_date import reduce_by_date

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.outcomes import UnitRows, UnitValues
    from incrementality.warehouse import GroupValue

__all__ = ["PermutedUnits", "clusters_by_arm", "stratum_values", "units_to_permute"]

_LABELS_A_CLUSTER = 500  # each relabelling of a cluster forms its part of CR2


class PermutedUnits(NamedTuple):
    """The units of two arms, one entry a unit.

    Attributes:
        values: The outcome, or a ratio's numerator, shape (n,).
        denominator: A ratio's denominator, shape (n,); ``None`` for others.
        treated: Whether a unit is in the treatment arm, shape (n,).
        stratum: The stratum in which it was drawn, from 0, shape (n,).
        entry: The first of the dates on which it counts, from 0, shape (n,); all 0 without dates.
        cluster: The cluster that was randomised whole, shape (n,); ``None`` where units were drawn one by one.
    """

    values: NDArray[np.float64]
    denominator: NDArray[np.float64] | None
    treated: NDArray[np.bool_]
    stratum: NDArray[np.int64]
    entry: NDArray[np.int64]
    cluster: NDArray[np.int64] | None = None

    @property
    def labels(self) -> int:
        """What one permutation costs, in units with a value."""
        if self.cluster is not None:
            return _LABELS_A_CLUSTER * len(np.unique(self.cluster))
        return int(np.count_nonzero(self.values))

    def randomised(self) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        """Return arm, stratum and first date of each unit, or cluster, that was drawn."""
        if self.cluster is None:
            return self.treated, self.stratum, self.entry
        order = np.lexsort((self.entry, self.cluster))
        first = order[np.unique(self.cluster[order], return_index=True)[1]]
        return self.treated[first], self.stratum[first], self.entry[first]


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
    drawn = [sample.values[name] for name in arms], [raw[stratum[0]] for stratum in strata if stratum]
    if sample.experiment.data.cluster is not None:
        return _whole_clusters(unit_rows(sample.table, part.metric.columns, *drawn, dates=dates))
    found = unit_values(sample.table, part.metric.columns, *drawn, dates=dates)
    moments = reduce_by_date(sample.table, part.metric, dates).moments if dates else part.reduction.moments
    units = dict(zip(moments.groups, moments.n, strict=True))
    cells = [(a, s, k) for a in (0, 1) for s in range(len(strata)) for k in range(max(1, len(dates)))]
    keys = [(arms[a], *strata[s], *([str(k)] if dates else [])) for a, s, k in cells]
    return _with_zeros(found, cells, [round(float(units.get(key, 0.0))) for key in keys])


def _with_zeros(found: UnitValues, cells: Sequence[tuple[int, int, int]], units: Sequence[int]) -> PermutedUnits:
    """The units fetched, and as many at zero as are missing in each cell of arm, stratum and date."""
    place = np.column_stack([found.arm, found.stratum, found.entry])
    zeros = [n - int((place == cell).all(1).sum()) for cell, n in zip(cells, units, strict=True)]
    everyone = np.concatenate([place, np.repeat(np.array(cells), zeros, axis=0)])
    columns = [np.concatenate([values, np.zeros(sum(zeros))]) for values in found.outcomes]
    return PermutedUnits(
        values=columns[0],
        denominator=columns[1] if len(columns) > 1 else None,
        treated=everyone[:, 0] == 0,
        stratum=everyone[:, 1],
        entry=everyone[:, 2],
    )


def _whole_clusters(rows: UnitRows) -> PermutedUnits:
    return PermutedUnits(
        values=rows.outcomes[0],
        denominator=rows.outcomes[1] if len(rows.outcomes) > 1 else None,
        treated=rows.arm == 0,
        stratum=rows.stratum,
        entry=rows.entry,
        cluster=clusters_by_arm(rows),
    )


def clusters_by_arm(rows: UnitRows) -> NDArray[np.int64]:
    """Return a number for each unit's cluster; one that stands in several arms counts once in each, as everywhere."""
    cluster = rows.arm if rows.cluster is None else rows.cluster
    return np.asarray(cluster * (int(rows.arm.max()) + 1) + rows.arm)


def stratum_values(part: MetricSample) -> dict[str, GroupValue]:
    """Return the engine's own value of each stratum, by its label."""
    reduction = part.reduction
    return {
        group[1]: raw[1]
        for group, raw in zip(reduction.moments.groups, reduction.values, strict=True)
        if len(group) > 1
    }
