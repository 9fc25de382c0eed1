"""On which days a registered design may be looked at, and how strong the evidence has to be then."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from incrementality.design.monitoring import monitoring_of
from incrementality.stats import comparison_alpha

if TYPE_CHECKING:
    from incrementality.design.answer import DesignAnswer

__all__ = ["Look", "look_on", "looks_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the primary metric that a design registers.

    Attributes:
        number: 1 for the first.
        of: How many looks the design has.
        on: The first day on which this look's share of the planned units is mature.
        critical: What ``|z|`` has to reach if the information is as planned; infinite where nothing can be spent yet.
        information: The planned information as a share of that at the last look.
    """

    number: int
    of: int
    on: date
    critical: float
    information: float = 1.0

    @property
    def alpha(self) -> float:
        """The two-sided error rate at which an interval of this look is stated."""
        return math.erfc(self.critical / math.sqrt(2))


def looks_of(answer: DesignAnswer) -> tuple[Look, ...]:
    """Return the looks of a design, the last one on the day of the answer; none where no first day was stated.

    Look ``k`` of ``K`` falls on the day on which ``k / K`` of the units planned have closed windows and complete
    data, when units arrive as the request says. A confidence sequence has no looks: it may be read on any day.

    Examples:
        >>> from datetime import date
        >>> from incrementality.design import DesignRequest, MetricBaseline, design
        >>> request = DesignRequest(id="w", question="?", metric="m", kind="conversion", looks=2, smallest_effect=0.2,
        ...     baseline=MetricBaseline(mean=0.1), population=1000, arrivals_per_week=2000, holdout_share=0.5,
        ...     starts=date(2026, 1, 5))
        >>> [(look.number, look.on.isoformat(), round(look.critical, 2)) for look in looks_of(design(request))]
        [(1, '2026-02-15', 2.8), (2, '2026-03-02', 1.98)]
    """
    request, plan = answer.request, monitoring_of(answer.request)
    if request.starts is None or answer.answer_on is None or plan.kind == "confidence sequence":
        return ()
    bounds = plan.planned(comparison_alpha(request.alpha, request.treatment_arms))
    wait = request.window_days + request.maturity_lag_days
    days = [request.starts + timedelta(days=_enrolled_after(answer, share) + wait) for share in bounds.times[:-1]]
    return tuple(
        Look(number=number, of=plan.looks, on=min(day, answer.answer_on), critical=critical, information=share)
        for number, (day, share, critical) in enumerate(
            zip([*days, answer.answer_on], bounds.times, bounds.critical, strict=True), start=1
        )
    )


def look_on(answer: DesignAnswer, day: date) -> Look | None:
    """Return the look that a signed design registers for a day; from the day of the answer on, the last one.

    A design that not everybody has signed registers none.
    """
    if not answer.signed:
        return None
    looks = looks_of(answer)
    if looks and day >= looks[-1].on:
        return looks[-1]
    return next((look for look in looks if look.on == day), None)


def _enrolled_after(answer: DesignAnswer, share: float) -> int:
    """Days after the start on which a share of the planned units is enrolled; they arrive evenly over the weeks."""
    days = answer.enrolment_weeks * 7
    if days == 0:
        return 0
    request = answer.request
    everybody = request.population + request.arrivals_per_week * answer.enrolment_weeks
    at_once = request.population / everybody
    return math.ceil(days * max(0.0, share - at_once) / (1 - at_once))
