"""Each cluster's own sums, for adjustment where whole clusters were randomised: one row a cluster, never a unit's."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from incrementality.stats.cluster_adjustment import ClusterProducts
from incrementality.warehouse.sql import column, literal, named, parse, select_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.warehouse.base import Warehouse

__all__ = ["reduce_cluster_products"]


def reduce_cluster_products(
    warehouse: Warehouse,
    relation: exp.Table,
    columns: Mapping[str, exp.Expression],
    *,
    covariates: Sequence[str],
    cluster: exp.Expression,
    shift: Mapping[str, float],
    where: exp.Expression | None = None,
) -> ClusterProducts:
    """Return the sums of each cluster's rows, in one pass.

    Args:
        warehouse: The engine.
        relation: The table or view.
        columns: The DOUBLE expression behind each column's name: outcomes and covariates.
        covariates: The columns whose products with one another and with the outcomes are formed.
        cluster: Expression of the cluster.
        shift: The shift of each column; columns without one get zero.
        where: Rows that count; all by default.
    """
    names = list(columns)
    pairs = [
        (j, k)
        for j, k in combinations_with_replacement(range(len(names)), 2)
        if names[j] in covariates or names[k] in covariates
    ]
    items = {"n": parse("count(*)")}
    items |= {f"s{k}": parse("sum($y)", y=column(f"y{k}")) for k in range(len(names))}
    items |= {f"p{j}_{k}": parse("sum($y * $x)", y=column(f"y{j}"), x=column(f"y{k}")) for j, k in pairs}
    query = select_from(_rows(relation, columns, cluster, shift, where))
    query.set("expressions", [named(item, name) for name, item in items.items()])
    query.set("group", exp.Group(expressions=[column("cluster_id")]))
    found = dict(zip(items, warehouse.numbers(query), strict=True))
    return ClusterProducts(
        columns=tuple(names),
        shift=np.array([shift.get(name, 0.0) for name in names]),
        size=found["n"],
        totals=np.column_stack([found[f"s{k}"] for k in range(len(names))]),
        products={(j, k): found[f"p{j}_{k}"] for j, k in pairs},
    )


def _rows(
    relation: exp.Table,
    columns: Mapping[str, exp.Expression],
    cluster: exp.Expression,
    shift: Mapping[str, float],
    where: exp.Expression | None,
) -> exp.Expression:
    rows = parse("SELECT 1 FROM source", source=relation)
    items = [named(cluster.copy(), "cluster_id")]
    for k, (name, expression) in enumerate(columns.items()):
        shifted = parse("$y - $c", y=expression, c=literal(float(shift.get(name, 0.0))))
        items.append(named(shifted if shift.get(name) else expression.copy(), f"y{k}"))
    rows.set("expressions", items)
    if where is not None:
        rows.set("where", exp.Where(this=where.copy()))
    return rows
