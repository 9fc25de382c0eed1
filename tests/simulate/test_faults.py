"""Each knob of dirty capture plants exactly what it says, and the truth stays the truth."""

from collections import Counter

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.simulate import crm_journey_holdout

N = 400
OUTCOMES = ("reactivated", "revenue", "orders", "sessions", "unsubscribed")


def make(**knobs):
    return crm_journey_holdout(n=N, seed=5, holdout_share=0.4, **knobs)


@pytest.fixture(scope="module")
def clean():
    return make()


def changed(dirty, clean):
    """Names of the columns that differ in their first N rows."""
    pairs = {name: (column[:N].tolist(), clean.columns[name].tolist()) for name, column in dirty.columns.items()}
    return {name for name, (left, right) in pairs.items() if repr(left) != repr(right)}


def test_clean_data_has_each_contact_once_with_a_planned_arm(clean):
    assert len(set(clean.columns["contact_id"])) == N
    assert set(clean.columns["arm"]) == {"holdout", "journey"}


def test_missing_outcomes(clean):
    dirty = make(missing_outcomes=30)
    missing = np.isnan(dirty.columns["revenue"])
    assert missing.sum() == 30
    for name in OUTCOMES:
        np.testing.assert_array_equal(np.isnan(dirty.columns[name]), missing)
        np.testing.assert_array_equal(dirty.columns[name][~missing], clean.columns[name][~missing])
    assert changed(dirty, clean) == set(OUTCOMES)


def test_missing_arm(clean):
    dirty = make(missing_arm=12)
    assert Counter(dirty.columns["arm"])[None] == 12
    assert changed(dirty, clean) == {"arm"}


def test_unplanned_arm(clean):
    dirty = make(unplanned_arm=9)
    assert Counter(dirty.columns["arm"])["unplanned"] == 9
    assert changed(dirty, clean) == {"arm"}


def test_duplicated_rows(clean):
    dirty = make(duplicated_rows=15)
    rows = list(zip(*(column.tolist() for column in dirty.columns.values()), strict=True))
    assert sorted(Counter(rows).values()) == [1] * (N - 15) + [2] * 15
    assert not changed(dirty, clean)


def test_mixed_units(clean):
    dirty = make(mixed_units=8)
    arms = {}
    for unit, arm in zip(dirty.columns["contact_id"], dirty.columns["arm"], strict=True):
        arms.setdefault(unit, []).append(arm)
    twice = [found for found in arms.values() if len(found) == 2]
    assert len(twice) == 8
    assert all(set(found) == {"holdout", "journey"} for found in twice)
    assert not changed(dirty, clean)


def test_lost_control_rows(clean):
    dirty = make(lost_control_rows=20)
    lost = set(clean.columns["contact_id"]) - set(dirty.columns["contact_id"])
    arms = Counter(clean.columns["arm"]) - Counter(dirty.columns["arm"])
    assert len(lost) == 20
    assert arms == {"holdout": 20}


def test_faults_hit_different_rows():
    dirty = make(missing_outcomes=100, missing_arm=100, unplanned_arm=100, duplicated_rows=50, mixed_units=50)
    missing = np.isnan(dirty.columns["orders"])
    odd = np.array([arm in (None, "unplanned") for arm in dirty.columns["arm"]])
    assert dirty.columns["arm"].size == N + 100
    assert not (missing & odd).any()


def test_truth_knows_no_faults(clean):
    dirty = make(missing_outcomes=30, lost_control_rows=20, duplicated_rows=5)
    assert dirty.truth == clean.truth


def test_more_faults_than_rows_are_refused():
    with pytest.raises(InputError, match="faults are asked for in 401 rows and there are 400"):
        make(missing_arm=1, missing_outcomes=400)
    with pytest.raises(InputError, match="rows of the control"):
        make(lost_control_rows=399)
