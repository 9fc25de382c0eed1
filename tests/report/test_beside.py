"""Effects in other populations have a small section of their own, and never the headline's place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incrementality.report import render_readout

COMPLIERS = "visit: Mens E-Mail made a difference of +9.10 percentage points among units that were delivered."
WEAK = "visit: the effect of Womens E-Mail on compliers is not stated, since delivery hardly differs."
DILUTED = "visit: Mens E-Mail made a difference of +3.20 percentage points for each assigned unit."


@pytest.fixture(scope="module")
def beside(readouts):
    readout = readouts["trust"]
    estimate = readout.estimates[0]
    return replace(
        readout,
        compliers=(replace(estimate, effect=0.091, sentence=COMPLIERS, method="compliers' method"),),
        complier_notes=(WEAK,),
        diluted=(replace(estimate, effect=0.032, sentence=DILUTED, method="diluted method"),),
    )


def test_without_other_populations_there_is_no_section(page):
    assert 'id="beside"' not in page


def test_each_effect_stands_in_the_section_with_its_sentence_and_note(beside):
    page = render_readout(beside)
    section = page[page.index('<section id="beside">') : page.index('<section id="checks">')]
    for words in (COMPLIERS, WEAK, DILUTED, "that is the intention to treat", "diluted method", "+9.10"):
        assert words in section.replace("\N{NO-BREAK SPACE}", " ")


def test_the_verdict_and_the_evidence_are_those_without_it(beside, pages):
    def before_checks(page):
        return page[: page.index('<section id="beside">' if 'id="beside"' in page else '<section id="segments">')]

    page = render_readout(beside)
    assert before_checks(page).startswith(before_checks(pages["trust"]))


def test_names_in_the_section_cannot_break_the_page(beside):
    page = render_readout(replace(beside, complier_notes=("<script>alert(1)</script>",)))
    assert "<script" not in page


def test_an_unusable_readout_says_so_in_the_section_too(beside):
    page = render_readout(replace(beside, grade="do not use"))
    section = page[page.index('<section id="beside">') : page.index('<section id="checks">')]
    assert "Do not use for decisions" in section
