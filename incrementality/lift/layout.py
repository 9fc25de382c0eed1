"""From what was found to the readout: each answer in its place, with the arms, the rows and a verdict in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.design import looks_of, monitoring_of
from incrementality.lift.comparisons import mean_of
from incrementality.lift.compliers import compare_compliers, dilute
from incrementality.lift.conversions import is_score_test
from incrementality.lift.costs import cost_answers, of_everything
from incrementality.lift.cumulative import cumulative_effects
from incrementality.lift.grades import GRADE_RULES, grade_metric, worse_of
from incrementality.lift.looks import look_terms
from incrementality.lift.monitored import with_results
from incrementality.lift.readout import ArmMean, ArmSummary, Readout, RowCount
from incrementality.lift.registration import registration_lines
from incrementality.lift.specification import measurement_specification
from incrementality.lift.wording import verdict_line, verdict_of
from incrementality.stats import proportion_interval, two_sided_critical_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.design import DesignAnswer
    from incrementality.experiment import Experiment
    from incrementality.lift.findings import Findings
    from incrementality.lift.look_records import LookReading
    from incrementality.lift.rows import RowAnswer
    from incrementality.lift.sample import MetricSample, Sample

__all__ = ["lay_out"]


def lay_out(found: Findings) -> Readout:
    """Return the readout of what was found, without its manifest and what it leaves for later."""
    compliers, complier_notes = compare_compliers(found.sample)
    return replace(
        _first_page(found),
        shrunken=found.segmented.shrunken,
        concurrent=found.concurrent.estimates,
        interactions=found.concurrent.interactions,
        withholds=_withholds(found.experiment),
        compliers=compliers,
        complier_notes=complier_notes,
        diluted=dilute(found.sample, found.headlines),
        costs=cost_answers(found.usable, found.headlines),
        log_ranks=tuple(test for answer in found.rows.values() for test in answer.log_ranks),
        survival=tuple(line for answer in found.rows.values() for line in answer.curves),
        guardrails=found.guardrails,
        look=_look_taken(found),
        cumulative=cumulative_effects(found.sample, found.look, _looks_before(found.look, found.designs)),
    )


def _first_page(found: Findings) -> Readout:
    experiment, sample, look = found.experiment, found.sample, found.look
    verdict = verdict_of(found.headlines, found.grade, found.reason, found.guardrails)
    return Readout(
        experiment_id=experiment.id,
        experiment_hash=experiment.hash,
        question=experiment.question,
        owner=experiment.owner,
        unit=experiment.unit,
        alpha=look.alpha if look is not None and look.kind == "confidence sequence" else sample.experiment.alpha,
        grade=found.grade,
        grade_reason=found.reason,
        grade_rules=GRADE_RULES,
        verdict=of_everything(experiment, verdict),
        verdict_lines=_verdict_lines(found),
        arms=_arms(sample),
        means=tuple(mean for part in found.usable.metrics for mean in _means(sample.experiment, part, found.rows)),
        estimates=found.estimates,
        segments=found.segmented.estimates,
        segment_tests=found.segmented.tests,
        checks=found.checks,
        rows=_rows(sample),
        specification=(*measurement_specification(sample), *look_terms(look), *registration_lines(found.designs)),
    )


def _look_taken(found: Findings) -> LookReading | None:
    if found.look is None:
        return None
    monitoring = monitoring_of(found.designs[-1].request)
    return with_results(found.look, found.headlines, monitoring, found.experiment)


def _looks_before(look: LookReading | None, designs: Sequence[DesignAnswer]) -> list[tuple[int, str]]:
    if look is None or look.number is None:
        return []
    return [(one.number, str(one.on)) for one in looks_of(designs[-1]) if one.number < look.number]


def _verdict_lines(found: Findings) -> tuple[str, ...]:
    """One line for each primary comparison; none says more than the grade of the whole allows."""
    planned = {metric.name: metric for metric in found.experiment.metrics}
    return tuple(
        verdict_line(
            estimate, planned[estimate.metric], worse_of(found.grade, grade_metric(found.checks, estimate.metric)[0])
        )
        for estimate in found.headlines
        if estimate.role == "primary"
    )


def _arms(sample: Sample) -> tuple[ArmSummary, ...]:
    experiment = sample.experiment
    units = {arm.name: sample.units(arm.name) for arm in experiment.arms}
    return tuple(
        ArmSummary(
            name=arm.name,
            control=arm.control,
            n=units[arm.name],
            share_planned=float(arm.share),
            share_observed=units[arm.name] / sum(units.values()),
            clusters=sample.clusters(arm.name),
        )
        for arm in (experiment.control, *experiment.treatments)
    )


def _means(experiment: Experiment, part: MetricSample, rows: Mapping[str, RowAnswer]) -> list[ArmMean]:
    if part.metric.name in rows:
        return list(rows[part.metric.name].means)
    return [_mean(experiment, part, arm.name) for arm in (experiment.control, *experiment.treatments)]


def _mean(experiment: Experiment, part: MetricSample, arm: str) -> ArmMean:
    estimate = mean_of(part, arm)
    n, error = int(part.arm(arm).n.sum()), estimate.variance**0.5
    events = part.nonzero(arm) if part.metric.kind in {"conversion", "revenue"} else None
    half = two_sided_critical_value(experiment.alpha, estimate.df) * error
    lower, upper = estimate.value - half, estimate.value + half
    if is_score_test(part.metric, experiment) and events is not None:
        wilson = proportion_interval(events, n, alpha=experiment.alpha)
        lower, upper = wilson.lower, wilson.upper
    return ArmMean(
        metric=part.metric.name,
        arm=arm,
        n=n,
        mean=estimate.value,
        standard_error=error,
        ci_lower=lower,
        ci_upper=upper,
        events=events,
    )


def _rows(sample: Sample) -> RowCount:
    kept = int(sample.moments.n.sum())
    refused = sample.refused | {f"arm not planned: {name}": rows for name, rows in sorted(sample.unplanned.items())}
    return RowCount(read=kept + sum(refused.values()), kept=kept, refused=refused)


def _withholds(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    withheld = {"journeys": experiment.withholds.journeys, "functions": experiment.withholds.functions}
    return {kind: names for kind, names in withheld.items() if names}
