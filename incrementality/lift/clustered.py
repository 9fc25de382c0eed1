"""Comparisons where whole clusters, such as accounts, were randomised: CR2 with Satterthwaite's degrees of freedom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import TooFewClusters
from incrementality.lift.stating import lift_estimate
from incrementality.stats import adjusted_cluster_means, adjusted_clusters, cluster_means

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import Experiment
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import AdjustedClusters, AdjustedMean, ClusteredPair, Moments

__all__ = ["adjusted_pair", "clustered_estimate", "clustered_pair", "clusters_of_arm", "fits_in_memory"]

_CLUSTERED = "CR2 with Satterthwaite's degrees of freedom, t"
_MOST_NUMBERS = 40_000_000  # cross products of clusters held at once, in one arm


def clustered_pair(
    part: MetricSample, experiment: Experiment, arm: str, *, columns: Sequence[str] | None = None
) -> ClusteredPair:
    """Return an arm's and the control's means; strata are compared within and weighted by their units.

    Args:
        part: The metric and its moments by arm (and stratum).
        experiment: Says which arm is the control.
        arm: The arm.
        columns: Columns of the moments; default: the metric's own.

    Raises:
        TooFewClusters: Too few or too unequal clusters for an interval.
    """
    moments, control = part.reduction.moments, experiment.control.name
    planned = moments.select(*((each.name,) for each in experiment.arms))
    strata = sorted({group[1:] for group in planned.groups})
    units = [_units(planned, stratum) for stratum in strata]
    pairs = [(moments.select((arm, *stratum)), moments.select((control, *stratum))) for stratum in strata]
    try:
        return cluster_means(pairs, columns or part.metric.columns, shares=[n / sum(units) for n in units])
    except TooFewClusters as error:
        raise _named(error, part, experiment, arm) from error


def clustered_estimate(
    part: MetricSample, experiment: Experiment, arm: str, pair: ClusteredPair, what: str, *, adjusted: bool = False
) -> LiftEstimate:
    """Return a comparison of clusters as the estimate that readouts hold; ``what`` names the estimator."""
    return lift_estimate(
        part,
        experiment,
        arm,
        pair.compare(alpha=experiment.alpha),
        means=(pair.treatment.value, pair.control.value),
        method=f"{what}, {_CLUSTERED}; relative by Fieller",
        adjusted=adjusted,
    )


def _units(moments: Moments, stratum: tuple[str, ...]) -> float:
    return float(sum(n for group, n in zip(moments.groups, moments.n, strict=True) if group[1:] == stratum))


def _named(error: TooFewClusters, part: MetricSample, experiment: Experiment, arm: str) -> TooFewClusters:
    return TooFewClusters(
        f"metric {part.metric.name!r}, {arm!r} against {experiment.control.name!r}, "
        f"clusters by {experiment.data.cluster!r}: {error.message}",
        hint=error.hint,
    )


def fits_in_memory(part: MetricSample, means: Mapping[str, AdjustedMean]) -> bool:
    """Return whether each arm's cross products by cluster can be held; else there are clusters in plenty for CR1."""
    return all(
        (len(mean.covariates) + 2) ** 2 * _clusters(part.arm(arm)) <= _MOST_NUMBERS for arm, mean in means.items()
    )


def _clusters(moments: Moments) -> float:
    return 0.0 if moments.clusters is None else float(moments.clusters.count.sum())


def clusters_of_arm(sample: Sample, part: MetricSample, arm: str, mean: AdjustedMean) -> AdjustedClusters:
    """Return the clusters of an arm around its adjusted mean, in one pass over its rows."""
    products = sample.table.cluster_products(sample.values[arm], mean.outcomes, mean.covariates, complete=part.complete)
    return adjusted_clusters(mean, products, _residual_squares(part.arm(arm), mean))


def _residual_squares(moments: Moments, mean: AdjustedMean) -> float:
    y, x, scatter = moments.indices(mean.outcomes), moments.indices(mean.covariates), moments.scatter()
    explained = mean.slopes @ scatter[x][:, x] @ mean.slopes
    return max(float(mean.weights @ scatter[y][:, y] @ mean.weights - explained), 0.0)


def adjusted_pair(
    part: MetricSample, experiment: Experiment, arm: str, clusters: Mapping[str, AdjustedClusters]
) -> ClusteredPair:
    """Return an arm's and the control's adjusted means.

    Raises:
        TooFewClusters: Too few or too unequal clusters for an interval.
    """
    try:
        return adjusted_cluster_means(clusters[arm], clusters[experiment.control.name])
    except TooFewClusters as error:
        raise _named(error, part, experiment, arm) from error
