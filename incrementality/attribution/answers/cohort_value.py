"""What customers became worth, by the channel and the quarter that brought them; young cohorts are marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.cohorts.sql_engine import micros_of
from incrementality.display import DisplayMixin
from incrementality.errors import InputError
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from incrementality.warehouse import Relation, Warehouse

__all__ = ["CohortTable", "CohortValue", "measure_cohorts"]

_DAYS = 30
_MICROS = 86_400_000_000
_QUARTER = (
    "concat(CAST(extract(year FROM c.customer_since) AS TEXT), 'Q', "
    "CAST(extract(quarter FROM c.customer_since) AS TEXT))"
)
_COHORTS = f"""
SELECT coalesce(c.acquisition_channel, 'unknown') AS channel, {_QUARTER} AS period, count(*) AS accounts,
  max($since) AS youngest
FROM accounts AS c WHERE c.customer_since IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - constants
_REVENUE = f"""
SELECT coalesce(c.acquisition_channel, 'unknown') AS channel, {_QUARTER} AS period,
  CAST(floor(($at - $since) / $step) AS BIGINT) AS months, sum(e.amount) AS amount
FROM accounts AS c JOIN events AS e ON c.account_id = e.account_id
WHERE c.customer_since IS NOT NULL AND $at >= $since AND $at <= $until GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class CohortValue:
    """Customers of one channel and quarter.

    Attributes:
        channel: The channel that brought them.
        period: The quarter in which they became customers.
        accounts: How many.
        revenue: Their revenue so far in each 30 days since each one's first close, in minor units; shape (months,).
        months: Whole months that even the youngest has been a customer, at most the horizon.
        horizon: The months over which the value is asked for.
        cost: What the channel cost in that quarter, in minor units; ``None`` where nobody said.
    """

    channel: str
    period: str
    accounts: int
    revenue: tuple[int, ...]
    months: int
    horizon: int
    cost: int | None

    @property
    def censored(self) -> bool:
        """Whether some of them have not been customers for the whole horizon: the value is a lower bound."""
        return self.months < self.horizon

    @property
    def value(self) -> float:
        """Revenue per account over the months that all of them have behind them, in minor units."""
        return sum(self.revenue[: self.months]) / self.accounts

    @property
    def acquisition_cost(self) -> float | None:
        """Cost per new customer (CAC), in minor units."""
        return None if self.cost is None else self.cost / self.accounts

    @property
    def value_to_cost(self) -> float | None:
        """Value over acquisition cost (LTV/CAC); of a censored cohort, so far."""
        return self.value / self.acquisition_cost if self.acquisition_cost else None

    @property
    def payback_months(self) -> int | None:
        """The first month by whose end the revenue per account has paid for its acquisition; ``None`` if not yet."""
        if self.acquisition_cost is None:
            return None
        return next((m for m in range(1, self.months + 1) if self._by(m) >= self.acquisition_cost), None)

    def _by(self, month: int) -> float:
        return sum(self.revenue[:month]) / self.accounts


@dataclass(frozen=True, slots=True)
class CohortTable(DisplayMixin):
    """Cohorts by acquisition channel and quarter. Which channel brought them is recorded, not what caused them.

    Attributes:
        rows: One a channel and quarter.
    """

    rows: tuple[CohortValue, ...]

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a cohort, amounts in minor units."""
        return tuple(
            {
                "channel": row.channel,
                "period": row.period,
                "accounts": row.accounts,
                "value": row.value,
                "months": row.months,
                "censored": row.censored,
                "acquisition_cost": row.acquisition_cost,
                "value_to_cost": row.value_to_cost,
                "payback_months": row.payback_months,
            }
            for row in self.rows
        )


def measure_cohorts(
    warehouse: Warehouse,
    accounts: Relation,
    events: Relation,
    *,
    as_of: datetime,
    horizon: int = 24,
    costs: Mapping[tuple[str, str], int] | None = None,
) -> CohortTable:
    """Measure lifetime value by acquisition channel and quarter.

    Args:
        warehouse: The engine.
        accounts: ``account_id``, ``customer_since``, ``acquisition_channel``.
        events: Clean revenue events: ``account_id``, ``occurred_at``, ``amount`` in minor units.
        as_of: The last instant that the data covers, in UTC without a zone.
        horizon: Months (of 30 days) over which the value is asked for.
        costs: What each channel cost in each quarter: ``{(channel, "2026Q1"): minor units}``.

    Raises:
        InputError: The horizon is shorter than a month.
    """
    if horizon < 1:
        raise InputError(f"a horizon of {horizon} months holds no value", hint="12 and 24 months are usual")
    since = micros_of(column("customer_since", of="c"), warehouse.dialect, kind="naive")
    until = micros_of(parse("CAST($at AS TIMESTAMP)", at=literal(str(as_of))), warehouse.dialect, kind="naive")
    cohorts = warehouse.query(parse(_COHORTS, accounts=accounts.name, since=since))
    at = micros_of(column("occurred_at", of="e"), warehouse.dialect, kind="naive")
    step = literal(float(_DAYS * _MICROS))
    found = parse(_REVENUE, accounts=accounts.name, events=events.name, since=since, at=at, until=until, step=step)
    revenue: dict[tuple[str, str], dict[int, int]] = {}
    for channel, period, month, amount in warehouse.query(found):
        revenue.setdefault((channel, period), {})[month] = int(amount)
    (now,) = warehouse.row(parse("SELECT $until AS now", until=until))
    rows = [
        CohortValue(
            channel,
            period,
            n,
            tuple(revenue.get((channel, period), {}).get(month, 0) for month in range(horizon)),
            max(0, min(horizon, int((now - youngest) // (_DAYS * _MICROS)))),
            horizon,
            (costs or {}).get((channel, period)),
        )
        for channel, period, n, youngest in cohorts
    ]
    return CohortTable(tuple(rows))
