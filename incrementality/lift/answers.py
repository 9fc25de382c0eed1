"""Answers beside the main one: guardrails, segments in the light of each other, concurrent journeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["GuardrailAnswer", "GuardrailOutcome", "Interaction", "NoveltyPoint", "SegmentEffect"]

GuardrailOutcome = Literal["within its margin", "worse", "not settled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffect:
    """One arm's effect on one metric in one value of a segment, in the light of the other values.

    Attributes:
        segment: The segment's name.
        value: The value.
        metric: The metric.
        arm: The treatment arm.
        effect: Posterior mean of the effect, in the metric's unit.
        ci_lower: Lower bound of its ``1 - alpha`` interval.
        ci_upper: Upper bound.
        sentence: The effect in words.
    """

    segment: str
    value: str
    metric: str
    arm: str
    effect: float
    ci_lower: float
    ci_upper: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailAnswer:
    """Whether one arm keeps a guardrail metric within its margin (non-inferiority, one-sided at ``alpha``).

    Attributes:
        metric: The guardrail metric.
        arm: The treatment arm.
        outcome: ``within its margin`` where harm of the margin or more is ruled out, ``worse`` where harm beyond the
            margin is shown, ``not settled`` between.
        harm: Estimated harm, above zero where the arm is worse: in the metric's unit, or as a share of the control's
            mean where ``relative``; ``None`` where no relative effect is stated.
        harm_ci_lower: Lower bound of the ``1 - 2 alpha`` interval of the harm; ``None`` without one.
        harm_ci_upper: Upper bound.
        margin: The largest harm that is acceptable, in the unit of the harm.
        relative: Whether harm and margin are shares of the control's mean.
        alpha: One-sided error rate.
        method: The estimator in words.
        sentence: The answer in words.
    """

    metric: str
    arm: str
    outcome: GuardrailOutcome
    harm: float | None
    harm_ci_lower: float | None
    harm_ci_upper: float | None
    margin: float
    relative: bool
    alpha: float
    method: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """By how much an effect differs between two arms of another experiment on the same units.

    Attributes:
        other: The other experiment's id.
        metric: The metric.
        arm: The treatment arm of this experiment.
        value: An arm of the other experiment.
        reference: The arm of the other experiment that it is held against.
        effect: Effect of ``arm`` where the other's arm is ``value``, less that where it is ``reference``.
        ci_lower: Lower bound of its ``1 - alpha`` interval.
        ci_upper: Upper bound.
        pvalue: Two-sided p-value of no interaction, unadjusted.
        sentence: The interaction in words.
    """

    other: str
    metric: str
    arm: str
    value: str
    reference: str
    effect: float
    ci_lower: float
    ci_upper: float
    pvalue: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyPoint:
    """One arm's effect on one metric, counted over some days since entry, unadjusted.

    Attributes:
        metric: The metric.
        arm: The treatment arm.
        what: ``period``, whose effects add up to that at the end of the window, or ``followed for twice the window``.
        from_day: First day since entry that counts.
        to_day: Day at which counting ends; it does not count itself.
        n: Units compared.
        effect: Difference to the control, in the metric's unit.
        ci_lower: Lower bound of its ``1 - alpha`` interval.
        ci_upper: Upper bound.
        kind: Kind of the metric.
        unit: Unit of its values.
        alpha: Error rate of the interval.
        sentence: The effect in words.
    """

    metric: str
    arm: str
    what: str
    from_day: int
    to_day: int
    n: int
    effect: float
    ci_lower: float
    ci_upper: float
    kind: str
    unit: str
    alpha: float
    sentence: str
