"""The answers of an analysis: LiftEstimate and CheckResult, the same for randomised and quasi-experiments."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from incrementality.display import DisplayMixin

__all__ = ["Basis", "CheckResult", "LiftEstimate"]

Basis = Literal["randomised", "quasi"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftEstimate(DisplayMixin):
    """The effect of one arm against the control on one metric.

    ``effect`` and its interval are in the metric's own unit per unit of analysis (a share for conversions,
    money for revenue). ``rel_effect`` is relative to the control's mean: 0.10 is 10 % more; it is ``None``
    where the control's interval holds zero, or where the metric forgoes it. Absolute and relative intervals
    come from one test, so both contain zero or neither does.

    Attributes:
        metric: Name of the metric.
        arm: Name of the treatment arm.
        control: Name of the control arm.
        n_control: Units in the control.
        n_treatment: Units in the treatment arm.
        control_mean: Mean (share, ratio) of the control; the adjusted one where ``adjusted``.
        treatment_mean: The same of the treatment arm.
        effect: ``treatment_mean - control_mean``.
        standard_error: Standard error of ``effect`` (HC2, HC3 or by cluster, as ``method`` says).
        effect_ci_lower: Lower bound of the ``1 - alpha`` interval.
        effect_ci_upper: Upper bound.
        rel_effect: ``treatment_mean / control_mean - 1``.
        rel_effect_ci_lower: Lower bound.
        rel_effect_ci_upper: Upper bound.
        pvalue: Two-sided p-value of no effect.
        pvalue_adjusted: Corrected over the registered estimates of the metrics of one role; ``None`` where it is not.
        correction: By which correction: holm, hochberg or benjamini_hochberg; intervals are never corrected.
        df: Degrees of freedom; ``None`` where the test uses none.
        alpha: Error rate of the intervals.
        interval_alpha: Error rate of a single interval as long as these, where it differs: on a day of a confidence
            sequence.
        method: The estimator in words.
        adjusted: Whether covariates were adjusted for.
        kind: Kind of the metric: conversion, mean, quantile, ratio, revenue or time (days).
        unit: Unit of the metric's values, e.g. USD.
        role: Role of the metric: primary, secondary or guardrail.
        direction: Which way is better: increase or decrease.
        segment: The declared segment's column and value, ``None`` for all units.
        population: Whom the estimate is about.
        basis: ``randomised`` or ``quasi``.
        sentence: The estimate in words.
    """

    metric: str
    arm: str
    control: str
    n_control: int
    n_treatment: int
    control_mean: float
    treatment_mean: float
    effect: float
    standard_error: float
    effect_ci_lower: float
    effect_ci_upper: float
    rel_effect: float | None
    rel_effect_ci_lower: float | None
    rel_effect_ci_upper: float | None
    pvalue: float
    pvalue_adjusted: float | None = None
    correction: str | None = None
    df: float | None = None
    alpha: float = 0.05
    interval_alpha: float | None = None
    method: str = ""
    adjusted: bool = False
    kind: str = "mean"
    unit: str = ""
    role: str = "secondary"
    direction: str = "increase"
    segment: tuple[str, str] | None = None
    population: str = "all assigned units (intention to treat)"
    basis: Basis = "randomised"
    sentence: str = ""

    _shown = (
        "metric", "arm", "control", "n_control", "n_treatment", "control_mean", "treatment_mean",
        "effect", "effect_ci_lower", "effect_ci_upper", "rel_effect", "rel_effect_ci_lower",
        "rel_effect_ci_upper", "pvalue", "adjusted",
    )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return asdict(self)

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row."""
        return (self.to_dict(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult(DisplayMixin):
    """One check: passed, failed, or informational.

    Attributes:
        name: Name of the check.
        passed: ``True``, ``False``, or ``None`` where it only informs.
        sentence: What was found, in words.
        metric: The metric that it is about; ``None`` where it is about the whole experiment.
        table: The numbers behind it, one dictionary a row.
    """

    name: str
    passed: bool | None
    sentence: str
    metric: str | None = None
    table: tuple[dict[str, Any], ...] = field(default=())

    _shown = ("name", "metric", "passed", "sentence")

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return asdict(self)

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row without the table behind it."""
        return ({"name": self.name, "metric": self.metric, "passed": self.passed, "sentence": self.sentence},)
