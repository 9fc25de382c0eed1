"""The effect within declared segments, and whether it differs between them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.lift.comparisons import compare_metric
from incrementality.lift.readout import SegmentTest
from incrementality.lift.wording import segment_sentence, sentence_of
from incrementality.stats import cochran_q

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import Segment
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.warehouse import Reduction

__all__ = ["compare_segments"]

_MOST_VALUES = 20
_FEWEST = 2


def compare_segments(sample: Sample) -> tuple[tuple[LiftEstimate, ...], tuple[SegmentTest, ...]]:
    """Return primary metrics' unadjusted effects in each value of each segment, and a test for each segment.

    Values of which an arm has fewer than two units are left out; the test's sentence says how many.

    Raises:
        InputError: A segment has more than 20 values.
    """
    estimates: list[LiftEstimate] = []
    tests: list[SegmentTest] = []
    for segment in sample.experiment.segments:
        for metric in sample.experiment.primary:
            part = next(part for part in sample.metrics if part.metric == metric)
            found, left_out = _within(sample, part, segment)
            estimates += found
            tests += _tests(segment, found, left_out)
    return tuple(estimates), tuple(tests)


def _within(sample: Sample, part: MetricSample, segment: Segment) -> tuple[list[LiftEstimate], int]:
    reduction = sample.table.reduce(outcomes=part.metric.columns, by=segment.column, complete=part.complete)
    arms = [arm.name for arm in sample.experiment.arms]
    values = sorted({group[1] for group in reduction.moments.groups if group[0] in arms})
    if len(values) > _MOST_VALUES:
        raise InputError(
            f"segment {segment.column!r} has {len(values)} values; more than {_MOST_VALUES} answer nothing",
            hint="group its values into a few before the test",
        )
    found: list[LiftEstimate] = []
    kept = [value for value in values if all(_units(reduction, arm, value) >= _FEWEST for arm in arms)]
    for value in kept:
        cell = replace(part, reduction=_cell(reduction, value))
        for estimate in compare_metric(cell, sample.experiment):
            labelled = replace(estimate, segment=(segment.label, value))
            found.append(replace(labelled, sentence=sentence_of(labelled)))
    return found, len(values) - len(kept)


def _units(reduction: Reduction, arm: str, value: str) -> float:
    moments = reduction.moments.select((arm, value))
    return float(moments.clusters.count.sum() if moments.clusters is not None else moments.n.sum())


def _cell(reduction: Reduction, value: str) -> Reduction:
    rows = [i for i, group in enumerate(reduction.moments.groups) if group[1] == value]
    keys = [reduction.moments.groups[i] for i in rows]
    return replace(
        reduction,
        moments=reduction.moments.select(*keys),
        values=tuple(reduction.values[i] for i in rows),
        nonzero={name: counts[rows] for name, counts in reduction.nonzero.items()},
    )


def _tests(segment: Segment, estimates: Sequence[LiftEstimate], left_out: int) -> list[SegmentTest]:
    tests = []
    for arm in dict.fromkeys(estimate.arm for estimate in estimates):
        cells = [e for e in estimates if e.arm == arm and e.standard_error > 0]
        if len(cells) < _FEWEST:
            continue
        answer = cochran_q([e.effect for e in cells], [e.standard_error for e in cells])
        test = SegmentTest(
            segment=segment.label,
            metric=cells[0].metric,
            arm=arm,
            q=answer.q,
            df=answer.df,
            pvalue=answer.pvalue,
            sentence="",
        )
        tests.append(replace(test, sentence=segment_sentence(test, alpha=cells[0].alpha, left_out=left_out)))
    return tests
