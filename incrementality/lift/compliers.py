"""Effects beside the headline: on units that were reached because of their arm, and diluted over all assigned."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.estimates import LiftEstimate
from incrementality.formatting import count, difference, interval, level, share
from incrementality.lift.comparisons import mean_of
from incrementality.outcomes import DELIVERED
from incrementality.outcomes.standing import ELIGIBLE
from incrementality.stats import ComplierEffect, complier_effect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import Moments

__all__ = [
    "ALL_ASSIGNED",
    "COMPLIERS",
    "arm_compliance",
    "compare_compliers",
    "delivered_units",
    "dilute",
    "smallest_effect",
]

COMPLIERS = "units that were delivered because of their arm (compliers)"
ALL_ASSIGNED = "all assigned units (effect on the eligible, diluted)"
_METHOD = "intention to treat over the difference in delivery; Anderson-Rubin interval, unadjusted for covariates"
_CLUSTERED = ", CR2 with Satterthwaite's degrees of freedom"
_ROWS = frozenset({"time", "quantile"})
_FEWEST = 2


def delivered_units(sample: Sample, arm: str) -> int:
    """Return how many units of an arm's population were delivered."""
    moments = sample.moments.select((arm,))
    return round(float(moments.sums[:, moments.indices([DELIVERED])[0]].sum()))


def smallest_effect(sample: Sample, part: MetricSample) -> float | None:
    """Return the smallest effect that matters, in the metric's unit; ``None`` where none is planned."""
    planned = part.metric.smallest_effect
    if planned is None or planned.absolute is not None:
        return None if planned is None else planned.absolute
    return float(planned.relative or 0) * abs(mean_of(part, sample.experiment.control.name).value)


def arm_compliance(sample: Sample, part: MetricSample, arm: str) -> ComplierEffect:
    """Return the effect of an arm on compliers, in one metric; strata are compared within and averaged."""
    moments, control = part.reduction.moments, sample.experiment.control.name
    strata = sorted({group[1:] for group in moments.groups})
    pairs = [(moments.select((arm, *s)), moments.select((control, *s))) for s in strata]
    kept = [pair for pair in pairs if min(map(_randomised, pair)) >= _FEWEST]
    return complier_effect(kept, part.metric.columns, DELIVERED, alpha=sample.experiment.alpha)


def _randomised(moments: Moments) -> float:
    return float(moments.n.sum() if moments.clusters is None else moments.clusters.count.sum())


def compare_compliers(sample: Sample) -> tuple[tuple[LiftEstimate, ...], tuple[str, ...]]:
    """Return the primary metrics' effects on compliers, and a sentence for each that cannot be stated."""
    found: list[LiftEstimate] = []
    refused: list[str] = []
    if sample.experiment.data.delivered is None:
        return (), ()
    if sample.experiment.data.block is not None:
        return (), ("The effect on those reached is not stated for arms that were drawn within blocks.",)
    primary = [part for part in sample.metrics if part.metric.role == "primary"]
    refused += [
        f"{part.metric.name}: the effect on compliers is stated for shares and means, not for kind {part.metric.kind}."
        for part in primary
        if part.metric.kind in _ROWS
    ]
    for part in (part for part in primary if part.metric.kind not in _ROWS):
        for arm in sample.experiment.treatments:
            answer = arm_compliance(sample, part, arm.name)
            estimate = _complier_estimate(sample, part, arm.name, answer)
            if estimate is None:
                refused.append(_refusal(sample, part, arm.name, answer))
            else:
                found.append(estimate)
    return tuple(found), tuple(refused)


