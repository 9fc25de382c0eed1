"""Guardrails and shrunken effects have places of their own, and guardrails are told on a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incrementality.cli.screen import readout_lines
from incrementality.lift import GuardrailAnswer, Interaction, SegmentEffect
from incrementality.report import render_readout

MIXED = "The effect of M on visit differs between mail and none of sale."
SHRUNK = "M on visit where channel is Web: pulled."
SENTENCE = "unsubscribed under Mens E-Mail: not settled; harm +0.20 percentage points, margin 0.30 percentage points."


@pytest.fixture(scope="module")
def guarded(readouts):
    answer = GuardrailAnswer(
        metric="unsubscribed",
        arm="Mens E-Mail",
        outcome="not settled",
        harm=0.002,
        harm_ci_lower=0.0,
        harm_ci_upper=0.004,
        margin=0.003,
        relative=False,
        alpha=0.05,
        method="score",
        sentence=SENTENCE,
    )
    return replace(readouts["trust"], guardrails=(answer,))


def test_without_guardrails_there_is_no_section(page):
    assert 'id="guardrails"' not in page


def test_each_guardrail_is_told_with_what_its_words_mean(guarded):
    page = render_readout(guarded)
    section = page[page.index('<section id="guardrails">') : page.index('<section id="segments">')]
    assert SENTENCE in section
    assert "ruled out" in section


def test_a_terminal_tells_each_guardrail(guarded):
    assert "not settled" in " ".join(" ".join(readout_lines(guarded, width=90)).split())


def test_shrunken_effects_stand_beside_those_of_the_segments(readouts):
    effect = SegmentEffect(
        segment="channel", value="Web", metric="visit", arm="M", effect=0.1, ci_lower=0, ci_upper=0.2, sentence=SHRUNK
    )
    page = render_readout(replace(readouts["trust"], shrunken=(effect,)))
    section = page[page.index('<section id="segments">') : page.index('<section id="checks">')]
    assert SHRUNK in section
    assert SHRUNK not in render_readout(readouts["trust"])


def test_interactions_have_a_section_and_are_told_on_a_terminal(readouts):
    interaction = Interaction(
        other="sale", metric="visit", arm="M", value="mail", reference="none", effect=0.1, ci_lower=0.0, ci_upper=0.2,
        pvalue=0.04, sentence=MIXED,
    )  # fmt: skip
    estimate = replace(readouts["trust"].estimates[0], segment=("sale", "mail"))
    readout = replace(readouts["trust"], interactions=(interaction,), concurrent=(estimate,))
    page = render_readout(readout)
    section = page[page.index('<section id="concurrent">') : page.index('<section id="checks">')]
    assert MIXED in section
    assert "sale: mail" in section
    assert MIXED in " ".join(" ".join(readout_lines(readout, width=90)).split())
    assert 'id="concurrent"' not in render_readout(readouts["trust"])
