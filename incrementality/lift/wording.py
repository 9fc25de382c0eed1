"""Estimates in words that a manager can repeat. Where a check failed, nothing is called lift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.formatting import count, difference, interval, level, mean, p_value, relative
from incrementality.stats import t_quantile, two_sided_critical_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import PlannedMetric
    from incrementality.lift.answers import GuardrailAnswer
    from incrementality.lift.readout import Grade, SegmentTest

_USUAL_POWER = 0.8
_AGAINST_MARGIN = {
    "within its margin": "within its margin",
    "worse": "worse by more than its margin",
    "not settled": "not settled against its margin",
}

__all__ = [
    "counted",
    "is_shown",
    "is_worse",
    "log_rank_sentence",
    "segment_sentence",
    "sentence_of",
    "verdict_line",
    "verdict_of",
]


def is_shown(estimate: LiftEstimate) -> bool:
    """Return whether an effect is shown, after the correction for several comparisons where there is one."""
    pvalue = estimate.pvalue if estimate.pvalue_adjusted is None else estimate.pvalue_adjusted
    return pvalue < estimate.alpha


def is_worse(estimate: LiftEstimate) -> bool:
    """Return whether the effect points the wrong way."""
    return (estimate.effect < 0) == (estimate.direction == "increase") and estimate.effect != 0


def sentence_of(estimate: LiftEstimate) -> str:
    """Return an estimate in words: both means, the difference, its interval, the relative change."""
    e = estimate
    where = f" where {e.segment[0]} is {e.segment[1]}" if e.segment else ""
    told = (
        f"{e.metric}{where}: {mean(e.treatment_mean, kind=e.kind, unit=e.unit)} in {e.arm} against "
        f"{mean(e.control_mean, kind=e.kind, unit=e.unit)} in {e.control}, a difference of {_difference(e)}"
    )
    if e.rel_effect is None or e.rel_effect_ci_lower is None or e.rel_effect_ci_upper is None:
        return f"{told}."
    bounds = interval(relative(e.rel_effect_ci_lower), relative(e.rel_effect_ci_upper))
    return f"{told}, {relative(e.rel_effect)} relative to the control ({bounds})."


def _difference(e: LiftEstimate) -> str:
    lower = difference(e.effect_ci_lower, kind=e.kind, unit=e.unit)
    upper = difference(e.effect_ci_upper, kind=e.kind, unit=e.unit)
    value = difference(e.effect, kind=e.kind, unit=e.unit)
    return f"{value} ({level(e.alpha)} interval {interval(lower, upper)})"


def verdict_line(estimate: LiftEstimate, metric: PlannedMetric, grade: Grade) -> str:
    """Return one primary comparison in words, as far as its grade allows."""
    e = estimate
    if grade == "do not use":
        return f"{e.arm} on {e.metric}: no answer; the difference in the data cannot be read as an effect."
    if not is_shown(e):
        corrected = " once corrected for several comparisons" if e.pvalue < e.alpha else ""
        return (
            f"{e.arm} on {e.metric}: no effect shown{corrected}; the difference is {_difference(e)}. "
            f"{_ruled_out(e, metric)}"
        )
    if grade == "caution":
        return f"{e.arm} on {e.metric}: a difference of {_difference(e)}, to be read with caution."
    verb = "raised" if e.effect > 0 else "lowered"
    told = (
        f"{e.arm} {verb} {e.metric} from {mean(e.control_mean, kind=e.kind, unit=e.unit)} to "
        f"{mean(e.treatment_mean, kind=e.kind, unit=e.unit)}: {_difference(e)}"
    )
    if e.rel_effect is not None and e.rel_effect_ci_lower is not None and e.rel_effect_ci_upper is not None:
        bounds = interval(relative(e.rel_effect_ci_lower), relative(e.rel_effect_ci_upper))
        told += f", a relative lift of {relative(e.rel_effect)} ({bounds})"
    return f"{told}.{_against_smallest(e, metric)}"


def _smallest(e: LiftEstimate, metric: PlannedMetric) -> float | None:
    smallest = metric.smallest_effect
    if smallest is None:
        return None
    if smallest.absolute is not None:
        return smallest.absolute
    return float(smallest.relative or 0) * abs(e.control_mean) or None


def _size(e: LiftEstimate, value: float) -> str:
    return difference(value, kind=e.kind, unit=e.unit).lstrip("+")


def _ruled_out(e: LiftEstimate, metric: PlannedMetric) -> str:
    smallest = _smallest(e, metric)
    if smallest is None:
        return f"Nothing shown is not the same as no effect: {_could_have_seen(e)}"
    good = e.effect_ci_upper if e.direction == "increase" else -e.effect_ci_lower
    if good < smallest:
        return f"A gain of {_size(e, smallest)}, the smallest that matters, is ruled out."
    return (
        f"Inconclusive: a gain of {_size(e, smallest)}, the smallest that matters, is neither shown nor ruled out; "
        f"{_could_have_seen(e)}"
    )


def _could_have_seen(e: LiftEstimate) -> str:
    """What a test with this standard error finds four times out of five; it does not depend on the effect found."""
    df = e.df or float("inf")
    critical = two_sided_critical_value(e.interval_alpha or e.alpha, df)
    seen = (critical + t_quantile(_USUAL_POWER, df)) * e.standard_error
    told = f"this test could see {_size(e, seen)}"
    if e.rel_effect is not None:
        told += f" ({relative(seen / abs(e.control_mean)).lstrip('+')} of the control)"
    return f"{told} or more, four times out of five."


def _against_smallest(e: LiftEstimate, metric: PlannedMetric) -> str:
    smallest = _smallest(e, metric)
    if smallest is None or is_worse(e):
        return ""
    weakest = e.effect_ci_lower if e.direction == "increase" else -e.effect_ci_upper
    if weakest >= smallest:
        return f" All of the interval is beyond {_size(e, smallest)}, the smallest effect that matters."
    return f" Effects below {_size(e, smallest)}, the smallest that matters, are not ruled out."


def verdict_of(
    headlines: Sequence[LiftEstimate], grade: Grade, reason: str, guardrails: Sequence[GuardrailAnswer] = ()
) -> str:
    """Return the verdict: what the primary metrics and the guardrails say, as far as the grade allows."""
    if grade == "do not use":
        return f"Do not use this result. {reason}"
    primary = [e for e in headlines if e.role == "primary"]
    told = [_summary(list(group)) for group in _by_metric(primary)]
    harmed = [e for e in headlines if e.role == "guardrail" and is_shown(e) and is_worse(e)]
    told += _guarded(guardrails, harmed)
    return " ".join([f"Read with caution. {reason}", *told] if grade == "caution" else told)


def _guarded(answers: Sequence[GuardrailAnswer], harmed: Sequence[LiftEstimate]) -> list[str]:
    """What guardrails with a margin say, and harm that is shown but not settled against a margin, or without one."""
    told = [f"Guardrail {answer.metric} is {_AGAINST_MARGIN[answer.outcome]} under {answer.arm}." for answer in answers]
    judged = {(answer.metric, answer.arm) for answer in answers if answer.outcome != "not settled"}
    return told + [f"Guardrail {e.metric} got worse under {e.arm}." for e in harmed if (e.metric, e.arm) not in judged]


def _by_metric(estimates: Sequence[LiftEstimate]) -> list[list[LiftEstimate]]:
    return [[e for e in estimates if e.metric == metric] for metric in dict.fromkeys(e.metric for e in estimates)]


def _summary(estimates: list[LiftEstimate]) -> str:
    """Return one primary metric in a sentence: which arms raised it, lowered it, or showed nothing."""
    metric, control = estimates[0].metric, estimates[0].control
    up = [e.arm for e in estimates if is_shown(e) and e.effect > 0]
    down = [e.arm for e in estimates if is_shown(e) and e.effect < 0]
    flat = [e.arm for e in estimates if not is_shown(e)]
    parts = [f"{_listed(up)} raised {metric}"] if up else []
    parts += [f"{_listed(down)} lowered {metric}"] if down else []
    parts += [f"no effect of {_listed(flat)} on {metric} was shown"] if flat else []
    told = "; ".join(parts)
    return f"{told[0].upper()}{told[1:]}, compared with {control}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def segment_sentence(test: SegmentTest, *, alpha: float, values_left_out: int, units_left_out: int) -> str:
    """Return whether an effect differs between the values of a segment, in words."""
    differs = test.pvalue < alpha
    told = (
        f"The effect of {test.arm} on {test.metric} {'differs' if differs else 'was not shown to differ'} between the "
        f"values of {test.segment} ({p_value(test.pvalue)}, unadjusted)."
    )
    if values_left_out:
        told += f" Left out, since an arm had too few units: {counted(values_left_out, 'value')}."
    if units_left_out:
        told += f" Without a value of {test.segment}: {counted(units_left_out, 'unit')}."
    return told


def log_rank_sentence(metric: str, arm: str, pvalue: float, *, alpha: float) -> str:
    """Return what a log-rank test says beside a restricted mean, in words."""
    found = "differ" if pvalue < alpha else "were not shown to differ"
    return (
        f"{metric}: the hazards of {arm} and of the control {found} (log-rank test, {p_value(pvalue)}, unadjusted). "
        "It says nothing of size; the answer is the difference in days."
    )


def counted(n: int, what: str) -> str:
    """Return a count with its noun, in the singular for one."""
    return f"{count(n)} {what}" if n == 1 else f"{count(n)} {what}s"
