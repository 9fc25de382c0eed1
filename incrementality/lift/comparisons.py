"""The effect of each arm on each metric: unadjusted, and adjusted for covariates where they are declared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from incrementality.errors import ControlMeanZero, EmptyArm, ValueNotAllowed
from incrementality.estimates import LiftEstimate
from incrementality.lift.wording import sentence_of
from incrementality.stats import (
    AdjustedMean,
    Comparison,
    MeanEstimate,
    adjust_mean,
    compare_means,
    compare_proportions,
    estimate_mean,
    holm,
    independent_covariates,
    robust_estimate,
    small_sample_power,
)
from incrementality.warehouse import ArmFit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import Moments

__all__ = ["compare_arms", "compare_metric", "is_score_test", "is_zero", "lift_estimate", "mean_of", "population_of"]

_FEWEST = 2
_ROUNDING = 1e-12  # a mean below this share of the level around which it was summed is zero
_HETEROSKEDASTIC = {1: "HC2", 2: "HC3"}


def compare_arms(sample: Sample) -> tuple[LiftEstimate, ...]:
    """Return every comparison of the experiment, in the order of its metrics and arms.

    Holm's correction runs over the registered estimates of the primary metrics, all arms together.

    Raises:
        ControlMeanZero: A metric's control mean is zero, so that a relative effect does not exist.
        ValueNotAllowed: A ratio's denominator sums to zero in an arm.
    """
    experiment = sample.experiment
    for part in sample.metrics:
        _check_control_mean(part, experiment)
    estimates: list[LiftEstimate] = []
    strata = tuple(sample.table.strata)
    if strata:
        estimates += _by_regression(sample, sample.metrics, strata, adjusted=False)
    else:
        for part in sample.metrics:
            estimates += compare_metric(part, experiment)
    if sample.table.covariates:
        parts = [part for part in sample.metrics if part.metric.adjust]
        estimates += _by_regression(sample, parts, (*strata, *sample.table.covariates), adjusted=True)
    order = {metric.name: i for i, metric in enumerate(experiment.metrics)}
    estimates.sort(key=lambda estimate: (order[estimate.metric], estimate.adjusted))
    return tuple(replace(e, sentence=sentence_of(e)) for e in _with_holm(estimates))


def _check_control_mean(part: MetricSample, experiment: Experiment) -> None:
    metric, control = part.metric, experiment.control.name
    if metric.relative and mean_of(part, control).value == 0:
        raise ControlMeanZero(
            f"the control {control!r} has a mean of zero in metric {metric.name!r}; a relative lift does not exist",
            hint="check the column; if zero is right, write `relative: false` for this metric to read the difference",
        )


def mean_of(part: MetricSample, arm: str) -> MeanEstimate:
    """Return the arm's mean (or ratio); exactly zero where it is no more than the rounding of its sum."""
    moments, metric = part.arm(arm), part.metric
    if metric.denominator is not None and is_zero(moments, metric.denominator):
        raise ValueNotAllowed(
            f"the denominator {metric.denominator!r} of metric {metric.name!r} sums to zero in arm {arm!r}",
            hint="check the column, or choose another denominator",
        )
    estimate = estimate_mean(moments, *metric.columns)
    return replace(estimate, value=0.0) if is_zero(moments, metric.columns[0]) else estimate


def is_zero(moments: Moments, column: str) -> bool:
    """Return whether a mean is zero, but for the rounding of a sum around the column's shift."""
    k = moments.indices([column])[0]
    return bool(abs(moments.means()[k]) <= _ROUNDING * abs(moments.shift[k]))


def is_score_test(metric: PlannedMetric, experiment: Experiment) -> bool:
    """Return whether the metric is compared by the score test of two shares."""
    return metric.kind == "conversion" and experiment.data.cluster is None


