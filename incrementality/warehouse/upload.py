"""Rows that we hold, handed to an engine as a temporary table: a frame to the embedded one, values to the others."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlglot import exp

from incrementality.warehouse.sources import frame_locator
from incrementality.warehouse.sql import column, literal, named, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.warehouse.base import Relation, Warehouse

__all__ = ["upload"]

_CHUNK = 5_000


def upload(warehouse: Warehouse, name: str, kinds: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> Relation:
    """Store rows in a temporary table of an engine.

    Args:
        warehouse: The engine.
        name: How the table is called; a name serves once.
        kinds: The columns in order, each with its SQL type: ``TEXT``, ``BIGINT``, ``BOOLEAN``.
        rows: The values, ``None`` where one is missing.

    Examples:
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     units = upload(engine, "units", {"unit": "TEXT", "n": "BIGINT"}, [("a", 1), ("b", None)])
        ...     engine.query(parse("SELECT unit, n FROM source ORDER BY unit", source=units.name))
        [('a', 1), ('b', None)]
    """
    if not rows:
        empty = [tuple(None for _ in kinds)]
        return warehouse.materialise(
            name, parse("SELECT * FROM rows AS r WHERE FALSE", rows=_cast(_values(kinds, empty), kinds))
        )
    if warehouse.dialect == "duckdb":
        values = {key: _objects(found) for key, found in zip(kinds, zip(*rows, strict=True), strict=True)}
        frame = warehouse.open(frame_locator(values))
        return warehouse.materialise(name, _selected(frame.name, kinds))
    chunks = [
        warehouse.materialise(f"{name}_{k}", _selected(_values(kinds, rows[k : k + _CHUNK]), kinds)).name
        for k in range(0, len(rows), _CHUNK)
    ]
    parts: list[exp.Expression] = [parse("SELECT * FROM chunk", chunk=chunk) for chunk in chunks]
    return warehouse.materialise(
        name, reduce(lambda left, right: exp.Union(this=left, expression=right, distinct=False), parts)
    )


def _objects(values: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _selected(source: exp.Expression, kinds: Mapping[str, str]) -> exp.Expression:
    query = parse("SELECT 1 FROM source", source=source)
    query.set(
        "expressions",
        [named(exp.cast(column(key), exp.DataType.build(kind, dialect="duckdb")), key) for key, kind in kinds.items()],
    )
    return query


def _cast(source: exp.Expression, kinds: Mapping[str, str]) -> exp.Expression:
    return exp.Subquery(this=_selected(source, kinds))


def _values(kinds: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> exp.Expression:
    tuples = [tuple(exp.null() if value is None else literal(value) for value in row) for row in rows]
    return exp.values(tuples, alias="v", columns=list(kinds))
