"""What stands in the way of a request, which changes would clear it, and the way out where none does."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from incrementality.design.money import money_of_plan
from incrementality.design.parts import Change
from incrementality.design.plan import (
    FEWEST_CLUSTERS,
    arm_sizes,
    detectable,
    dilution,
    eligible_units,
    free_traffic,
    make_plan,
    needed_units,
    power_at,
)
from incrementality.design.surroundings import conflicts_of_plan
from incrementality.design.wording import count, duration, money, percent, seen_as_words
from incrementality.stats import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incrementality.design.plan import Plan
    from incrementality.design.request import DesignRequest

__all__ = ["changes_of_request", "obstacles", "way_out"]

_LONGEST_WEEKS = 52
_MOST_CHANGES = 5
_LARGEST_CONTAMINATION = 0.25
_SHARES = tuple(i / 100 for i in range(1, 51))


def obstacles(request: DesignRequest, plan: Plan) -> tuple[str, ...]:
    """Return what stands in the way, one sentence each; nothing where the request is feasible."""
    found = []
    if plan.weeks_available < 0:
        found.append(
            f"The answer is needed by {request.answer_by}, before the window of {request.window_days} days and "
            f"the lag of {request.maturity_lag_days} days after it end."
        )
    if plan.power < request.power:
        found.append(_power_obstacle(request, plan))
    if 1 - dilution(request) > _LARGEST_CONTAMINATION:
        found.append(
            f"Contamination would hide {percent(1 - dilution(request))} of the effect; "
            f"more than {percent(_LARGEST_CONTAMINATION)} fails the readout's check."
        )
    if request.baseline.units_per_cluster > 1:
        clusters = min(plan.n_control, plan.n_treatment) / request.baseline.units_per_cluster
        effective = clusters * request.baseline.effective_share
        if effective < FEWEST_CLUSTERS:
            found.append(
                f"The smaller arm has about {clusters:.0f} accounts, worth {effective:.1f} of equal size; the readout "
                f"refuses fewer than {FEWEST_CLUSTERS}."
            )
    at_stake = money_of_plan(request, plan)
    if at_stake is not None and request.at_risk_limit is not None and at_stake.at_risk_high > request.at_risk_limit:
        found.append(
            f"Up to {money(at_stake.at_risk_high, request)} of revenue would be at risk; "
            f"the limit is {money(request.at_risk_limit, request)}."
        )
    return (*found, *(c.sentence for c in conflicts_of_plan(request, plan) if c.blocking))


def changes_of_request(request: DesignRequest, plan: Plan, *, extra: float) -> tuple[Change, ...]:
    """Return the changes that help: those that suffice first, then by what can be seen."""
    before = obstacles(request, plan)
    if not before:
        return ()
    tried = [_tried(what, changed, plan, extra) for what, changed in _single_changes(request, plan, extra)]
    if not any(change.enough for change in tried):
        together = _together(request, plan, extra)
        tried += [_tried(*together, plan, extra)] if together else []
    helpful = [c for c in tried if c.enough or (c.mde or math.inf) < 0.999 * (plan.mde or math.inf)]
    return tuple(sorted(helpful, key=lambda c: (not c.enough, c.mde or math.inf)))


def way_out(request: DesignRequest, plan: Plan, *, extra: float) -> str:
    """Return what to do instead where neither the request nor any change of it is feasible."""
    if plan.power >= request.power:
        return "Settle what stands in the way first, then ask again."
    share = _best_share(request)
    n = eligible_units(request, max(plan.weeks_available, 0)) if request.arrivals_per_week else plan.n
    needed = needed_units(request, share, extra=extra)
    many = f"{count(needed)} {request.unit}s are needed with {percent(share)} of them held back"
    said = f"To see {percent(request.smallest_effect)}, {many}: run one holdout over several journeys or quarters."
    rate = _rate_needed(request, n, share, extra)
    if rate is not None and rate > request.baseline.mean:
        said += f" Or measure an earlier step that at least {percent(rate)} of {request.unit}s reach."
    return said


def _power_obstacle(request: DesignRequest, plan: Plan) -> str:
    return (
        f"With {percent(plan.share)} held back ({count(plan.n_control)} of {count(plan.n)} {request.unit}s) only "
        f"{seen_as_words(plan.mde)} in {request.metric} would be seen; {percent(request.smallest_effect)} "
        "is what matters."
    )


def _single_changes(request: DesignRequest, plan: Plan, extra: float) -> Iterator[tuple[str, DesignRequest]]:
    yield from _other_share(request, plan, extra)
    yield from _more_weeks(request, plan)
    if request.treatment_arms > 1:
        yield "test one treatment arm only", replace(request, treatment_arms=1)
    if request.contamination:
        yield "close the routes of contamination", replace(request, contamination=())
    if request.traffic < 1 and free_traffic(replace(request, traffic=1.0)) > request.traffic:
        left = free_traffic(replace(request, traffic=1.0))
        yield f"take {percent(left)} of the layer instead of {percent(request.traffic)}", replace(request, traffic=left)
    if 0 < free_traffic(request) < request.traffic:
        left = free_traffic(request)
        yield f"take the {percent(left)} of the layer that is left", replace(request, traffic=left)
    both = [live for live in request.live if set(live.withholds) & set(request.withholds)]
    if both and any(live.layer != request.layer for live in both):
        kept = tuple(live for live in request.live if live not in both)
        yield f"start after {', '.join(live.id for live in both)} has ended", replace(request, live=kept)
    if request.looks > 1:
        yield "look once, at the end", replace(request, looks=1)


def _other_share(request: DesignRequest, plan: Plan, extra: float) -> Iterator[tuple[str, DesignRequest]]:
    best = _best_share(request)
    n = eligible_units(request, max(plan.weeks_available, 0)) if request.arrivals_per_week else plan.n
    enough = (s for s in _SHARES if plan.share < s <= best and power_at(request, n, s, extra=extra) >= request.power)
    larger = next(enough, best)
    if plan.power < request.power and larger > plan.share:
        yield f"hold back {percent(larger)} instead of {percent(plan.share)}", replace(request, holdout_share=larger)
    at_stake = money_of_plan(request, plan)
    if at_stake is not None and request.at_risk_limit is not None and at_stake.at_risk_high > request.at_risk_limit:
        smaller = math.floor(1000 * plan.share * request.at_risk_limit / at_stake.at_risk_high) / 1000
        if smaller > 0 and arm_sizes(request, plan.n, smaller)[0] > 1:
            what = f"hold back {percent(smaller)} instead of {percent(plan.share)}"
            yield what, replace(request, holdout_share=smaller)


def _more_weeks(request: DesignRequest, plan: Plan) -> Iterator[tuple[str, DesignRequest]]:
    a_week = request.arrivals_per_week * free_traffic(request) * (1 - request.global_holdout)
    if a_week > 0 and (plan.power < request.power or plan.weeks_available < 0):
        missing = math.ceil(max(0, plan.needed - eligible_units(request, 0)) / a_week)
        weeks = min(max(missing, 0), _LONGEST_WEEKS)
        if weeks > plan.weeks_available:
            yield f"enrol for {weeks} weeks instead of {max(plan.weeks_available, 0)}", _until(request, weeks)
    elif plan.weeks_available < 0:
        yield "move the day of the answer behind window and lag", _until(request, 0)


def _until(request: DesignRequest, weeks: int) -> DesignRequest:
    if request.starts is None or request.answer_by is None:
        return replace(request, longest_weeks=weeks)
    days = weeks * 7 + request.window_days + request.maturity_lag_days
    return replace(request, answer_by=request.starts + timedelta(days=days))


def _together(request: DesignRequest, plan: Plan, extra: float) -> tuple[str, DesignRequest] | None:
    """Return the changes that clear the way together, the most helpful first; ``None`` where they do not."""
    done: list[str] = []
    for _ in range(_MOST_CHANGES):
        tried = [
            (len(obstacles(changed, after)), after.mde or math.inf, place, what, changed, after)
            for place, (what, changed) in enumerate(_single_changes(request, plan, extra))
            if what.split()[0] not in {earlier.split()[0] for earlier in done}
            for after in (make_plan(changed, extra=extra),)
        ]
        if not tried:
            return None
        left, _, _, what, request, plan = min(tried, key=lambda found: found[:3])
        done.append(what)
        if left == 0:
            return _listed(done), request
    return None


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; and {parts[-1]}"


def _tried(what: str, changed: DesignRequest, before: Plan, extra: float) -> Change:
    after = make_plan(changed, extra=extra)
    enough = not obstacles(changed, after)
    sentence = f"{what[0].upper()}{what[1:]}: then {seen_as_words(after.mde)} would be seen"
    if after.days != before.days:
        sentence += f", after {duration(after.days)}"
    return Change(
        what=what,
        mde=after.mde,
        n=after.n,
        days=after.days,
        enough=enough,
        sentence=f"{sentence}." if enough else f"{sentence}, not yet enough.",
    )


def _best_share(request: DesignRequest) -> float:
    """Return the share of the control that sees most: half with one treatment arm."""
    return round(1 / (1 + math.sqrt(request.treatment_arms)), 2)


def _rate_needed(request: DesignRequest, n: int, share: float, extra: float) -> float | None:
    """Return the conversion rate at which the smallest effect would be seen by the units there are."""
    n_control, n_treatment = arm_sizes(request, n, share)
    if request.kind != "conversion" or min(n_control, n_treatment) == 0:
        return None
    mde = detectable(request, n, share, extra=extra)
    if mde is None:
        z = normal_quantile(1 - request.alpha / 2) + normal_quantile(request.power)
        odds = request.smallest_effect**2 / (z * z * (1 / n_control + 1 / n_treatment) * extra)
    else:  # a relative effect is seen in proportion to the root of (1 - p) / p
        odds = request.smallest_effect**2 / mde**2 * (1 - request.baseline.mean) / request.baseline.mean
    return 1 / (1 + odds)