def compare_metric(part: MetricSample, experiment: Experiment) -> list[LiftEstimate]:
    """Return the metric's unadjusted comparisons, each arm against the control."""
    metric, control = part.metric, experiment.control.name
    means = {arm.name: mean_of(part, arm.name) for arm in experiment.arms}
    method = _unadjusted_method(metric, experiment)
    found = []
    for arm in experiment.treatments:
        if is_score_test(metric, experiment):
            comparison = compare_proportions(
                part.nonzero(arm.name),
                int(part.arm(arm.name).n.sum()),
                part.nonzero(control),
                int(part.arm(control).n.sum()),
                alpha=experiment.alpha,
            )
        else:
            comparison = compare_means(means[arm.name], means[control], alpha=experiment.alpha)
        found.append(
            lift_estimate(
                part,
                experiment,
                arm.name,
                comparison,
                means=(means[arm.name].value, means[control].value),
                method=method,
            )
        )
    return found


def _unadjusted_method(metric: PlannedMetric, experiment: Experiment) -> str:
    if experiment.data.cluster is not None:
        return f"totals by {experiment.data.cluster}, CR1, t; relative by Fieller"
    if metric.kind == "conversion":
        return "Miettinen-Nurminen score interval and test"
    if metric.kind == "ratio":
        return "ratio of means, delta method, Welch t; relative by Fieller"
    return "difference in means, Welch t (HC2); relative by Fieller"


def lift_estimate(
    part: MetricSample,
    experiment: Experiment,
    arm: str,
    comparison: Comparison,
    *,
    means: tuple[float, float],
    method: str,
    adjusted: bool = False,
    segment: tuple[str, str] | None = None,
) -> LiftEstimate:
    """Return a comparison as the estimate that readouts hold; ``means`` are the arm's and the control's."""
    metric, relative = part.metric, part.metric.relative
    interval = comparison.rel_interval if relative else None
    return LiftEstimate(
        metric=metric.name,
        arm=arm,
        control=experiment.control.name,
        n_control=int(part.arm(experiment.control.name).n.sum()),
        n_treatment=int(part.arm(arm).n.sum()),
        control_mean=means[1],
        treatment_mean=means[0],
        effect=comparison.effect,
        standard_error=comparison.standard_error,
        effect_ci_lower=comparison.effect_interval.lower,
        effect_ci_upper=comparison.effect_interval.upper,
        rel_effect=comparison.rel_effect if interval else None,
        rel_effect_ci_lower=interval.lower if interval else None,
        rel_effect_ci_upper=interval.upper if interval else None,
        pvalue=comparison.pvalue,
        df=comparison.df if comparison.df < float("inf") else None,
        alpha=experiment.alpha,
        method=method,
        adjusted=adjusted,
        kind=metric.kind,
        unit=metric.unit,
        role=metric.role,
        direction=metric.direction,
        segment=segment,
        population=population_of(experiment),
    )


def population_of(experiment: Experiment) -> str:
    """Return whom the estimates are about, in words."""
    who = "eligible" if experiment.data.analysed == "eligible" else "assigned"
    mature = " whose outcome windows have closed" if experiment.data.data_cut is not None else ""
    return f"all {who} units{mature} (intention to treat)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """One metric's adjusted means by arm, and how their variance is formed."""

    part: MetricSample
    means: dict[str, AdjustedMean]
    power: int


def _by_regression(
    sample: Sample, parts: Sequence[MetricSample], columns: Sequence[str], *, adjusted: bool
) -> list[LiftEstimate]:
    """Compare every metric by Lin's regression on the columns; one pass over the rows for all of them."""
    fits = [_fit(sample, part, columns) for part in parts]
    whole = [fit for fit in fits if not fit.part.complete]
    estimates = _estimates_of(sample, whole, complete=False, adjusted=adjusted)
    for fit in fits:
        if fit.part.complete:
            estimates += _estimates_of(sample, [fit], complete=True, adjusted=adjusted)
    return estimates


