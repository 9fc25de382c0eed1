"""Which sums one pass over a unit table forms: what its metrics, covariates and rules ask of all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.stats import MIXED_POWERS
from incrementality.warehouse import ReductionPlan
from incrementality.warehouse.sql import column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlglot import exp

    from incrementality.experiment import Experiment
    from incrementality.outcomes.unit_table import UnitTable

__all__ = ["mixed_factors", "plan_pass"]

_SHAPED = frozenset({"mean", "revenue"})
_OF_MOMENTS = 2


def plan_pass(table: UnitTable, names: Sequence[str], by: str | None, where: exp.Expression | None) -> ReductionPlan:
    """Return the pass that forms the sums of outcomes by arm, and by stratum or a segment's column.

    Args:
        table: The unit table.
        names: Outcome columns.
        by: A segment's column to group by beside the arm, without covariates; default: the stratum.
        where: Rows that count.
    """
    data = table.experiment.data
    beside = () if by is not None else (*table.strata, *table.covariates)
    exposure = () if by is not None else tuple(table.exposure)
    inner = by or data.stratum
    shaped = () if by is not None or not _one_by_one(table) else _shaped(table, names)
    mixed = frozenset(_mixed_products(table, names, beside))
    return ReductionPlan(
        relation=table.relation.name,
        groups=tuple(column(name) for name in (data.arm, inner) if name is not None),
        columns={name: table.columns[name] for name in (*names, *exposure, *beside)},
        pairs=frozenset([*_pairs(table, names, beside), *((a, b) for a in exposure for b in names)]),
        shift=table.shift,
        cluster=table.cluster,
        where=where,
        bounded=() if by is not None else (*(n for n in names if _needs_bounds(table, n)), *(beside if mixed else ())),
        counted=tuple(name for name in names if name in shaped or _has_kind(table, name, "revenue")),
        powers=mixed | {(name,) * 3 for name in shaped},
    )


def mixed_factors(experiment: Experiment, outcome: str, covariate: str) -> dict[tuple[int, int], tuple[str, ...]]:
    """Return for each pair of ``MIXED_POWERS`` the factors of the product that a pass sums for it.

    Args:
        experiment: Says which outcomes are conversions: zeros and ones, not shifted, are their own squares.
        outcome: The outcome column.
        covariate: The covariate.
    """
    binary = any(metric.kind == "conversion" and outcome in metric.columns for metric in experiment.metrics)
    most = 1 if binary else 2
    return {(i, k): tuple(sorted([outcome] * min(i, most) + [covariate] * k)) for i, k in MIXED_POWERS}


def _one_by_one(table: UnitTable) -> bool:
    """Whether units were drawn one by one, so that their values say how skewed a mean is."""
    return table.experiment.data.cluster is None and table.experiment.data.block is None


def _shaped(table: UnitTable, names: Sequence[str]) -> tuple[str, ...]:
    """Outcomes whose skewness and payers the small-holdout rule reads."""
    metrics = [m for m in table.experiment.metrics if m.kind in _SHAPED and len(m.columns) == 1]
    return tuple(dict.fromkeys(metric.columns[0] for metric in metrics if metric.columns[0] in names))


def _mixed_products(table: UnitTable, names: Sequence[str], beside: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """What robust variances of outcomes adjusted by one covariate need, where no engine refuses high powers."""
    if len(beside) != 1 or not table.covariates or not _one_by_one(table) or not table.warehouse.answers_any_product:
        return
    for metric in table.experiment.metrics:
        if metric.adjust and len(metric.columns) == 1 and metric.columns[0] in names:
            products = mixed_factors(table.experiment, metric.columns[0], beside[0]).values()
            yield from (factors for factors in products if len(factors) > _OF_MOMENTS)


def _pairs(table: UnitTable, outcomes: Sequence[str], beside: Sequence[str]) -> Iterable[tuple[str, str]]:
    adjusted = {name for metric in table.experiment.metrics if metric.adjust for name in metric.columns}
    yield from ((a, b) for a in beside for b in beside)
    yield from ((a, b) for a in beside for b in outcomes if a in table.strata or b in adjusted)
    yield from _cost_pairs(table, outcomes)
    for metric in table.experiment.metrics:
        if len(metric.columns) > 1 and set(metric.columns) <= set(outcomes):
            yield metric.columns[0], metric.columns[1]


def _cost_pairs(table: UnitTable, outcomes: Sequence[str]) -> Iterable[tuple[str, str]]:
    """A cost that differs by unit varies with the outcome that it is set against."""
    request = table.experiment.request
    wanted = None if request is None else request.cost_metric
    costs = [metric.columns[0] for metric in table.experiment.metrics if metric.name == wanted]
    yield from ((cost, name) for cost in costs if cost in outcomes for name in outcomes)


def _needs_bounds(table: UnitTable, name: str) -> bool:
    """Whole numbers whose sum equals their sum of squares are 0 and 1; other numbers could cancel."""
    return _has_kind(table, name, "conversion") and table.relation.columns[name] not in {"integer", "boolean"}


def _has_kind(table: UnitTable, name: str, kind: str) -> bool:
    return any(metric.kind == kind and name in metric.columns for metric in table.experiment.metrics)
