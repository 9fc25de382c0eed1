"""Who is compared with whom: the planned arms, and for each metric the moments of the units that have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.errors import EmptyArm, InputError, did_you_mean
from incrementality.outcomes import (
    LATER_ENTRY,
    count_clusters_in_several_arms,
    count_clusters_in_several_strata,
    count_ids,
    count_refused,
    first_entries,
    settle,
    take_draws,
    take_standing,
)

if TYPE_CHECKING:
    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.outcomes import Draws, Entries, IdCounts, Standing, UnitTable
    from incrementality.stats import Moments
    from incrementality.warehouse import GroupValue, Reduction

__all__ = ["MetricSample", "Sample", "take_sample"]

_FEWEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSample:
    """The units in which one metric is present.

    Attributes:
        metric: The metric.
        reduction: Moments of those units, by arm (and stratum).
        complete: Whether these are not all units, so that passes over rows must leave the others out.
        missing: Units of each planned arm in which it is missing.
        units: Units of each planned arm.
    """

    metric: PlannedMetric
    reduction: Reduction
    complete: bool
    missing: dict[str, int]
    units: dict[str, int]

    def arm(self, name: str) -> Moments:
        """Return the arm's moments."""
        return self.reduction.moments.select((name,))

    def nonzero(self, name: str) -> int:
        """Return the arm's converted units, or its paying units."""
        moments, column = self.reduction.moments, self.metric.columns[0]
        rows = [i for i, group in enumerate(moments.groups) if group[0] == name]
        if column in self.reduction.nonzero:
            return int(self.reduction.nonzero[column][rows].sum())
        return round(float(moments.sums[rows, moments.columns.index(column)].sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The units of an experiment's planned arms.

    Attributes:
        table: The unit table that they stand in.
        reduction: Moments of all rows of the population, in planned arms or not.
        metrics: The units of each metric.
        values: The engine's own value of each planned arm.
        refused: Rows without an arm, a stratum or a cluster, or outside the population, by reason.
        ids: How many ids repeat; ``None`` where the row number is the unit.
        clusters_in_several_arms: Clusters with units in more than one arm.
        standing: Every assigned unit, in the population or not; ``None`` where nothing about it is mapped.
        draws: The assigned units by arm and period; ``None`` where neither ``t0`` nor ``p_arm`` is mapped.
        entries: What became of later rows of the same units; ``None`` where rows are counted as they are.
    """

    table: UnitTable
    reduction: Reduction
    metrics: tuple[MetricSample, ...]
    values: dict[str, GroupValue]
    refused: dict[str, int]
    ids: IdCounts | None
    clusters_in_several_arms: int
    standing: Standing | None = None
    draws: Draws | None = None
    entries: Entries | None = None

    @property
    def experiment(self) -> Experiment:
        """The experiment."""
        return self.table.experiment

    @property
    def moments(self) -> Moments:
        """Moments of all units of the planned arms."""
        return self.reduction.moments.select(*((arm.name,) for arm in self.experiment.arms))

    @property
    def unplanned(self) -> dict[str, int]:
        """Rows of arms that were not planned."""
        planned = {arm.name for arm in self.experiment.arms}
        found: dict[str, int] = {}
        for group, n in zip(self.reduction.moments.groups, self.reduction.moments.n, strict=True):
            if group[0] not in planned:
                found[group[0]] = found.get(group[0], 0) + int(n)
        return found

    def units(self, arm: str) -> int:
        """Return the arm's units."""
        return int(self.moments.select((arm,)).n.sum())

    def clusters(self, arm: str) -> int | None:
        """Return the arm's clusters, where whole clusters were randomised."""
        clusters = self.moments.select((arm,)).clusters
        return None if clusters is None else int(clusters.count.sum())


def take_sample(table: UnitTable) -> Sample:
    """Reduce the unit table to what the analysis needs.

    Raises:
        EmptyArm: A planned arm has fewer than two units, or fewer than two with one of the metrics.
        InvalidUnitId: Ids that are null or blank.
        InputError: A cluster lies in more than one stratum.
        ValueNotAllowed: A column holds values that its metric does not allow.
    """
    ids = count_ids(table)
    table, entries = first_entries(table, ids)
    table, reduction = settle(table)
    _check_arms(table, reduction)
    _check_clusters(table)
    values = {group[0]: raw[0] for group, raw in zip(reduction.moments.groups, reduction.values, strict=True)}
    return Sample(
        table=table,
        reduction=reduction,
        metrics=tuple(_metric_sample(table, reduction, metric) for metric in table.experiment.metrics),
        values={arm.name: values[arm.name] for arm in table.experiment.arms},
        refused=({LATER_ENTRY: entries.later} if entries else {}) | count_refused(table, reduction),
        ids=ids,
        clusters_in_several_arms=count_clusters_in_several_arms(table),
        standing=take_standing(table),
        draws=take_draws(table),
        entries=entries,
    )


def _check_arms(table: UnitTable, reduction: Reduction) -> None:
    column, found = table.experiment.data.arm, sorted({group[0] for group in reduction.moments.groups})
    of_whom = " that count (eligible, mature)" if table.rule.kept else ""
    for arm in table.experiment.arms:
        moments = reduction.moments.select((arm.name,))
        units = moments.clusters.count.sum() if moments.clusters is not None else moments.n.sum()
        if units < _FEWEST:
            holds = f"{units:.0f} {'clusters' if moments.clusters is not None else 'units'}"
            raise EmptyArm(
                f"the planned arm {arm.name!r} has {holds}{of_whom} in column {column!r} of {table.source}; "
                f"the column holds: {', '.join(map(repr, found[:10])) or 'nothing'}."
                + did_you_mean(arm.name, (name for name in found if name != arm.name)),
                hint="write the arm's name exactly as the column spells it, or check the export",
            )


def _check_clusters(table: UnitTable) -> None:
    if mixed := count_clusters_in_several_strata(table):
        data = table.experiment.data
        raise InputError(
            f"{mixed:,} values of the cluster {data.cluster!r} lie in more than one {data.stratum!r}; "
            f"whole clusters are randomised within one stratum",
            hint="use a stratum of the cluster, for instance the account's own, or drop data.stratum",
        )


def _metric_sample(table: UnitTable, reduction: Reduction, metric: PlannedMetric) -> MetricSample:
    moments = reduction.moments
    k = moments.indices(metric.columns)
    units = {arm.name: int(moments.select((arm.name,)).n.sum()) for arm in table.experiment.arms}
    if (moments.count[:, k] == moments.n[:, None]).all():
        return MetricSample(
            metric=metric, reduction=reduction, complete=False, missing=dict.fromkeys(units, 0), units=units
        )
    part = table.reduce(outcomes=metric.columns, complete=True)
    present = {name: int(part.moments.select((name,)).n.sum()) for name in units}
    for name, count in present.items():
        if count < _FEWEST:
            raise EmptyArm(
                f"metric {metric.name!r} is present in {count} of {units[name]:,} units of arm {name!r}",
                hint="check how its column is exported; a missing outcome is not a zero",
            )
    missing = {name: units[name] - count for name, count in present.items()}
    return MetricSample(metric=metric, reduction=part, complete=True, missing=missing, units=units)
