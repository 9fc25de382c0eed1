"""The second pass: robust variances of adjusted effects, with the fitted numbers as literals.

The rows stay in the engine; ``incrementality.stats.adjustment`` says which sum is formed. The fitted numbers enter
as a small table with a row for each arm, so that one expression serves all arms, and the leverage and the weight
of a unit are worked out once for all metrics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from incrementality.warehouse.reduce import key_of
from incrementality.warehouse.sql import add, literal, named, parse, product, select_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incrementality.stats.adjustment import AdjustedMean
    from incrementality.warehouse.base import Warehouse
    from incrementality.warehouse.reduction import GroupValue

__all__ = ["ArmFit", "reduce_residuals"]

_FULL_LEVERAGE = 1e-9
_FIT = "fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFit:
    """One arm's fitted numbers: the adjusted mean of each metric, all on the same units and covariates.

    Attributes:
        value: The engine's own value of the arm.
        adjusted: One adjusted mean a metric, in the same order for every arm.
    """

    value: GroupValue
    adjusted: tuple[AdjustedMean, ...]


def reduce_residuals(
    warehouse: Warehouse,
    relation: exp.Table,
    columns: Mapping[str, exp.Expression],
    fits: Sequence[ArmFit],
    *,
    arm: exp.Expression,
    power: int = 1,
    cluster: exp.Expression | None = None,
    where: exp.Expression | None = None,
) -> list[list[float]]:
    """Return the sums behind robust variances, for each arm and metric, all in one pass.

    See ``incrementality.stats.adjustment`` for the sum. With a cluster it is the sum of squares of the clusters'
    totals of ``c e``. An arm with a unit that its covariates fit exactly (leverage 1) has no robust variance: its
    sums are NaN.

    Args:
        warehouse: The engine.
        relation: The table or view.
        columns: The DOUBLE expression behind the name of each outcome and covariate.
        fits: The arms, with the same metrics and covariates.
        arm: Expression of the arm.
        power: 1 for HC2, 2 for HC3.
        cluster: Expression of the randomised cluster.
        where: Rows that count; all by default.
    """
    if not fits or not fits[0].adjusted:
        return [[] for _ in fits]
    rows = _rows(relation, columns, arm, cluster=cluster, where=where)
    terms = _terms(fits, {name: f"y{k}" for k, name in enumerate(columns)}, clustered=cluster is not None)
    metrics = range(len(fits[0].adjusted))
    query = _sums(terms, rows, metrics, power) if cluster is None else _cluster_sums(terms, rows, metrics)
    found = {key_of(row[0]): row[1:] for row in warehouse.query(query)}
    return [_read(found.get(key_of(fit.value)), len(metrics)) for fit in fits]


def _read(row: Sequence[object] | None, metrics: int) -> list[float]:
    if row is None:
        return [0.0] * metrics
    *sums, kept = row
    fitted_exactly = kept is not None and float(str(kept)) < _FULL_LEVERAGE
    return [math.nan if fitted_exactly or value is None else float(str(value)) for value in sums]


def _rows(
    relation: exp.Table,
    columns: Mapping[str, exp.Expression],
    arm: exp.Expression,
    *,
    cluster: exp.Expression | None,
    where: exp.Expression | None,
) -> exp.Expression:
    rows = parse("SELECT 1 FROM source", source=relation)
    items = [named(arm.copy(), "arm")]
    items += [named(expression.copy(), f"y{k}") for k, expression in enumerate(columns.values())]
    if cluster is not None:
        items.append(named(cluster.copy(), "cluster_id"))
    rows.set("expressions", items)
    if where is not None:
        rows.set("where", exp.Where(this=where.copy()))
    return rows


@dataclass(slots=True)
class _FitTable:
    """The fitted numbers, a row for each arm; a number that all arms share is written where it is used."""

    fits: Sequence[ArmFit]
    columns: list[list[float]] = field(default_factory=list)

    def number(self, values: Sequence[float]) -> exp.Expression:
        """Return a place for one number of each arm."""
        numbers = [float(value) for value in values]
        if len(set(numbers)) == 1:
            return literal(numbers[0])
        self.columns.append(numbers)
        return exp.column(f"f{len(self.columns) - 1}", table=_FIT)

    def join(self) -> exp.Expression:
        """Return the join of the rows with their arm's numbers."""
        tuples = [
            exp.Tuple(expressions=[literal(fit.value), *(literal(column[i]) for column in self.columns)])
            for i, fit in enumerate(self.fits)
        ]
        names = [exp.to_identifier("arm"), *(exp.to_identifier(f"f{k}") for k in range(len(self.columns)))]
        alias = exp.TableAlias(this=exp.to_identifier(_FIT), columns=names)
        on = parse("r.arm = fit.arm")
        return exp.Join(this=exp.Values(expressions=tuples, alias=alias), on=on)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """For each row: residuals by metric, the weight in the prediction, what is left of one after the leverage."""

    residuals: list[exp.Expression]
    weight: exp.Expression
    kept: exp.Expression
    join: exp.Expression

    def over(self, rows: exp.Expression, *, clustered: bool) -> exp.Expression:
        """Return the query that works them out."""
        select = select_from(rows)
        items = [named(parse("r.arm"), "arm")]
        items += [named(residual, f"e{m}") for m, residual in enumerate(self.residuals)]
        items.append(named(self.weight, "c"))
        items.append(named(parse("r.cluster_id"), "cluster_id") if clustered else named(self.kept, "kept"))
        select.set("expressions", items)
        select.set("joins", [self.join])
        return select


