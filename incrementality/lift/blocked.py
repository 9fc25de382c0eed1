"""Comparisons where arms were drawn within many small blocks: block by block, without covariates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.lift.stating import lift_estimate
from incrementality.stats import compare_blocks

if TYPE_CHECKING:
    from incrementality.estimates import LiftEstimate
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import Moments

__all__ = ["compare_within_blocks"]


def compare_within_blocks(sample: Sample, part: MetricSample) -> list[LiftEstimate]:
    """Return a metric's comparisons, each arm against the control, in one pass grouped by arm and block.

    Raises:
        InputError: Too few blocks hold both arms.
    """
    block = str(sample.experiment.data.block)
    moments = sample.table.reduce(outcomes=part.metric.columns, by=block, complete=part.complete).moments
    return [_compared(sample, part, arm.name, moments) for arm in sample.experiment.treatments]


def _compared(sample: Sample, part: MetricSample, arm: str, moments: Moments) -> LiftEstimate:
    experiment = sample.experiment
    try:
        pair = compare_blocks(moments.select((arm,)), moments.select((experiment.control.name,)), part.metric.columns)
    except InputError as error:
        raise InputError(
            f"metric {part.metric.name!r}, {arm!r} against {experiment.control.name!r}, blocks by "
            f"{experiment.data.block!r}: {error.message}",
            hint=error.hint,
        ) from error
    drawn = f"whole groups of {experiment.data.cluster} " if experiment.data.cluster else ""
    left = f", {pair.left_out:,} units of blocks with one arm left out" if pair.left_out else ""
    return lift_estimate(
        part,
        experiment,
        arm,
        pair.compare(alpha=experiment.alpha),
        means=(pair.treatment.value, pair.control.value),
        method=f"{drawn}within {pair.blocks:,} blocks{left}, t over blocks; relative by Fieller",
    )
