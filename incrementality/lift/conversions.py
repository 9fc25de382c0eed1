"""Conversions compared as two shares: by the score test, and by the exact test where an arm has few of a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.lift.methods import FEWEST_EVENTS, compare_counts, fewest_of_counts

if TYPE_CHECKING:
    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.lift.sample import MetricSample
    from incrementality.stats import Comparison

__all__ = [
    "compare_shares",
    "fewest_of_a_kind",
    "is_plain_share",
    "is_score_test",
    "is_tested_exactly",
]

_WORDS = {
    "score": "Miettinen-Nurminen score interval and test",
    "exact": "exact unconditional score test (Barnard), tails doubled; intervals invert it (Chan-Zhang)",
}


def is_score_test(metric: PlannedMetric, experiment: Experiment) -> bool:
    """Return whether the metric is compared as two shares, by the score or the exact test."""
    return metric.kind == "conversion" and experiment.data.cluster is None


def is_plain_share(metric: PlannedMetric, experiment: Experiment) -> bool:
    """Return whether two counts hold all there is to compare: units were drawn one by one, from everybody alike."""
    data = experiment.data
    return is_score_test(metric, experiment) and data.stratum is None and data.block is None


def fewest_of_a_kind(part: MetricSample, arms: tuple[str, ...]) -> int:
    """Return the fewest converted, or not converted, units in any of these arms."""
    return int(fewest_of_counts(*(_counts(part, arm) for arm in arms)))


def _counts(part: MetricSample, arm: str) -> tuple[int, int]:
    return part.nonzero(arm), int(part.arm(arm).n.sum())


def is_tested_exactly(part: MetricSample, experiment: Experiment) -> bool:
    """Return whether a comparison of the metric is exact: a plain share of which some arm has few of a kind.

    The regressions that adjust such a metric, or compare it within strata, rest on large samples.
    """
    if not is_plain_share(part.metric, experiment):
        return False
    return fewest_of_a_kind(part, tuple(arm.name for arm in experiment.arms)) < FEWEST_EVENTS


def compare_shares(part: MetricSample, experiment: Experiment, arm: str) -> tuple[Comparison, str]:
    """Return an arm's comparison with the control, and its method in words; see ``methods.compare_counts``."""
    found, method = compare_counts(_counts(part, arm), _counts(part, experiment.control.name), alpha=experiment.alpha)
    return found, _WORDS[method]
