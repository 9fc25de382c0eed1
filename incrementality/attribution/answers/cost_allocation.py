"""What each function cost, by what the cost served; it adds up to the function's cost, to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from incrementality.attribution.apportioning import apportion
from incrementality.display import DisplayMixin
from incrementality.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["COST_RULES", "AllocatedCost", "CostAllocation", "CostRow", "allocate_costs"]

CostRule = Literal["direct", "time", "touches", "fixed"]

COST_RULES: tuple[CostRule, ...] = ("direct", "time", "touches", "fixed")
_UNALLOCATED = "unallocated"


@dataclass(frozen=True, slots=True)
class CostRow:
    """One line of what a function cost.

    Attributes:
        function: The function.
        period: The period: ``2026Q1``, ``2026-03``.
        amount: What it cost, in whole minor units.
        category: Salaries, media, tools ...
        served: The kind of revenue event, journey or channel that it served; "" where nobody said.
        rule: ``direct``: it served that alone. ``touches``: it is split by the function's touches on what they served.
            ``time`` and ``fixed``: ``share`` of it served that, by time sheets or by agreement; the rest is not
            allocated. "": nobody said.
        share: The share for ``time`` and ``fixed``, from 0 to 1.
        note: A footnote.

    Raises:
        InputError: The rule is unknown or lacks what it needs.
    """

    function: str
    period: str
    amount: int
    category: str = ""
    served: str = ""
    rule: str = ""
    share: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        named = f"the cost of {self.function!r} in {self.period!r}"
        if self.rule and self.rule not in COST_RULES:
            raise InputError(
                f"{named} has the rule {self.rule!r}{did_you_mean(self.rule, COST_RULES)}",
                hint=f"allowed: {', '.join(COST_RULES)}, or nothing",
            )
        if self.rule in ("time", "fixed") and not 0 <= (-1 if self.share is None else self.share) <= 1:
            raise InputError(
                f"{named} is split by {self.rule} and has the share {self.share}",
                hint="give the share of it that served this, from 0 to 1",
            )
        if self.rule in ("direct", "time", "fixed") and not self.served:
            raise InputError(f"{named} is {self.rule} and does not say what it served", hint="name the kind or journey")


@dataclass(frozen=True, slots=True)
class AllocatedCost:
    """A part of one cost line, and what it served.

    Attributes:
        function: The function.
        period: The period.
        category: The category.
        served: What it served; ``unallocated`` is a line of its own.
        amount: The part, in whole minor units.
        rule: The rule that gave it.
        note: The footnote.
    """

    function: str
    period: str
    category: str
    served: str
    amount: int
    rule: str
    note: str


@dataclass(frozen=True, slots=True)
class CostAllocation(DisplayMixin):
    """All costs by what they served; per function the parts add up to its cost.

    Attributes:
        rows: One a part.
        currency: The currency.
    """

    rows: tuple[AllocatedCost, ...]
    currency: str = ""

    @property
    def total(self) -> int:
        """All of it, in whole minor units."""
        return sum(row.amount for row in self.rows)

    def of(self, function: str) -> int:
        """Return what one function cost, in whole minor units."""
        return sum(row.amount for row in self.rows if row.function == function)

    def served(self, served: str) -> int:
        """Return what served one kind of event, journey or channel, in whole minor units."""
        return sum(row.amount for row in self.rows if row.served == served)

    @property
    def unallocated(self) -> int:
        """What nobody said what it served."""
        return self.served(_UNALLOCATED)

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a part, amounts in whole minor units."""
        return tuple({name: getattr(row, name) for name in AllocatedCost.__slots__} for row in self.rows)


def allocate_costs(
    costs: Sequence[CostRow], touches: Mapping[tuple[str, str], int], *, currency: str = ""
) -> CostAllocation:
    """Split every cost line by its rule; nothing is lost, what cannot be split stays ``unallocated``.

    Args:
        costs: The lines.
        touches: How many touches each function had on what they served: ``{(function, served): touches}``.
        currency: The currency of all amounts.

    Examples:
        >>> line = CostRow("cs", "2026Q1", 100_00, rule="touches")
        >>> split = allocate_costs([line], {("cs", "renewal"): 2, ("cs", "expansion"): 1})
        >>> [(row.served, row.amount) for row in split.rows]
        [('expansion', 3333), ('renewal', 6667)]
    """
    parts = [part for line in costs for part in _parts(line, touches)]
    return CostAllocation(tuple(parts), currency)


def _parts(line: CostRow, touches: Mapping[tuple[str, str], int]) -> list[AllocatedCost]:
    weights = _weights(line, touches)
    amounts = apportion(line.amount, list(weights.values()))
    return [
        AllocatedCost(line.function, line.period, line.category, served, amount, line.rule or "none", line.note)
        for served, amount in zip(weights, amounts, strict=True)
        if amount or len(weights) == 1
    ]


def _weights(line: CostRow, touches: Mapping[tuple[str, str], int]) -> dict[str, float]:
    if line.rule == "direct":
        return {line.served: 1.0}
    if line.rule in ("time", "fixed"):
        share = cast("float", line.share)
        return {line.served: share, _UNALLOCATED: 1.0 - share}
    if line.rule == "touches":
        mine = {served: float(n) for (function, served), n in sorted(touches.items()) if function == line.function}
        wanted = {line.served: mine.get(line.served, 0.0)} if line.served else mine
        if line.served:
            wanted[_UNALLOCATED] = sum(mine.values()) - wanted[line.served]
        return wanted if any(wanted.values()) else {_UNALLOCATED: 1.0}
    return {line.served or _UNALLOCATED: 1.0}
