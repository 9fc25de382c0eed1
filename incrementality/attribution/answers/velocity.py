"""Pipeline and velocity: how many deals, how often won, worth what, in how many days; each factor on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.cohorts.sql_engine import micros_of
from incrementality.display import DisplayMixin
from incrementality.errors import InputError
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from datetime import datetime

    from incrementality.warehouse import Relation, Warehouse

__all__ = ["Velocity", "VelocityTable", "measure_velocity"]

_DEALS = """
SELECT coalesce(kind, 'unknown') AS kind,
  count(*) FILTER (WHERE created_at >= $first AND created_at < $after) AS created,
  coalesce(sum(amount) FILTER (WHERE created_at >= $first AND created_at < $after), 0) AS pipeline,
  count(*) FILTER (WHERE outcome = 'won' AND closed_at >= $first AND closed_at < $after) AS won,
  count(*) FILTER (WHERE outcome = 'lost' AND closed_at >= $first AND closed_at < $after) AS lost,
  coalesce(sum(amount) FILTER (WHERE outcome = 'won' AND closed_at >= $first AND closed_at < $after), 0) AS won_amount,
  coalesce(sum(CAST($closed - $created AS DOUBLE) / 86400000000e0)
    FILTER (WHERE outcome = 'won' AND closed_at >= $first AND closed_at < $after), 0e0) AS won_days,
  count(created_at) FILTER (WHERE outcome = 'won' AND closed_at >= $first AND closed_at < $after) AS won_dated
FROM deals GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Velocity:
    """How fast deals of one kind become money.

    Attributes:
        kind: The kind of deal; ``total`` for all.
        opportunities: Deals created in the period.
        pipeline: What they are worth as the CRM states them, in whole minor units.
        won: Deals won in the period.
        lost: Deals lost in the period.
        won_amount: What the won ones are worth, in whole minor units.
        won_days: Days from creation to close, summed over the won ones whose creation is known.
        won_dated: How many those are.
    """

    kind: str
    opportunities: int
    pipeline: int
    won: int
    lost: int
    won_amount: int
    won_days: float
    won_dated: int

    @property
    def win_rate(self) -> float | None:
        """Won over ended in the period; ``None`` where none ended."""
        ended = self.won + self.lost
        return self.won / ended if ended else None

    @property
    def average_amount(self) -> float | None:
        """Mean worth of a won deal, in minor units."""
        return self.won_amount / self.won if self.won else None

    @property
    def cycle_days(self) -> float | None:
        """Mean days from creation to close of a won deal."""
        return self.won_days / self.won_dated if self.won_dated else None

    @property
    def per_day(self) -> float | None:
        """Opportunities x win rate x average amount / cycle days, in minor units a day; ``None`` if a factor lacks."""
        factors = (self.win_rate, self.average_amount, self.cycle_days)
        if None in factors or not self.cycle_days:
            return None
        return self.opportunities * (self.win_rate or 0.0) * (self.average_amount or 0.0) / self.cycle_days


@dataclass(frozen=True, slots=True)
class VelocityTable(DisplayMixin):
    """Pipeline created and velocity by kind of deal, with each factor.

    Attributes:
        rows: One a kind.
        period: The period's name.
    """

    rows: tuple[Velocity, ...]
    period: str = ""

    @property
    def total(self) -> Velocity:
        """All kinds together, from sums; the factors are not averages of averages."""
        names = ("opportunities", "pipeline", "won", "lost", "won_amount", "won_days", "won_dated")
        return Velocity("total", *(sum(getattr(row, name) for row in self.rows) for name in names))

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a kind and the total."""
        return tuple(_shown(row) for row in (*self.rows, self.total))


def measure_velocity(
    warehouse: Warehouse, opportunities: Relation, *, first: datetime, after: datetime, period: str = ""
) -> VelocityTable:
    """Measure the deals created and ended in a period.

    Args:
        warehouse: The engine.
        opportunities: One row a deal: ``kind``, ``created_at``, ``closed_at``, ``outcome``, ``amount`` in minor units.
        first: The period's first instant, in UTC without a zone.
        after: The first instant after it.
        period: What it is called.

    Raises:
        InputError: The period ends before it starts.
    """
    if after <= first:
        raise InputError(f"the period from {first} to {after} is empty", hint="give its first day and the day after it")
    places = {
        name: parse("CAST($at AS TIMESTAMP)", at=literal(str(at))) for name, at in (("first", first), ("after", after))
    }
    for name in ("closed", "created"):
        places[name] = micros_of(column(f"{name}_at"), warehouse.dialect, kind="naive")
    rows = warehouse.query(parse(_DEALS, deals=opportunities.name, **places))
    return VelocityTable(tuple(Velocity(*row) for row in rows), period)


def _shown(row: Velocity) -> dict[str, object]:
    return {
        "kind": row.kind,
        "opportunities": row.opportunities,
        "pipeline": row.pipeline,
        "won": row.won,
        "lost": row.lost,
        "win_rate": row.win_rate,
        "average_amount": row.average_amount,
        "cycle_days": row.cycle_days,
        "velocity_per_day": row.per_day,
    }
