"""Everything that a readout finds in its units, before it is laid out: checks, estimates, the grade that they earn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from incrementality.lift.checks import run_checks
from incrementality.lift.concurrent import compare_concurrent
from incrementality.lift.grades import grade_experiment
from incrementality.lift.guard import take_guard
from incrementality.lift.guardrails import answer_guardrails
from incrementality.lift.look_paths import path_of
from incrementality.lift.looks import look_checks
from incrementality.lift.monitored import monitored, started_checks
from incrementality.lift.registration import registration_checks
from incrementality.lift.rows import take_rows
from incrementality.lift.segments import compare_segments
from incrementality.lift.unusable import compare_usable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.design import DesignAnswer
    from incrementality.estimates import CheckResult, LiftEstimate
    from incrementality.experiment import Experiment
    from incrementality.lift.answers import GuardrailAnswer
    from incrementality.lift.concurrent import Concurrent
    from incrementality.lift.look_records import LookReading
    from incrementality.lift.readout import Grade
    from incrementality.lift.rows import RowAnswer
    from incrementality.lift.sample import Sample
    from incrementality.lift.segments import Segmented

__all__ = ["Findings", "find_all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found.

    Attributes:
        experiment: What was planned.
        designs: Every version of the design on record, the oldest first.
        look: The look that this is, where the design has several.
        sample: The units, with the experiment at the error rate of the look.
        usable: The units, with the metrics that have an interval.
        checks: Every check.
        grade: What the checks allow.
        reason: Why, in words.
        estimates: Every comparison, unadjusted and adjusted.
        headlines: The registered estimate of each comparison.
        guardrails: What each guardrail with a margin says of each arm.
        segmented: Comparisons within declared segments.
        concurrent: Comparisons within the arms of other experiments.
        rows: What metrics say that need the units themselves, by name.
    """

    experiment: Experiment
    designs: Sequence[DesignAnswer]
    look: LookReading | None
    sample: Sample
    usable: Sample
    checks: tuple[CheckResult, ...]
    grade: Grade
    reason: str
    estimates: tuple[LiftEstimate, ...]
    headlines: list[LiftEstimate]
    guardrails: tuple[GuardrailAnswer, ...]
    segmented: Segmented
    concurrent: Concurrent
    rows: dict[str, RowAnswer]


def find_all(
    sample: Sample,
    experiment: Experiment,
    look: LookReading | None,
    *,
    designs: Sequence[DesignAnswer],
    beside: Sequence[CheckResult],
) -> Findings:
    """Check and compare everything that an experiment asks of its units.

    Args:
        sample: The units, with the experiment at the error rate of the look.
        experiment: What was planned.
        look: The look that this is.
        designs: Every version of the design on record, the oldest first.
        beside: What was checked beside the data.

    Raises:
        InputError: The data cannot be used; the message says why and what to do.
    """
    guard = replace(take_guard(sample), path=path_of(look, designs))
    usable, compared, unusable = compare_usable(sample, guard)
    checks = (*registration_checks(designs, experiment), *beside, *run_checks(sample, guard), *unusable)
    checks = (*checks, *look_checks(experiment, look, designs, started_checks(sample, look)))
    estimates, segmented = monitored(usable, look, compared), compare_segments(sample)
    concurrent, rows = compare_concurrent(sample), take_rows(usable)
    checks = (*checks, *concurrent.checks, *(check for answer in rows.values() for check in answer.checks))
    grade, reason = grade_experiment(checks, experiment)
    return Findings(
        experiment=experiment,
        designs=designs,
        look=look,
        sample=sample,
        usable=usable,
        checks=checks,
        grade=grade,
        reason=reason,
        estimates=estimates,
        headlines=_headlines(experiment, estimates),
        guardrails=answer_guardrails(usable, guard),
        segmented=segmented,
        concurrent=concurrent,
        rows=rows,
    )


def _headlines(experiment: Experiment, estimates: Sequence[LiftEstimate]) -> list[LiftEstimate]:
    """The registered estimate of each comparison: adjusted where the metric's covariates were declared."""
    adjusted = {estimate.metric for estimate in estimates if estimate.adjusted}
    return [
        estimate
        for metric in experiment.metrics
        for estimate in estimates
        if estimate.metric == metric.name and estimate.adjusted == (metric.name in adjusted)
    ]
