"""Conversions compared as two shares: by the score test, and by the exact test where an arm has few of a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.stats import compare_proportions, compare_proportions_exactly

if TYPE_CHECKING:
    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.lift.sample import MetricSample
    from incrementality.stats import Comparison

__all__ = [
    "FEWEST_EVENTS",
    "compare_shares",
    "fewest_of_a_kind",
    "is_plain_share",
    "is_score_test",
    "is_tested_exactly",
]

FEWEST_EVENTS = 10  # of converted or of not converted units, in each arm; below it the test is exact

_SCORE = "Miettinen-Nurminen score interval and test"
_EXACT = "exact unconditional score test (Barnard), tails doubled; intervals invert it (Chan-Zhang)"


def is_score_test(metric: PlannedMetric, experiment: Experiment) -> bool:
    """Return whether the metric is compared as two shares, by the score or the exact test."""
    return metric.kind == "conversion" and experiment.data.cluster is None


def is_plain_share(metric: PlannedMetric, experiment: Experiment) -> bool:
    """Return whether two counts hold all there is to compare: units were drawn one by one, from everybody alike."""
    data = experiment.data
    return is_score_test(metric, experiment) and data.stratum is None and data.block is None


def fewest_of_a_kind(part: MetricSample, arms: tuple[str, ...]) -> int:
    """Return the fewest converted, or not converted, units in any of these arms."""
    counts = [(part.nonzero(arm), int(part.arm(arm).n.sum())) for arm in arms]
    return min(min(events, n - events) for events, n in counts)


def is_tested_exactly(part: MetricSample, experiment: Experiment) -> bool:
    """Return whether a comparison of the metric is exact: a plain share of which some arm has few of a kind.

    The regressions that adjust such a metric, or compare it within strata, rest on large samples.
    """
    if not is_plain_share(part.metric, experiment):
        return False
    return fewest_of_a_kind(part, tuple(arm.name for arm in experiment.arms)) < FEWEST_EVENTS


def compare_shares(part: MetricSample, experiment: Experiment, arm: str) -> tuple[Comparison, str]:
    """Return an arm's comparison with the control, and its method in words.

    References:
        Miettinen and Nurminen (1985), https://doi.org/10.1002/sim.4780040211; the exact test where either arm has
        fewer than 10 units of a kind, see ``incrementality.stats.compare_proportions_exactly``.
    """
    control = experiment.control.name
    few = fewest_of_a_kind(part, (arm, control)) < FEWEST_EVENTS
    compare = compare_proportions_exactly if few else compare_proportions
    found = compare(
        part.nonzero(arm),
        int(part.arm(arm).n.sum()),
        part.nonzero(control),
        int(part.arm(control).n.sum()),
        alpha=experiment.alpha,
    )
    return found, _EXACT if few else _SCORE
