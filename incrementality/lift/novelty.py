"""Novelty and pull-forward: the effect by days since entry, and again after twice the window."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from incrementality.errors import EmptyArm
from incrementality.formatting import difference, difference_number, interval, level
from incrementality.lift.answers import NoveltyPoint
from incrementality.lift.guard import take_guard
from incrementality.lift.sample import take_sample
from incrementality.lift.unusable import compare_usable
from incrementality.outcomes import longest_window, open_unit_table, with_differences
from incrementality.warehouse import Locator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import Experiment, PlannedMetric
    from incrementality.warehouse import Relation, Warehouse

    Making = Callable[[Experiment, str], Relation]

__all__ = ["read_novelty"]

_FIRST_DAY = 7
_KINDS = frozenset({"conversion", "mean", "revenue"})
_UNITS = "units_by_day"


def read_novelty(experiment: Experiment, warehouse: Warehouse, make: Making) -> tuple[NoveltyPoint, ...]:
    """Return primary metrics' effects by days since entry, and at twice the window where the data reaches it.

    The periods end after 7, 14, 28, ... days and at the metric's window H; their effects add up to the effect at H. An
    effect that fades from period to period is novelty; one that turns at 2 H was pulled forward. The effects at H and
    2 H are those of the units that were followed for 2 H. All are unadjusted, for covariates and for their number.

    Args:
        experiment: An experiment that is read from its decision log.
        warehouse: The engine.
        make: Makes the unit table of another experiment on the same decisions and events, under a name.

    Raises:
        EmptyArm: An arm has fewer than two units that count.
    """
    metrics = [m for m in experiment.primary if m.kind in _KINDS and m.from_ is not None and _days(m) > 1]
    found: list[NoveltyPoint] = []
    for k, metric in enumerate(metrics):
        found += _periods(experiment, metric, warehouse, make, f"{_UNITS}_{k}")
        found += _twice(experiment, metric, warehouse, make, f"{_UNITS}_twice_{k}")
    return tuple(found)


def _days(metric: PlannedMetric) -> int:
    return 0 if metric.window is None else metric.window // timedelta(days=1)


def _ends(days: int) -> list[int]:
    ends, end = [], _FIRST_DAY
    while end < days:
        ends.append(end)
        end *= 2
    return [*ends, days]


def _by_day(metric: PlannedMetric, day: int) -> PlannedMetric:
    name = f"{metric.name} by day {day}"
    plain = {"role": "secondary", "relative": False, "adjust": False, "smallest_effect": None}
    return metric.model_copy(update={"name": name, "column": name, "window": timedelta(days=day), **plain})


def _between(metric: PlannedMetric, start: int, end: int) -> PlannedMetric:
    """The same from a later day on; a conversion counts in the period of its first event."""
    name = f"{metric.name}, from day {start} to {end}"
    return metric.model_copy(update={"name": name, "column": name})


def _asked(experiment: Experiment, metrics: Sequence[PlannedMetric]) -> Experiment:
    """The same decisions with other metrics; units count once the experiment's own longest window has closed."""
    asked = experiment.model_copy(update={"metrics": tuple(metrics), "segments": ()})
    wait = max(longest_window(experiment) - longest_window(asked), timedelta(0))
    lag = (experiment.data.maturity_lag or timedelta(0)) + wait
    data = {"covariates": (), "deliveries": None, "delivered": None, "maturity_lag": lag}
    return asked.model_copy(update={"data": experiment.data.model_copy(update=data)})


def _compared(experiment: Experiment, warehouse: Warehouse, table: str) -> tuple[LiftEstimate, ...]:
    sample = take_sample(open_unit_table(warehouse, Locator("table", table=table, written=table), experiment))
    return compare_usable(sample, take_guard(sample)).estimates


def _periods(
    experiment: Experiment, metric: PlannedMetric, warehouse: Warehouse, make: Making, name: str
) -> list[NoveltyPoint]:
    ends = _ends(_days(metric))
    whole = {end: _by_day(metric, end) for end in ends}
    asked = _asked(experiment, list(whole.values()))
    starts = [0, *ends[:-1]]
    parts = {(a, b): _between(whole[b], a, b) for a, b in zip(starts, ends, strict=True) if a}
    later = {part.columns[0]: (whole[end].name, whole[start].name) for (start, end), part in parts.items()}
    relation = make(asked, name)
    if later:
        with_differences(warehouse, relation, later, name=f"{name}_periods")
    periods = [whole[ends[0]], *parts.values()]
    read = asked.model_copy(update={"metrics": tuple(periods)})
    estimates = _compared(_asked_like(read, asked), warehouse, f"{name}_periods" if later else name)
    spans = dict(zip((p.name for p in periods), zip(starts, ends, strict=True), strict=True))
    return [_point(e, metric, spans[e.metric], "period") for e in estimates]


def _asked_like(read: Experiment, asked: Experiment) -> Experiment:
    """Periods keep the window of the whole, so that the same units count."""
    longest = longest_window(asked)
    return read.model_copy(update={"metrics": tuple(m.model_copy(update={"window": longest}) for m in read.metrics)})


def _twice(
    experiment: Experiment, metric: PlannedMetric, warehouse: Warehouse, make: Making, name: str
) -> Iterable[NoveltyPoint]:
    days = _days(metric)
    once, twice = _by_day(metric, days), _by_day(metric, 2 * days)
    asked = _asked(experiment, [once, twice])
    make(asked, name)
    try:
        estimates = _compared(asked, warehouse, name)
    except EmptyArm:
        return []
    spans = {once.name: (0, days), twice.name: (0, 2 * days)}
    return [_point(e, metric, spans[e.metric], "followed for twice the window") for e in estimates]


def _point(e: LiftEstimate, metric: PlannedMetric, span: tuple[int, int], what: str) -> NoveltyPoint:
    low, high = (difference_number(x, kind=e.kind, unit=e.unit) for x in (e.effect_ci_lower, e.effect_ci_upper))
    size = difference(e.effect, kind=e.kind, unit=e.unit)
    return NoveltyPoint(
        metric=metric.name,
        arm=e.arm,
        what=what,
        from_day=span[0],
        to_day=span[1],
        n=e.n_control + e.n_treatment,
        effect=e.effect,
        ci_lower=e.effect_ci_lower,
        ci_upper=e.effect_ci_upper,
        kind=e.kind,
        unit=e.unit,
        alpha=e.alpha,
        sentence=f"{e.arm} on {metric.name}, day {span[0]} to {span[1]}{'' if what == 'period' else f', {what}'}: "
        f"{size} ({level(e.alpha)} interval {interval(low, high)}).",
    )
