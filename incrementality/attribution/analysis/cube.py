"""The ledger summed once by quarter, kind, model, role, function and channel: what most tables are read from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.attribution.labels import SHOWN_BESIDE
from incrementality.warehouse.sql import parse

if TYPE_CHECKING:
    from incrementality.attribution.ledger import CreditLedger

__all__ = ["QUARTER", "CreditCube", "CubeRow", "credit_cube"]

_DIGITS = 6  # parallel sums differ in later ones from run to run
QUARTER = "CAST(extract(year FROM event_at) AS TEXT) || 'Q' || CAST(extract(quarter FROM event_at) AS TEXT)"
_CUBE = f"""
SELECT {QUARTER} AS quarter, kind, model, role, function, channel, sum(unrounded) AS unrounded, sum(credit) AS credit
FROM source GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class CubeRow:
    """One cell of the cube.

    Attributes:
        quarter: The quarter of the event.
        kind: The kind of event.
        model: The model.
        role: Source, close, assist or none.
        function: The function.
        channel: The channel.
        unrounded: The credit in minor units or micro-deals, to their millionth.
        credit: The credit to the unit.
    """

    quarter: str
    kind: str
    model: str
    role: str
    function: str
    channel: str
    unrounded: float
    credit: int


@dataclass(frozen=True, slots=True)
class CreditCube:
    """A ledger in sums.

    Attributes:
        rows: The cells, in a fixed order.

    Examples:
        >>> row = CubeRow("2026Q1", "new", "linear", "none", "ae", "phone", 10.0, 10)
        >>> CreditCube((row,)).sums("function", model="linear")
        {'ae': 10.0}
    """

    rows: tuple[CubeRow, ...]

    def sums(self, by: str, **where: str) -> dict[str, float]:
        """Return unrounded credit by one dimension, of the cells that agree with ``where``.

        Kinds that only label money of another kind are left out, unless ``where`` or ``by`` names kinds.
        """
        found: defaultdict[str, float] = defaultdict(float)
        for row in self.rows:
            if _agrees(row, where) and (by == "kind" or "kind" in where or row.kind not in SHOWN_BESIDE):
                found[getattr(row, by)] += row.unrounded
        return dict(found)

    def values(self, name: str) -> tuple[str, ...]:
        """Return what stands in one dimension, sorted."""
        return tuple(sorted({getattr(row, name) for row in self.rows}))


def _agrees(row: CubeRow, where: dict[str, str]) -> bool:
    return all(getattr(row, name) == value for name, value in where.items())


def credit_cube(ledger: CreditLedger) -> CreditCube:
    """Return a ledger in sums.

    Args:
        ledger: The ledger.
    """
    query = parse(_CUBE, source=ledger.rows.name)
    rows = ledger.warehouse.query(query)
    return CreditCube(tuple(_row([str(label) for label in row[:-2]], *row[-2:]) for row in rows))


def _row(labels: list[str], unrounded: float, credit: int) -> CubeRow:
    quarter, kind, model, role, function, channel = labels
    return CubeRow(quarter, kind, model, role, function, channel, round(float(unrounded), _DIGITS), int(credit))
