"""Times to an event: restricted means compared, with the log-rank test and the curves beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from incrementality.errors import InputError, ValueNotAllowed
from incrementality.lift.clustered import clustered_pair
from incrementality.lift.readout import LogRankTest, SurvivalLine
from incrementality.lift.wording import log_rank_sentence
from incrementality.stats import (
    MeanEstimate,
    cluster_estimate,
    cluster_mean,
    compare_means,
    intraclass_correlation,
    kaplan_meier,
    log_rank,
    moments_of_rows,
    restricted_mean,
    restricted_mean_pseudo_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.lift.sample import MetricSample
    from incrementality.outcomes import UnitRows
    from incrementality.stats import Comparison, Moments

    Floats = NDArray[np.float64]

__all__ = ["TimesOfArms", "horizon_of", "log_rank_tests", "survival_lines", "times_of_arms"]

_POINTS = 91
_PSEUDO = "time"


@dataclass(frozen=True, slots=True)
class TimesOfArms:
    """One time metric's units: who was watched for how long, and whether the event came.

    Attributes:
        part: The metric and its units.
        experiment: The experiment.
        rows: Days and events of all planned arms, in the experiment's order of arms.
        weights: Each stratum's share of all units; one stratum where units were not drawn within strata.
    """

    part: MetricSample
    experiment: Experiment
    rows: UnitRows
    weights: tuple[float, ...]

    @property
    def metric(self) -> PlannedMetric:
        """The metric."""
        return self.part.metric

    def of(self, arm: str, stratum: int | None = None) -> tuple[Floats, Floats]:
        """Return the days and events of an arm, within a stratum or over all of them."""
        place = [each.name for each in self.experiment.arms].index(arm)
        kept = self.rows.arm == place
        kept = kept if stratum is None else kept & (self.rows.stratum == stratum)
        return self.rows.outcomes[0][kept], self.rows.outcomes[1][kept]

    def watched(self) -> TimesOfArms:
        """Return the same units with the end of the watch as the event: how long the arms were looked at."""
        days, came = self.rows.outcomes
        return replace(self, rows=replace(self.rows, outcomes=(days, 1 - came)))

    def mean(self, arm: str, horizon: float) -> MeanEstimate:
        """Return an arm's restricted mean, strata weighted by their share of all units; its variance by cluster."""
        if self.rows.cluster is not None:
            own = cluster_mean(self._moments(horizon).select((arm,)), [_PSEUDO])
            return cluster_estimate(own, float(intraclass_correlation([own])))
        parts = [restricted_mean(kaplan_meier(*self.of(arm, s)), horizon) for s in range(len(self.weights))]
        return MeanEstimate(
            value=sum(w * part.value for w, part in zip(self.weights, parts, strict=True)),
            variance=sum(w**2 * part.variance for w, part in zip(self.weights, parts, strict=True)),
            df=float("inf"),
        )

    def compare(self, arm: str, horizon: float) -> tuple[Comparison, tuple[float, float]]:
        """Return an arm's comparison with the control, and both restricted means.

        Raises:
            InputError: The horizon is beyond the follow-up of an arm.
            TooFewClusters: Whole clusters were randomised, too few or too unequal for an interval.
        """
        alpha, control = self.experiment.alpha, self.experiment.control.name
        if self.rows.cluster is None:
            one, other = self.mean(arm, horizon), self.mean(control, horizon)
            return compare_means(one, other, alpha=alpha), (one.value, other.value)
        part = replace(self.part, reduction=replace(self.part.reduction, moments=self._moments(horizon)))
        pair = clustered_pair(part, self.experiment, arm, columns=[_PSEUDO])
        return pair.compare(alpha=alpha), (pair.treatment.value, pair.control.value)

    def _moments(self, horizon: float) -> Moments:
        """Pseudo-observations by arm and stratum, with their clusters."""
        keys, values, clusters = [], [], []
        cluster = self.rows.cluster if self.rows.cluster is not None else np.arange(len(self.rows.arm))
        for place, arm in enumerate(self.experiment.arms):
            for stratum in range(len(self.weights)):
                kept = (self.rows.arm == place) & (self.rows.stratum == stratum)
                values.append(restricted_mean_pseudo_values(*self.of(arm.name, stratum), horizon))
                clusters.append(cluster[kept])
                keys.append((arm.name, f"{stratum:03d}"))
        groups = np.repeat(np.arange(len(keys)), [len(part) for part in values])
        found = moments_of_rows(
            {_PSEUDO: np.concatenate(values)},
            groups=[f"{k:06d}" for k in groups],
            clusters=np.concatenate(clusters),
        )
        return replace(found, groups=tuple(keys))


