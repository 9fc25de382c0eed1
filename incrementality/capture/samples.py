"""Ids of some of the rows that a reason refused or flagged, hashed where no id may be shown."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from incrementality.capture.intake import Reason
    from incrementality.tables import TableContract
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["Samples", "Sampling", "samples_of"]

_HASH_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many ids are shown for each reason, and whether as they are.

    Attributes:
        most: At most so many.
        key: The secret under which ids are hashed (HMAC-SHA-256, the first 16 digits); ``None`` shows them.

    Examples:
        >>> Sampling(key=b"secret").shown("a1"), Sampling().shown("a1")
        ('0d558d0621d53ba4', 'a1')
    """

    most: int = 3
    key: bytes | None = None

    def shown(self, identifier: str) -> str:
        """Return an id as it may be shown."""
        if self.key is None:
            return identifier
        return hmac.new(self.key, identifier.encode(), "sha256").hexdigest()[:_HASH_LENGTH]


@dataclass(frozen=True, slots=True)
class Samples:
    """The reasons with their samples, by name."""

    refused: Mapping[str, Reason]
    flagged: Mapping[str, Reason]


def samples_of(
    warehouse: Warehouse,
    rows: Relation,
    table: TableContract,
    *,
    flags: tuple[str, ...],
    refused: Mapping[str, Reason],
    flagged: Mapping[str, Reason],
    sampling: Sampling,
) -> Samples:
    """Return reasons with samples: the smallest ids of their rows.

    Args:
        warehouse: The engine.
        rows: The staged rows.
        table: Their contract.
        flags: The flags in the order of their bits.
        refused: The reasons that refused rows.
        flagged: The flags that some kept row carries.
        sampling: How many, and whether hashed.
    """
    shown = next((name for name in (table.key, "account_id", "contact_id") if name in rows.columns), None)
    if shown is None or not sampling.most:
        return Samples(refused, flagged)
    told = {one: parse("refused = $r", r=literal(one)) for one in refused}
    noted = {
        one: parse("refused IS NULL AND (flags & $bit) <> 0", bit=literal(1 << flags.index(one))) for one in flagged
    }

    def smallest(test: exp.Expression) -> tuple[str, ...]:
        query = parse(
            "SELECT DISTINCT $id AS id FROM rows WHERE $test AND $id IS NOT NULL ORDER BY id LIMIT $most",
            id=column(shown), rows=rows.name, test=test, most=literal(sampling.most),
        )  # fmt: skip
        return tuple(sampling.shown(str(row[0])) for row in warehouse.query(query))

    return Samples(
        {one: replace(refused[one], samples=smallest(test)) for one, test in told.items()},
        {one: replace(flagged[one], samples=smallest(test)) for one, test in noted.items()},
    )
