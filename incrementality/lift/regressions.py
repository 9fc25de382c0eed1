"""Each arm's effect by regression within arms: on strata, and on covariates measured before the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import EmptyArm
from incrementality.lift.clustered import adjusted_pair, clustered_estimate, clusters_of_arm, fits_in_memory
from incrementality.lift.residuals import Fit, residual_sums
from incrementality.lift.stating import lift_estimate
from incrementality.stats import (
    MeanEstimate,
    adjust_mean,
    compare_means,
    independent_covariates,
    robust_estimate,
    small_sample_power,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import Experiment
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import Moments

__all__ = ["check_strata", "compare_by_regression"]

_FEWEST = 2
_HETEROSKEDASTIC = {1: "HC2", 2: "HC3"}


def compare_by_regression(
    sample: Sample, parts: Sequence[MetricSample], columns: Sequence[str], *, adjusted: bool
) -> list[LiftEstimate]:
    """Compare metrics by Lin's regression on columns, each arm against the control.

    One pass over the rows serves all metrics that no unit misses; whole clusters take a pass for each metric and arm.

    Args:
        sample: The units.
        parts: The metrics.
        columns: Covariates, or indicators of strata.
        adjusted: Whether the columns hold more than strata.

    Raises:
        EmptyArm: A stratum has fewer than two units (clusters) in an arm.
        TooFewClusters: Whole clusters were randomised, too few or too unequal for an interval.
    """
    fits = [_fit(sample, part, columns) for part in parts]
    if sample.experiment.data.cluster is not None:
        small = [fit for fit in fits if fits_in_memory(fit.part, fit.means)]
        fits = [fit for fit in fits if fit not in small]
        return [e for fit in small for e in _clustered(sample, fit)] + _passes(sample, fits, adjusted=adjusted)
    return _passes(sample, fits, adjusted=adjusted)


def _clustered(sample: Sample, fit: Fit) -> list[LiftEstimate]:
    """CR2 of Lin's regression, from each cluster's cross products."""
    experiment = sample.experiment
    clusters = {arm: clusters_of_arm(sample, fit.part, arm, mean) for arm, mean in fit.means.items()}
    what = _what(fit, adjusted=True)
    found = []
    for arm in experiment.treatments:
        pair = adjusted_pair(fit.part, experiment, arm.name, clusters)
        found.append(clustered_estimate(fit.part, experiment, arm.name, pair, what, adjusted=True))
    return found


def _passes(sample: Sample, fits: Sequence[Fit], *, adjusted: bool) -> list[LiftEstimate]:
    whole = [fit for fit in fits if not fit.part.complete]
    estimates = _estimates_of(sample, whole, complete=False, adjusted=adjusted)
    for fit in fits:
        if fit.part.complete:
            estimates += _estimates_of(sample, [fit], complete=True, adjusted=adjusted)
    return estimates


def _fit(sample: Sample, part: MetricSample, columns: Sequence[str]) -> Fit:
    planned = part.reduction.moments.select(*((arm.name,) for arm in sample.experiment.arms))
    check_strata(sample.experiment, planned)
    kept = independent_covariates(planned, columns)
    target = dict(zip(planned.columns, map(float, planned.means()), strict=True))
    means = {
        arm.name: adjust_mean(part.arm(arm.name), outcomes=part.metric.columns, covariates=kept, target=target)
        for arm in sample.experiment.arms
    }
    smallest = min(mean.n for mean in means.values())
    return Fit(part=part, means=means, power=small_sample_power(smallest, len(kept)))


def check_strata(experiment: Experiment, planned: Moments) -> None:
    """Every arm needs a variance in every stratum; one that is absent would be compared with other strata.

    Raises:
        EmptyArm: A stratum has fewer than two units (clusters) in an arm.
    """
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


def _estimates_of(sample: Sample, fits: Sequence[Fit], *, complete: bool, adjusted: bool) -> list[LiftEstimate]:
    if not fits:
        return []
    sums = residual_sums(sample, fits, complete=complete)
    found: list[LiftEstimate] = []
    for m, fit in enumerate(fits):
        estimates = {
            arm: robust_estimate(mean, sums[m][arm], clusters=_clusters(fit.part, arm))
            for arm, mean in fit.means.items()
        }
        found += _compared(sample.experiment, fit, estimates, adjusted=adjusted)
    return found


def _clusters(part: MetricSample, arm: str) -> float | None:
    clusters = part.arm(arm).clusters
    return None if clusters is None else float(clusters.count.sum())


def _compared(
    experiment: Experiment, fit: Fit, estimates: dict[str, MeanEstimate], *, adjusted: bool
) -> list[LiftEstimate]:
    control = estimates[experiment.control.name]
    variance = "CR1" if experiment.data.cluster is not None else _HETEROSKEDASTIC[fit.power]
    what = _what(fit, adjusted=adjusted)
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


def _what(fit: Fit, *, adjusted: bool) -> str:
    covariates = next(iter(fit.means.values())).covariates
    if not covariates:
        return f"difference in means, since no {'covariate' if adjusted else 'stratum'} varies in every arm"
    return f"Lin regression on {len(covariates)} covariate columns" if adjusted else "stratified difference"
