"""Turns the evidence of several experiments into a forest plot: each effect as measured, and in the others' light."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality import formatting as fmt
from incrementality.report.chart import Chart, Group, Mark, Panel, Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from incrementality.lift import EvidenceRow, PooledEvidence

__all__ = ["evidence_chart", "plot_evidence"]


def plot_evidence(evidence: PooledEvidence) -> Figure:
    """Return the forest plot of several experiments: raw and shrunken effects, their mean, and where a next one lies.

    Args:
        evidence: What ``evidence_of`` answers.
    """
    from incrementality.report.drawing import draw

    return draw(evidence_chart(evidence))


def evidence_chart(evidence: PooledEvidence) -> Chart:
    """Return the rows of the forest plot."""
    groups = [_group(evidence, row) for row in evidence.rows]
    if evidence.mean is not None:
        groups.append(Group(heading="All together", rows=tuple(_summary(evidence))))
    units = fmt.count(sum(row.n + row.n_control for row in evidence.rows))
    unit = fmt.difference_unit(kind=evidence.kind, unit=evidence.unit)
    return Chart(
        key="evidence",
        title=f"{evidence.metric}: what each experiment found",
        subtitle=f"n = {units} {evidence.analysed}s in {fmt.count(len(evidence.rows))} experiments, "
        f"{fmt.level(evidence.alpha)} intervals",
        panels=(
            Panel(
                groups=tuple(groups),
                axis=f"difference to the control, in {unit}",
                tick=lambda x: fmt.tick(fmt.difference_number(x, kind=evidence.kind, unit=evidence.unit)),
                reference=0.0,
            ),
        ),
        caption="As measured: the experiment alone, its weight from both arms read as one. In the others' light: the "
        "same effect pulled towards the mean, as far as the effects are alike; the largest were lucky as well as good. "
        "Filled dot: the bar leaves out 0.",
    )


def _group(evidence: PooledEvidence, row: EvidenceRow) -> Group:
    rows = [_row(evidence, "as measured", row.effect, row.ci_lower, row.ci_upper)]
    if row.shrunken is not None and row.shrunken_ci_lower is not None and row.shrunken_ci_upper is not None:
        bounds = row.shrunken_ci_lower, row.shrunken_ci_upper
        rows.append(_row(evidence, "in the others' light", row.shrunken, *bounds))
    marks = [f"graded {row.grade}"] * (row.grade != "trust") + ["stopped early"] * (row.stopped is not None)
    told = f" ({', '.join(marks)})" if marks else ""
    return Group(heading=f"{row.experiment_id}{told}", rows=tuple(rows))


def _summary(evidence: PooledEvidence) -> list[Row]:
    e = evidence
    rows = []
    for label, low, high in (
        ("mean effect", e.mean_ci_lower, e.mean_ci_upper),
        ("a further experiment", e.next_ci_lower, e.next_ci_upper),
    ):
        if e.mean is not None and low is not None and high is not None:
            rows.append(_row(e, label, e.mean, low, high))
    return rows


def _row(evidence: PooledEvidence, label: str, point: float, low: float, high: float) -> Row:
    told = [fmt.difference_number(x, kind=evidence.kind, unit=evidence.unit) for x in (point, low, high)]
    mark = Mark(point=point, low=low, high=high, clear=not low <= 0 <= high)
    return Row(label=label, value=f"{told[0]} ({fmt.interval(told[1], told[2])})", marks=(mark,))
