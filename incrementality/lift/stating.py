"""A comparison as the estimate that readouts hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.estimates import LiftEstimate

if TYPE_CHECKING:
    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.lift.sample import MetricSample
    from incrementality.stats import Comparison

__all__ = ["capped_at", "lift_estimate", "population_of"]


def lift_estimate(
    part: MetricSample,
    experiment: Experiment,
    arm: str,
    comparison: Comparison,
    *,
    means: tuple[float, float],
    method: str,
    adjusted: bool = False,
    segment: tuple[str, str] | None = None,
) -> LiftEstimate:
    """Return a comparison as the estimate that readouts hold; ``means`` are the arm's and the control's."""
    metric, relative = part.metric, part.metric.relative
    interval = comparison.rel_interval if relative else None
    return LiftEstimate(
        metric=metric.name,
        arm=arm,
        control=experiment.control.name,
        n_control=int(part.arm(experiment.control.name).n.sum()),
        n_treatment=int(part.arm(arm).n.sum()),
        control_mean=means[1],
        treatment_mean=means[0],
        effect=comparison.effect,
        standard_error=comparison.standard_error,
        effect_ci_lower=comparison.effect_interval.lower,
        effect_ci_upper=comparison.effect_interval.upper,
        rel_effect=comparison.rel_effect if interval else None,
        rel_effect_ci_lower=interval.lower if interval else None,
        rel_effect_ci_upper=interval.upper if interval else None,
        pvalue=comparison.pvalue,
        df=comparison.df if comparison.df < float("inf") else None,
        alpha=experiment.alpha,
        method=f"{method}{capped_at(metric)}",
        adjusted=adjusted,
        kind=metric.kind,
        unit=metric.value_unit,
        role=metric.role,
        direction=metric.direction,
        segment=segment,
        population=population_of(experiment),
    )


def capped_at(metric: PlannedMetric) -> str:
    """Return what a method says of a winsorised metric, which is another estimand; nothing for others."""
    cap = None if metric.winsorise is None else metric.winsorise.value
    return "" if cap is None else f"; of values winsorised at {cap:g}"


def population_of(experiment: Experiment) -> str:
    """Return whom the estimates are about, in words."""
    who = "eligible" if experiment.data.analysed == "eligible" else "assigned"
    mature = " whose outcome windows have closed" if experiment.data.data_cut is not None else ""
    return f"all {who} units{mature} (intention to treat)"
