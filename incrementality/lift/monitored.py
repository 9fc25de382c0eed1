"""Estimates and answers at a look: bounds instead of fixed levels, and what a test says once it has ended."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.formatting import p_value
from incrementality.lift.corrections import corrected
from incrementality.lift.look_records import LookResult, StagedAnswer
from incrementality.lift.looks import bounds_taken
from incrementality.lift.wording import sentence_of
from incrementality.stats import (
    FEWEST_PAYERS,
    after_stopping,
    confidence_sequence_of_estimates,
    normal_quantile,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incrementality.design import Monitoring
    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import Experiment
    from incrementality.lift.look_records import LookReading
    from incrementality.lift.sample import Sample

__all__ = ["always_valid", "deviate", "ended", "monitored", "payers_of", "result_of", "started_checks", "with_results"]

_SPARSE = frozenset({"conversion", "revenue"})
_LARGEST_DEVIATE = 37.0
_OPEN = math.inf


def deviate(effect: float, pvalue: float) -> float:
    """Return a two-sided p-value as a standard normal deviate with the effect's sign.

    Examples:
        >>> round(deviate(-0.2, 0.05), 2)
        -1.96
    """
    size = -normal_quantile(pvalue / 2) if pvalue > 0 else _LARGEST_DEVIATE
    return math.copysign(max(0.0, min(size, _LARGEST_DEVIATE)), effect) if effect else 0.0


def payers_of(sample: Sample, metric: str, arm: str) -> float:
    """Return the payers in the smaller arm of a comparison; its units where the metric is not sparse."""
    part = next(part for part in sample.metrics if part.metric.name == metric)
    sizes = {name: float(part.arm(name).n.sum()) for name in (arm, sample.experiment.control.name)}
    smaller = min(sizes, key=lambda name: sizes[name])
    return float(part.nonzero(smaller)) if part.metric.kind in _SPARSE else max(sizes[smaller], FEWEST_PAYERS)


def always_valid(z: float, look: LookReading, payers: float, *, sides: int) -> float:
    """Return the always-valid p-value of a deviate; 1 before there are 100 payers in the smaller arm."""
    if payers < FEWEST_PAYERS:
        return 1.0
    found = confidence_sequence_of_estimates(
        [z], [1.0], units=[look.information], payers=[payers], planned_units=1.0, alpha=look.alpha,
        sides=1 if look.sides == 1 else 2,
    )  # fmt: skip
    return float(found.pvalues[0]) if sides == look.sides else min(1.0, 2 * float(found.pvalues[0]))


def monitored(sample: Sample, look: LookReading | None, estimates: Sequence[LiftEstimate]) -> tuple[LiftEstimate, ...]:
    """Return the estimates as a look states them; without a look, as they are.

    A confidence sequence gives its level and its always-valid p-value, and nothing at all before its start. Where only
    one direction is tested, the interval of a primary metric is open to the other side.
    """
    if look is None:
        return tuple(estimates)
    if look.kind == "confidence sequence":
        in_sequence = [_in_sequence(e, look, payers_of(sample, e.metric, e.arm)) for e in estimates]
        found = corrected(in_sequence, sample.experiment)
    else:
        shared = len(sample.experiment.primary) * len(sample.experiment.treatments) > 1
        found = [_at_bound(e, look, shared=shared) for e in estimates]
    return tuple(replace(e, sentence=sentence_of(e)) for e in found)


def _at_bound(e: LiftEstimate, look: LookReading, *, shared: bool) -> LiftEstimate:
    """A bound whose error rate is one comparison's part of the whole needs no further correction."""
    if e.role != "primary":
        return e
    if shared and "boundary" not in look.rule:
        e = replace(e, pvalue_adjusted=None, correction=None)
    if look.sides > 1:
        return e
    wrong_way = (e.effect > 0) != (e.direction == "increase")
    return _opened(replace(e, pvalue=1.0, pvalue_adjusted=None) if wrong_way else e)


def _in_sequence(e: LiftEstimate, look: LookReading, payers: float) -> LiftEstimate:
    one_sided = look.sides == 1 and e.role == "primary"
    z = deviate(e.effect, e.pvalue)
    signed = (z if e.direction == "increase" else -z) if one_sided else abs(z)
    alpha = look.alpha if one_sided or look.sides > 1 else 2 * look.alpha
    found = replace(
        e,
        pvalue=always_valid(signed, look, payers, sides=1 if one_sided else 2),
        alpha=alpha,
        interval_alpha=look.nominal_alpha,
    )
    if payers < FEWEST_PAYERS:
        return replace(
            found,
            effect_ci_lower=-_OPEN,
            effect_ci_upper=_OPEN,
            rel_effect=None,
            rel_effect_ci_lower=None,
            rel_effect_ci_upper=None,
        )
    return _opened(found) if one_sided else found


