"""The effect within declared segments, and whether it differs between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from incrementality.errors import InputError, TooFewClusters
from incrementality.lift.cells import guarded_cell
from incrementality.lift.comparisons import compare_metric, is_zero
from incrementality.lift.readout import SegmentTest
from incrementality.lift.rows import compare_rows, needs_rows
from incrementality.lift.shrunken import shrink_segments
from incrementality.lift.wording import segment_sentence, sentence_of
from incrementality.stats import cochran_q

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incrementality.estimates import LiftEstimate
    from incrementality.experiment import PlannedMetric, Segment
    from incrementality.lift.answers import SegmentEffect
    from incrementality.lift.sample import MetricSample, Sample
    from incrementality.stats import Moments
    from incrementality.warehouse import Reduction

__all__ = ["LeftOut", "Segmented", "compare_segments", "compare_within"]

_MOST_VALUES = 20
_FEWEST = 2


class Segmented(NamedTuple):
    """What segments show.

    Attributes:
        estimates: Primary metrics' unadjusted effects in each value.
        tests: Whether they differ between the values, for each arm.
        shrunken: The effects in the light of the other values.
    """

    estimates: tuple[LiftEstimate, ...]
    tests: tuple[SegmentTest, ...]
    shrunken: tuple[SegmentEffect, ...]


def compare_segments(sample: Sample) -> Segmented:
    """Return primary metrics' effects in each value of each segment, unadjusted and shrunk, and a test for each.

    Values of which an arm has fewer than two units, too few whole clusters for an interval, or a denominator of zero
    are left out, and so are units without a value; the test's sentence says how many. Few payers are compared by
    permutation and few conversions exactly, as in the whole.

    Raises:
        InputError: A segment has more than 20 values.
    """
    estimates: list[LiftEstimate] = []
    tests: list[SegmentTest] = []
    shrunken: list[SegmentEffect] = []
    for segment in sample.experiment.segments:
        for metric in sample.experiment.primary:
            part = next(part for part in sample.metrics if part.metric == metric)
            found, cells, left_out = compare_within(sample, part, segment)
            estimates += found
            tests += _tests(segment, found, left_out)
            if not needs_rows(metric):
                shrunken += shrink_segments(found, cells, sample.experiment.control.name)
    return Segmented(tuple(estimates), tuple(tests), tuple(shrunken))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What a segment does not show: values that are too small, and units without a value."""

    values: int
    units: int


def compare_within(
    sample: Sample, part: MetricSample, segment: Segment
) -> tuple[list[LiftEstimate], dict[str, MetricSample], LeftOut]:
    """Return a metric's unadjusted comparisons in each value of a column, the metric there, and what is left out.

    Raises:
        InputError: The column has more than 20 values.
    """
    reduction = sample.table.reduce(outcomes=part.metric.columns, by=segment.column, complete=part.complete)
    arms = [arm.name for arm in sample.experiment.arms]
    raw = {group[1]: keys[1] for group, keys in zip(reduction.moments.groups, reduction.values, strict=True)
           if group[0] in arms}  # fmt: skip
    if len(raw) > _MOST_VALUES:
        raise InputError(
            f"segment {segment.column!r} has {len(raw)} values; more than {_MOST_VALUES} answer nothing",
            hint="group its values into a few before the test",
        )
    moments = {value: [reduction.moments.select((arm, value)) for arm in arms] for value in sorted(raw)}
    readable = [value for value in moments if all(_is_readable(cell, part.metric) for cell in moments[value])]
    cells = {value: replace(part, reduction=_cell(reduction, value)) for value in readable}
    found: list[LiftEstimate] = []
    for value, cell in cells.items():
        compared = _compared(sample, cell, segment)
        if compared and not needs_rows(part.metric):
            compared = guarded_cell(sample, cell, segment.column, raw[value], compared)
        labelled = [replace(estimate, segment=(segment.label, value)) for estimate in compared]
        found += [replace(estimate, sentence=sentence_of(estimate)) for estimate in labelled]
    kept = {estimate.segment for estimate in found}
    labelled_units = sum(float(cell.n.sum()) for value in moments for cell in moments[value])
    units = sum(float(part.arm(arm).n.sum()) for arm in arms)
    left_out = LeftOut(values=len(raw) - len(kept), units=round(units - labelled_units))
    return found, cells, left_out


def _compared(sample: Sample, cell: MetricSample, segment: Segment) -> list[LiftEstimate]:
    """Return a cell's comparisons; none where its clusters, or its units' watches, are too few for an interval."""
    try:
        if not needs_rows(cell.metric):
            return compare_metric(cell, sample.experiment)
    except TooFewClusters:
        return []
    try:
        return list(compare_rows(sample, cell, (segment.column, cell.reduction.values[0][1])))
    except InputError:
        return []


def _is_readable(cell: Moments, metric: PlannedMetric) -> bool:
    """Whether the cell has two units, and for a ratio a denominator."""
    units = float(cell.clusters.count.sum() if cell.clusters is not None else cell.n.sum())
    return units >= _FEWEST and (metric.denominator is None or not is_zero(cell, metric.denominator))


def _cell(reduction: Reduction, value: str) -> Reduction:
    rows = [i for i, group in enumerate(reduction.moments.groups) if group[1] == value]
    keys = [reduction.moments.groups[i] for i in rows]
    return replace(
        reduction,
        moments=reduction.moments.select(*keys),
        values=tuple(reduction.values[i] for i in rows),
        nonzero={name: counts[rows] for name, counts in reduction.nonzero.items()},
    )


def _tests(segment: Segment, estimates: Sequence[LiftEstimate], left_out: LeftOut) -> list[SegmentTest]:
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
        tests.append(
            replace(
                test,
                sentence=segment_sentence(
                    test, alpha=cells[0].alpha, values_left_out=left_out.values, units_left_out=left_out.units
                ),
            )
        )
    return tests
