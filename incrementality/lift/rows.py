"""Metrics that need the units themselves: times to an event and quantiles, each fetched as a few arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.errors import InputError, TooFewClusters
from incrementality.lift.censoring import censoring_check, events_check
from incrementality.lift.permuted_units import stratum_values
from incrementality.lift.quantiles import quantile_estimates, quantile_means
from incrementality.lift.readout import ArmMean
from incrementality.lift.regressions import check_strata
from incrementality.lift.stating import lift_estimate
from incrementality.lift.times import horizon_of, log_rank_tests, survival_lines, times_of_arms
from incrementality.outcomes import unit_rows
from incrementality.stats import two_sided_critical_value

if TYPE_CHECKING:
    from incrementality.estimates import CheckResult, LiftEstimate
    from incrementality.experiment import PlannedMetric
    from incrementality.lift.readout import LogRankTest, SurvivalLine
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.lift.times import TimesOfArms
    from incrementality.outcomes import UnitRows
    from incrementality.warehouse import GroupValue

__all__ = ["RowAnswer", "compare_rows", "needs_rows", "take_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAnswer:
    """What the units of one metric say.

    Attributes:
        estimates: Each arm against the control.
        means: The metric in each arm, control first.
        checks: Checks of censoring and of the number of events; none for quantiles.
        log_ranks: The log-rank tests of a time, a line of their own.
        curves: The curves of a time.
    """

    estimates: tuple[LiftEstimate, ...]
    means: tuple[ArmMean, ...]
    checks: tuple[CheckResult, ...] = ()
    log_ranks: tuple[LogRankTest, ...] = ()
    curves: tuple[SurvivalLine, ...] = ()


def needs_rows(metric: PlannedMetric) -> bool:
    """Return whether sums of a metric's columns do not answer it."""
    return metric.kind in {"time", "quantile"}


def take_rows(sample: Sample) -> dict[str, RowAnswer]:
    """Answer every metric that needs the units, by its name; one fetch of the columns of each.

    Raises:
        InputError: A horizon is beyond the follow-up, units are too few for a quantile, or quantiles within strata.
        TooFewClusters: Whole clusters were randomised, too few or too unequal for an interval.
        ValueNotAllowed: Days are negative, or events are neither 0 nor 1.
    """
    parts = [part for part in sample.metrics if needs_rows(part.metric)]
    return {part.metric.name: _answered(sample, part, tested=len(parts)) for part in parts}


def _answered(sample: Sample, part: MetricSample, *, tested: int) -> RowAnswer:
    rows = _fetched(sample, part)
    with _Named(part.metric.name):
        if part.metric.kind == "quantile":
            return RowAnswer(
                estimates=quantile_estimates(part, sample.experiment, rows),
                means=quantile_means(part, sample.experiment, rows),
            )
        times = times_of_arms(part, sample.experiment, rows)
        return RowAnswer(
            estimates=_time_estimates(times),
            means=_time_means(times),
            checks=(censoring_check(times, tested=tested), events_check(times)),
            log_ranks=tuple(log_rank_tests(times)),
            curves=tuple(survival_lines(times)),
        )


def compare_rows(sample: Sample, part: MetricSample, within: tuple[str, GroupValue]) -> tuple[LiftEstimate, ...]:
    """Return a metric's comparisons within one value of a segment.

    Args:
        sample: The units.
        part: The metric, and the moments of the units within.
        within: The segment's column, and the engine's own value.

    Raises:
        InputError: As for ``take_rows``.
        TooFewClusters: As for ``take_rows``.
    """
    names = [arm.name for arm in sample.experiment.arms]
    rows = unit_rows(sample.table, part.metric.columns, [sample.values[name] for name in names], within=within)
    with _Named(part.metric.name):
        if part.metric.kind == "quantile":
            return quantile_estimates(part, sample.experiment, rows)
        return _time_estimates(times_of_arms(part, sample.experiment, rows))


def _fetched(sample: Sample, part: MetricSample) -> UnitRows:
    experiment = sample.experiment
    names = [arm.name for arm in experiment.arms]
    planned = part.reduction.moments.select(*((name,) for name in names))
    if part.metric.kind == "quantile" and experiment.data.stratum is not None:
        raise InputError(
            f"metric {part.metric.name!r} is a quantile, and quantiles are not compared within strata: those of the "
            f"values of {experiment.data.stratum!r} do not add up to that of all",
            hint="drop the metric, or read the share of units above a fixed value as a conversion",
        )
    check_strata(experiment, planned)
    strata = sorted({group[1] for group in planned.groups if len(group) > 1})
    raw = stratum_values(part)
    arms = [sample.values[name] for name in names]
    return unit_rows(sample.table, part.metric.columns, arms, [raw[stratum] for stratum in strata])


class _Named:
    """Puts the metric's name in front of what a statistic refuses."""

    def __init__(self, metric: str) -> None:
        self._metric = metric

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, InputError) and not isinstance(error, TooFewClusters) and self._metric not in str(error):
            raise InputError(f"metric {self._metric!r}: {error.message}", hint=error.hint) from error


def _time_estimates(times: TimesOfArms) -> tuple[LiftEstimate, ...]:
    horizon, data = horizon_of(times.metric), times.experiment.data
    what = f"restricted mean time up to {horizon:g} days (Kaplan-Meier)"
    if data.cluster is not None:
        what += f", pseudo-observations, whole groups of {data.cluster}, CR2 with Satterthwaite's degrees of freedom, t"
    else:
        what += f"{' within strata' if len(times.weights) > 1 else ''}, Greenwood's variance, z"
    found = []
    for arm in times.experiment.treatments:
        comparison, means = times.compare(arm.name, horizon)
        method = f"{what}; relative by Fieller"
        found.append(lift_estimate(times.part, times.experiment, arm.name, comparison, means=means, method=method))
    return tuple(found)


def _time_means(times: TimesOfArms) -> tuple[ArmMean, ...]:
    horizon, found = horizon_of(times.metric), []
    for arm in (times.experiment.control, *times.experiment.treatments):
        mean, (days, came) = times.mean(arm.name, horizon), times.of(arm.name)
        half = two_sided_critical_value(times.experiment.alpha, mean.df) * mean.variance**0.5
        found.append(
            ArmMean(
                metric=times.metric.name,
                arm=arm.name,
                n=len(days),
                mean=mean.value,
                standard_error=mean.variance**0.5,
                ci_lower=mean.value - half,
                ci_upper=mean.value + half,
                events=int((came[days <= horizon]).sum()),
            )
        )
    return tuple(found)
