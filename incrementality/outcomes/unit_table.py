"""The unit table: one row for each assigned unit, a column for each outcome and covariate.

Here a source that brings its own assignment becomes the columns that lift reads. Nothing is dropped silently:
rows without an arm, a stratum or a cluster, and rows outside the population, are counted by reason, missing
covariates get an indicator, missing outcomes are counted by metric.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.outcomes.plan_pass import plan_pass
from incrementality.outcomes.population import PopulationRule
from incrementality.warehouse import (
    ArmFit,
    Reduction,
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

__all__ = ["DELIVERED", "GroupValue", "UnitTable", "all_of"]

DELIVERED = "delivered 0/1"

GroupValue = str | int | bool


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
        return reduce_moments(self.warehouse, plan_pass(self, names, by, self._where(names if complete else ())))

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

    def placed(self) -> list[exp.Expression]:
        """Return the tests that a row passes whose stratum and cluster are known."""
        data = self.experiment.data
        names = (data.stratum, data.cluster, data.block)
        return [parse("$x IS NOT NULL", x=column(name)) for name in names if name is not None]

    def _where(self, present: Sequence[str]) -> exp.Expression | None:
        complete = [parse("$x IS NOT NULL", x=self.outcomes[name]) for name in present]
        return all_of([*complete, *self.placed(), *self.rule.kept])


def all_of(tests: Iterable[exp.Expression]) -> exp.Expression | None:
    """Return the condition that every test holds; ``None`` where there is no test."""
    tree: exp.Expression | None = None
    for test in tests:
        tree = test if tree is None else parse("$a AND $b", a=tree, b=test)
    return tree
