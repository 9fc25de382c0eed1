"""The curves of times to an event: who had not had it yet, by days since the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality import formatting as fmt
from incrementality.report.chart import Chart, Curve, CurvePanel

if TYPE_CHECKING:
    from incrementality.lift.readout import Readout, SurvivalLine

__all__ = ["survival_chart"]


def survival_chart(readout: Readout) -> Chart | None:
    """Return every time metric's curves, arm by arm; ``None`` where the readout holds none."""
    if not readout.survival:
        return None
    arms = tuple(dict.fromkeys(found.arm for found in readout.survival))
    metrics = dict.fromkeys(found.metric for found in readout.survival)
    units = sum(arm.n for arm in readout.arms)
    return Chart(
        key="survival",
        title="Who has not had the event yet",
        subtitle=f"n = {fmt.count(units)} {readout.unit}s, no intervals",
        panels=tuple(_panel(readout, metric, arms) for metric in metrics),
        caption="Kaplan-Meier. The area between two curves is the difference in mean days that the table states with "
        "its interval. Units watched for less count for as long as they were.",
        muted=readout.grade == "do not use",
    )


def _panel(readout: Readout, metric: str, arms: tuple[str, ...]) -> CurvePanel:
    found = [line for line in readout.survival if line.metric == metric]
    return CurvePanel(
        heading=metric,
        curves=tuple(_curve(line, arms.index(line.arm)) for line in found),
        axis="days since the decision",
        upright=f"share of {readout.unit}s without the event, in %",
    )


def _curve(line: SurvivalLine, series: int) -> Curve:
    value = f"{fmt.share(line.shares[-1])} after {line.days[-1]:g} days"
    return Curve(label=line.arm, value=value, x=line.days, y=line.shares, series=series)
