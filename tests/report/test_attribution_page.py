"""The page of an attribution: one file, the same bytes, credit apart from influence, and never a cause."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from incrementality.attribution.analysis import AnswerTable, AttributionResult
from incrementality.report import render_attribution
from incrementality.report.stacked_bars import Bar, stacked_bars

RECONCILIATION = {
    "model": "leading",
    "revenue_in": 220.01,
    "credited": 150.0,
    "unknown": 0.33,
    "unallocated": 39.67,
    "quarantined": 30.01,
    "difference": 0.0,
}
FUNCTIONS = (
    {"function": "ae", "touchpoints": 2, "revenue_credited": 90.5, "share": 0.6, "cost": None, "roi": None},
    {"function": "total", "touchpoints": 2, "revenue_credited": 150.0, "share": 1.0, "cost": 10.0, "roi": 14.0},
)
COMPARISON = (
    {"function": "ae", "leading": 0.6, "markov": 0.2, "best_rank": 1, "worst_rank": 1},
    {"function": "<b>cs</b>", "leading": 0.4, "markov": 0.8, "best_rank": 1, "worst_rank": 2},
)
INFLUENCE = (
    {"function": "ae", "events": 2, "influenced": 150.0},
    {"function": "each event once", "events": 2, "influenced": 150.0},
)
RESULT = AttributionResult(
    company="Acme & Sons <script>",
    period="2026Q2",
    currency="EUR",
    as_of="2026-07-10",
    sentence="2 revenue events.",
    tables=(
        AnswerTable("reconciliation", "Where the revenue went", (RECONCILIATION,)),
        AnswerTable("functions", "Credit and cost by function", FUNCTIONS),
        AnswerTable("comparison", "Every function's share by model", COMPARISON),
        AnswerTable("influence", "Influenced revenue", INFLUENCE, "The rows overlap."),
        AnswerTable("matrix", "Source against close", ({"source": "cs", "ae": 5.0, "cs": 10.0},)),
    ),
    warnings=("Something to mind.",),
    withheld={"markov": "Needs 500 conversions a month."},
    missing={"costs": "no ROI"},
    fingerprints={"windows": "0" * 64},
    manifest={"package": "0", "sources_sha256": {"touchpoints.csv": "1" * 64}},
)


@pytest.fixture(scope="module")
def page():
    return render_attribution(RESULT)


def text_of(page):
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split()).replace("\N{NO-BREAK SPACE}", " ")


def test_the_same_record_gives_the_same_bytes(page):
    assert render_attribution(AttributionResult.from_dict(RESULT.to_dict())) == page


def test_it_needs_no_network_and_no_script(page):
    assert not re.search(r"<script|<link|src=|@import|url\(", page)
    assert "https://" not in page


def test_names_are_escaped(page):
    assert "<b>cs</b>" not in page
    assert "Acme &amp; Sons &lt;script&gt;" in page


@pytest.mark.domain("G5")
def test_credit_is_never_called_incremental(page):
    assert "incremental" not in text_of(page).lower()
    assert "Credit says who touched the revenue." in text_of(page)


def test_the_equation_on_the_page_adds_up(page):
    told = re.search(r"Revenue in EUR ([\d.,]+) = credited ([\d.,]+) \+ unknown ([\d.,]+) \+ unallocated ([\d.,]+) \+ "
                     r"quarantined ([\d.,]+)\.", text_of(page))  # fmt: skip
    whole, *parts = (Decimal(number.replace(",", "")) for number in told.groups())
    assert whole == sum(parts) == Decimal("220.01")


@pytest.mark.domain("M13")
def test_influenced_revenue_has_a_section_of_its_own(page):
    credit, influenced = page.index('id="by-function"'), page.index('id="influenced"')
    assert credit < influenced < page.index("each event once")
    assert "Influenced, which is not credited" in page


@pytest.mark.domain("M2")
def test_a_withheld_model_is_drawn_pale_and_says_so(page):
    assert "markov, counts for nothing" in page
    assert 'opacity="0.35"' in page


@pytest.mark.domain("G1")
def test_what_it_was_made_with_stands_on_it(page):
    told = text_of(page)
    assert "costs no ROI" in told
    assert "windows sha256 " + "0" * 64 in told
    assert "sources_sha256 / touchpoints.csv " + "1" * 64 in told


@pytest.mark.domain("R19")
def test_every_link_leads_somewhere(page):
    links = set(re.findall(r'href="#([\w-]+)"', page))
    assert links
    assert links <= set(re.findall(r'id="([\w-]+)"', page))


@pytest.mark.domain("G7")
def test_withheld_ratios_say_why():
    told = text_of(render_attribution(replace(RESULT, insufficient="Insufficient data: too much is unknown.",
        tables=(*RESULT.tables, AnswerTable("costs", "Costs", ({"function": "ae", "amount": 1.0},))))))  # fmt: skip
    assert "Insufficient data: too much is unknown." in told


def test_bars_fill_their_width_whatever_the_order_of_parts():
    one = stacked_bars("Credit", (Bar("a", "", {"x": 0.25, "unallocated": 0.5, "y": 0.25}),))
    other = stacked_bars("Credit", (Bar("a", "", {"y": 0.25, "unallocated": 0.5, "x": 0.25}),))
    assert one == other
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="18"', one)]
    assert sum(widths) == pytest.approx(360)
    assert one.rindex("unallocated 50.0 %") > one.rindex("<title>y 25.0 %")


def test_pictures_agree_on_colours():
    order = ("ae", "cs")
    one = stacked_bars("Models", (Bar("a", "", {"ae": 0.9, "cs": 0.1}),), order=order)
    other = stacked_bars("Quarters", (Bar("a", "", {"ae": 0.1, "cs": 0.9}),), order=order)
    colours = [re.findall(r'rx="2" fill="(#\w+)"/><text[^>]*>(\w+)<', picture) for picture in (one, other)]
    assert colours[0] == colours[1]
    assert [name for _, name in colours[0]] == ["AE", "CS"]
