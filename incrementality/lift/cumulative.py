"""The effect in all units that count by each date, with the intervals that hold on all those dates together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from incrementality.lift.look_records import CumulativeEffect
from incrementality.lift.methods import compare_counts
from incrementality.outcomes.by_date import first_complete, reduce_by_date
from incrementality.stats import (
    FEWEST_PAYERS,
    MeanEstimate,
    anytime_margin,
    compare_means,
    estimate_mean,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from incrementality.experiment import PlannedMetric
    from incrementality.lift.look_records import LookReading
    from incrementality.lift.sample import Sample
    from incrementality.stats import Comparison
    from incrementality.warehouse import Reduction

__all__ = ["SUMMED", "Cumulated", "Step", "compare_cumulated", "cumulative_effects", "effect_at"]

SUMMED = frozenset({"conversion", "mean", "ratio", "revenue"})  # kinds of metrics whose sums add over dates
_SPARSE = frozenset({"conversion", "revenue"})
_DATES = 12
_FEWEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cumulated:
    """One arm's units by a date.

    Attributes:
        n: Units.
        mean: Their mean (share, ratio), in the metric's unit.
        variance: Sample variance of a unit's value (denominator n - 1; of a ratio's linearised value).
        payers: Units with a value other than zero.
    """

    n: int
    mean: float
    variance: float
    payers: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One date of a path.

    Attributes:
        on: The date, ISO.
        critical: What ``|z|`` has to reach; ``None`` where the date is no look.
        look: The number of the look.
        sides: 1 where only the good direction is tested.
        sequence: Whether the interval belongs to a confidence sequence, which starts at 100 payers.
    """

    on: str
    critical: float | None
    look: int | None = None
    sides: int = 2
    sequence: bool = False


def compare_cumulated(kind: str, treatment: Cumulated, control: Cumulated, *, alpha: float) -> Comparison:
    """Return the unadjusted comparison that a readout of the same units makes."""
    if kind != "conversion":
        arms = [MeanEstimate(value=a.mean, variance=a.variance / a.n, df=a.n - 1) for a in (treatment, control)]
        return compare_means(*arms, alpha=alpha)
    counts = [(round(arm.mean * arm.n), arm.n) for arm in (treatment, control)]
    return compare_counts(counts[0], counts[1], alpha=alpha)[0]


def effect_at(
    metric: PlannedMetric, arm: str, treatment: Cumulated, control: Cumulated, step: Step
) -> CumulativeEffect:
    """Return the effect at one date, with the interval that its bound gives, where it has one."""
    smaller = min((treatment, control), key=lambda one: one.n)
    started = not step.sequence or metric.kind not in _SPARSE or smaller.payers >= FEWEST_PAYERS
    stated = step.critical is not None and started
    alpha = math.erfc((step.critical or 0.0) / math.sqrt(2)) if stated else 0.5
    found = compare_cumulated(metric.kind, treatment, control, alpha=alpha)
    up = metric.direction == "increase"
    return CumulativeEffect(
        metric=metric.name,
        arm=arm,
        on=step.on,
        n_control=control.n,
        n_treatment=treatment.n,
        effect=found.effect,
        standard_error=found.standard_error,
        lower=found.effect_interval.lower if stated and (step.sides > 1 or up) else None,
        upper=found.effect_interval.upper if stated and (step.sides > 1 or not up) else None,
        pvalue=found.pvalue if stated else None,
        critical=step.critical if started else None,
        look=step.look,
        kind=metric.kind,
        unit=metric.unit,
    )


def cumulative_effects(
    sample: Sample, look: LookReading | None, days: Sequence[tuple[int, str]] = ()
) -> tuple[CumulativeEffect, ...]:
    """Return the effects on primary metrics by date, from the rows of the unit table.

    Units come in as their windows close, so that each date holds the units that a readout on it would have had; there
    is no path where ``t0`` is not mapped, and none for strata, blocks and whole clusters, whose sums do not add over
    dates.

    Args:
        sample: The units.
        look: The look that the readout is; without one, nothing is shown.
        days: Number and day of each registered look before this one.
    """
    data = sample.experiment.data
    grouped = data.cluster or data.stratum or data.block
    if look is None or data.t0 is None or data.data_cut is None or grouped is not None:
        return ()
    cut = data.data_cut.replace(tzinfo=None)
    dates = _even_dates(sample, cut) if look.kind == "confidence sequence" else _look_dates(days, cut)
    numbers = dict(zip(dates, [number for number, _ in days], strict=False)) if look.number is not None else {}
    found: list[CumulativeEffect] = []
    for metric in (metric for metric in sample.experiment.primary if metric.kind in SUMMED):
        reduction = reduce_by_date(sample.table, metric, dates)
        steps = [_step(reduction, k, date, numbers.get(date, look.number), look) for k, date in enumerate(dates)]
        for arm in sample.experiment.treatments:
            found += _path(metric, arm.name, sample.experiment.control.name, reduction, steps)
    return tuple(found)


def _look_dates(days: Sequence[tuple[int, str]], cut: datetime) -> list[datetime]:
    return [*(datetime.combine(datetime.fromisoformat(day), time()) for _, day in days), cut]


def _even_dates(sample: Sample, cut: datetime) -> list[datetime]:
    """At most twelve dates, a whole number of days apart, the last one the data cut."""
    first = first_complete(sample.table)
    if first is None or first >= cut:
        return [cut]
    step = timedelta(days=max(1, math.ceil((cut - first) / timedelta(days=_DATES))))
    return [date for k in reversed(range(_DATES)) if (date := cut - k * step) >= first]


def _step(reduction: Reduction, k: int, date: datetime, number: int | None, look: LookReading) -> Step:
    on = date.replace(tzinfo=UTC).date().isoformat()
    if look.kind == "confidence sequence":
        units = sum(_units(reduction, group[0], k) for group in {group[:1] for group in reduction.moments.groups})
        now = _units_now(reduction)
        share = look.information * units / now if now else 0.0
        margin = anytime_margin([share], planned_units=1.0, alpha=look.alpha, sides=look.sides) if share else [math.inf]
        return Step(on=on, critical=float(margin[0]), sides=look.sides, sequence=True)
    known = {one.number: one.critical for one in look.earlier} | {look.number: look.critical}
    return Step(on=on, critical=known.get(number), look=number, sides=look.sides)


def _units(reduction: Reduction, arm: str, k: int) -> float:
    return float(reduction.moments.select(*((arm, str(j)) for j in range(k + 1))).n.sum())


def _units_now(reduction: Reduction) -> float:
    return float(reduction.moments.n.sum())


def _path(
    metric: PlannedMetric, arm: str, control: str, reduction: Reduction, steps: Sequence[Step]
) -> Iterator[CumulativeEffect]:
    for k, step in enumerate(steps):
        if min(_units(reduction, name, k) for name in (arm, control)) >= _FEWEST:
            treated, held = (_cumulated(reduction, metric, name, k) for name in (arm, control))
            yield effect_at(metric, arm, treated, held, step)


def _cumulated(reduction: Reduction, metric: PlannedMetric, arm: str, k: int) -> Cumulated:
    keys = [(arm, str(j)) for j in range(k + 1)]
    moments = reduction.moments.select(*keys)
    estimate, n = estimate_mean(moments, *metric.columns), float(moments.n.sum())
    rows = [i for i, group in enumerate(reduction.moments.groups) if group in keys]
    payers = float(reduction.nonzero[metric.columns[0]][rows].sum())
    mean = payers / n if metric.kind == "conversion" else estimate.value
    return Cumulated(n=round(n), mean=mean, variance=estimate.variance * n, payers=payers)
