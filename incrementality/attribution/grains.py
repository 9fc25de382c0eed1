"""The same touches counted by touch, by contact and by account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.display import DisplayMixin
from incrementality.errors import ColumnNotFound, did_you_mean
from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["GrainRow", "Grains", "count_grains"]

_COUNTED = """
SELECT coalesce($label, 'unknown') AS label, count(*) AS touches, count(DISTINCT $contact) AS contacts,
  count(DISTINCT account_id) AS accounts, count(*) - count($contact) AS nobody
FROM touches GROUP BY 1 ORDER BY 2 DESC, 1
"""
_TOTAL = """
SELECT 'total' AS label, count(*) AS touches, count(DISTINCT $contact) AS contacts,
  count(DISTINCT account_id) AS accounts, count(*) - count($contact) AS nobody FROM touches
"""


@dataclass(frozen=True, slots=True)
class GrainRow:
    """How often one label occurs, at three grains.

    Attributes:
        label: The function, channel or other label; ``total`` for all.
        touches: Touches.
        contacts: People with at least one.
        accounts: Accounts with at least one.
        nobody: Touches that name no person.
    """

    label: str
    touches: int
    contacts: int
    accounts: int
    nobody: int


@dataclass(frozen=True, slots=True)
class Grains(DisplayMixin):
    """Touches, contacts and accounts by label. People and accounts with several labels count under each.

    Attributes:
        rows: One a label, the most touches first.
        total: All of them, each person and account once: less than the sum of the rows.
    """

    rows: tuple[GrainRow, ...]
    total: GrainRow

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a label, and the total."""
        return tuple(
            {
                "label": row.label,
                "touches": row.touches,
                "contacts": row.contacts,
                "accounts": row.accounts,
                "touches_of_nobody": row.nobody,
                "touches_per_account": row.touches / row.accounts if row.accounts else None,
            }
            for row in (*self.rows, self.total)
        )


def count_grains(warehouse: Warehouse, touches: Relation, *, by: str = "function") -> Grains:
    """Count touches, the people and the accounts that they reached, by one label.

    Args:
        warehouse: The engine.
        touches: The clean touches: ``account_id``, the label, and ``contact_id`` where people are known.
        by: The label: ``function``, ``channel``, ``type``, ``journey`` ...

    Raises:
        ColumnNotFound: The touches have no such column.

    Examples:
        >>> import numpy as np
        >>> from incrementality.warehouse import connect, frame_locator
        >>> with connect() as engine:
        ...     touches = engine.open(frame_locator({"account_id": np.array([1, 1, 2]),
        ...         "contact_id": np.array([5, 5, 6]), "function": np.array(["cs", "ae", "cs"], dtype=object)}))
        ...     found = count_grains(engine, touches)
        >>> [(row.label, row.touches, row.contacts, row.accounts) for row in (*found.rows, found.total)]
        [('cs', 2, 2, 2), ('ae', 1, 1, 1), ('total', 3, 2, 2)]
    """
    for name in (by, "account_id"):
        if name not in touches.columns:
            raise ColumnNotFound(
                f"the touches have no column {name!r}{did_you_mean(name, touches.columns)}", hint="map the column"
            )
    contact = column("contact_id") if "contact_id" in touches.columns else parse("CAST(NULL AS TEXT)")
    label = parse("CAST($label AS TEXT)", label=column(by))
    rows = warehouse.query(parse(_COUNTED, touches=touches.name, label=label, contact=contact))
    total = warehouse.row(parse(_TOTAL, touches=touches.name, contact=contact))
    return Grains(tuple(GrainRow(*row) for row in rows), GrainRow(*total))