def _opened(e: LiftEstimate) -> LiftEstimate:
    """The interval without its end on the good side, which a one-sided test does not bound."""
    upward = e.direction == "increase"
    e = replace(e, effect_ci_upper=_OPEN) if upward else replace(e, effect_ci_lower=-_OPEN)
    if e.rel_effect is None:
        return e
    if upward == (e.control_mean > 0):
        return replace(e, rel_effect_ci_upper=_OPEN)
    return replace(e, rel_effect_ci_lower=-_OPEN)


def started_checks(sample: Sample, look: LookReading | None) -> list[tuple[str, str, float]]:
    """Return the primary comparisons of a confidence sequence that have not started: metric, arm, payers."""
    if look is None or look.kind != "confidence sequence":
        return []
    pairs = [(m.name, arm.name) for m in sample.experiment.primary for arm in sample.experiment.treatments]
    found = [(metric, arm, payers_of(sample, metric, arm)) for metric, arm in pairs]
    return [one for one in found if one[2] < FEWEST_PAYERS]


def result_of(e: LiftEstimate, look: LookReading) -> LookResult:
    """Return a primary comparison as the look keeps it."""
    if look.kind == "confidence sequence":
        crossed = e.pvalue < e.alpha
        return LookResult(
            metric=e.metric, arm=e.arm, effect=e.effect, standard_error=e.standard_error, crossed=crossed,
            z=e.effect / e.standard_error if e.standard_error else 0.0, pvalue=e.pvalue,
        )  # fmt: skip
    z = deviate(e.effect, e.pvalue) if e.pvalue < 1 else e.effect / (e.standard_error or 1.0)
    return LookResult(
        metric=e.metric, arm=e.arm, effect=e.effect, standard_error=e.standard_error, z=z, crossed=e.pvalue < e.alpha
    )


def with_results(
    look: LookReading, headlines: Sequence[LiftEstimate], plan: Monitoring, experiment: Experiment
) -> LookReading:
    """Return the look with its results and, where a test has ended, its answer.

    Args:
        look: The look.
        headlines: Registered estimates at this look.
        plan: How the registered design is watched.
        experiment: Says which way each metric is better.
    """
    results = tuple(result_of(e, look) for e in headlines if e.role == "primary")
    better = {metric.name: metric.direction for metric in experiment.primary}
    answers = tuple(answer for one in results if (answer := ended(look, one, plan, better[one.metric])) is not None)
    return replace(look, results=results, answers=answers, sentence=_told(look, results, answers))


def ended(
    look: LookReading,
    now: LookResult,
    plan: Monitoring,
    direction: str,
) -> StagedAnswer | None:
    """Return what a test says of one comparison: at its first crossing, else at the last look; ``None`` before.

    References:
        Tsiatis, Rosner and Mehta (1984), https://doi.org/10.2307/2530924
    """
    if look.number is None:
        return None
    so_far = [(one.number, one.information, _same(one.results, now)) for one in look.earlier]
    so_far.append((look.number, look.information, now))
    k = next((k for k, (_, _, one) in enumerate(so_far) if one is not None and one.crossed), len(so_far) - 1)
    number, information, result = so_far[k]
    final = number == look.of or information >= 1
    if result is None or not (result.crossed or final):
        return None
    bounds = bounds_taken(plan, [(one, time) for one, time, _ in so_far[: k + 1]], alpha=look.alpha)
    sign = -1.0 if look.sides == 1 and direction == "decrease" else 1.0
    error = abs(result.effect / result.z) if result.z and result.effect else result.standard_error
    if not error:
        return None
    found = after_stopping(sign * result.effect, error, bounds)
    ends = sorted((sign * found.interval.lower, sign * found.interval.upper))
    lower, upper = (end if math.isfinite(end) else None for end in ends)
    return StagedAnswer(
        metric=now.metric, arm=now.arm, look=number, crossed=result.crossed, effect=sign * found.effect,
        raw_effect=result.effect, lower=lower, upper=upper, pvalue=found.pvalue,
    )  # fmt: skip


def _same(results: Iterable[LookResult], wanted: LookResult) -> LookResult | None:
    return next((one for one in results if (one.metric, one.arm) == (wanted.metric, wanted.arm)), None)


def _told(look: LookReading, results: Sequence[LookResult], answers: Sequence[StagedAnswer]) -> str:
    done = {(answer.metric, answer.arm): answer for answer in answers}
    parts = []
    for one in results:
        answer = done.get((one.metric, one.arm))
        name = f"{one.arm} on {one.metric}"
        if look.kind == "confidence sequence":
            state = "shows an effect" if one.crossed else "shows no effect so far"
            parts.append(f"{name} {state} (always-valid {p_value(one.pvalue)}).")
        elif answer is not None:
            how = "crossed its bound" if answer.crossed else "ended without crossing a bound"
            parts.append(f"{name} {how} at look {answer.look} (stagewise {p_value(answer.pvalue)}).")
        else:
            parts.append(f"{name} has not crossed its bound: z is {one.z:.2f}. The test goes on.")
    return " ".join(parts)
