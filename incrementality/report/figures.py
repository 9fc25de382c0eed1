"""The figures of a readout, for the page and for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.report.charts import arms_chart, balance_chart, effects_chart, segments_chart
from incrementality.report.look_charts import cumulative_chart
from incrementality.report.novelty_chart import novelty_chart
from incrementality.report.survival_charts import survival_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from incrementality.lift import SummaryReadout
    from incrementality.lift.readout import Readout
    from incrementality.report.chart import Chart

__all__ = [
    "chart_svg",
    "plot_arms",
    "plot_balance",
    "plot_cumulative",
    "plot_effects",
    "plot_novelty",
    "plot_segments",
    "plot_survival",
]


def plot_effects(readout: Readout) -> Figure:
    """Return the figure of every effect with its interval.

    Relative effects share an axis where they are of one order; a metric without a relative effect gets an axis
    in its own unit.

    Raises:
        InputError: The readout holds no estimates.
    """
    return _plot(effects_chart(readout), "estimates", "look at the checks: they say why")


def plot_arms(readout: Readout) -> Figure:
    """Return the figure of every metric in every arm, unadjusted.

    Raises:
        InputError: The readout holds no means.
    """
    return _plot(arms_chart(readout), "means of arms", "look at the checks: they say why")


def plot_segments(readout: Readout) -> Figure:
    """Return the figure of the primary metrics' effects within segments.

    Raises:
        InputError: The readout holds no segments.
    """
    return _plot(segments_chart(readout), "segments", "declare `segments` in the experiment file and read out again")


def plot_balance(readout: Readout) -> Figure:
    """Return the love plot of the covariates.

    Raises:
        InputError: The readout holds no balance check.
    """
    return _plot(balance_chart(readout), "balance check", "declare `covariates` in the file and read out again")


def plot_survival(readout: Readout) -> Figure:
    """Return the figure of every time to an event: the share of each arm without it, by days since the decision.

    Raises:
        InputError: The readout holds no times.
    """
    return _plot(survival_chart(readout), "times to an event", "declare a metric of `kind: time` and read out again")


def plot_cumulative(readout: Readout | SummaryReadout) -> Figure:
    """Return the figure of the primary effects by date, with intervals that hold at all looks together.

    Args:
        readout: A readout at a registered look, or what ``read_summaries`` returned.

    Raises:
        InputError: The readout is no such look, or its experiment maps no ``t0``.
    """
    return _plot(
        cumulative_chart(readout), "effects by date", "register looks or a confidence sequence, and map `data.t0`"
    )


def plot_novelty(readout: Readout) -> Figure:
    """Return the figure of primary effects by days since entry.

    Raises:
        InputError: The readout holds none: its outcomes are not read from events.
    """
    return _plot(novelty_chart(readout), "effects by day", "read out from the decision log (`data.log: true`)")


def chart_svg(chart: Chart) -> str:
    """Return a chart as an SVG element to stand inside a page."""
    from incrementality.report.drawing import draw, to_svg

    return to_svg(draw(chart))


def _plot(chart: Chart | None, what: str, hint: str) -> Figure:
    if chart is None:
        raise InputError(f"this readout holds no {what}, so there is nothing to plot", hint=hint)
    from incrementality.report.drawing import draw

    return draw(chart)
