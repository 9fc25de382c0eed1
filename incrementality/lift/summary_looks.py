"""Which dates of a table of summaries are looks, and what the evidence has to reach on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.design import look_on, looks_of
from incrementality.errors import InputError
from incrementality.formatting import share
from incrementality.lift.look_records import LookReading
from incrementality.lift.looks import bounds_taken
from incrementality.stats import anytime_margin, pooled_small_holdout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from incrementality.design import DesignAnswer, Monitoring
    from incrementality.experiment import PlannedMetric
    from incrementality.lift.cumulative import Cumulated

__all__ = ["look_numbers", "look_readings", "sequence_readings"]

_LARGEST = 8.0

Days = dict["date", dict[str, "Cumulated"]]


def _units(arms: dict[str, Cumulated]) -> int:
    return sum(arm.n for arm in arms.values())


def sequence_readings(days: Days, plan: Monitoring, planned: float, alpha: float) -> dict[str, LookReading]:
    """Return each date as a day of the confidence sequence, by its ISO date."""
    shares = {day: _units(arms) / planned for day, arms in days.items()}
    margins = anytime_margin(list(shares.values()), planned_units=1.0, alpha=alpha, sides=plan.sides)
    return {
        str(day): LookReading(
            kind="confidence sequence", rule=plan.rule, on=str(day), number=None, of=None, information=shares[day],
            critical=float(margin), spent=None, alpha=alpha, sides=plan.sides,
        )
        for day, margin in zip(days, margins, strict=True)
    }  # fmt: skip


def look_readings(
    days: Days, numbers: Sequence[tuple[date, int]], plan: Monitoring, planned: float, alpha: float
) -> dict[str, LookReading]:
    """Return the looks among the dates by their ISO date, each at the bound that it and those before it allow.

    Args:
        days: Units of each arm by date, ascending.
        numbers: The dates that are looks, with their numbers.
        plan: How the experiment is watched.
        planned: Units of the plan, all arms together.
        alpha: Error rate over all looks.

    Raises:
        InputError: A look adds no units to the one before.
    """
    found: dict[str, LookReading] = {}
    so_far: list[tuple[int, float]] = []
    for day, number in numbers:
        if so_far and so_far[-1][1] >= 1:
            break
        information = number / plan.looks if plan.spending == "equal looks" else _units(days[day]) / planned
        _check_rise(so_far, information, day)
        so_far.append((number, information))
        bounds = bounds_taken(plan, so_far, alpha=alpha)
        found[str(day)] = LookReading(
            kind="group sequential", rule=plan.rule, on=str(day), number=number, of=plan.looks, alpha=alpha,
            information=information, critical=min(bounds.critical[-1], _LARGEST), spent=bounds.spent[-1],
            sides=plan.sides,
        )  # fmt: skip
    return found


def _check_rise(so_far: Sequence[tuple[int, float]], information: float, day: date) -> None:
    if so_far and information < so_far[-1][1] * 1.001:
        raise InputError(
            f"{share(information)} of the planned units count on {day}, and {share(so_far[-1][1])} at the look before",
            hint="leave out the dates that add no units",
        )


def look_numbers(
    metric: PlannedMetric, days: Days, plan: Monitoring, design: DesignAnswer | None
) -> list[tuple[date, int]]:
    """Return the dates that are looks, with their numbers, where a comparison of means may be trusted."""
    ready = [day for day, arms in days.items() if not _needs_rows(metric, arms)]
    return [(day, number) for day, number in _registered_days(list(days), plan, design) if day in ready]


def _needs_rows(metric: PlannedMetric, arms: dict[str, Cumulated]) -> bool:
    """Whether the small-holdout rule fires for any two arms; it reads all arms together, as it does for rows."""
    if metric.kind != "revenue":
        return False
    sizes = sorted(float(arm.n) for arm in arms.values())
    payers = sum(arm.payers for arm in arms.values()) / sum(sizes) * (sizes[0] + sizes[-1])
    return pooled_small_holdout((sizes[0], sizes[-1]), payers=payers, skewness=0.0).fires


def _registered_days(days: list[date], plan: Monitoring, design: DesignAnswer | None) -> Iterator[tuple[date, int]]:
    """The registered days; from the day of the answer on, the first date is the last look."""
    if design is None or not looks_of(design):
        if len(days) > plan.looks:
            raise InputError(
                f"the table holds {len(days)} dates, and {plan.looks} looks are registered",
                hint="keep the dates on which the test was looked at",
            )
        yield from ((day, number) for number, day in enumerate(days, start=1))
        return
    seen: set[int] = set()
    for day in days:
        look = look_on(design, day)
        if look is not None and look.number not in seen:
            seen.add(look.number)
            yield day, look.number
