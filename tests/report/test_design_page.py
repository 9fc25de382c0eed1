"""The page of a design: self-contained, escaped, the same bytes again, and laid out without a scroll bar."""

from __future__ import annotations

import importlib.util
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from incrementality.design import (
    ContaminationRoute,
    DesignRequest,
    Guardrail,
    LiveExperiment,
    MetricBaseline,
    MetricHistory,
    arms_drawn,
    baseline_of_history,
    design,
)
from incrementality.report import render_design
from incrementality.stats import EffectPrior

HOSTILE = "<script>alert('x')</script> & \"Q\" $\\frac{1}{2}$ 😀 漢字 \x07 goes on, " + "unbroken" * 12


def neighbour(name: str):
    """Load another test module of this folder: tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BROWSER = neighbour("test_browser")
READOUT_PAGE = neighbour("test_readout_page")
USUAL = {
    "id": "winback-2026q1",
    "question": "Does the win-back journey bring customers back?",
    "metric": "reactivated",
    "kind": "conversion",
    "baseline": MetricBaseline(mean=0.05),
    "smallest_effect": 0.10,
}
CROWDED = {
    "population": 20_000,
    "arrivals_per_week": 3000,
    "holdout_share": 0.05,
    "starts": date(2026, 3, 2),
    "answer_by": date(2026, 9, 1),
    "looks": 3,
    "revenue_per_unit": 80.0,
    "currency": "EUR",
    "prior": EffectPrior(mean=0.08, sd=0.1, source="21 past journeys"),
    "layer": "email",
    "traffic": 0.8,
    "withholds": ("winback",),
    "live": (
        LiveExperiment(id="cart-reminder", layer="email", traffic=0.4),
        LiveExperiment(id="sms-winback", layer="sms", traffic=0.5, withholds=("winback",)),
    ),
    "contamination": (ContaminationRoute(route="account managers forward it", share=0.03),),
    "guardrails": (Guardrail(name="unsubscribe", rate=0.002, largest_rise=0.25),),
}


def a_heavy_answer():
    rng = np.random.default_rng(4)
    history = MetricHistory(values=np.where(rng.random(5000) < 0.03, rng.lognormal(3, 1.5, 5000), 0.0))
    request = DesignRequest(
        id="upsell-2026q2", question="Does the upsell trigger earn money?", metric="revenue", kind="revenue",
        baseline=baseline_of_history(history), population=10_000, smallest_effect=0.5, currency="EUR",
    )  # fmt: skip
    return design(request, history)


def a_hostile_answer():
    request = DesignRequest(
        **{
            **USUAL, **CROWDED, "question": HOSTILE, "metric": HOSTILE, "unit": HOSTILE, "withholds": (HOSTILE,),
            "live": (LiveExperiment(id=HOSTILE, layer=HOSTILE, withholds=(HOSTILE,)),), "approvals": (HOSTILE,),
            "contamination": (ContaminationRoute(route=HOSTILE, share=0.1),),
            "guardrails": (Guardrail(name=HOSTILE, rate=0.01, largest_rise=0.1),),
        }
    )  # fmt: skip
    return design(request)


def a_tiny_answer():
    return design(DesignRequest(**USUAL, population=3, holdout_share=0.1))


def an_empty_answer():
    live = (LiveExperiment(id="other", layer="email", traffic=1.0),)
    return design(DesignRequest(**USUAL, population=5000, layer="email", live=live))


VARIANTS = {
    "empty": an_empty_answer,
    "small": lambda: design(DesignRequest(**USUAL, population=5000, holdout_share=0.05)),
    "large": lambda: design(DesignRequest(**USUAL, population=500_000)),
    "crowded": lambda: design(DesignRequest(**{**USUAL, **CROWDED})),
    "heavy": a_heavy_answer,
    "tiny": a_tiny_answer,
    "hostile": a_hostile_answer,
}


@pytest.fixture(scope="module")
def designs():
    return {name: make() for name, make in VARIANTS.items()}


@pytest.fixture(scope="module")
def design_pages(designs):
    return {name: render_design(answer) for name, answer in designs.items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_page_refers_to_nothing_outside_itself(design_pages, name):
    without_names = re.sub(r'xmlns="http://www\.w3\.org/2000/svg"', "", design_pages[name])
    for forbidden in ("http://", "https://", "<script", "url(", "@import", "href=", "src="):
        assert forbidden not in without_names


@pytest.mark.parametrize("name", VARIANTS)
def test_page_closes_what_it_opens_and_has_no_handlers(design_pages, name):
    nesting = READOUT_PAGE.nesting_of(design_pages[name])
    assert nesting.open == []
    assert nesting.handlers == []
    assert len(set(nesting.ids)) == len(nesting.ids)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_answer_gives_the_same_bytes(designs, design_pages, name):
    assert render_design(designs[name]) == design_pages[name]


def test_the_first_lines_say_verdict_number_change_and_way_out(design_pages):
    said = READOUT_PAGE.text_of(READOUT_PAGE.verdict_of(design_pages["small"])).replace("\N{NO-BREAK SPACE}", " ")
    for words in ("Not feasible", "79 % or more", "Hold back 50 % instead of 5 %", "59,6", "Not signed yet by: owner"):
        assert words in said


def test_the_sign_off_block_names_who_signed_and_who_is_missing(designs):
    page = render_design(designs["large"].sign(role="owner", name="A. Person", on=date(2026, 2, 1)))
    said = READOUT_PAGE.text_of(page)
    assert "A. Person" in said
    assert "Not signed yet by: analyst" in said
    assert designs["large"].hash in said


def test_the_page_shows_live_experiments_leaks_and_guardrails(design_pages):
    said = READOUT_PAGE.text_of(design_pages["crowded"])
    for words in ("Live: sms-winback", "Contamination: control gets it", "Guardrail: unsubscribe", "21 past journeys"):
        assert words in said


@pytest.mark.parametrize(("n", "words"), [(510, "As planned"), (700, "Not as planned"), (2, "For information")])
def test_the_arms_drawn_so_far_are_shown_and_escaped(designs, n, words):
    shares = {HOSTILE: 0.5, "journey": 0.5}
    page = render_design(
        designs["large"], drawn=arms_drawn({HOSTILE: n, "journey": min(n, 490)}, shares, unit="contact")
    )
    assert READOUT_PAGE.nesting_of(page).open == []
    assert "<script" not in page
    assert words in READOUT_PAGE.text_of(page)


def test_the_figures_say_in_words_what_they_show(design_pages):
    described = re.findall(r"<desc>(.*?)</desc>", design_pages["crowded"], re.DOTALL)
    assert len(described) == 2
    assert "(planned)" in described[0]


@pytest.mark.skipif(BROWSER.CHROMIUM is None, reason="needs Chromium on the path to lay the page out")
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", VARIANTS)
def test_page_fits_its_window(tmp_path, design_pages, name, width):
    answer = BROWSER.measured(tmp_path, design_pages[name], width)
    assert answer["scroll"] <= width
    assert answer["cut"] == ""
    assert answer["rightmost"] <= width
    assert answer["smallest"] >= 11
    if name != "hostile":
        assert answer["verdict"] <= 600
