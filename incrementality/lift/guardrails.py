"""Guardrails: whether harm beyond the margin is ruled out, which is more than that none was shown."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.formatting import difference_number, difference_unit, interval, level, relative
from incrementality.lift.answers import GuardrailAnswer
from incrementality.lift.comparisons import compare_arms, mean_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import PlannedMetric
    from incrementality.lift.answers import GuardrailOutcome
    from incrementality.lift.guard import Guard
    from incrementality.lift.sample import Sample

__all__ = ["answer_guardrails"]


def answer_guardrails(sample: Sample, guard: Guard) -> tuple[GuardrailAnswer, ...]:
    """Return what each guardrail with a margin says of each arm: its registered comparison, one-sided at ``alpha``.

    The margin is the metric's ``smallest_effect``. The answer follows the ``1 - 2 alpha`` interval of the very method
    by which the metric is compared, so that a rare complaint is judged by the exact test and few payers by permutation.

    References:
        Piaggio et al. (2012), Reporting of noninferiority and equivalence randomized trials (CONSORT),
        https://doi.org/10.1001/jama.2012.87802
    """
    planned = [m for m in sample.experiment.metrics if m.role == "guardrail" and m.smallest_effect is not None]
    if not planned:
        return ()
    estimates = compare_arms(_one_sided(sample, planned), guard)
    adjusted = {e.metric for e in estimates if e.adjusted}
    metrics = {metric.name: metric for metric in planned}
    return tuple(_answer(e, metrics[e.metric]) for e in estimates if e.adjusted == (e.metric in adjusted))


def _one_sided(sample: Sample, planned: Sequence[PlannedMetric]) -> Sample:
    """The guardrails alone, at twice the error rate; relative where their margin is, and the control is not zero."""
    names = {metric.name for metric in planned}
    control = sample.experiment.control.name
    parts = []
    for part in (part for part in sample.metrics if part.metric.name in names):
        margin = part.metric.smallest_effect
        relative_margin = margin is not None and margin.relative is not None
        stated = relative_margin and mean_of(part, control).value != 0
        parts.append(replace(part, metric=part.metric.model_copy(update={"relative": stated})))
    changed = {"alpha": 2 * sample.experiment.alpha, "metrics": tuple(part.metric for part in parts)}
    experiment = sample.experiment.model_copy(update=changed)
    return replace(sample, table=replace(sample.table, experiment=experiment), metrics=tuple(parts))


def _answer(e: LiftEstimate, metric: PlannedMetric) -> GuardrailAnswer:
    margin = metric.smallest_effect
    absolute = None if margin is None else margin.absolute
    found = (e.effect, e.effect_ci_lower, e.effect_ci_upper) if absolute is not None else _relative(e)
    sign = -1.0 if metric.direction == "increase" else 1.0
    low, high = sorted((sign * found[1], sign * found[2]))
    size = float(margin.relative or 0) if margin is not None and absolute is None else float(absolute or 0)
    answer = GuardrailAnswer(
        metric=e.metric,
        arm=e.arm,
        outcome=_outcome(low, high, size),
        harm=_finite(sign * found[0]),
        harm_ci_lower=_finite(low),
        harm_ci_upper=_finite(high),
        margin=size,
        relative=absolute is None,
        alpha=e.alpha / 2,
        method=e.method,
        sentence="",
    )
    return replace(answer, sentence=_sentence(answer, e))


def _relative(e: LiftEstimate) -> tuple[float, float, float]:
    """The relative effect; without any bound where the control's mean is not clearly above zero."""
    lower, upper = e.rel_effect_ci_lower, e.rel_effect_ci_upper
    if e.rel_effect is None or lower is None or upper is None or e.control_mean <= 0:
        return math.nan, -math.inf, math.inf
    return e.rel_effect, lower, upper


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _outcome(low: float, high: float, margin: float) -> GuardrailOutcome:
    if high < margin:
        return "within its margin"
    return "worse" if low > margin else "not settled"


def _sentence(answer: GuardrailAnswer, e: LiftEstimate) -> str:
    def told(value: float) -> str:
        return relative(value) if answer.relative else difference_number(value, kind=e.kind, unit=e.unit)

    unit = "" if answer.relative else f" {difference_unit(kind=e.kind, unit=e.unit)}"
    margin = f"margin {told(answer.margin).lstrip('+')}{unit}"
    head = f"{answer.metric} under {answer.arm}: {answer.outcome}"
    if answer.harm is None:
        return f"{head}; the {margin} is relative, and no relative effect is stated."
    low, high = answer.harm_ci_lower, answer.harm_ci_upper
    bounds = interval(told(-math.inf if low is None else low), told(math.inf if high is None else high))
    shown = " Some harm is shown." if answer.outcome != "worse" and (low or 0.0) > 0 else ""
    return f"{head}; harm {told(answer.harm)}{unit} ({level(2 * answer.alpha)} interval {bounds}), {margin}.{shown}"