def horizon_of(metric: PlannedMetric) -> float:
    """Return the days at which a time metric's mean is cut."""
    if metric.window is None:
        raise InputError(f"metric {metric.name!r} has no window", hint="write the horizon: window: 90d")
    return metric.window.total_seconds() / 86400


def times_of_arms(part: MetricSample, experiment: Experiment, rows: UnitRows) -> TimesOfArms:
    """Return a time metric's units, with their values checked.

    Raises:
        ValueNotAllowed: Days are negative, or events are neither 0 nor 1.
    """
    days, came = rows.outcomes
    bad = int((days < 0).sum()), int(((came != 0) & (came != 1)).sum())
    if any(bad):
        raise ValueNotAllowed(
            f"metric {part.metric.name!r} has {bad[0]:,} negative days and {bad[1]:,} events that are neither 0 nor 1",
            hint="export the days from the decision on, and 1 where the event came",
        )
    counts = np.bincount(rows.stratum)
    return TimesOfArms(part, experiment, rows, tuple((counts / counts.sum()).tolist()))


def log_rank_tests(times: TimesOfArms) -> Iterator[LogRankTest]:
    """Yield each arm's log-rank test against the control; none where clusters or strata were randomised."""
    if times.rows.cluster is not None or len(times.weights) > 1:
        return
    control = times.of(times.experiment.control.name)
    for arm in times.experiment.treatments:
        own = times.of(arm.name)
        label = np.repeat([0, 1], [len(control[0]), len(own[0])])
        horizon = horizon_of(times.metric)
        days = np.concatenate([control[0], own[0]])
        came = np.where(days <= horizon, np.concatenate([control[1], own[1]]), 0.0)
        try:
            answer = log_rank(np.minimum(days, horizon), came, label)
        except InputError:
            continue  # without an event there is no hazard to compare; the check of enough events says so
        yield LogRankTest(
            metric=times.metric.name,
            arm=arm.name,
            control=times.experiment.control.name,
            statistic=answer.statistic,
            df=answer.df,
            pvalue=answer.pvalue,
            sentence=log_rank_sentence(times.metric.name, arm.name, answer.pvalue, alpha=times.experiment.alpha),
        )


def survival_lines(times: TimesOfArms) -> Iterator[SurvivalLine]:
    """Yield each arm's share without the event from the decision to the horizon, control first."""
    horizon = horizon_of(times.metric)
    grid = np.linspace(0.0, horizon, _POINTS)
    for arm in (times.experiment.control, *times.experiment.treatments):
        parts = [_shares(*times.of(arm.name, s), grid) for s in range(len(times.weights))]
        shares = sum(w * part for w, part in zip(times.weights, parts, strict=True))
        yield SurvivalLine(
            metric=times.metric.name,
            arm=arm.name,
            days=tuple(grid.tolist()),
            shares=tuple(np.asarray(shares).tolist()),
            at_risk=tuple(int((times.of(arm.name)[0] >= day).sum()) for day in grid[:: _POINTS // 3]),
        )


def _shares(days: Floats, came: Floats, grid: Floats) -> Floats:
    curve = kaplan_meier(days, came)
    place = np.searchsorted(curve.times, grid, side="right") - 1
    return np.asarray(np.where(place >= 0, np.append(curve.survival, 1.0)[place], 1.0))
