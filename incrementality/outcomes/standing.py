"""Every assigned unit, in the population or not: who was eligible, mature and reached, arm by arm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from incrementality.outcomes.unit_table import all_of
from incrementality.warehouse import ReductionPlan, reduce_moments
from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from sqlglot import exp

    from incrementality.outcomes.population import PopulationRule
    from incrementality.outcomes.unit_table import UnitTable
    from incrementality.stats import Moments

__all__ = ["ELIGIBLE", "FOLLOWED", "LEAKED", "MATURE", "UNASKED", "UNKNOWN", "Standing", "take_standing"]

ELIGIBLE = "eligible"
UNKNOWN = "eligibility unknown"
FOLLOWED = "followed"
MATURE = "mature"
LEAKED = "delivered though not eligible"
UNASKED = "delivery unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the assigned units stand, as moments of 0/1 columns by arm (and stratum).

    Attributes:
        moments: All assigned units that have a stratum and a cluster where those are mapped. Its columns, as far as
            they are mapped: ``ELIGIBLE``; ``UNKNOWN``; ``FOLLOWED`` (of the population but for maturity) and
            ``MATURE`` among them; ``LEAKED``; ``UNASKED`` (of the population, delivery empty).
        outside: How many of them are not known to be eligible, by the keys of ``moments.groups``; clusters that hold
            such units, where whole clusters were randomised. ``None`` where eligibility is not mapped.
    """

    moments: Moments
    outside: dict[tuple[str, ...], int] | None

    def has(self, name: str) -> bool:
        """Return whether a column was mapped."""
        return name in self.moments.columns

    def count(self, name: str, arm: str) -> int:
        """Return how many units of an arm a 0/1 column marks."""
        moments = self.moments.select((arm,))
        return round(float(moments.sums[:, moments.indices([name])[0]].sum()))

    def units(self, arm: str) -> int:
        """Return the arm's assigned units."""
        return int(self.moments.select((arm,)).n.sum())


def take_standing(table: UnitTable) -> Standing | None:
    """Return where the assigned units stand; ``None`` where neither eligibility, delivery nor a data cut is mapped.

    One light pass over 0/1 columns beside the pass over outcomes; a second one only where whole clusters were
    randomised, since the clusters that hold units outside are counted apart.
    """
    rule = table.rule
    columns = _columns(rule)
    if not columns:
        return None
    data = table.experiment.data
    plan = ReductionPlan(
        relation=table.relation.name,
        groups=tuple(column(name) for name in (data.arm, data.stratum) if name is not None),
        columns=columns,
        pairs=frozenset(combinations(columns, 2)),
        cluster=table.cluster,
        where=all_of(table.placed()),
    )
    moments = reduce_moments(table.warehouse, plan).moments
    outside = None if rule.eligible is None else _outside(table, plan, moments, rule.eligible)
    return Standing(moments=moments, outside=outside)


def _outside(
    table: UnitTable, plan: ReductionPlan, moments: Moments, eligible: exp.Expression
) -> dict[tuple[str, ...], int]:
    if plan.cluster is None:
        counts = moments.n - moments.sums[:, moments.indices([ELIGIBLE])[0]]
        return dict(zip(moments.groups, map(round, counts.tolist()), strict=True))
    test = parse("($e = 0e0 OR $e IS NULL)", e=eligible)
    found = reduce_moments(table.warehouse, replace(plan, where=all_of([*table.placed(), test]))).moments
    clusters = [] if found.clusters is None else found.clusters.count.tolist()
    return dict(zip(found.groups, map(round, clusters), strict=True))


def _columns(rule: PopulationRule) -> dict[str, exp.Expression]:
    columns: dict[str, exp.Expression] = {}
    if rule.eligible is not None:
        columns[ELIGIBLE] = _one_where(parse("$e = 1e0", e=rule.eligible))
        columns[UNKNOWN] = _one_where(parse("$e IS NULL", e=rule.eligible))
    if rule.mature is not None:
        followed = all_of(test for test in rule.kept if test is not rule.mature) or parse("TRUE")
        columns[FOLLOWED] = _one_where(followed)
        columns[MATURE] = _one_where(parse("$f AND $m", f=followed, m=rule.mature))
    if rule.delivery_unknown is not None and rule.delivered is not None:
        columns[UNASKED] = _one_where(all_of([*rule.kept, rule.delivery_unknown]) or parse("FALSE"))
        if rule.eligible is not None:
            columns[LEAKED] = parse("CASE WHEN $e = 1e0 THEN 0e0 ELSE $d END", e=rule.eligible, d=rule.delivered)
    return columns


def _one_where(test: exp.Expression) -> exp.Expression:
    return parse("CASE WHEN $test THEN 1e0 ELSE 0e0 END", test=test)
