"""What a readout leaves for pooling and calibration: each effect with a variance that no arm's luck has touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from incrementality.errors import InputError
from incrementality.stats import adjust_mean, independent_covariates, pooled_arm_variance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.design import Look
    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import PlannedMetric
    from incrementality.lift.readout import Grade
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import Moments

__all__ = ["EVIDENCE_VERSION", "ComparisonEvidence", "Evidence", "counts_as_evidence", "gather_evidence"]

EVIDENCE_VERSION = 1
_KINDS = frozenset({"conversion", "mean", "ratio", "revenue"})
_NOT_YET = ("not mature yet", "decided after the data cut")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonEvidence:
    """One arm's registered effect on one metric, unshrunk, as later analyses take it.

    Attributes:
        metric: The metric.
        kind: Its kind: conversion, mean, ratio or revenue.
        unit: Unit of its values, e.g. USD.
        direction: Which way is better: increase or decrease.
        role: Its role: primary, secondary or guardrail.
        window_days: Days over which outcomes count; ``None`` where the experiment states no window.
        arm: The treatment arm.
        control: The arm that it is compared with.
        effect: The registered effect, in the metric's unit.
        variance: Its variance with both arms read as one, for weights only; ``None`` where the outcome does not vary.
        n: Units of the arm that have the metric.
        n_control: The same of the control.
        adjusted: Whether covariates were adjusted for.
    """

    metric: str
    kind: str
    unit: str
    direction: str
    role: str
    window_days: float | None
    arm: str
    control: str
    effect: float
    variance: float | None
    n: int
    n_control: int
    adjusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one experiment says to later analyses.

    Attributes:
        unit: What was compared: contact, account.
        clustered: Whether whole groups of them were randomised.
        population: ``eligible`` or ``assigned``.
        eligible_entries: First entries of the population in planned arms, followed to their end or not yet;
            ``None`` where eligibility is not mapped.
        units: Units that were analysed, by arm.
        grade: The readout's grade.
        look: Number of the registered look; ``None`` where none is registered for the day.
        looks: How many looks were registered.
        stopped: The day on which the experiment was stopped early, as text; ``None`` where it was not.
        comparisons: Every primary comparison, and those of revenue.
        version: Version of this record.
    """

    unit: str
    clustered: bool
    population: str
    eligible_entries: int | None
    units: dict[str, int]
    grade: Grade
    look: int | None
    looks: int | None
    stopped: str | None = None
    comparisons: tuple[ComparisonEvidence, ...]
    version: int = EVIDENCE_VERSION

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Evidence:
        """Return the record that ``dataclasses.asdict`` wrote.

        Raises:
            InputError: It was written by a later version.
        """
        if content["version"] > EVIDENCE_VERSION:
            raise InputError(
                f"the evidence has version {content['version']!r}; this package reads up to {EVIDENCE_VERSION}",
                hint="update the package, or read the experiment out again",
            )
        rows = tuple(ComparisonEvidence(**row) for row in content["comparisons"])
        return cls(**{**content, "comparisons": rows})


def counts_as_evidence(metric: PlannedMetric) -> bool:
    """Return whether a metric's comparisons are kept for later: primary means, shares and ratios, and all revenue.

    A winsorised metric is another estimand and never one of them: credit is calibrated to all of the money.
    """
    counted = metric.kind in _KINDS and metric.winsorise is None
    return counted and (metric.role == "primary" or metric.kind == "revenue")


def gather_evidence(sample: Sample, headlines: Sequence[LiftEstimate], *, grade: Grade, look: Look | None) -> Evidence:
    """Return what the readout leaves for later.

    Args:
        sample: The units.
        headlines: The registered estimate of each comparison.
        grade: The readout's grade.
        look: The look that is registered for the day of the data cut.
    """
    experiment, parts = sample.experiment, {part.metric.name: part for part in sample.metrics}
    data = experiment.data
    kept = [e for e in headlines if counts_as_evidence(parts[e.metric].metric)]
    units = {arm.name: sample.units(arm.name) for arm in experiment.arms}
    later = sum(sample.refused.get(reason, 0) for reason in _NOT_YET)
    return Evidence(
        unit=experiment.unit,
        clustered=data.cluster is not None,
        population=data.analysed,
        eligible_entries=sum(units.values()) + later if data.analysed == "eligible" else None,
        units=units,
        grade=grade,
        look=None if look is None else look.number,
        looks=None if look is None else look.of,
        comparisons=tuple(_comparison(sample, parts[e.metric], e) for e in kept),
    )


def _comparison(sample: Sample, part: MetricSample, estimate: LiftEstimate) -> ComparisonEvidence:
    metric, e = part.metric, estimate
    days = None if metric.window is None else metric.window.total_seconds() / 86400
    variance = _variance(sample, part, e)
    return ComparisonEvidence(
        metric=e.metric,
        kind=e.kind,
        unit=e.unit,
        direction=e.direction,
        role=e.role,
        window_days=days,
        arm=e.arm,
        control=e.control,
        effect=e.effect,
        variance=variance if variance > 0 else None,
        n=int(part.arm(e.arm).n.sum()),
        n_control=int(part.arm(e.control).n.sum()),
        adjusted=e.adjusted,
    )


def _variance(sample: Sample, part: MetricSample, e: LiftEstimate) -> float:
    """Variance with both arms read as one, stratum by stratum, less what covariates explain.

    Where whole groups were randomised nothing is taken off for covariates: what they explain between groups is not
    what they explain between units.
    """
    moments = part.reduction.moments
    planned = moments.select(*((arm.name,) for arm in sample.experiment.arms))
    strata = sorted({group[1:] for group in planned.groups})
    total = 0.0
    for stratum in strata:
        inside = planned.select(*((arm.name, *stratum) for arm in sample.experiment.arms))
        pair = [moments.select((name, *stratum)).pooled() for name in (e.arm, e.control)]
        weight = float(inside.n.sum() / planned.n.sum())
        total += weight**2 * pooled_arm_variance(pair[0], pair[1], *part.metric.columns)
    if not e.adjusted or sample.experiment.data.cluster is not None:
        return total
    return total * _unexplained(sample, part, planned)


def _unexplained(sample: Sample, part: MetricSample, planned: Moments) -> float:
    """The share of the variance within strata, all arms together, that covariates leave."""
    strata, covariates = tuple(sample.table.strata), tuple(sample.table.covariates)
    before = _residual(part, planned, independent_covariates(planned, strata))
    after = _residual(part, planned, independent_covariates(planned, (*strata, *covariates)))
    return after / before if before > 0 else 1.0


def _residual(part: MetricSample, planned: Moments, covariates: Sequence[str]) -> float:
    together = planned.pooled()
    target = dict(zip(together.columns, map(float, together.means()), strict=True))
    fit = adjust_mean(together, outcomes=part.metric.columns, covariates=covariates, target=target)
    y, x, scatter = together.indices(fit.outcomes), together.indices(fit.covariates), together.scatter()
    total = float(fit.weights @ scatter[y][:, y] @ fit.weights)
    return max(total - float(fit.slopes @ scatter[x][:, x] @ fit.slopes), 0.0)
