"""Other experiments on the same units: whether arms are independent, the effect in each of theirs, interactions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from incrementality.errors import TooFewClusters
from incrementality.estimates import CheckResult
from incrementality.experiment import Segment
from incrementality.formatting import difference, difference_number, interval, level, p_value
from incrementality.lift.answers import Interaction
from incrementality.lift.segments import compare_within
from incrementality.lift.thresholds import CHANCE
from incrementality.outcomes import HAS_VALUE, value_moments
from incrementality.stats import MeanEstimate, chi_square_pvalue, cluster_means, compare_means, sample_ratio_test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.lift.sample import Sample
    from incrementality.warehouse import GroupValue

__all__ = ["Concurrent", "compare_concurrent"]


class Concurrent(NamedTuple):
    """What other experiments on the same units say.

    Attributes:
        estimates: Primary metrics' unadjusted effects in each arm of each other experiment.
        interactions: By how much they differ between its arms.
        checks: Whether its arms are independent of those of this experiment.
    """

    estimates: tuple[LiftEstimate, ...]
    interactions: tuple[Interaction, ...]
    checks: tuple[CheckResult, ...]


def compare_concurrent(sample: Sample) -> Concurrent:
    """Return the effects and interactions with each experiment that ``data.concurrent`` names.

    Raises:
        InputError: A column holds more than 20 arms.
    """
    estimates: list[LiftEstimate] = []
    interactions: list[Interaction] = []
    checks: list[CheckResult] = []
    for other, column in sample.experiment.data.concurrent.items():
        checks.append(_independence(sample, other, column))
        for part in (part for part in sample.metrics if part.metric.role == "primary"):
            found, _, _ = compare_within(sample, part, Segment(column=column, name=other))
            estimates += found
            for arm in sample.experiment.treatments:
                own = {e.segment[1]: e for e in found if e.arm == arm.name and e.segment}
                interactions += _interactions(other, own, sample.experiment.control.name)
    return Concurrent(tuple(estimates), tuple(interactions), tuple(checks))


def _independence(sample: Sample, other: str, column: str) -> CheckResult:
    """The cross-table of both experiments' arms; whole clusters are tested as such."""
    arms = [arm.name for arm in sample.experiment.arms]
    reduction = sample.table.reduce(outcomes=sample.metrics[0].metric.columns, by=column)
    raw = {keys[1]: values[1] for keys, values in zip(reduction.moments.groups, reduction.values, strict=True)
           if keys[0] in arms}  # fmt: skip
    counts = {
        value: [round(float(reduction.moments.select((arm, value)).n.sum())) for arm in arms] for value in sorted(raw)
    }
    rows = tuple(
        {"arm": arm, other: value, "n": n, "share": n / max(sum(row[k] for row in counts.values()), 1)}
        for k, arm in enumerate(arms)
        for value, n in ((value, row[k]) for value, row in counts.items())
    )
    clustered = sample.experiment.data.cluster is not None
    pvalue = _clustered_pvalue(sample, column, raw) if clustered else _pearson(list(counts.values()))
    told = f"Too few to tell whether the arms are independent of those of {other}."
    if pvalue is not None and pvalue < CHANCE:
        told = (
            f"The arms depend on those of {other} ({p_value(pvalue)}): their effects are mixed. Read the effect within "
            "its arms, and draw the two by different salts or in one layer."
        )
    elif pvalue is not None:
        told = f"The arms are independent of those of {other} ({p_value(pvalue)})."
    passed = None if pvalue is None else pvalue >= CHANCE
    return CheckResult(name="concurrent", passed=passed, sentence=told, table=rows)


def _pearson(counts: Sequence[Sequence[int]]) -> float | None:
    """Pearson's test that every arm of the other experiment is spread over the arms alike."""
    totals = [sum(arm) for arm in zip(*counts, strict=True)]
    df = (len(counts) - 1) * (len(totals) - 1)
    if df == 0 or min(totals, default=0) == 0:
        return None
    return chi_square_pvalue(math.fsum(sample_ratio_test(cell, totals).statistic for cell in counts), df)


def _clustered_pvalue(sample: Sample, column: str, raw: Mapping[str, GroupValue]) -> float | None:
    """The smallest p-value of the other arms' shares, each arm against the control, times their number."""
    control, found = sample.experiment.control.name, []
    try:
        for value in sorted(raw)[1:]:
            moments = value_moments(sample.table, column, raw[value])
            for arm in sample.experiment.treatments:
                pair = cluster_means([(moments.select((arm.name,)), moments.select((control,)))], [HAS_VALUE])
                found.append(pair.compare().pvalue)
    except TooFewClusters:
        return None
    return min(1.0, len(found) * min(found)) if found else None


def _interactions(other: str, own: Mapping[str, LiftEstimate], control: str) -> list[Interaction]:
    """Each arm of the other experiment against one of them: that called like this control, or else the first."""
    if not own:
        return []
    reference = control if control in own else min(own)
    return [_interaction(other, own[value], own[reference]) for value in own if value != reference]


def _interaction(other: str, there: LiftEstimate, here: LiftEstimate) -> Interaction:
    """Effects in disjoint units are independent; accounts that span both make the interval rather too wide."""
    found = compare_means(_as_mean(there), _as_mean(here), alpha=there.alpha)
    bounds = found.effect_interval
    value, reference = (e.segment[1] if e.segment else "" for e in (there, here))
    low, high = (difference_number(x, kind=there.kind, unit=there.unit) for x in (bounds.lower, bounds.upper))
    size = difference(found.effect, kind=there.kind, unit=there.unit)
    differs = "differs" if found.pvalue < there.alpha else "was not shown to differ"
    return Interaction(
        other=other,
        metric=there.metric,
        arm=there.arm,
        value=value,
        reference=reference,
        effect=found.effect,
        ci_lower=bounds.lower,
        ci_upper=bounds.upper,
        pvalue=found.pvalue,
        sentence=f"The effect of {there.arm} on {there.metric} {differs} between {value} and {reference} of {other}: "
        f"{size} ({level(there.alpha)} interval {interval(low, high)}, {p_value(found.pvalue)}, unadjusted).",
    )


def _as_mean(e: LiftEstimate) -> MeanEstimate:
    return MeanEstimate(value=e.effect, variance=e.standard_error**2, df=e.df or math.inf)
