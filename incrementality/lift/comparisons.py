"""The effect of each arm on each metric: unadjusted, and adjusted for covariates where they are declared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.errors import ValueNotAllowed
from incrementality.lift.blocked import compare_within_blocks
from incrementality.lift.clustered import clustered_estimate, clustered_pair
from incrementality.lift.conversions import compare_shares, is_score_test, is_tested_exactly
from incrementality.lift.corrections import corrected
from incrementality.lift.guard import guarded, take_guard
from incrementality.lift.regressions import check_strata, compare_by_regression
from incrementality.lift.rows import needs_rows, take_rows
from incrementality.lift.stating import lift_estimate
from incrementality.lift.wording import sentence_of
from incrementality.stats import (
    MeanEstimate,
    cluster_estimate,
    cluster_mean,
    compare_means,
    estimate_mean,
    intraclass_correlation,
)

if TYPE_CHECKING:
    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.lift.guard import Guard
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import Moments

__all__ = ["compare_arms", "compare_metric", "is_zero", "mean_of"]

_ROUNDING = 1e-12  # a mean below this share of the level around which it was summed is zero


def compare_arms(sample: Sample, guard: Guard | None = None) -> tuple[LiftEstimate, ...]:
    """Return every comparison of the experiment, in the order of its metrics and arms.

    P-values of registered estimates are corrected for their number, primaries and secondaries apart. A control without
    any value has a difference to it and no lift; see ``methods.states_lift``.

    Args:
        sample: The units.
        guard: What the small-holdout rule says; default: it is asked here.

    Raises:
        ValueNotAllowed: A ratio's denominator sums to zero in an arm.
        TooFewClusters: Whole clusters were randomised, too few or too unequal for an interval.
    """
    experiment = sample.experiment
    summed = [part for part in sample.metrics if not needs_rows(part.metric)]
    estimates: list[LiftEstimate] = []
    strata = tuple(sample.table.strata)
    if experiment.data.block is not None:
        estimates += [e for part in summed for e in compare_within_blocks(sample, part)]
    elif strata and experiment.data.cluster is None:
        estimates += compare_by_regression(sample, summed, strata, adjusted=False)
    else:
        for part in summed:
            check_strata(experiment, part.reduction.moments.select(*((arm.name,) for arm in experiment.arms)))
            estimates += compare_metric(part, experiment)
    if sample.table.covariates and experiment.data.block is None:
        parts = [p for p in summed if p.metric.adjust and not is_tested_exactly(p, experiment)]
        estimates += compare_by_regression(sample, parts, (*strata, *sample.table.covariates), adjusted=True)
    estimates = guarded(sample, take_guard(sample) if guard is None else guard, estimates)
    estimates += [e for answer in take_rows(sample).values() for e in answer.estimates]
    order = {metric.name: i for i, metric in enumerate(experiment.metrics)}
    estimates.sort(key=lambda estimate: (order[estimate.metric], estimate.adjusted))
    return tuple(replace(e, sentence=sentence_of(e)) for e in corrected(estimates, experiment))


def mean_of(part: MetricSample, arm: str) -> MeanEstimate:
    """Return the arm's mean (or ratio); exactly zero where it is no more than the rounding of its sum."""
    moments, metric = part.arm(arm), part.metric
    if metric.denominator is not None and is_zero(moments, metric.denominator):
        raise ValueNotAllowed(
            f"the denominator {metric.denominator!r} of metric {metric.name!r} sums to zero in arm {arm!r}",
            hint="check the column, or choose another denominator",
        )
    estimate = _own_estimate(moments, metric)
    return replace(estimate, value=0.0) if is_zero(moments, metric.columns[0]) else estimate


def _own_estimate(moments: Moments, metric: PlannedMetric) -> MeanEstimate:
    if moments.clusters is None:
        return estimate_mean(moments, *metric.columns)
    arm = cluster_mean(moments, metric.columns)
    return cluster_estimate(arm, float(intraclass_correlation([arm])))


def is_zero(moments: Moments, column: str) -> bool:
    """Return whether a mean is zero, but for the rounding of a sum around the column's shift."""
    k = moments.indices([column])[0]
    return bool(abs(moments.means()[k]) <= _ROUNDING * abs(moments.shift[k]))


def compare_metric(part: MetricSample, experiment: Experiment) -> list[LiftEstimate]:
    """Return the metric's unadjusted comparisons, each arm against the control; clusters also within strata.

    Raises:
        TooFewClusters: Whole clusters were randomised, too few or too unequal for an interval.
    """
    if experiment.data.cluster is not None:
        return _compare_clusters(part, experiment)
    metric, control = part.metric, experiment.control.name
    means = {arm.name: mean_of(part, arm.name) for arm in experiment.arms}
    method = _unadjusted_method(metric)
    found = []
    for arm in experiment.treatments:
        if is_score_test(metric, experiment):
            comparison, method = compare_shares(part, experiment, arm.name)
        else:
            comparison = compare_means(means[arm.name], means[control], alpha=experiment.alpha)
        values = means[arm.name].value, means[control].value
        found.append(lift_estimate(part, experiment, arm.name, comparison, means=values, method=method))
    return found


def _compare_clusters(part: MetricSample, experiment: Experiment) -> list[LiftEstimate]:
    within = " within strata" if len({group[1:] for group in part.reduction.moments.groups}) > 1 else ""
    what = "ratio of means, delta method" if part.metric.kind == "ratio" else "difference in means"
    method = f"{what}{within}, whole groups of {experiment.data.cluster}"
    return [
        clustered_estimate(part, experiment, arm.name, clustered_pair(part, experiment, arm.name), method)
        for arm in experiment.treatments
    ]


def _unadjusted_method(metric: PlannedMetric) -> str:
    if metric.kind == "ratio":
        return "ratio of means, delta method, Welch t; relative by Fieller"
    return "difference in means, Welch t (HC2); relative by Fieller"
