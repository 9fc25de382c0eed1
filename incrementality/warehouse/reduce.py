"""From a million rows to a few sums: everything that means, ratios and adjustment need, formed inside the engine.

One pass gives the shifted moments of all columns by arm (and stratum, and cluster). No row leaves the engine.
"""

from __future__ import annotations

from functools import cached_property, reduce
from itertools import combinations_with_replacement, groupby
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from incrementality.stats.cluster_sums import ClusterSizes, cluster_sums_of_sizes
from incrementality.stats.moments import Moments
from incrementality.warehouse.reduction import Reduction, ReductionPlan
from incrementality.warehouse.sql import literal, named, parse, select_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from incrementality.warehouse.base import Warehouse

    FloatArray = NDArray[np.float64]

__all__ = ["key_of", "pilot_means", "reduce_moments"]

_PILOT_ROWS = 10_000


def pilot_means(warehouse: Warehouse, relation: exp.Table, columns: Mapping[str, exp.Expression]) -> dict[str, float]:
    """Return the mean of each column over the first 10,000 rows: a shift near the mean, no estimate."""
    if not columns:
        return {}
    inner = parse(f"SELECT 1 FROM source LIMIT {_PILOT_ROWS}", source=relation)  # noqa: S608 - a constant
    inner.set("expressions", [named(e.copy(), f"y{k}") for k, e in enumerate(columns.values())])
    outer = select_from(inner)
    outer.set("expressions", [parse("avg($y)", y=exp.column(f"y{k}")) for k in range(len(columns))])
    found = warehouse.row(outer)
    return {
        name: float(value) if value is not None and np.isfinite(value) else 0.0
        for name, value in zip(columns, found, strict=True)
    }


def reduce_moments(warehouse: Warehouse, plan: ReductionPlan) -> Reduction:
    """Run one pass and return what it found.

    Args:
        warehouse: The engine.
        plan: What to compute.
    """
    layout = _Layout(plan)
    return layout.read(warehouse.query(layout.query()))