def _fit(sample: Sample, part: MetricSample, columns: Sequence[str]) -> _Fit:
    planned = part.reduction.moments.select(*((arm.name,) for arm in sample.experiment.arms))
    _check_strata(sample.experiment, planned)
    kept = independent_covariates(planned, columns)
    target = dict(zip(planned.columns, map(float, planned.means()), strict=True))
    means = {
        arm.name: adjust_mean(part.arm(arm.name), outcomes=part.metric.columns, covariates=kept, target=target)
        for arm in sample.experiment.arms
    }
    smallest = min(mean.n for mean in means.values())
    return _Fit(part=part, means=means, power=small_sample_power(smallest, len(kept)))


def _check_strata(experiment: Experiment, planned: Moments) -> None:
    """Every arm needs a variance in every stratum; one that is absent would be compared with other strata."""
    if experiment.data.stratum is None:
        return
    units = planned.n if planned.clusters is None else planned.clusters.count
    found = dict(zip(planned.groups, map(int, units), strict=True))
    for stratum in sorted({group[1] for group in found}):
        for arm in experiment.arms:
            n = found.get((arm.name, stratum), 0)
            if n < _FEWEST:
                what = "units" if planned.clusters is None else "clusters"
                raise EmptyArm(
                    f"the stratum {stratum!r} of {experiment.data.stratum!r} has {n} {what} in arm {arm.name!r}; "
                    f"a stratum needs at least two in every arm",
                    hint="join small strata, or drop data.stratum",
                )


def _estimates_of(sample: Sample, fits: Sequence[_Fit], *, complete: bool, adjusted: bool) -> list[LiftEstimate]:
    if not fits:
        return []
    arms = [ArmFit(value=sample.values[arm], adjusted=tuple(fit.means[arm] for fit in fits)) for arm in fits[0].means]
    sums = sample.table.residual_sums(arms, power=fits[0].power, complete=complete)
    found: list[LiftEstimate] = []
    for m, fit in enumerate(fits):
        estimates = {
            arm: robust_estimate(mean, sums[i][m], clusters=_clusters(fit.part, arm))
            for i, (arm, mean) in enumerate(fit.means.items())
        }
        found += _compared(sample.experiment, fit, estimates, adjusted=adjusted)
    return found


def _clusters(part: MetricSample, arm: str) -> float | None:
    clusters = part.arm(arm).clusters
    return None if clusters is None else float(clusters.count.sum())


def _compared(
    experiment: Experiment, fit: _Fit, estimates: dict[str, MeanEstimate], *, adjusted: bool
) -> list[LiftEstimate]:
    control = estimates[experiment.control.name]
    variance = "CR1" if experiment.data.cluster is not None else _HETEROSKEDASTIC[fit.power]
    covariates = next(iter(fit.means.values())).covariates
    what = f"Lin regression on {len(covariates)} covariate columns" if adjusted else "stratified difference"
    if not covariates:
        what = f"difference in means, since no {'covariate' if adjusted else 'stratum'} varies in every arm"
    return [
        lift_estimate(
            fit.part,
            experiment,
            arm.name,
            compare_means(estimates[arm.name], control, alpha=experiment.alpha),
            means=(estimates[arm.name].value, control.value),
            method=f"{what}, {variance}, t; relative by Fieller",
            adjusted=adjusted,
        )
        for arm in experiment.treatments
    ]


def _with_holm(estimates: Sequence[LiftEstimate]) -> list[LiftEstimate]:
    """Holm's correction over the registered estimates of the primary metrics."""
    result = list(estimates)
    adjusted = {estimate.metric for estimate in result if estimate.adjusted}
    family = [i for i, e in enumerate(result) if e.role == "primary" and e.adjusted == (e.metric in adjusted)]
    for i, pvalue in zip(family, holm([result[i].pvalue for i in family]), strict=True):
        result[i] = replace(result[i], pvalue_adjusted=pvalue)
    return result
