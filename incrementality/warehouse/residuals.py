"""The second pass: robust variances of adjusted effects, with the fitted numbers as literals.

The rows stay in the engine; ``incrementality.stats.adjustment`` says which sum is formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.warehouse.sql import linear, literal, named, parse, product, select_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.stats.adjustment import AdjustedMean
    from incrementality.warehouse.base import Warehouse

__all__ = ["ResidualTask", "reduce_residuals"]

_FULL_LEVERAGE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualTask:
    """One robust variance to form: which rows, and the fitted numbers.

    Attributes:
        arm: Predicate that selects the arm's rows.
        adjusted: The arm's adjusted mean.
        power: 1 for HC2, 2 for HC3.
    """

    arm: exp.Expression
    adjusted: AdjustedMean
    power: int


def reduce_residuals(
    warehouse: Warehouse,
    relation: exp.Table,
    columns: Mapping[str, exp.Expression],
    tasks: Sequence[ResidualTask],
    *,
    cluster: exp.Expression | None = None,
    where: exp.Expression | None = None,
) -> list[float]:
    """Return, for each task, the sum behind its robust variance, all in one pass.

    See ``incrementality.stats.adjustment`` for the sum. With a cluster it is the sum of squares of the clusters'
    totals of ``c e``. A unit that its covariates fit exactly (leverage 1) has no robust variance: the sum is NaN.

    Args:
        warehouse: The engine.
        relation: The table or view.
        columns: The DOUBLE expression behind the name of each outcome and covariate.
        tasks: The variances to form.
        cluster: Expression of the randomised cluster.
        where: Rows that count; all by default.
    """
    if not tasks:
        return []
    at = {name: f"y{k}" for k, name in enumerate(columns)}
    rows = _rows(relation, columns, tasks, cluster=cluster, where=where)
    if cluster is None:
        query = _over(_over(rows, _unit_terms(tasks, at)), _unit_sums(tasks))
    else:
        totals = _over(rows, _cluster_totals(tasks, at))
        totals.set("group", exp.Group(expressions=[exp.column("cluster_id")]))
        query = _over(totals, {f"v{i}": parse("sum($t * $t)", t=exp.column(f"t{i}")) for i in range(len(tasks))})
    return [0.0 if value is None else float(value) for value in warehouse.row(query)]


def _rows(
    relation: exp.Table,
    columns: Mapping[str, exp.Expression],
    tasks: Sequence[ResidualTask],
    *,
    cluster: exp.Expression | None,
    where: exp.Expression | None,
) -> exp.Expression:
    rows = parse("SELECT 1 FROM source", source=relation)
    items = [named(expression.copy(), f"y{k}") for k, expression in enumerate(columns.values())]
    items += [named(task.arm.copy(), f"in_arm{i}") for i, task in enumerate(tasks)]
    if cluster is not None:
        items.append(named(cluster.copy(), "cluster_id"))
    rows.set("expressions", items)
    if where is not None:
        rows.set("where", exp.Where(this=where.copy()))
    return rows


def _over(source: exp.Expression, items: Mapping[str, exp.Expression]) -> exp.Expression:
    select = select_from(source)
    select.set("expressions", [named(item, name) for name, item in items.items()])
    return select


def _unit_terms(tasks: Sequence[ResidualTask], at: Mapping[str, str]) -> dict[str, exp.Expression]:
    """For each row and task: whether it counts, its score ``c e``, and what is left of one after its leverage."""
    terms: dict[str, exp.Expression] = {}
    for i, task in enumerate(tasks):
        terms[f"in_arm{i}"] = exp.column(f"in_arm{i}")
        terms[f"score{i}"] = _score(task.adjusted, at)
        terms[f"kept{i}"] = _one_minus_leverage(task.adjusted, at)
    return terms


def _unit_sums(tasks: Sequence[ResidualTask]) -> dict[str, exp.Expression]:
    return {
        f"v{i}": parse(
            "sum(CASE WHEN $kept < $least THEN $nan ELSE $score * $score / $power END) FILTER (WHERE $arm)",
            kept=exp.column(f"kept{i}"),
            least=literal(_FULL_LEVERAGE),
            nan=literal(float("nan")),
            score=exp.column(f"score{i}"),
            power=exp.Paren(this=product([exp.column(f"kept{i}")] * task.power)),
            arm=exp.column(f"in_arm{i}"),
        )
        for i, task in enumerate(tasks)
    }


def _cluster_totals(tasks: Sequence[ResidualTask], at: Mapping[str, str]) -> dict[str, exp.Expression]:
    return {
        f"t{i}": parse("sum($score) FILTER (WHERE $arm)", score=_score(task.adjusted, at), arm=exp.column(f"in_arm{i}"))
        for i, task in enumerate(tasks)
    }


def _score(adjusted: AdjustedMean, at: Mapping[str, str]) -> exp.Expression:
    """``c e``: the unit's weight in the prediction times its residual."""
    level = float(adjusted.slopes @ adjusted.means - adjusted.weights @ adjusted.outcome_means)
    terms = [*zip(adjusted.weights, adjusted.outcomes, strict=True)]
    terms += [*zip(-adjusted.slopes, adjusted.covariates, strict=True)]
    pull = 1 / adjusted.n - float(adjusted.pull @ adjusted.means)
    weight = _linear([*zip(adjusted.pull, adjusted.covariates, strict=True)], pull, at)
    return product([_linear(terms, level, at), weight])


def _one_minus_leverage(adjusted: AdjustedMean, at: Mapping[str, str]) -> exp.Expression:
    tree = literal(1 - 1 / adjusted.n)
    for row in adjusted.root:
        distance = _linear([*zip(row, adjusted.covariates, strict=True)], -float(row @ adjusted.means), at)
        tree = exp.Sub(this=tree, expression=product([distance, distance]))
    return tree


def _linear(terms: Sequence[tuple[float, str]], level: float, at: Mapping[str, str]) -> exp.Expression:
    return linear(((float(weight), exp.column(at[name])) for weight, name in terms), level)
