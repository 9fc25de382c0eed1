"""The unit table: one row for each assigned unit, a column for each outcome and covariate.

Here a source that brings its own assignment becomes the columns that lift reads. Nothing is dropped silently:
rows without an arm, a stratum or a cluster, and rows outside the population, are counted by reason, missing
covariates get an indicator, missing outcomes are counted by metric.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from incrementality.errors import InputError, InvalidUnitId
from incrementality.outcomes.population import PopulationRule
from incrementality.warehouse import (
    ArmFit,
    Reduction,
    ReductionPlan,
    reduce_cluster_products,
    reduce_moments,
    reduce_residuals,
)
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlglot import exp

    from incrementality.experiment import Experiment
    from incrementality.stats import ClusterProducts
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["DELIVERED", "GroupValue", "IdCounts", "UnitTable", "all_of"]

DELIVERED = "delivered 0/1"

_BLANKS = " \t\r\n\v\f\N{NO-BREAK SPACE}"

GroupValue = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IdCounts:
    """Units against rows: how many ids repeat, and how many of those stand in more than one arm."""

    rows: int
    repeated_ids: int
    ids_in_several_arms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTable:
    """One row for each assigned unit, inside the engine.

    Attributes:
        warehouse: The engine that holds the rows.
        relation: The table or view, and the type of each column.
        experiment: The experiment whose columns it maps.
        source: How the source is called in errors and on the page.
        outcomes: The number behind each outcome column.
        covariates: The number behind each covariate: numeric columns, and an indicator for each value of a
            categorical one but the first.
        strata: An indicator for each stratum but the first.
        shift: A value near the mean of each column, zero for 0/1 columns.
        rule: Which rows count: who was eligible and whose windows have closed.
    """

    warehouse: Warehouse
    relation: Relation
    experiment: Experiment
    source: str
    outcomes: dict[str, exp.Expression]
    covariates: dict[str, exp.Expression]
    strata: dict[str, exp.Expression] = field(default_factory=dict)
    shift: dict[str, float] = field(default_factory=dict)
    rule: PopulationRule = field(default_factory=PopulationRule)

    @property
    def columns(self) -> dict[str, exp.Expression]:
        """Every numeric column: outcomes, delivery, strata, covariates."""
        return {**self.outcomes, **self.exposure, **self.strata, **self.covariates}

    @property
    def exposure(self) -> dict[str, exp.Expression]:
        """Whether it reached the unit, where that is mapped."""
        return {} if self.rule.delivered is None else {DELIVERED: self.rule.delivered}

    @property
    def cluster(self) -> exp.Expression | None:
        """The randomised cluster."""
        name = self.experiment.data.cluster
        return None if name is None else column(name)

    def reduce(
        self, *, outcomes: Sequence[str] | None = None, by: str | None = None, complete: bool = False
    ) -> Reduction:
        """Return the moments of the population by arm (and stratum, or a segment's column) in one pass.

        Args:
            outcomes: Outcome columns; all by default.
            by: A segment's column to group by beside the arm, without covariates; default: the stratum.
            complete: Whether only rows count in which all these outcomes are present.
        """
        names = tuple(self.outcomes) if outcomes is None else tuple(outcomes)
        beside = () if by is not None else (*self.strata, *self.covariates)
        exposure = () if by is not None else tuple(self.exposure)
        inner = by or self.experiment.data.stratum
        groups = [self.experiment.data.arm] if inner is None else [self.experiment.data.arm, inner]
        return reduce_moments(
            self.warehouse,
            ReductionPlan(
                relation=self.relation.name,
                groups=tuple(column(name) for name in groups),
                columns={name: self.columns[name] for name in (*names, *exposure, *beside)},
                pairs=frozenset([*self._pairs(names, beside), *((a, b) for a in exposure for b in names)]),
                shift=self.shift,
                cluster=self.cluster,
                where=self._where(names if complete else ()),
                bounded=tuple(name for name in names if self._needs_bounds(name)) if by is None else (),
                counted=tuple(name for name in names if self._has_kind(name, "revenue")),
            ),
        )

    def residual_sums(self, fits: Sequence[ArmFit], *, power: int, complete: bool = False) -> list[list[float]]:
        """Return the sums behind robust variances, for each arm and metric, all in one pass.

        Args:
            fits: The fitted numbers of each arm.
            power: The power of ``1 - h`` (1: HC2, 2: HC3).
            complete: Whether only rows count in which all these outcomes are present.
        """
        adjusted = [mean for fit in fits for mean in fit.adjusted]
        outcomes = tuple(dict.fromkeys(name for mean in adjusted for name in mean.outcomes))
        used = {*outcomes, *(name for mean in adjusted for name in mean.covariates)}
        return reduce_residuals(
            self.warehouse,
            self.relation.name,
            {name: expression for name, expression in self.columns.items() if name in used},
            fits,
            arm=column(self.experiment.data.arm),
            power=power,
            cluster=self.cluster,
            where=self._where(outcomes if complete else ()),
        )

    def cluster_products(
        self, arm: GroupValue, outcomes: Sequence[str], covariates: Sequence[str], *, complete: bool = False
    ) -> ClusterProducts:
        """Return the sums of each cluster of one arm.

        Args:
            arm: The engine's own value of the arm.
            outcomes: Outcome columns.
            covariates: Covariates, whose products with one another and with the outcomes are formed.
            complete: Whether only rows count in which all these outcomes are present.
        """
        tests = [self._where(outcomes if complete else ()), parse("$a = $v", a=self._arm, v=literal(arm))]
        return reduce_cluster_products(
            self.warehouse,
            self.relation.name,
            {name: self.columns[name] for name in (*outcomes, *covariates)},
            covariates=covariates,
            cluster=self.cluster or self._arm,
            shift=self.shift,
            where=all_of([test for test in tests if test is not None]),
        )

    @property
    def _arm(self) -> exp.Expression:
        return column(self.experiment.data.arm)

    def with_missing_indicators(self, names: Iterable[str]) -> UnitTable:
        """Return the table with missing values of covariates set to a constant and marked by an indicator.

        Raises:
            InputError: Another column already has the indicator's name.
        """
        covariates = dict(self.covariates)
        for name in names:
            value = covariates[name]
            if f"{name} missing" in self.columns:
                raise InputError(
                    f"{name!r} of {self.source} has missing values, and the name of their indicator, "
                    f"'{name} missing', is taken by another column",
                    hint="rename that column",
                )
            covariates[name] = parse("coalesce($x, $c)", x=value, c=literal(float(self.shift.get(name, 0.0))))
            covariates[f"{name} missing"] = parse("CASE WHEN $x IS NULL THEN 1e0 ELSE 0e0 END", x=value)
        return replace(self, covariates=covariates)

    def count_ids(self) -> IdCounts | None:
        """Return how many ids repeat; ``None`` where the row number is the unit.

        Raises:
            InvalidUnitId: Ids that are null or blank.
        """
        data = self.experiment.data
        if data.unit is None:
            return None
        unit = column(data.unit)
        rows, present, distinct = self.warehouse.row(
            parse("SELECT count(*), count($u), count(DISTINCT $u) FROM source", u=unit, source=self.relation.name)
        )
        empty = self._count_blank_ids(unit)
        if present < rows or empty:
            raise InvalidUnitId(
                f"column {data.unit!r} of {self.source} holds {rows - present:,} null and {empty:,} blank unit ids "
                f"in {rows:,} rows; a unit without an id cannot be counted once",
                hint="fill the ids in, or remove those rows and say so in the experiment's notes",
            )
        if distinct == rows:
            return IdCounts(rows=rows, repeated_ids=0, ids_in_several_arms=0)
        repeated, mixed = self.warehouse.row(
            parse(
                "SELECT count(*), count(CASE WHEN low <> high THEN 1 END) FROM "
                "(SELECT min($a) AS low, max($a) AS high FROM source GROUP BY $u HAVING count(*) > 1) AS repeated",
                a=self._ordered(data.arm),
                u=unit,
                source=self.relation.name,
            )
        )
        return IdCounts(rows=rows, repeated_ids=repeated, ids_in_several_arms=mixed)

    def _count_blank_ids(self, unit: exp.Expression) -> int:
        """Blank ids start with a blank or are empty: only where some do are all of them looked at."""
        if self.relation.columns[str(self.experiment.data.unit)] != "text":
            return 0
        u = parse("CAST($u AS TEXT)", u=unit)
        suspects = parse(
            "SELECT count(CASE WHEN ascii($u) <= 32 THEN 1 END) FROM source", u=u, source=self.relation.name
        )
        if self.warehouse.row(suspects)[0] == 0:
            return 0
        blank = parse(
            "SELECT count(CASE WHEN trim($u, $blanks) = '' THEN 1 END) FROM source",
            u=u,
            blanks=literal(_BLANKS),
            source=self.relation.name,
        )
        return int(self.warehouse.row(blank)[0])

    def count_refused(self, reduction: Reduction) -> dict[str, int]:
        """Return the rows that do not count, by the first reason: no arm, stratum or cluster; not in the population.

        Args:
            reduction: The moments of the rows that count, which see rows without an arm where nothing else can be
                missing.
        """
        data = self.experiment.data
        if data.stratum is None and data.cluster is None and data.block is None and not self.rule.reasons:
            return {"arm missing": reduction.missing[0]} if reduction.missing else {}
        so_far, items = parse("TRUE"), {}
        for reason, test in (self._unplaced() | self.rule.reasons).items():
            items[reason] = parse("count(CASE WHEN $so_far AND ($test) THEN 1 END)", so_far=so_far, test=test)
            so_far = parse("$so_far AND NOT ($test)", so_far=so_far, test=test)
        query = parse("SELECT 1 FROM source", source=self.relation.name)
        query.set("expressions", list(items.values()))
        found = zip(items, self.warehouse.row(query), strict=True)
        return {reason: int(rows) for reason, rows in found if rows}

    def _unplaced(self) -> dict[str, exp.Expression]:
        data = self.experiment.data
        needed = {"arm missing": data.arm, "stratum missing": data.stratum, "cluster missing": data.cluster}
        needed["block missing"] = data.block
        return {reason: parse("$x IS NULL", x=column(name)) for reason, name in needed.items() if name is not None}

    def count_clusters_in_several_arms(self) -> int:
        """Return how many clusters have units in more than one arm."""
        return self._clusters_in_several(self.experiment.data.arm)

    def count_clusters_in_several_strata(self) -> int:
        """Return how many clusters have units in more than one stratum."""
        stratum = self.experiment.data.stratum
        return 0 if stratum is None else self._clusters_in_several(stratum)

    def _clusters_in_several(self, groups: str) -> int:
        if self.cluster is None:
            return 0
        query = parse(
            "SELECT count(*) FROM (SELECT 1 AS one FROM source WHERE $c IS NOT NULL "
            "GROUP BY $c HAVING min($a) <> max($a)) AS mixed",
            c=self.cluster,
            a=self._ordered(groups),
            source=self.relation.name,
        )
        return int(self.warehouse.row(query)[0])

    def _ordered(self, name: str) -> exp.Expression:
        """A column as a value that has a least and a greatest in every engine."""
        value = column(name)
        return value if self.relation.columns[name] in {"integer", "text"} else parse("CAST($a AS TEXT)", a=value)

    def placed(self) -> list[exp.Expression]:
        """Return the tests that a row passes whose stratum and cluster are known."""
        data = self.experiment.data
        names = (data.stratum, data.cluster, data.block)
        return [parse("$x IS NOT NULL", x=column(name)) for name in names if name is not None]

    def _where(self, present: Sequence[str]) -> exp.Expression | None:
        complete = [parse("$x IS NOT NULL", x=self.outcomes[name]) for name in present]
        return all_of([*complete, *self.placed(), *self.rule.kept])

    def _pairs(self, outcomes: Sequence[str], beside: Sequence[str]) -> Iterable[tuple[str, str]]:
        adjusted = {name for metric in self.experiment.metrics if metric.adjust for name in metric.columns}
        yield from ((a, b) for a in beside for b in beside)
        yield from ((a, b) for a in beside for b in outcomes if a in self.strata or b in adjusted)
        yield from self._cost_pairs(outcomes)
        for metric in self.experiment.metrics:
            if len(metric.columns) > 1 and set(metric.columns) <= set(outcomes):
                yield metric.columns[0], metric.columns[1]

    def _cost_pairs(self, outcomes: Sequence[str]) -> Iterable[tuple[str, str]]:
        """A cost that differs by unit varies with the outcome that it is set against."""
        request = self.experiment.request
        wanted = None if request is None else request.cost_metric
        costs = [metric.columns[0] for metric in self.experiment.metrics if metric.name == wanted]
        yield from ((cost, name) for cost in costs if cost in outcomes for name in outcomes)

    def _needs_bounds(self, name: str) -> bool:
        """Whole numbers whose sum equals their sum of squares are 0 and 1; other numbers could cancel."""
        return self._has_kind(name, "conversion") and self.relation.columns[name] not in {"integer", "boolean"}

    def _has_kind(self, name: str, kind: str) -> bool:
        return any(metric.kind == kind and name in metric.columns for metric in self.experiment.metrics)


def all_of(tests: Iterable[exp.Expression]) -> exp.Expression | None:
    """Return the condition that every test holds; ``None`` where there is no test."""
    tree: exp.Expression | None = None
    for test in tests:
        tree = test if tree is None else parse("$a AND $b", a=tree, b=test)
    return tree
