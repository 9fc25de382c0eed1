"""The grade of a readout, by a rule table that every page prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.estimates import CheckResult
    from incrementality.experiment import Experiment
    from incrementality.lift.readout import Grade

__all__ = ["GRADE_RULES", "grade_experiment", "grade_metric", "worse_of"]

GRADE_RULES: tuple[tuple[Grade, str], ...] = (
    ("do not use", "The arms' sizes differ from the plan (sample ratio, p < 0.001)."),
    ("do not use", "The eligible are analysed, and their share differs between the arms (p < 0.001, or by size)."),
    ("do not use", "The eligible are analysed, and the arms of those not eligible differ from the plan (p < 0.001)."),
    ("do not use", "The arms' shares changed over time, or units were drawn by several probabilities, in a stratum."),
    ("do not use", "Units in several arms and without a first, or such clusters, are over 1 % of the smallest arm."),
    ("do not use", "The data ends before the registered end: a look that a fixed test does not have."),
    ("do not use", "The data holds an arm that was not planned."),
    ("do not use", "The arms are those of another experiment: one salt, or arms alike beyond chance (p < 0.001)."),
    ("do not use", "Over 5 % of a primary metric's outcomes are missing, or they are missing differently by arm."),
    ("caution", "Any other check failed; the page names it. Another metric's failed check concerns that metric."),
    ("trust", "Every check passed."),
)

_FATAL = frozenset(
    {
        "arm_probability",
        "arms_planned",
        "eligible_rate",
        "looks",
        "missing_outcomes",
        "mixed_assignment",
        "salt_reuse",
        "sample_ratio",
        "sample_ratio_complement",
        "sample_ratio_over_time",
    }
)


def grade_metric(checks: Sequence[CheckResult], metric: str) -> tuple[Grade, str]:
    """Return the grade of one metric's answer, and why."""
    return _graded([check for check in checks if check.metric in {None, metric}])


def grade_experiment(checks: Sequence[CheckResult], experiment: Experiment) -> tuple[Grade, str]:
    """Return the grade of the whole readout, and why: primary metrics decide, others can only bring caution."""
    primary = {metric.name for metric in experiment.primary}
    grade, reason = _graded([check for check in checks if check.metric is None or check.metric in primary])
    if grade != "trust":
        return grade, reason
    others = [check for check in checks if check.passed is False]
    return ("caution", _reason(others)) if others else (grade, reason)


def worse_of(first: Grade, second: Grade) -> Grade:
    """Return the grade that allows less.

    Examples:
        >>> worse_of("trust", "caution")
        'caution'
    """
    order = [grade for grade, _ in GRADE_RULES]
    return min(first, second, key=order.index)


def _graded(checks: Sequence[CheckResult]) -> tuple[Grade, str]:
    failed = [check for check in checks if check.passed is False]
    fatal = [check for check in failed if check.name in _FATAL]
    if fatal:
        return "do not use", _reason(fatal)
    if failed:
        return "caution", _reason(failed)
    return "trust", "Every check passed."


def _reason(failed: Sequence[CheckResult]) -> str:
    return " ".join(f"Metric {check.metric}: {check.sentence}" if check.metric else check.sentence for check in failed)