class _Layout:
    """The order of the columns in the answer of a pass: writes the query and reads it back."""

    def __init__(self, plan: ReductionPlan) -> None:
        self.plan = plan
        self.names = list(plan.columns)
        self.groups = [f"g{i}" for i in range(len(plan.groups))]
        at = {name: k for k, name in enumerate(self.names)}
        asked = {tuple(sorted((at[a], at[b]))) for a, b in plan.pairs} | {(k, k) for k in range(len(at))}
        self.pairs = [pair for pair in combinations_with_replacement(range(len(at)), 2) if pair in asked]
        self.powers = {f"w{i}": factors for i, factors in enumerate(sorted(plan.powers))}

    def query(self) -> exp.Expression:
        """Write the query: rows, perhaps cluster totals (by size of the cluster), sums."""
        rows = self._rows()
        if self.plan.cluster is None:
            return self._select(rows, [*self.groups], self.sums)
        totals = self._select(rows, [*self.groups, "cluster_id"], self.sums)
        return self._select(totals, [*self.groups, "n"], self.sums_of_totals)

    def _rows(self) -> exp.Expression:
        plan = self.plan
        select = parse("SELECT 1 FROM source", source=plan.relation)
        items = [named(e.copy(), name) for e, name in zip(plan.groups, self.groups, strict=True)]
        if plan.cluster is not None:
            items.append(named(plan.cluster.copy(), "cluster_id"))
        items += [named(plan.columns[name].copy(), f"y{k}") for k, name in enumerate(self.names)]
        select.set("expressions", items)
        if plan.where is not None:
            select.set("where", exp.Where(this=plan.where.copy()))
        return select

    def _select(self, source: exp.Expression, keys: list[str], items: dict[str, exp.Expression]) -> exp.Expression:
        select = select_from(source)
        columns: list[exp.Expression] = [exp.column(key) for key in keys]
        select.set("expressions", columns + [named(item, name) for name, item in items.items()])
        if columns:
            select.set("group", exp.Group(expressions=[column.copy() for column in columns]))
        return select

    def _shifted(self, k: int) -> exp.Expression:
        c = self.plan.shift.get(self.names[k], 0.0)
        y = exp.column(f"y{k}")
        return exp.Paren(this=exp.Sub(this=y, expression=literal(c))) if c else y

    def _product(self, factors: tuple[str, ...]) -> exp.Expression:
        """``(x * x) * (y * y)``: powers are written the same way wherever they stand, and an engine forms them once."""
        powers = [self._power(name, len(list(same))) for name, same in groupby(factors)]
        return reduce(lambda one, other: exp.Mul(this=one, expression=other), powers)

    def _power(self, name: str, times: int) -> exp.Expression:
        k = self.names.index(name)
        chain = reduce(lambda one, _: exp.Mul(this=one, expression=self._shifted(k)), range(1, times), self._shifted(k))
        return exp.Paren(this=chain) if times > 1 else chain

    @cached_property
    def sums(self) -> dict[str, exp.Expression]:
        """Sums over rows, of a group or of a cluster in a group."""
        items = {"n": parse("count(*)")}
        for k in range(len(self.names)):
            items[f"c{k}"] = parse("count($y)", y=exp.column(f"y{k}"))
            items[f"s{k}"] = parse("sum($y)", y=self._shifted(k))
        for j, k in self.pairs:
            items[f"p{j}_{k}"] = parse("sum($y * $x)", y=self._shifted(j), x=self._shifted(k))
        for name in self.plan.bounded:
            k = self.names.index(name)
            items[f"lo{k}"] = parse("min($y)", y=exp.column(f"y{k}"))
            items[f"hi{k}"] = parse("max($y)", y=exp.column(f"y{k}"))
        for name in self.plan.counted:
            k = self.names.index(name)
            items[f"z{k}"] = parse("count_if($y <> 0e0)", y=exp.column(f"y{k}"))
        for label, factors in self.powers.items():
            items[label] = exp.Sum(this=self._product(factors))
        return items

    @cached_property
    def sums_of_totals(self) -> dict[str, exp.Expression]:
        """Over clusters of one size: their number, the sums of their sums and of the products of their totals."""
        items = {"g": parse("count(*)")}
        for name in self.sums:
            if name != "n":
                function = {"lo": "min", "hi": "max"}.get(name[:2], "sum")
                items[name] = parse(f"{function}($y)", y=exp.column(name))
        for j, k in self.pairs:
            items[f"ss{j}_{k}"] = parse("sum($y * $x)", y=exp.column(f"s{j}"), x=exp.column(f"s{k}"))
        return items

    def _labels(self) -> list[str]:
        return list(self.sums) if self.plan.cluster is None else ["size", *self.sums_of_totals]

    def read(self, answer: list[tuple[object, ...]]) -> Reduction:
        """Read the answer back into moments."""
        depth = len(self.groups)
        kept = [row for row in answer if None not in row[:depth]]
        kept.sort(key=lambda row: tuple(key_of(value) for value in row[:depth]))
        groups = list(dict.fromkeys(row[:depth] for row in kept))
        position = {group: i for i, group in enumerate(groups)}
        at = np.array([position[row[:depth]] for row in kept], dtype=np.intp)
        table = self._table(kept)
        return Reduction(
            moments=self._moments(table, groups, at),
            values=tuple(groups),  # type: ignore[arg-type]
            missing=self._missing([row for row in answer if None in row[:depth]]),
            minimum={n: _extreme(np.fmin, table[f"lo{self.names.index(n)}"]) for n in self.plan.bounded},
            maximum={n: _extreme(np.fmax, table[f"hi{self.names.index(n)}"]) for n in self.plan.bounded},
            nonzero={n: _summed(table[f"z{self.names.index(n)}"], at, len(groups)) for n in self.plan.counted},
            powers={factors: _summed(table[label], at, len(groups)) for label, factors in self.powers.items()},
        )

    def _table(self, rows: list[tuple[object, ...]]) -> dict[str, FloatArray]:
        depth = len(self.groups)
        table = {
            label: np.array([_number(row[depth + i]) for row in rows], dtype=float)
            for i, label in enumerate(self._labels())
        }
        if self.plan.cluster is not None:
            table["n"] = table["size"] * table["g"]
        return table

    def _missing(self, rows: list[tuple[object, ...]]) -> dict[int, int]:
        missing: dict[int, int] = {}
        for row, n in zip(rows, self._table(rows)["n"], strict=True):
            null = row.index(None)
            missing[null] = missing.get(null, 0) + int(n)
        return missing

    def _moments(self, table: dict[str, FloatArray], groups: list[tuple[object, ...]], at: NDArray[np.intp]) -> Moments:
        rows, size, wide = len(at), len(groups), len(self.names)
        clusters = None
        if self.plan.cluster is not None:
            by_size = ClusterSizes(
                group=at,
                size=table["size"],
                count=table["g"],
                totals=self._wide(table, "s", rows),
                products=self._square(table, "ss", rows),
            )
            clusters = cluster_sums_of_sizes(by_size, size)
        return Moments(
            groups=tuple(tuple(key_of(value) for value in group) for group in groups),
            columns=tuple(self.names),
            n=_summed(table["n"], at, size),
            count=_summed(self._wide(table, "c", rows), at, size),
            shift=np.array([self.plan.shift.get(name, 0.0) for name in self.names]).reshape(wide),
            sums=_summed(self._wide(table, "s", rows), at, size),
            products=_summed(self._square(table, "p", rows), at, size),
            clusters=clusters,
        )

    def _wide(self, table: dict[str, FloatArray], letter: str, size: int) -> FloatArray:
        columns = [table[f"{letter}{k}"] for k in range(len(self.names))]
        return np.column_stack(columns) if columns else np.zeros((size, 0))

    def _square(self, table: dict[str, FloatArray], letter: str, size: int) -> FloatArray:
        square = np.full((size, len(self.names), len(self.names)), np.nan)
        for j, k in self.pairs:
            square[:, j, k] = square[:, k, j] = table[f"{letter}{j}_{k}"]
        return square


def key_of(value: object) -> str:
    """Return a group's value as the text by which it is known."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: object) -> float:
    return 0.0 if value is None else float(value)  # type: ignore[arg-type]


def _summed(values: FloatArray, at: NDArray[np.intp], groups: int) -> FloatArray:
    total = np.zeros((groups, *values.shape[1:]))
    np.add.at(total, at, values)
    return total


def _extreme(choose: np.ufunc, values: FloatArray) -> float:
    return float(choose.reduce(values)) if len(values) else float("nan")
