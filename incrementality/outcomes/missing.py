"""In which units an outcome is missing, as a 0/1 column of its own."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from incrementality.outcomes.unit_table import all_of
from incrementality.warehouse import ReductionPlan, reduce_moments
from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.outcomes.unit_table import UnitTable
    from incrementality.stats import Moments

__all__ = ["MISSING", "missing_moments"]

MISSING = "missing 0/1"


def missing_moments(table: UnitTable, names: Sequence[str]) -> Moments:
    """Return the moments of ``MISSING`` by arm, and by cluster where whole clusters were randomised, in one pass.

    Args:
        table: The unit table.
        names: Outcome columns of one metric; a unit without one of them has the metric missing.
    """
    first, *others = (parse("$x IS NOT NULL", x=table.outcomes[name]) for name in names)
    present = reduce(lambda left, right: parse("$a AND $b", a=left, b=right), others, first)
    plan = ReductionPlan(
        relation=table.relation.name,
        groups=(column(table.experiment.data.arm),),
        columns={MISSING: parse("CASE WHEN $present THEN 0e0 ELSE 1e0 END", present=present)},
        cluster=table.cluster,
        where=all_of([*table.placed(), *table.rule.kept]),
    )
    return reduce_moments(table.warehouse, plan).moments
