"""Connected components in the engine, by randomised contraction.

Each round every vertex joins the neighbour (or itself) that comes first in a fresh order of all vertices; edges are
led over to what was joined, doubles and loops fall away, until no edge is left. The last vertex of an order joins
another one wherever an edge is left, so that each round has fewer vertices and the scheme ends for certain; by chance
a quarter or more of them goes in a round, whatever the graph's shape, so that it ends soon. The orders are affine maps
modulo a prime, the same in every run.

Bögeholz, Brand and Todor, *In-database connected component analysis*, ICDE 2020, https://arxiv.org/abs/1802.09478.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.warehouse.sql import literal, parse

if TYPE_CHECKING:
    from sqlglot import exp

    from incrementality.warehouse import Relation, Warehouse

__all__ = ["connected_components"]

_PRIME = 2**31 - 1  # products of two smaller numbers fit into 64 bits
_SYMMETRIC = """
SELECT DISTINCT CAST(v AS BIGINT) AS v, CAST(w AS BIGINT) AS w
FROM (SELECT a AS v, b AS w FROM edges AS x UNION ALL SELECT b AS v, a AS w FROM edges AS y) AS e
WHERE v <> w
"""
_JOINED = """
SELECT v, (CAST((least($own, m) - $shift + $prime) % $prime AS BIGINT) * $inverse) % $prime AS r
FROM (SELECT v, min($other) AS m FROM edges GROUP BY v) AS g
"""
_LED_OVER = """
SELECT DISTINCT x.r AS v, y.r AS w
FROM edges AS e JOIN joined AS x ON e.v = x.v JOIN joined AS y ON e.w = y.v
WHERE x.r <> y.r
"""
_COMPOSED = "SELECT x.v, coalesce(y.r, x.r) AS r FROM joined AS x LEFT JOIN later AS y ON x.r = y.v"


@dataclass(frozen=True, slots=True)
class _Order:
    """An order of all vertices: by ``(factor x + shift) modulo the prime``."""

    factor: int
    shift: int

    @classmethod
    def of_round(cls, number: int) -> _Order:
        drawn = hashlib.sha256(f"order {number}".encode()).digest()
        factor, shift = (int.from_bytes(part, "big") for part in (drawn[:16], drawn[16:]))
        return cls(factor % (_PRIME - 1) + 1, shift % _PRIME)

    def place(self, vertex: str) -> exp.Expression:
        return parse(
            f"({vertex} * $factor + $shift) % $prime",
            factor=literal(self.factor),
            shift=literal(self.shift),
            prime=literal(_PRIME),
        )

    @property
    def inverse(self) -> int:
        return pow(self.factor, -1, _PRIME)


def connected_components(warehouse: Warehouse, edges: exp.Expression, *, largest: int) -> Relation:
    """Return the component of every vertex that has an edge to another one.

    Args:
        warehouse: The engine.
        edges: A query or table with the columns ``a`` and ``b``: vertices, whole numbers from 0; loops and doubles
            do no harm.
        largest: The largest vertex.

    Returns:
        ``v`` and ``r`` (BIGINT): a vertex, and the vertex that stands for its component, the same for all vertices of
        one component. It depends on the graph alone, not on the order of its rows.

    Raises:
        InputError: A vertex is not below 2,147,483,647.

    Examples:
        >>> from incrementality.warehouse import connect
        >>> from incrementality.warehouse.sql import select_from
        >>> with connect() as engine:
        ...     path = engine.materialise("path", parse("SELECT * FROM (VALUES (1, 2), (2, 3), (7, 9)) AS e(a, b)"))
        ...     found = connected_components(engine, path.name, largest=9)
        ...     dict(engine.query(parse("SELECT r, count(*) FROM f GROUP BY r ORDER BY 2", f=found.name))).values()
        dict_values([2, 3])
    """
    if largest >= _PRIME:
        raise InputError(f"{largest:,} vertices are too many; at most {_PRIME - 1:,}", hint="split the table")
    name = f"incrementality_components_{secrets.token_hex(4)}"
    left = warehouse.materialise(f"{name}_edges", _filled(_SYMMETRIC, edges=edges))
    rounds: list[Relation] = []
    while not rounds or _has_rows(warehouse, left):
        order = _Order.of_round(len(rounds))
        joined = warehouse.materialise(f"{name}_joined_{len(rounds)}", _joined(left.name, order))
        led_over = _filled(_LED_OVER, edges=left.name, joined=joined.name)
        left = warehouse.materialise(f"{name}_edges_{len(rounds)}", led_over)
        rounds.append(joined)
    return _composed(warehouse, rounds, name)


def _filled(text: str, **places: exp.Expression) -> exp.Expression:
    from sqlglot import exp as nodes

    tables = {k: v if isinstance(v, nodes.Table) else nodes.Subquery(this=v) for k, v in places.items()}
    return parse(text, **tables)


def _joined(edges: exp.Expression, order: _Order) -> exp.Expression:
    return parse(
        _JOINED,
        edges=edges,
        own=order.place("v"),
        other=order.place("w"),
        shift=literal(order.shift),
        prime=literal(_PRIME),
        inverse=literal(order.inverse),
    )


def _has_rows(warehouse: Warehouse, relation: Relation) -> bool:
    return bool(warehouse.query(parse("SELECT 1 AS one FROM source LIMIT 1", source=relation.name)))


def _composed(warehouse: Warehouse, rounds: list[Relation], name: str) -> Relation:
    """Return where each vertex came to in the end: the last round first, since later rounds are smaller."""
    found = rounds[-1]
    for number, joined in reversed(list(enumerate(rounds[:-1]))):
        query = parse(_COMPOSED, joined=joined.name, later=found.name)
        found = warehouse.materialise(f"{name}_found_{number}", query)
    return found
