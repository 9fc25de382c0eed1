"""Tables of aggregated paths, such as other attribution tools export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.attribution.paths import paths_of_strings
from incrementality.errors import ColumnNotFound, did_you_mean
from incrementality.warehouse.sql import column, literal, number_of, parse

if TYPE_CHECKING:
    from incrementality.attribution.paths import PathCounts
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["read_path_table"]


def read_path_table(
    warehouse: Warehouse,
    relation: Relation,
    *,
    path: str = "path",
    conversions: str = "conversions",
    value: str | None = None,
    nulls: str | None = None,
    separator: str = ">",
) -> PathCounts:
    """Return the paths of a table that has one row a path; rows that repeat a path are summed.

    Args:
        warehouse: The engine that holds the table.
        relation: The table.
        path: The column of paths; an empty one is a journey without a touch.
        conversions: The column of conversions.
        value: The column of what they are worth, where there is one.
        nulls: The column of journeys that did not convert, where there is one.
        separator: What stands between two touches.

    Raises:
        ColumnNotFound: A named column is not there.
        ColumnTypeError: A column of amounts holds no numbers.
        InputError: An amount is negative or missing; a touch between two separators has no name.

    Examples:
        >>> import numpy as np
        >>> from incrementality.warehouse import connect, frame_locator
        >>> table = {"path": np.array(["a > b", "b"], dtype=object), "conversions": np.array([2, 1])}
        >>> with connect() as warehouse:
        ...     read_path_table(warehouse, warehouse.open(frame_locator(table))).conversions.tolist()
        [2.0, 1.0]
    """
    for name in (path, conversions, value, nulls):
        if name is not None and name not in relation.columns:
            raise ColumnNotFound(
                f"the table of paths has no column {name!r}.{did_you_mean(name, relation.columns)}",
                hint=f"say which column holds it; there are: {', '.join(relation.columns)}",
            )
    query = parse("SELECT CAST($path AS TEXT) FROM source", path=column(path), source=relation.name)
    for name in (conversions, value, nulls):
        query.append("expressions", literal(0.0) if name is None else number_of(name, relation.columns[name]))
    query.set("order", exp.Order(expressions=[exp.Ordered(this=literal(k)) for k in range(1, 5)]))
    rows = warehouse.query(query)
    won, worth, lost = ([float("nan") if row[k] is None else row[k] for row in rows] for k in (1, 2, 3))
    return paths_of_strings([row[0] for row in rows], won, value=worth, nulls=lost, separator=separator)
