from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from incrementality.errors import InputError
from incrementality.report import plot_arms, plot_balance, plot_effects, plot_segments

PLOTS = (plot_arms, plot_balance, plot_effects, plot_segments)
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own drawing


def drawings(page: str) -> list[ET.Element]:
    return [parsed(found) for found in re.findall(r'<svg[^>]*role="img".*?</svg>', page, flags=re.DOTALL)]


def words(svg: ET.Element) -> str:
    return " ".join("".join(text.itertext()) for text in svg.iter(f"{SVG}text"))


@pytest.mark.parametrize(("name", "number"), [("trust", 4), ("failed", 4), ("plain", 2), ("hostile", 4)])
def test_page_shows_the_figures_that_its_record_allows(pages, name, number):
    assert len(drawings(pages[name])) == number


def test_every_figure_is_told_in_words(page):
    for svg in drawings(page):
        assert svg.find(f"{SVG}title").text
        assert svg.get("aria-label") == svg.find(f"{SVG}title").text
        assert "n = " in svg.find(f"{SVG}desc").text


def test_every_figure_states_n_unit_and_interval_level(page):
    for svg in drawings(page):
        said = words(svg)
        assert re.search(r"n = [\d,]+ ", said)
        assert "intervals" in said
        assert re.search(r"in (%|USD|percentage points|standard deviations)", said)
        assert re.search(r"\d\xa0?% intervals|no\s+intervals", said)


def test_every_figure_has_text_of_at_least_twelve_in_a_width_of_360(page):
    for svg in drawings(page):
        assert svg.get("viewBox").split()[2] == "360"
        sizes = re.findall(r"font(?:-size)?: (?:\w+ )?([\d.]+)px", ET.tostring(svg, encoding="unicode"))
        assert sizes
        assert min(map(float, sizes)) >= 12


def test_nothing_is_drawn_outside_its_frame(page):
    for svg in drawings(page):
        width, height = map(float, svg.get("viewBox").split()[2:])
        for path in svg.iter(f"{SVG}path"):
            numbers = [float(x) for x in re.findall(r"-?[\d.]+", path.get("d"))]
            if path.get("transform") is None:
                assert all(-1 <= x <= width + 1 for x in numbers[::2])
                assert all(-1 <= y <= height + 1 for y in numbers[1::2])


@pytest.mark.parametrize("plot", PLOTS)
def test_plot_is_a_figure_that_a_notebook_shows(readouts, plot):
    figure = plot(readouts["trust"])
    assert isinstance(figure, Figure)
    assert figure._repr_svg_().startswith("<svg")


@pytest.mark.parametrize("plot", PLOTS)
def test_plot_does_not_depend_on_the_users_style(readouts, plot):
    before = plot(readouts["trust"])._repr_svg_()
    with mpl.rc_context({"font.size": 30, "lines.linestyle": ":", "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert plot(readouts["trust"])._repr_svg_() == before


def test_plot_says_what_is_missing(readouts):
    with pytest.raises(InputError, match="no segments"):
        plot_segments(readouts["plain"])
    with pytest.raises(InputError, match="no balance check"):
        plot_balance(readouts["plain"])


def test_metric_without_relative_effect_has_its_own_axis(readouts):
    said = words(parsed(plot_effects(readouts["plain"])._repr_svg_()))
    assert "change relative to the control's mean, in %" in said
    assert "difference to the control, in USD" in said


def test_interval_that_holds_zero_is_hollow(readouts):
    readout = readouts["plain"]
    doubtful = tuple(replace(e, rel_effect_ci_lower=-0.1, effect_ci_lower=-0.01) for e in readout.estimates)
    clear, open_ = (
        plot_effects(replace(readout, estimates=es))._repr_svg_().count("fill: #ffffff")
        for es in (readout.estimates, doubtful)
    )
    assert (clear, open_) == (0, 6)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_interval_without_end_is_drawn_to_the_edge(readouts, value):
    estimates = tuple(replace(e, rel_effect_ci_upper=value) for e in readouts["trust"].estimates)
    svg = plot_effects(replace(readouts["trust"], estimates=estimates))._repr_svg_()
    assert "inf" not in re.sub(r"<desc>.*?</desc>", "", svg)
    assert "nan" not in re.sub(r"<desc>.*?</desc>", "", svg)


@pytest.mark.parametrize("arms", [1, 8])
def test_one_to_eight_arms(readouts, arms):
    readout = readouts["trust"]
    estimates = tuple(replace(e, arm=f"arm {i}") for e in readout.estimates[:2] for i in range(arms))
    said = words(parsed(plot_effects(replace(readout, estimates=estimates))._repr_svg_()))
    assert [f"arm {i}" for i in range(arms)] == re.findall(r"arm \d", said)


def test_segments_stand_below_a_whole_that_is_adjusted_like_them(readouts):
    said = words(parsed(plot_segments(readouts["trust"])._repr_svg_())).replace("\xa0", " ")
    assert "all customers +72.1 % (" in said
    assert "+71.6 % (" not in said
