"""Guardrails have a section of their own, and so they do on a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incrementality.cli.screen import readout_lines
from incrementality.lift import GuardrailAnswer
from incrementality.report import render_readout

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
