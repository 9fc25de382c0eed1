"""The curves of times to an event, on the page and in a notebook."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from incrementality.errors import InputError
from incrementality.lift.readout import LogRankTest, SurvivalLine
from incrementality.report import plot_survival, render_readout

DAYS = tuple(float(day) for day in range(0, 91, 10))


def line(arm, slope):
    shares = tuple(1 - slope * day / 90 for day in DAYS)
    return SurvivalLine(metric="time <to> expansion", arm=arm, days=DAYS, shares=shares, at_risk=(100, 80, 60, 40))


@pytest.fixture
def timed(readouts):
    test = LogRankTest(
        metric="time <to> expansion",
        arm="b",
        control="a",
        statistic=4.0,
        df=1,
        pvalue=0.045,
        sentence="Hazards differ.",
    )
    return replace(readouts["trust"], survival=(line("a", 0.3), line("b", 0.6)), log_ranks=(test,))


def test_the_page_shows_the_curves_and_the_log_rank_line(timed):
    page = render_readout(timed)
    assert "Times to an event" in page
    assert "Hazards differ." in page
    assert "time &lt;to&gt; expansion" in page
    assert render_readout(timed) == page


def test_the_figure_is_told_in_words_and_stays_in_its_frame(timed):
    svg = ET.fromstring(plot_survival(timed)._repr_svg_())  # noqa: S314 - our own drawing
    said = svg.find("{http://www.w3.org/2000/svg}desc").text.replace("\xa0", " ")
    assert "a: 70.00 % after 90 days" in said
    assert "b: 40.00 % after 90 days" in said
    assert svg.get("viewBox").split()[2] == "360"


def test_a_page_without_times_has_no_such_section(readouts):
    assert "Times to an event" not in render_readout(readouts["trust"])
    with pytest.raises(InputError, match="no times to an event"):
        plot_survival(readouts["trust"])