def _terms(fits: Sequence[ArmFit], at: Mapping[str, str], *, clustered: bool) -> _Terms:
    table = _FitTable(fits)
    first = [fit.adjusted[0] for fit in fits]
    covariates = first[0].covariates
    pull = [
        (table.number([a.pull[k] for a in first]), exp.column(at[name], table="r")) for k, name in enumerate(covariates)
    ]
    level = table.number([1 / a.n - float(a.pull @ a.means) for a in first])
    return _Terms(
        residuals=[_residual([fit.adjusted[m] for fit in fits], table, at) for m in range(len(fits[0].adjusted))],
        weight=add([*(product(pair) for pair in pull), level]),
        kept=literal(1.0) if clustered else _one_minus_leverage(first, table, at),
        join=table.join(),
    )


def _residual(arms: Sequence[AdjustedMean], table: _FitTable, at: Mapping[str, str]) -> exp.Expression:
    """``weights'(y - means of y) - slopes'(x - means of x)``, expanded."""
    terms = [
        product([table.number([a.weights[j] for a in arms]), exp.column(at[name], table="r")])
        for j, name in enumerate(arms[0].outcomes)
    ]
    terms += [
        product([table.number([-a.slopes[k] for a in arms]), exp.column(at[name], table="r")])
        for k, name in enumerate(arms[0].covariates)
    ]
    level = [float(a.slopes @ a.means - a.weights @ a.outcome_means) for a in arms]
    return add([*terms, table.number(level)])


def _one_minus_leverage(arms: Sequence[AdjustedMean], table: _FitTable, at: Mapping[str, str]) -> exp.Expression:
    tree = table.number([1 - 1 / a.n for a in arms])
    for i in range(len(arms[0].covariates)):
        used = arms[0].covariates[: i + 1]
        terms = [
            product([table.number([a.root[i, k] for a in arms]), exp.column(at[name], table="r")])
            for k, name in enumerate(used)
        ]
        distance = add([*terms, table.number([-float(a.root[i] @ a.means) for a in arms])])
        tree = exp.Sub(this=tree, expression=product([distance, distance]))
    return tree


def _sums(terms: _Terms, rows: exp.Expression, metrics: range, power: int) -> exp.Expression:
    query = select_from(terms.over(rows, clustered=False))
    kept = product([exp.column("kept")] * power)
    items: list[exp.Expression] = [exp.column("arm")]
    for m in metrics:
        score = product([exp.column(f"e{m}"), exp.column("c")])
        items.append(named(parse("sum($z * $z / nullif($kept, 0e0))", z=score, kept=kept), f"v{m}"))
    query.set("expressions", [*items, named(parse("min(kept)"), "least_kept")])
    query.set("group", exp.Group(expressions=[exp.column("arm")]))
    return query


def _cluster_sums(terms: _Terms, rows: exp.Expression, metrics: range) -> exp.Expression:
    totals = select_from(terms.over(rows, clustered=True))
    keys = [exp.column("arm"), exp.column("cluster_id")]
    items = [named(parse("sum($e * c)", e=exp.column(f"e{m}")), f"t{m}") for m in metrics]
    totals.set("expressions", [*keys, *items])
    totals.set("group", exp.Group(expressions=[key.copy() for key in keys]))
    query = select_from(totals)
    squares = [named(parse("sum($t * $t)", t=exp.column(f"t{m}")), f"v{m}") for m in metrics]
    query.set("expressions", [exp.column("arm"), *squares, named(exp.null(), "least_kept")])
    query.set("group", exp.Group(expressions=[exp.column("arm")]))
    return query
