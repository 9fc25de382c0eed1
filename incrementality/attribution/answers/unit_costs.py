"""What a lead, an opportunity and a customer cost, and how each channel's cost compares with its credit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.display import DisplayMixin

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ChannelReturn", "UnitCosts"]


@dataclass(frozen=True, slots=True)
class ChannelReturn:
    """One channel's credit and cost.

    Attributes:
        channel: The channel.
        revenue_credited: Its credit, in currency units.
        cost: Its cost, in currency units; ``None`` where nobody said.
    """

    channel: str
    revenue_credited: float
    cost: float | None

    @property
    def revenue_to_cost(self) -> float | None:
        """Credit over cost."""
        return self.revenue_credited / self.cost if self.cost else None

    @property
    def roi(self) -> float | None:
        """(Credit - cost) over cost: of credited revenue, not of what the channel caused."""
        return (self.revenue_credited - self.cost) / self.cost if self.cost else None


@dataclass(frozen=True, slots=True)
class UnitCosts(DisplayMixin):
    """Cost per step reached in a period, and return by channel.

    Attributes:
        cost: The cost of winning new business in the period, in currency units.
        steps: How often each step was reached: ``{"mql": 410, "opportunity": 60, "customer": 12}``.
        channels: One a channel.
        currency: The currency.
        insufficient: Why returns are withheld, where capture is below its floor; "" where they are not.

    Examples:
        >>> UnitCosts(60_000.0, {"mql": 400, "customer": 0}, (), "EUR").per("mql")
        150.0
    """

    cost: float
    steps: Mapping[str, int]
    channels: tuple[ChannelReturn, ...]
    currency: str
    insufficient: str = ""

    def per(self, step: str) -> float | None:
        """Return the cost per time that a step was reached; ``None`` where it never was."""
        return self.cost / self.steps[step] if self.steps.get(step) else None

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a channel; ``insufficient data`` in place of returns below the floor."""
        held = "insufficient data" if self.insufficient else None
        return tuple(
            {
                "channel": row.channel,
                "revenue_credited": row.revenue_credited,
                "cost": row.cost,
                "revenue_to_cost": held or row.revenue_to_cost,
                "roi": held or row.roi,
            }
            for row in self.channels
        )

    def steps_to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a step: how often it was reached and what each cost."""
        held = "insufficient data" if self.insufficient else None
        return tuple({"step": step, "reached": n, "cost_per": held or self.per(step)} for step, n in self.steps.items())
