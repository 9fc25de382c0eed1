"""Designs pay for their looks and print them; a request that says nothing of it keeps its hash."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from incrementality.design import DesignAnswer, DesignRequest, MetricBaseline, Monitoring, design, looks_of
from incrementality.errors import InputError
from incrementality.stats import (
    Spending,
    anytime_plan,
    group_sequential_bounds,
    information_inflation,
    units_for_plan,
)


def a_request(**changed):
    content = {
        "id": "mail", "question": "Does it work?", "metric": "bought", "kind": "conversion", "smallest_effect": 0.2,
        "baseline": MetricBaseline(mean=0.1), "population": 0, "arrivals_per_week": 2000, "holdout_share": 0.5,
        "starts": date(2026, 1, 5), "window_days": 14, "approvals": ("owner",),
    }  # fmt: skip
    return DesignRequest(**content | changed)


FIXED = design(a_request())


def watched(**plan):
    return design(a_request(monitoring=Monitoring(**plan)))


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock", "power"])
def test_the_design_pays_for_its_looks(spending):
    plan = Monitoring(kind="group sequential", looks=4, spending=spending, rho=2.0)
    factor = information_inflation(plan.planned(0.05))
    assert factor > 1
    assert watched(kind="group sequential", looks=4, spending=spending, rho=2.0).needed == pytest.approx(
        FIXED.needed * factor, abs=2
    )


def test_a_confidence_sequence_costs_more_than_looks_and_says_so():
    answer = watched(kind="confidence sequence")
    assert answer.needed == pytest.approx(FIXED.needed * units_for_plan(anytime_plan()), abs=2)
    assert looks_of(answer) == ()
    assert any("73.91\N{NO-BREAK SPACE}% more units" in note for note in answer.notes)


def test_the_schedule_is_printed_with_days_and_bounds():
    answer = watched(kind="group sequential", looks=3, spending="pocock")
    term = {row["term"]: row["value"] for row in answer.to_dicts()}["Looks"]
    for look in looks_of(answer):
        assert f"({look.on}): |z| at least {look.critical:.2f}" in term
    planned = group_sequential_bounds([1 / 3, 2 / 3, 1], spending=Spending(kind="pocock"))
    planned = group_sequential_bounds([1 / 3, 2 / 3, 1], spending=Spending(kind="pocock"))
    assert [look.critical for look in looks_of(answer)] == pytest.approx(list(planned.critical))


def test_one_side_takes_fewer_units_than_two():
    one, two = (watched(kind="group sequential", looks=3, sides=sides).needed for sides in (1, 2))
    assert one < FIXED.needed < two


def test_a_design_comes_back_from_its_own_file():
    answer = watched(kind="group sequential", looks=3, spending="power", rho=2.0)
    assert DesignAnswer.from_dict(answer.to_dict()) == answer


def test_a_design_that_does_not_say_how_it_is_watched_keeps_its_hash():
    content = FIXED.to_dict()
    del content["request"]["monitoring"]
    assert DesignAnswer.from_dict(content).hash == FIXED.hash
    assert design(replace(FIXED.request, monitoring=Monitoring(kind="fixed"))).hash != FIXED.hash


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"kind": "group sequential", "looks": 1}, "looks is 1; allowed: 2 to 100"),
        ({"kind": "confidence sequence", "looks": 3}, "looks is 3; allowed: 1 to 1"),
        ({"kind": "fixed", "sides": 1}, "sides is 1"),
        ({"kind": "group sequential", "looks": 3, "spending": "power", "rho": 0.0}, "rho is 0.0"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan, message):
    with pytest.raises(InputError, match=message):
        Monitoring(**plan)


def test_looks_stand_in_one_place():
    with pytest.raises(InputError, match="looks is 3; allowed: 1 beside monitoring"):
        a_request(looks=3, monitoring=Monitoring(kind="fixed"))
