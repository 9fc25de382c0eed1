"""What people wrote about lost deals: reasons, competitors, objections; counted, and never in any credit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from incrementality.capture.company import Company

__all__ = ["Quality", "lost_deals"]

_FIELDS = ("reason", "competitor", "objection")
_MOST = 10
_COUNTED = """
SELECT $name AS said, count(*) AS n, sum(coalesce(amount, 0)) FROM deals
WHERE outcome = 'lost' AND NOT $name IS NULL GROUP BY 1 ORDER BY n DESC, said LIMIT $most
"""


@dataclass(frozen=True, slots=True)
class Quality:
    """What was written in one field of lost deals.

    Attributes:
        field: ``reason``, ``competitor`` or ``objection``.
        said: What was written.
        deals: In how many lost deals.
        money: What they were worth, in minor units.

    Examples:
        >>> Quality("reason", "price", 3, 90_000).deals
        3
    """

    field: str
    said: str
    deals: int
    money: int


def lost_deals(company: Company) -> tuple[Quality, ...]:
    """Return what was written most often about lost deals: for each field up to ten values, the most frequent first."""
    if "opportunities" not in company.tables:
        return ()
    deals = company.tables["opportunities"].name
    return tuple(
        Quality(name, str(said), int(n), int(money))
        for name in _FIELDS
        for said, n, money in company.warehouse.query(
            parse(_COUNTED, deals=deals, name=column(name), most=literal(_MOST))
        )
    )
