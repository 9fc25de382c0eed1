"""From an experiment and its data to a readout: checks first, then estimates, then a verdict in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from incrementality.design import looks_of, monitoring_of
from incrementality.lift.caps import with_caps
from incrementality.lift.checks import run_checks
from incrementality.lift.comparisons import mean_of
from incrementality.lift.compliers import compare_compliers, dilute
from incrementality.lift.concurrent import compare_concurrent
from incrementality.lift.conversions import is_score_test
from incrementality.lift.costs import cost_answers, of_everything
from incrementality.lift.cumulative import cumulative_effects
from incrementality.lift.evidence import gather_evidence
from incrementality.lift.grades import GRADE_RULES, grade_experiment, grade_metric, worse_of
from incrementality.lift.guard import take_guard
from incrementality.lift.guardrails import answer_guardrails
from incrementality.lift.look_paths import path_of
from incrementality.lift.looks import look_checks, look_of, look_terms, read_look, stated_at
from incrementality.lift.monitored import monitored, started_checks, with_results
from incrementality.lift.readout import ArmMean, ArmSummary, Readout, RowCount
from incrementality.lift.registration import registration_checks, registration_lines
from incrementality.lift.rows import take_rows
from incrementality.lift.sample import take_sample
from incrementality.lift.segments import compare_segments
from incrementality.lift.specification import measurement_specification
from incrementality.lift.unusable import compare_usable
from incrementality.lift.wording import verdict_line, verdict_of
from incrementality.outcomes import open_unit_table
from incrementality.stats import proportion_interval, two_sided_critical_value
from incrementality.warehouse import Locator, connect, frame_locator, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from incrementality.design import DesignAnswer
    from incrementality.estimates import CheckResult, LiftEstimate
    from incrementality.experiment import Experiment
    from incrementality.lift.evidence import Evidence
    from incrementality.lift.look_records import LookReading, TakenLook
    from incrementality.lift.readout import Grade
    from incrementality.lift.rows import RowAnswer
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.warehouse import Warehouse

__all__ = ["analyze", "read_out"]


def read_out(
    experiment: Experiment,
    data: object = None,
    *,
    warehouse: Warehouse | None = None,
    designs: Sequence[DesignAnswer] = (),
    taken: Sequence[TakenLook] = (),
) -> Readout:
    """Read out an experiment that brings its own assignment. Needs no workspace.

    Args:
        experiment: What was planned, and which column is what.
        data: A pandas, Polars or Arrow frame, a dictionary of numpy arrays, or a path to a CSV, Parquet or
            DuckDB file; default: the experiment's own ``data.source``.
        warehouse: The engine; default: the embedded one, or the one at the source's URL. Its ``statements`` hold
            the SQL that ran.
        designs: Every version of the design on record, the oldest first; the last one, once signed, says on which
            days the experiment may be read before its end.
        taken: Looks taken before.

    Returns:
        Checks, estimates and a verdict; shows itself in a notebook.

    Raises:
        InputError: The data cannot be used; the message says why and what to do.
        WarehouseError: The engine failed.

    Examples:
        >>> import numpy as np
        >>> from incrementality import Experiment
        >>> experiment = Experiment(
        ...     id="winback", question="Does it work?", data={"unit": "id"},
        ...     arms=[{"name": "holdout", "share": "50%", "control": True}, {"name": "journey", "share": "50%"}],
        ...     metrics=[{"name": "spend", "kind": "revenue", "unit": "EUR", "role": "primary"}],
        ... )
        >>> rng = np.random.default_rng(7)
        >>> frame = {"id": np.arange(4000), "arm": np.repeat(["holdout", "journey"], 2000),
        ...          "spend": rng.gamma(2.0, 10.0, 4000) + np.repeat([0.0, 3.0], 2000)}
        >>> readout = read_out(experiment, data=frame)
        >>> readout.grade, round(readout.headline("spend", "journey").effect, 2)
        ('trust', 3.67)
    """
    locator = _locator(experiment, data)
    if warehouse is not None:
        return analyze(experiment, locator, warehouse, designs=designs, taken=taken)
    with connect(locator.url or "duckdb:") as engine:
        return analyze(experiment, locator, engine, designs=designs, taken=taken)


def _locator(experiment: Experiment, data: object) -> Locator:
    if isinstance(data, Locator):
        return data
    if data is None:
        return locate(experiment.data.source, table=experiment.data.table, base=Path.cwd())
    if isinstance(data, (str, Path)):
        return locate(str(data), table=experiment.data.table, base=Path.cwd())
    return frame_locator(data)


def analyze(
    experiment: Experiment,
    locator: Locator,
    warehouse: Warehouse,
    *,
    designs: Sequence[DesignAnswer] = (),
    taken: Sequence[TakenLook] = (),
    checks: Sequence[CheckResult] = (),
    keep: Callable[[Sample, Evidence], None] | None = None,
) -> Readout:
    """Read out an experiment from a source that an engine can open; see ``read_out``.

    Args:
        experiment: What was planned.
        locator: Where the source lies.
        warehouse: The engine.
        designs: Every version of the design on record, the oldest first; the readout prints them all.
        taken: Looks taken before, for what they have spent.
        checks: What was checked beside the data, such as the arms of other experiments; they count for the grade.
        keep: Called with the units while they are at hand, and with what the readout leaves for later.
    """
    experiment = with_caps(experiment, designs)
    sample = take_sample(open_unit_table(warehouse, locator, experiment))
    look = read_look(experiment, designs, units=_units(sample), taken=taken)
    stated = stated_at(experiment, look)
    sample = replace(sample, table=replace(sample.table, experiment=stated))
    guard = replace(take_guard(sample), path=path_of(look, designs))
    usable, compared, unusable = compare_usable(sample, guard)
    checks = (*registration_checks(designs, experiment), *checks, *run_checks(sample, guard), *unusable)
    checks = (*checks, *look_checks(experiment, look, designs, started_checks(sample, look)))
    estimates, segmented = monitored(usable, look, compared), compare_segments(sample)
    concurrent, rows = compare_concurrent(sample), take_rows(usable)
    checks = (*checks, *concurrent.checks, *(check for answer in rows.values() for check in answer.checks))
    grade, reason = grade_experiment(checks, experiment)
    headlines, guardrails = _headlines(experiment, estimates), answer_guardrails(usable, guard)
    compliers, complier_notes = compare_compliers(sample)
    evidence = gather_evidence(sample, headlines, grade=grade, look=look_of(experiment, designs))
    if keep is not None:
        keep(sample, evidence)
    return Readout(
        experiment_id=experiment.id,
        experiment_hash=experiment.hash,
        question=experiment.question,
        owner=experiment.owner,
        unit=experiment.unit,
        alpha=look.alpha if look is not None and look.kind == "confidence sequence" else stated.alpha,
        grade=grade,
        grade_reason=reason,
        grade_rules=GRADE_RULES,
        verdict=of_everything(experiment, verdict_of(headlines, grade, reason, guardrails)),
        verdict_lines=_verdict_lines(experiment, headlines, checks, grade),
        arms=_arms(sample),
        means=tuple(mean for part in usable.metrics for mean in _means(stated, part, rows)),
        estimates=estimates,
        segments=segmented.estimates,
        segment_tests=segmented.tests,
        shrunken=segmented.shrunken,
        concurrent=concurrent.estimates,
        interactions=concurrent.interactions,
        checks=checks,
        rows=_rows(sample),
        specification=(*measurement_specification(sample), *look_terms(look), *registration_lines(designs)),
        withholds=_withholds(experiment),
        manifest=_manifest(locator, warehouse),
        compliers=compliers,
        complier_notes=complier_notes,
        diluted=dilute(sample, headlines),
        costs=cost_answers(usable, headlines),
        log_ranks=tuple(test for answer in rows.values() for test in answer.log_ranks),
        survival=tuple(line for answer in rows.values() for line in answer.curves),
        guardrails=guardrails,
        look=_found(look, headlines, designs, experiment),
        cumulative=cumulative_effects(sample, look, _looks_before(look, designs)),
        evidence=evidence,
    )


def _units(sample: Sample) -> int:
    return sum(sample.units(arm.name) for arm in sample.experiment.arms)


def _found(
    look: LookReading | None, headlines: Sequence[LiftEstimate], designs: Sequence[DesignAnswer], experiment: Experiment
) -> LookReading | None:
    return None if look is None else with_results(look, headlines, monitoring_of(designs[-1].request), experiment)


def _looks_before(look: LookReading | None, designs: Sequence[DesignAnswer]) -> list[tuple[int, str]]:
    if look is None or look.number is None:
        return []
    return [(one.number, str(one.on)) for one in looks_of(designs[-1]) if one.number < look.number]


def _headlines(experiment: Experiment, estimates: Sequence[LiftEstimate]) -> list[LiftEstimate]:
    """The registered estimate of each comparison: adjusted where the metric's covariates were declared."""
    adjusted = {estimate.metric for estimate in estimates if estimate.adjusted}
    return [
        estimate
        for metric in experiment.metrics
        for estimate in estimates
        if estimate.metric == metric.name and estimate.adjusted == (metric.name in adjusted)
    ]


