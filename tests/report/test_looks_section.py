"""A look on the page: which one, its bound, what was spent, the effect by date; nothing of it on other readouts."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from incrementality.cli.screen import readout_lines
from incrementality.errors import InputError
from incrementality.lift import CumulativeEffect, LookReading, LookResult, Readout, StagedAnswer, TakenLook
from incrementality.report import plot_cumulative, render_readout
from incrementality.workspace import result_text

ARM, CONTROL = "Mens E-Mail", "No E-Mail"
RESULT = LookResult(metric="visit", arm=ARM, effect=0.02, standard_error=0.006, z=3.33, crossed=True)
FIRST = TakenLook(
    on="2026-02-01", number=1, of=3, information=0.31, critical=2.34, spent=0.021,
    results=(replace(RESULT, z=1.2, crossed=False),),
)  # fmt: skip
GROUP = LookReading(
    kind="group sequential", rule="Lan and DeMets's spending like Pocock", on="2026-02-15", number=2, of=3,
    information=0.62, critical=2.29, spent=0.037, alpha=0.05, sides=2, earlier=(FIRST,), results=(RESULT,),
    answers=(StagedAnswer(metric="visit", arm=ARM, look=2, crossed=True, effect=0.0188, raw_effect=0.02, lower=0.006,
                          upper=0.031, pvalue=0.004),),
    sentence="Mens E-Mail on visit crossed its bound at look 2 (stagewise p = 0.004).",
)  # fmt: skip
SEQUENCE = replace(
    GROUP, kind="confidence sequence", rule="a confidence sequence, one-sided", number=None, of=None, spent=None,
    sides=1, earlier=(), answers=(), sentence="Mens E-Mail on visit shows an effect (always-valid p = 0.012).",
)  # fmt: skip


def steps(*, sequence):
    bounds = ((None, None), (0.002, None if sequence else 0.038))
    return tuple(
        CumulativeEffect(
            metric="visit", arm=ARM, on=on, n_control=n, n_treatment=n, effect=effect, standard_error=0.006,
            lower=low, upper=high, look=None if sequence else 1 + k, kind="conversion",
        )
        for k, (on, n, effect, (low, high)) in enumerate(
            zip(("2026-02-01", "2026-02-15"), (5000, 9000), (0.011, 0.02), bounds, strict=True)
        )
    )  # fmt: skip


@pytest.fixture
def readout(readouts):
    return readouts["trust"]


@pytest.fixture(params=["looks", "sequence"])
def watched(request, readout):
    look = GROUP if request.param == "looks" else SEQUENCE
    return replace(readout, look=look, cumulative=steps(sequence=request.param == "sequence"))


def section(page):
    return re.search(r'<section id="look">.*?</section>', page, flags=re.DOTALL)


def test_a_readout_that_is_read_once_has_no_section(readout):
    assert section(render_readout(readout)) is None
    with pytest.raises(InputError, match="holds no effects by date"):
        plot_cumulative(readout)


def test_the_page_says_which_look_it_is_its_bound_and_what_was_spent(readout):
    text = section(render_readout(replace(readout, look=GROUP, cumulative=steps(sequence=False)))).group(0)
    for words in ("Look 2 of 3", "2.29", "3.70", "median-unbiased", "+1.88", "crossed its bound at look 2"):
        assert words in text
    assert text.count("<tr>") == 3  # the head, the look before, this one


def test_the_page_of_a_sequence_has_no_looks_and_says_that_p_values_are_always_valid(readout):
    text = section(render_readout(replace(readout, look=SEQUENCE, cumulative=steps(sequence=True)))).group(0)
    assert "p-values are always valid" in text
    assert "The looks so far" not in text


def test_the_page_is_the_same_after_a_way_through_json(watched):
    back = Readout.from_dict(json.loads(result_text(watched)))
    assert render_readout(back) == render_readout(watched)


def test_the_figure_tells_every_date_in_words(watched):
    said = plot_cumulative(watched)._repr_svg_()
    for words in ("2026-02-01", "2026-02-15", "+1.10", "+2.00", "n = 18,000", "intervals that hold"):
        assert words in said
    assert ("no upper limit" in said) == (watched.look.kind == "confidence sequence")


def test_the_terminal_says_the_same(watched):
    told = " ".join("\n".join(readout_lines(watched)).split())
    assert ("Look 2 of 3" in told) == (watched.look.number is not None)
    assert watched.look.sentence in told
