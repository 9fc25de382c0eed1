"""Metrics without a usable interval: a primary refuses the readout, another metric only itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from incrementality.errors import TooFewClusters
from incrementality.estimates import CheckResult
from incrementality.lift.comparisons import compare_arms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.lift.guard import Guard
    from incrementality.lift.sample import MetricSample, Sample

__all__ = ["Usable", "compare_usable"]


class Usable(NamedTuple):
    """What can be compared.

    Attributes:
        sample: The units, with the metrics that have an interval.
        estimates: Their comparisons.
        checks: A failed check for each metric that has none.
    """

    sample: Sample
    estimates: tuple[LiftEstimate, ...]
    checks: tuple[CheckResult, ...]


def compare_usable(sample: Sample, guard: Guard) -> Usable:
    """Return every comparison, without the secondary and guardrail metrics that have no usable interval.

    Raises:
        TooFewClusters: A primary metric has no usable interval.
    """
    try:
        return Usable(sample, compare_arms(sample, guard), ())
    except TooFewClusters:
        refusals = {part.metric.name: _refusal(sample, part, guard) for part in sample.metrics}
    kept = _only(sample, [p for p in sample.metrics if refusals[p.metric.name] is None or p.metric.role == "primary"])
    checks = tuple(
        CheckResult(
            name="interval",
            metric=part.metric.name,
            passed=False,
            sentence=f"No interval: {error.message}; the metric is not compared.",
        )
        for part in sample.metrics
        if (error := refusals[part.metric.name]) is not None
    )
    return Usable(kept, compare_arms(kept, guard), checks)


def _refusal(sample: Sample, part: MetricSample, guard: Guard) -> TooFewClusters | None:
    try:
        compare_arms(_only(sample, [part]), guard)
    except TooFewClusters as error:
        return error
    return None


def _only(sample: Sample, parts: Sequence[MetricSample]) -> Sample:
    metrics = tuple(part.metric for part in parts)
    experiment = sample.experiment.model_copy(update={"metrics": metrics})
    return replace(sample, table=replace(sample.table, experiment=experiment), metrics=tuple(parts))
