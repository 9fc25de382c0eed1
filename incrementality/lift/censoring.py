"""Checks of a time to an event: was every arm watched alike, and did enough events come?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.estimates import CheckResult
from incrementality.formatting import count, p_value, share
from incrementality.lift.thresholds import CHANCE
from incrementality.lift.times import horizon_of
from incrementality.lift.wording import counted

if TYPE_CHECKING:
    from incrementality.lift.times import TimesOfArms

__all__ = ["censoring_check", "events_check"]

_FEWEST_EVENTS = 10
_LAST_DAY = 1e-9  # a watch that ends at the horizon, but for rounding, is complete


def censoring_check(times: TimesOfArms, *, tested: int) -> CheckResult:
    """Return whether watches ended alike in all arms, by the same restricted mean with the watch's end as the event.

    Args:
        times: One metric's units.
        tested: How many metrics are checked so; the threshold is divided over them and over arms.
    """
    metric, experiment = times.metric, times.experiment
    horizon = horizon_of(metric)
    units, early, rows = 0, 0, []
    for arm in experiment.arms:
        days, came = times.of(arm.name)
        left = int(((came == 0) & (days < horizon - _LAST_DAY)).sum())
        units, early = units + len(days), early + left
        rows.append(
            {"arm": arm.name, "n": len(days), "watched_for_less": left, "share_watched_for_less": left / len(days)}
        )
    if not early:
        told = f"Every unit was watched up to its event or for all {horizon:g} days."
        return CheckResult(name="censoring", metric=metric.name, passed=True, sentence=told, table=tuple(rows))
    told = f"{counted(early, 'unit')} watched for less than {horizon:g} days, {share(early / units)}"
    pvalues = [_difference(times, arm.name, horizon) for arm in experiment.treatments]
    uneven = min(pvalues) < CHANCE / (tested * len(pvalues))
    alike = f"alike in all arms ({p_value(min(pvalues))})"
    apart = (
        f"for a length that differs between the arms ({p_value(min(pvalues))}): why a watch ended may depend on them"
    )
    sentence = f"{told}, {apart if uneven else alike}."
    return CheckResult(name="censoring", metric=metric.name, passed=not uneven, sentence=sentence, table=tuple(rows))


def _difference(times: TimesOfArms, arm: str, horizon: float) -> float:
    """The p-value of a difference in watch, up to the last day that both arms reach."""
    watched = times.watched()
    strata = range(len(times.weights))
    names = (arm, times.experiment.control.name)
    reach = min(float(days.max()) for name in names for s in strata if len(days := times.of(name, s)[0]))
    return watched.compare(arm, min(horizon, reach))[0].pvalue


def events_check(times: TimesOfArms) -> CheckResult:
    """Return whether enough events came for the interval, counted over all arms together."""
    horizon = horizon_of(times.metric)
    found = {arm.name: times.of(arm.name) for arm in times.experiment.arms}
    events = sum(float(came[days <= horizon].sum()) for days, came in found.values())
    units = {name: len(days) for name, (days, _) in found.items()}
    expected = events * min(units.values()) / sum(units.values())
    passed = expected >= _FEWEST_EVENTS
    tail = "enough for the interval" if passed else f"fewer than {_FEWEST_EVENTS}: the interval may be too narrow"
    return CheckResult(
        name="enough_events",
        metric=times.metric.name,
        passed=passed,
        sentence=f"About {count(round(expected))} events are expected in the smallest arm, {tail}.",
        table=tuple({"arm": name, "n": n} for name, n in units.items()),
    )
