"""How a design is watched: which looks it plans, how strong the evidence has to be at each, and what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ConfigDict

from incrementality.design.inputs import require
from incrementality.stats import (
    GroupSequentialBounds,
    Spending,
    anytime_plan,
    group_sequential_bounds,
    units_for_plan,
    wang_tsiatis_plan,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.design.request import DesignRequest
    from incrementality.experiment import HoldoutRequest
    from incrementality.stats.spending import SpendingKind

__all__ = ["Monitoring", "MonitoringKind", "monitoring_asked", "monitoring_of", "units_for_monitoring"]

MonitoringKind = Literal["fixed", "group sequential", "confidence sequence"]
SpendingName = Literal["obrien-fleming", "pocock", "power", "equal looks"]

_KINDS: dict[str, SpendingKind] = {"obrien-fleming": "obrien_fleming", "pocock": "pocock", "power": "power"}
_MOST_LOOKS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """How often the primary metric may be read, and by which rule.

    Attributes:
        kind: ``fixed``: once; ``group sequential``: at planned looks; ``confidence sequence``: on any day.
        looks: Looks, the last one included; 1 where there are none before the end.
        spending: How a group-sequential test spends its error rate: by a spending function, whatever the information
            is at each look, or ``equal looks``: O'Brien and Fleming's own boundary for equally spaced looks.
        rho: Exponent of the spending function ``power``; the others do not read it.
        sides: 2 for effects either way, 1 where only the metric's good direction is tested.

    Raises:
        InputError: A value is outside its range, or two values contradict each other.

    Examples:
        >>> plan = Monitoring(kind="group sequential", looks=4, spending="pocock")
        >>> [round(c, 2) for c in plan.planned(0.05).critical]
        [2.37, 2.37, 2.36, 2.35]
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: MonitoringKind
    looks: int = 1
    spending: SpendingName = "obrien-fleming"
    rho: float = 3.0
    sides: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        least = 2 if self.kind == "group sequential" else 1
        most = _MOST_LOOKS if self.kind == "group sequential" else 1
        require(least <= self.looks <= most, "looks", self.looks, f"{least} to {most}", f"the kind is {self.kind}")
        require(0 < self.rho < math.inf, "rho", self.rho, "above 0 and finite", "3 spends little early")
        two_sided = self.kind == "fixed" or self.spending == "equal looks"
        require(self.sides in {1, 2} and not (two_sided and self.sides == 1), "sides", self.sides, "2", "leave it out")

    def bounds(self, times: Sequence[float], alpha: float, *, last: bool = False) -> GroupSequentialBounds:
        """Return the bounds of the looks so far.

        Args:
            times: Information at each look so far as a share of the plan. Equal looks do not read it: theirs are the
                first of the plan.
            alpha: Error rate over all looks.
            last: No look follows, so that what is left of ``alpha`` is spent.

        Raises:
            InputError: The times do not rise, or looks follow one that spent everything.
        """
        if self.spending == "equal looks":
            return _first(wang_tsiatis_plan(self.looks, alpha=alpha), len(times))
        rule = Spending(kind=_KINDS[self.spending], rho=self.rho)
        return group_sequential_bounds(times, spending=rule, alpha=alpha, sides=self.sides, last=last)

    def planned(self, alpha: float) -> GroupSequentialBounds:
        """Return the bounds as planned: equally spaced looks, or dates on which a confidence sequence is read."""
        if self.kind == "confidence sequence":
            return anytime_plan(alpha=alpha, sides=self.sides)
        return self.bounds([k / self.looks for k in range(1, self.looks + 1)], alpha)

    @property
    def rule(self) -> str:
        """The rule in words."""
        one_sided = ", one-sided" if self.sides == 1 else ""
        if self.kind == "confidence sequence":
            return f"a confidence sequence{one_sided}"
        named = {
            "obrien-fleming": "Lan and DeMets's spending like O'Brien and Fleming",
            "pocock": "Lan and DeMets's spending like Pocock",
            "power": f"spending alpha t^{self.rho:g}",
            "equal looks": "O'Brien and Fleming's boundary",
        }
        return f"{named[self.spending]}{one_sided}"


def monitoring_of(request: DesignRequest) -> Monitoring:
    """Return how a request is watched; ``looks`` alone means O'Brien and Fleming's boundary for equal looks."""
    if request.monitoring is not None:
        return request.monitoring
    if request.looks > 1:
        return Monitoring(kind="group sequential", looks=request.looks, spending="equal looks")
    return Monitoring(kind="fixed")


def monitoring_asked(asked: HoldoutRequest | None) -> Monitoring | None:
    """Return how an experiment file asks to be watched, or ``None`` where its ``looks`` alone say so."""
    watched = None if asked is None else asked.monitoring
    if watched is None:
        return None
    return Monitoring(
        kind=watched.kind,
        looks=watched.looks or 1,
        spending=watched.spending,
        rho=watched.rho or 3.0,
        sides=1 if watched.sides == "one" else 2,
    )


@cache
def units_for_monitoring(plan: Monitoring, alpha: float, power: float) -> float:
    """Return the units that a way to watch needs, divided by those of one two-sided look at the end."""
    return 1.0 if plan.kind == "fixed" else units_for_plan(plan.planned(alpha), power=power)


def _first(plan: GroupSequentialBounds, looks: int) -> GroupSequentialBounds:
    return GroupSequentialBounds(
        times=plan.times[:looks],
        critical=plan.critical[:looks],
        spent=plan.spent[:looks],
        alpha=plan.alpha,
        sides=plan.sides,
    )
