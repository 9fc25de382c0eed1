"""Whether a lift is stated follows from both arms together; the difference is always answered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import read_out
from incrementality.lift.methods import compare_counts

ARMS = [{"name": "control", "share": "5%", "control": True}, {"name": "journey", "share": "95%"}]


def rows(converted_journey, converted_control, n=1000, **columns):
    control = np.arange(n) >= 0.95 * n
    place = np.where(control, np.arange(n) - round(0.95 * n), np.arange(n))
    converted = place < np.where(control, converted_control, converted_journey)
    arm = np.where(control, "control", "journey")
    return pd.DataFrame({"id": np.arange(n), "arm": arm, "bought": converted.astype(int), **columns})


def metric(name, kind, role, **more):
    return {"name": name, "kind": kind, "role": role, **({"unit": "EUR"} if kind == "revenue" else {}), **more}


@pytest.mark.parametrize("held", range(5))
def test_what_the_control_holds_does_not_decide_whether_it_is_answered(plan, check, held):
    """Sixty conversions in all, of which three are expected in the control: no lift, whatever the control holds."""
    readout = read_out(plan(arms=ARMS, metrics=[metric("bought", "conversion", "primary")]), data=rows(60 - held, held))
    estimate = readout.headline("bought", "journey")
    assert estimate.rel_effect is None
    assert estimate.effect_ci_lower < estimate.effect < estimate.effect_ci_upper
    told = check(readout, "lift", "bought")
    assert "3.0 units with a value are expected in the control" in told.sentence
    assert told.passed is None
    assert readout.grade == "trust"


@pytest.mark.parametrize(("counts", "stated"), [(((95, 950), (5, 50)), True), (((94, 950), (5, 50)), False)])
def test_a_lift_needs_five_events_expected_in_the_control(counts, stated):
    found, _ = compare_counts(*counts)
    assert (found.rel_interval is not None) is stated
    assert found.effect_interval.lower < found.effect < found.effect_interval.upper


def test_a_few_payers_have_a_difference_and_no_lift(plan, check):
    spend = np.random.default_rng(2).lognormal(3, 1, 1000)
    frame = rows(40, 1).assign(spend=lambda f: f["bought"] * spend)
    readout = read_out(plan(arms=ARMS, metrics=[metric("spend", "revenue", "primary")]), data=frame)
    estimate = readout.headline("spend", "journey")
    assert "permutation" in estimate.method
    assert estimate.rel_effect is None
    assert "2.0 units" in check(readout, "lift", "spend").sentence


def test_a_secondary_without_any_value_in_the_control_leaves_the_readout_whole(plan, check):
    rng = np.random.default_rng(4)
    frame = rows(30, 0).assign(y=5 + rng.normal(size=1000), spend=lambda f: f["bought"] * rng.lognormal(3, 1, 1000))
    metrics = [
        metric("y", "mean", "primary"),
        metric("bought", "conversion", "secondary"),
        metric("spend", "revenue", "secondary"),
    ]
    readout = read_out(plan(arms=ARMS, metrics=metrics), data=frame)
    assert {e.metric for e in readout.estimates} == {"y", "bought", "spend"}
    assert readout.headline("y", "journey").rel_effect is not None
    assert readout.headline("bought", "journey").rel_effect is None
    assert readout.headline("spend", "journey").rel_effect is None
    assert check(readout, "lift", "bought").passed is None
    assert [c.metric for c in readout.checks if c.name == "lift"] == ["bought", "spend"]


@pytest.mark.parametrize(("role", "passed"), [("primary", False), ("secondary", None)])
@pytest.mark.parametrize("kind", ["conversion", "revenue"])
def test_a_metric_without_any_value_says_to_check_the_column(plan, check, kind, role, passed):
    frame = rows(0, 0).assign(y=np.random.default_rng(5).normal(5, 1, 1000))
    other = metric("y", "mean", "secondary" if role == "primary" else "primary")
    readout = read_out(plan(arms=ARMS, metrics=[metric("bought", kind, role), other]), data=frame)
    told = check(readout, "lift", "bought")
    assert "check the column" in told.sentence
    assert told.passed is passed
    assert readout.headline("bought", "journey").effect == 0
    assert readout.headline("bought", "journey").pvalue == 1


def test_where_no_lift_was_asked_for_nothing_is_said_of_it(plan):
    asked = metric("bought", "conversion", "primary", relative=False)
    readout = read_out(plan(arms=ARMS, metrics=[asked]), data=rows(60, 2))
    assert [c for c in readout.checks if c.name == "lift"] == []
