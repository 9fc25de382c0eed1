"""Outcomes by days since the decision: what was counted up to one day, less what was counted up to an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.warehouse.sql import column, named, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.warehouse import Relation, Warehouse

__all__ = ["with_differences"]


def with_differences(
    warehouse: Warehouse, relation: Relation, differences: Mapping[str, tuple[str, str]], *, name: str
) -> Relation:
    """Return a table with columns added that are one of its columns less another.

    Args:
        warehouse: The engine.
        relation: The table.
        differences: For each new column, the later and the earlier one.
        name: How the new table is called; a name serves once.
    """
    query = parse("SELECT 1 FROM source", source=relation.name)
    made = [named(parse("$a - $b", a=column(a), b=column(b)), new) for new, (a, b) in differences.items()]
    query.set("expressions", [exp.Star(), *made])
    return warehouse.materialise(name, query)
