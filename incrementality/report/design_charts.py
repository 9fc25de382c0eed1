"""The figures of a design: what can be seen, by share and by weeks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality import formatting as fmt
from incrementality.design.wording import count, percent
from incrementality.errors import InputError
from incrementality.report.chart import Chart, Group, Mark, Panel, Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.figure import Figure

    from incrementality.design.answer import DesignAnswer
    from incrementality.design.parts import CurvePoint

__all__ = ["design_charts", "plot_detectable"]


def plot_detectable(answer: DesignAnswer, by: str = "share") -> Figure:
    """Return the figure of the smallest effect that a design can see, beside the smallest that matters.

    Args:
        answer: The design.
        by: ``share`` held back, or ``weeks`` of enrolment.

    Raises:
        InputError: The design has no such curve.
    """
    found = {chart.key: chart for chart in design_charts(answer)}
    if by not in found:
        raise InputError(f"the design has no curve by {by!r}", hint=f"choose one of: {', '.join(found)}")
    from incrementality.report.drawing import draw

    return draw(found[by])


def design_charts(answer: DesignAnswer) -> Iterable[Chart]:
    """Yield what can be seen by share held back and, where units still arrive, by weeks of enrolment."""
    unit = answer.request.unit
    weeks = f"{answer.enrolment_weeks} weeks of enrolment" if answer.enrolment_weeks else "no further enrolment"
    yield _chart(
        answer,
        key="share",
        title="What can be seen, by share held back",
        subtitle=f"{count(answer.n)} {unit}s, {weeks}, {percent(answer.request.power)} power",
        rows=[(f"{percent(p.share)}, {count(p.n_control)} {unit}s", p) for p in answer.by_share],
        chosen=answer.holdout_share,
    )
    if answer.by_weeks:
        yield _chart(
            answer,
            key="weeks",
            title="What can be seen, by weeks of enrolment",
            subtitle=f"{percent(answer.holdout_share)} held back, {percent(answer.request.power)} power",
            rows=[(f"{p.weeks} weeks, {count(p.n)} {unit}s", p) for p in answer.by_weeks],
            chosen=answer.enrolment_weeks,
        )


def _chart(
    answer: DesignAnswer, *, key: str, title: str, subtitle: str, rows: list[tuple[str, CurvePoint]], chosen: float
) -> Chart:
    wanted = answer.request.smallest_effect
    here = {point for _, point in rows if abs((point.share if key == "share" else point.weeks) - chosen) < 1e-6}  # noqa: PLR2004 - the same share
    panel = Panel(
        groups=(
            Group(heading="", rows=tuple(_row(f"{label}{' (planned)' * (p in here)}", p, wanted) for label, p in rows)),
        ),
        axis=f"smallest change of {answer.request.metric} that is seen, in %",
        tick=lambda value: fmt.tick(percent(value)),
        reference=wanted,
    )
    return Chart(
        key=key,
        title=title,
        subtitle=subtitle,
        panels=(panel,),
        caption="Bar: changes that would stay hidden. Dot: the smallest that is seen. Upright line: "
        f"{percent(wanted)}, the smallest that matters. Filled dot: that one is seen.",
    )


def _row(label: str, point: CurvePoint, wanted: float) -> Row:
    if point.mde is None:
        return Row(label=f"{label}: no possible change", value="", marks=())
    mark = Mark(point=point.mde, low=0.0, high=point.mde, clear=point.mde <= wanted * (1 + 1e-9))
    return Row(label=label, value=percent(point.mde), marks=(mark,))