def _verdict_lines(
    experiment: Experiment, headlines: Sequence[LiftEstimate], checks: Sequence[CheckResult], grade: Grade
) -> tuple[str, ...]:
    """One line for each primary comparison; none says more than the grade of the whole allows."""
    planned = {metric.name: metric for metric in experiment.metrics}
    return tuple(
        verdict_line(estimate, planned[estimate.metric], worse_of(grade, grade_metric(checks, estimate.metric)[0]))
        for estimate in headlines
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
    found = []
    for arm in (experiment.control, *experiment.treatments):
        estimate = mean_of(part, arm.name)
        n, error = int(part.arm(arm.name).n.sum()), estimate.variance**0.5
        counted = part.metric.kind in {"conversion", "revenue"}
        events = part.nonzero(arm.name) if counted else None
        half = two_sided_critical_value(experiment.alpha, estimate.df) * error
        lower, upper = estimate.value - half, estimate.value + half
        if is_score_test(part.metric, experiment) and events is not None:
            wilson = proportion_interval(events, n, alpha=experiment.alpha)
            lower, upper = wilson.lower, wilson.upper
        found.append(
            ArmMean(
                metric=part.metric.name,
                arm=arm.name,
                n=n,
                mean=estimate.value,
                standard_error=error,
                ci_lower=lower,
                ci_upper=upper,
                events=events,
            )
        )
    return found


def _rows(sample: Sample) -> RowCount:
    kept = int(sample.moments.n.sum())
    refused = sample.refused | {f"arm not planned: {name}": rows for name, rows in sorted(sample.unplanned.items())}
    return RowCount(read=kept + sum(refused.values()), kept=kept, refused=refused)


def _withholds(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    withheld = {"journeys": experiment.withholds.journeys, "functions": experiment.withholds.functions}
    return {kind: names for kind, names in withheld.items() if names}


def _manifest(locator: Locator, warehouse: Warehouse) -> dict[str, Any]:
    from incrementality import __version__

    return {"package_version": __version__, "engine": warehouse.dialect, "source": locator.written}
