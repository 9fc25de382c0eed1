"""One value of a segment as a sample of its own, so that the small-holdout rule is asked of it too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.lift.guard import guarded, take_guard
from incrementality.outcomes import rows_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.warehouse import GroupValue

__all__ = ["guarded_cell"]


def guarded_cell(
    sample: Sample, cell: MetricSample, name: str, value: GroupValue, estimates: Sequence[LiftEstimate]
) -> list[LiftEstimate]:
    """Return a cell's comparisons by permutation where the rule asks for it, else as they are.

    The rule reads all arms of the cell together. Whole accounts keep CR2.
    A cell in which nobody pays keeps its comparison: nothing varies.

    Args:
        sample: The units.
        cell: The metric in the cell.
        name: The segment's column.
        value: The engine's own value of the cell.
        estimates: The cell's comparisons.
    """
    if sample.experiment.data.cluster is not None:
        return list(estimates)
    inside = _inside(sample, cell, name, value)
    guard = take_guard(inside)
    if not any(answer.fires and answer.payers > 0 for answer in guard.answers.values()):
        return list(estimates)
    part = replace(cell, reduction=inside.table.reduce(outcomes=cell.metric.columns, complete=cell.complete))
    return guarded(replace(inside, metrics=(part,)), guard, estimates)


def _inside(sample: Sample, cell: MetricSample, name: str, value: GroupValue) -> Sample:
    """The cell's rows; strata are taken together, as in every comparison within segments."""
    table = rows_with(sample.table, name, value)
    experiment = table.experiment.model_copy(update={"metrics": (cell.metric,)})
    return replace(sample, table=replace(table, experiment=experiment), metrics=(cell,))
