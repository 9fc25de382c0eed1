"""What sets t0: events, changes, thresholds with hysteresis, schedules; and which rows may."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from incrementality.cohorts import Inputs, decide_unit
from incrementality.cohorts.values import clean

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
END = START + 100 * HOUR


def fired(rule, values, *, column="score", table="contacts"):
    """The hours at which a trigger fires when a column holds the values hour by hour."""
    at = "valid_from" if table == "contacts" else "occurred_at"
    rows = [{"unit_id": "a", at: START + i * HOUR, column: value} for i, value in enumerate(values)]
    found = decide_unit({"x": rule}, Inputs("a", {table: rows}), since=START, until=END, data_cut=END)
    return [(d.t0 - int(START.timestamp() * 1e6)) // 3_600_000_000 for d in found]


def test_a_threshold_rearms_only_on_the_other_side(rule):
    asked = rule(trigger={"threshold": "contacts.score", "above": 80, "rearm": 60})
    assert fired(asked, [50, 80, 70, 85, 59, 60, 80]) == [1, 6]
    assert fired(asked, [90, 50, None, 90]) == [3]


def test_a_threshold_may_be_crossed_downwards(rule):
    asked = rule(trigger={"threshold": "contacts.score", "below": 20, "rearm": 40})
    assert fired(asked, [30, 41, 20, 40, 10, Decimal("40.5"), 19.5]) == [2, 6]


@pytest.mark.parametrize(("source", "hours"), [(None, [1, 4]), ("free", [4])])
def test_a_change_of_state_needs_another_state_before(rule, source, hours):
    trigger = {"state": "contacts.plan", "to": "pro"} | ({"from": source} if source else {})
    assert fired(rule(trigger=trigger), ["trial", "pro", "pro", "free", "pro"], column="plan") == hours
    assert fired(rule(trigger=trigger), ["pro", None, "pro"], column="plan") == []


def test_a_schedule_fires_for_those_that_are_known(rule):
    asked = rule(trigger={"schedule": "contacts", "every": "24h", "start": "2026-02-01T12:00:00Z"})
    assert fired(asked, [1]) == [12, 36, 60, 84]
    assert fired(asked, []) == []


def test_events_at_the_same_instant_are_one(rule):
    rows = [{"unit_id": "a", "occurred_at": START}] * 2
    found = decide_unit({"x": rule()}, Inputs("a", {"logins": rows}), since=START, until=END, data_cut=END)
    assert len(found) == 1


@pytest.mark.domain("D5")
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"unit_id": None, "occurred_at": START}, "no unit id"),
        ({"unit_id": " ", "occurred_at": START}, "no unit id"),
        ({"unit_id": "a", "occurred_at": None}, "no time"),
        ({"unit_id": "a", "occurred_at": START.replace(tzinfo=None)}, "time zone missing"),
        ({"unit_id": "a", "occurred_at": END}, "in the future"),
    ],
)
def test_a_row_that_cannot_be_used_is_counted_by_reason(rule, row, reason):
    found = clean(rule(), Inputs("a", {"logins": [row]}), data_cut=END)
    assert found.tables["logins"] == ()
    assert found.refused == {("logins", reason): 1}