def _complier_estimate(sample: Sample, part: MetricSample, arm: str, answer: ComplierEffect) -> LiftEstimate | None:
    effect, untreated = answer.effect, answer.untreated_mean
    if answer.interval is None or effect is None or untreated is None or not math.isfinite(untreated):
        return None
    experiment, metric, df = sample.experiment, part.metric, answer.intention_to_treat.df
    estimate = LiftEstimate(
        metric=metric.name,
        arm=arm,
        control=experiment.control.name,
        n_control=int(part.arm(experiment.control.name).n.sum()),
        n_treatment=int(part.arm(arm).n.sum()),
        control_mean=untreated,
        treatment_mean=untreated + effect,
        effect=effect,
        standard_error=answer.standard_error or 0.0,
        effect_ci_lower=answer.interval.lower,
        effect_ci_upper=answer.interval.upper,
        rel_effect=None,
        rel_effect_ci_lower=None,
        rel_effect_ci_upper=None,
        pvalue=answer.intention_to_treat.pvalue,
        df=df if df < math.inf else None,
        alpha=experiment.alpha,
        method=_METHOD if experiment.data.cluster is None else _METHOD + _CLUSTERED,
        kind=metric.kind,
        unit=metric.unit,
        role=metric.role,
        direction=metric.direction,
        population=COMPLIERS,
    )
    return replace(estimate, sentence=f"{_told(estimate)} among {COMPLIERS}. {_first_stage(sample, arm, answer)}")


def _told(e: LiftEstimate) -> str:
    value, lower, upper = (
        difference(x, kind=e.kind, unit=e.unit) for x in (e.effect, e.effect_ci_lower, e.effect_ci_upper)
    )
    return f"{e.metric}: {e.arm} made a difference of {value} ({level(e.alpha)} interval {interval(lower, upper)})"


def _first_stage(sample: Sample, arm: str, answer: ComplierEffect) -> str:
    strength = "F without limit" if math.isinf(answer.first_stage_f) else f"F = {answer.first_stage_f:,.1f}"
    return (
        f"Delivered: {share(answer.delivered_treatment)} of {arm}, {share(answer.delivered_control)} of "
        f"{sample.experiment.control.name} ({strength})."
    )


def _refusal(sample: Sample, part: MetricSample, arm: str, answer: ComplierEffect) -> str:
    return (
        f"{part.metric.name}: the effect of {arm} on compliers is not stated, since delivery hardly differs between "
        f"the arms and every effect would fit the data. {_first_stage(sample, arm, answer)}"
    )


def dilute(sample: Sample, headlines: Sequence[LiftEstimate]) -> tuple[LiftEstimate, ...]:
    """Return the primary effects on the eligible, spread over all assigned units.

    A unit that was not eligible gets the same in every arm, so its effect is zero: the effect over all assigned is
    the effect on the eligible times their share. Comparing all assigned would give the same number with the noise of
    units that nothing could reach. Ratios are left out: their denominator is not one for each unit.
    """
    standing, data = sample.standing, sample.experiment.data
    if standing is None or data.eligible is None or data.analysed != "eligible":
        return ()
    units = {arm.name: standing.units(arm.name) for arm in sample.experiment.arms}
    part = sum(standing.count(ELIGIBLE, arm) for arm in units) / sum(units.values())
    spread = [
        estimate for estimate in headlines if estimate.role == "primary" and estimate.kind not in {"ratio", *_ROWS}
    ]
    return tuple(_diluted(estimate, part, units) for estimate in spread)


def _diluted(e: LiftEstimate, part: float, units: dict[str, int]) -> LiftEstimate:
    spread = replace(
        e,
        n_control=units[e.control],
        n_treatment=units[e.arm],
        control_mean=part * e.control_mean,
        treatment_mean=part * e.treatment_mean,
        effect=part * e.effect,
        standard_error=part * e.standard_error,
        effect_ci_lower=part * e.effect_ci_lower,
        effect_ci_upper=part * e.effect_ci_upper,
        rel_effect=None,
        rel_effect_ci_lower=None,
        rel_effect_ci_upper=None,
        pvalue_adjusted=None,
        correction=None,
        method=f"effect on the eligible times their share, {share(part)}, as known; means count the eligible only",
        population=ALL_ASSIGNED,
    )
    told = f"{_told(spread)} for each assigned unit: {share(part)} of {count(sum(units.values()))} were eligible"
    return replace(spread, sentence=f"{told}, and the others got the same in every arm.")
