"""A kept cohort is drawn again as it was, also after an erasure; a changed one is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from incrementality.assignment import (
    KeptCohort,
    Override,
    draw_fixed,
    global_holdout,
    keep_cohort,
    mahalanobis_limit,
    make_plan,
    redraw,
    rerandomise,
)
from incrementality.errors import LedgerDamaged

IDS = [f"c_{i:04d}" for i in range(300)]
STRATA = [("north", "south", "west")[i % 3] for i in range(300)]
PLAN = make_plan("winback", {"off": "10%", "on": "90%"})


def by_unit(assigned):
    columns = (assigned.unit_id, assigned.arm, assigned.hash, assigned.probability)
    return {unit: rest for unit, *rest in zip(*(column.tolist() for column in columns), strict=True)}


@pytest.mark.domain("X1")
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.sets(st.integers(0, 299), max_size=40))
def test_a_kept_cohort_is_drawn_again_and_erased_units_hold_their_place(n, gone):
    drawn = draw_fixed(PLAN, IDS[:n], STRATA[:n])
    erased = {IDS[i] for i in gone}
    kept = keep_cohort(PLAN, drawn, STRATA[:n]).without(erased)
    assert by_unit(redraw(PLAN, kept)) == {unit: row for unit, row in by_unit(drawn).items() if unit not in erased}


def test_units_that_stay_out_or_are_forced_are_not_ranked():
    plan = make_plan(
        "winback",
        {"off": 0.5, "on": 0.5},
        global_holdout=global_holdout("gh", 0.2),
        overrides=[Override(unit_id="c_0001", arm="on", reason="a colleague")],
    )
    drawn = draw_fixed(plan, IDS)
    kept = keep_cohort(plan, drawn)
    assert set(kept.units) == set(drawn.unit_id[drawn.source == "fixed"])
    assert by_unit(redraw(plan, kept)) == by_unit(drawn.take(drawn.source == "fixed"))


def test_a_rerandomised_cohort_is_drawn_again_with_the_accepted_salt():
    ages = np.arange(300.0) % 17
    draw = rerandomise(PLAN, IDS, ages[:, None], limit=mahalanobis_limit(0.05, 1), strata=STRATA)
    assert draw.tries > 0
    kept = KeptCohort.from_json(keep_cohort(draw.plan, draw.assigned, STRATA).to_json())
    assert by_unit(redraw(draw.plan, kept)) == by_unit(draw.assigned)


def test_a_cohort_that_somebody_changed_is_found():
    kept = keep_cohort(PLAN, draw_fixed(PLAN, IDS))
    swapped = (kept.units[1], kept.units[0], *kept.units[2:])
    with pytest.raises(LedgerDamaged, match="order of their ranks"):
        redraw(PLAN, replace(kept, units=swapped))
