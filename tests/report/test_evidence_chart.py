"""The forest plot shows each effect twice, says so in words, and is the same bytes each time."""

from __future__ import annotations

import re

import pytest

from incrementality.lift import ComparisonEvidence, Evidence, pool_evidence
from incrementality.report import plot_evidence

EFFECTS = {"winback": 2.0, "cart": 0.3, "nothing": -0.1}


def said(effect, **changes):
    one = ComparisonEvidence(
        metric="spend",
        kind="revenue",
        unit="EUR",
        direction="increase",
        role="primary",
        window_days=28.0,
        arm="mail",
        control="holdout",
        effect=effect,
        variance=0.1,
        n=900,
        n_control=100,
        adjusted=False,
    )
    known = {"unit": "contact", "clustered": False, "population": "assigned", "eligible_entries": None, "units": {}}
    known |= {"grade": "trust", "look": None, "looks": None, "comparisons": (one,)}
    return Evidence(**{**known, **changes})


@pytest.fixture
def found():
    return pool_evidence({name: said(effect) for name, effect in EFFECTS.items()}, "spend")


def drawn(found):
    return plot_evidence(found)._repr_svg_()


def test_each_experiment_stands_in_it_as_measured_and_in_the_others_light(found):
    svg = drawn(found)
    told = re.search(r"<desc>(.*?)</desc>", svg, re.DOTALL).group(1)
    for name in EFFECTS:
        assert f"{name}, as measured: " in told
        assert f"{name}, in the others' light: " in told
    assert "All together, mean effect: " in told
    assert "a further experiment: " in told


def test_n_unit_and_level_are_told(found):
    svg = drawn(found)
    assert "n = 3,000 contacts in 3 experiments" in svg
    assert "in EUR" in svg


def test_caution_and_a_stop_are_told_beside_the_name():
    rows = {"winback": said(1.0, grade="caution", stopped="2026-02-01"), "cart": said(0.0)}
    assert "winback (graded caution, stopped early)" in drawn(pool_evidence(rows, "spend"))


def test_one_experiment_is_shown_as_measured_alone():
    svg = drawn(pool_evidence({"winback": said(1.0)}, "spend"))
    assert "as measured" in svg
    assert "All together" not in svg


def test_the_same_record_gives_the_same_bytes(found):
    assert drawn(found) == drawn(found)
