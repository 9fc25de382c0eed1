"""Usage becomes touches at milestones, at most one of an account and milestone within seven days."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from incrementality.capture.milestones import milestones
from incrementality.errors import ColumnNotFound
from incrementality.tables import COMPANY_TABLES
from incrementality.taxonomy import MilestoneRule, default_taxonomy
from incrementality.warehouse import connect
from incrementality.warehouse.sql import parse
from incrementality.warehouse.upload import upload

START = datetime(2026, 1, 1)  # noqa: DTZ001 - clean times are UTC without a zone
KINDS = {"account_id": "TEXT", "contact_id": "TEXT", "occurred_at": "TIMESTAMP", "name": "TEXT", "value": "DOUBLE"}
WORKFLOW = MilestoneRule(name="done", kind="workflow", event="workflow_completed", type="key_workflow")
FIRST = MilestoneRule(name="first", kind="first_use", event="export")
LIMIT = MilestoneRule(name="limit", kind="threshold", event="seat_share", at_least=0.8)
HEALTH = MilestoneRule(name="health", kind="rise", event="health_score", up_by=10.0, within_days=28.0)


@pytest.fixture(scope="module")
def engine():
    with connect(threads=1) as warehouse:
        warehouse.tables_made = 0
        yield warehouse


def found(engine, rules, *events):
    """Return the milestones of events: account, day, name, value."""
    engine.tables_made += 1
    rows = [
        (account, None, None if day is None else (START + timedelta(days=day)).isoformat(), name, value)
        for account, day, name, value in events
    ]
    return milestones(engine, upload(engine, f"telemetry_{engine.tables_made}", KINDS, rows), rules)


def touches(engine, answer):
    """Return account, milestone and day of each touch."""
    query = parse("SELECT account_id, topic, occurred_at FROM t ORDER BY 1, 2, 3", t=answer.touches.name)
    return [(account, topic, (at - START) / timedelta(days=1)) for account, topic, at in engine.query(query)]


def days(engine, rule, *values):
    """Return the days of one account's touches; events are days, or pairs of day and value."""
    pairs = [value if isinstance(value, tuple) else (value, None) for value in values]
    events = [("a", day, rule.event, value) for day, value in pairs]
    return [day for _, _, day in touches(engine, found(engine, [rule], *events))]


@pytest.mark.domain("T9")
def test_raw_events_and_touches_are_counted_and_logins_are_never_touches(engine):
    events = [("a", day / 10, "login", None) for day in range(200)]
    answer = found(engine, [WORKFLOW], *events, ("a", 3, "Workflow-Completed", None))
    assert (answer.raw, answer.kept) == (201, 1)
    assert answer.counts[0].raw == 1
    assert answer.sentence.startswith("201 raw events of the product became 1 touches")


@pytest.mark.domain("T9")
def test_a_workflow_done_daily_is_a_touch_once_in_seven_days(engine):
    assert days(engine, WORKFLOW, *range(22)) == [0, 7, 14, 21]


def test_seven_days_are_counted_from_the_last_touch_and_not_by_the_calendar(engine):
    assert days(engine, WORKFLOW, 0, 6.9, 7, 13.9, 14.5) == [0, 7, 14.5]


@pytest.mark.domain("T9")
def test_first_use_counts_once(engine):
    assert days(engine, FIRST, 5, 3, 40, 80) == [3]


@pytest.mark.domain("T9")
def test_a_threshold_counts_when_it_is_crossed_from_below(engine):
    assert days(engine, LIMIT, (0, 0.5), (1, 0.8), (9, 0.9), (20, 0.7), (30, 0.85)) == [1, 30]


def test_an_account_that_is_first_seen_above_a_threshold_did_not_cross_it(engine):
    assert days(engine, LIMIT, (0, 0.9), (1, 0.95)) == []


@pytest.mark.domain("T9")
def test_a_health_score_that_climbs_slowly_counts_when_it_has_risen_by_ten(engine):
    assert days(engine, HEALTH, *((day, 60.3 + day) for day in range(15))) == [10]


def test_a_rise_over_more_than_four_weeks_is_none(engine):
    assert days(engine, HEALTH, (0, 60.0), (29, 70.0)) == []
    assert days(engine, HEALTH, (0, 60.0), (28, 70.0)) == [28]


def test_events_that_say_no_account_time_or_number_are_counted(engine):
    bad = [(None, 1, "seat_share", 1.0), ("a", None, "seat_share", 1.0), (None, None, "seat_share", None)]
    bad += [("a", 2, "seat_share", None), ("a", 2, "seat_share", float("nan"))]
    answer = found(engine, [LIMIT], *bad, ("a", 0, "seat_share", 0.1), ("a", 3, "seat_share", 0.9))
    assert (answer.raw, answer.counts[0].refused, answer.kept) == (7, 5, 1)


@pytest.mark.domain("T9", "T10")
def test_a_touch_has_the_canonical_columns_and_says_what_it_is(engine):
    answer = found(
        engine, default_taxonomy().milestones, ("a", 0, "health_score", 50.0), ("a", 3, "health_score", 61.0)
    )
    wanted = [
        column.name for column in COMPANY_TABLES["touchpoints"].columns if column.name not in {"url", "logged_at"}
    ]
    assert sorted(answer.touches.columns) == sorted(wanted)
    row = engine.row(parse("SELECT function, type, channel, direction, outcome FROM t", t=answer.touches.name))
    assert row == ("cs", "health_score_gain", "in_app", "automatic", "app_event")


def test_without_rules_nothing_becomes_a_touch(engine):
    answer = found(engine, [], ("a", 0, "login", None))
    assert (answer.raw, answer.kept) == (1, 0)
    assert touches(engine, answer) == []


def test_the_same_events_in_another_order_make_the_same_touches(engine):
    events = [("a", day, "workflow_completed", None) for day in (0, 3, 8, 8, 20)]
    ids = [
        engine.query(parse("SELECT touch_id FROM t ORDER BY 1", t=found(engine, [WORKFLOW], *order).touches.name))
        for order in (events, events[::-1], [*events, *events])
    ]
    assert ids[0] == ids[1] == ids[2]


def test_a_column_that_is_missing_is_named(engine):
    bare = engine.materialise("bare", parse("SELECT 'a' AS account_id, 'x' AS name"))
    with pytest.raises(ColumnNotFound, match="no column 'occurred_at'"):
        milestones(engine, bare, [])


def by_hand(hours, apart=7 * 24):
    kept = []
    for hour in sorted(set(hours)):
        if not kept or hour - kept[-1] >= apart:
            kept.append(hour)
    return kept


@pytest.mark.domain("T9")
@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 2000), max_size=40), min_size=1))
def test_touches_are_those_of_a_walk_by_hand(engine, hours):
    events = [(account, hour / 24, "workflow_completed", None) for account, listed in hours.items() for hour in listed]
    if events:
        expected = sorted((account, hour) for account, listed in hours.items() for hour in by_hand(listed))
        made = touches(engine, found(engine, [WORKFLOW], *events))
        assert [(account, round(day * 24)) for account, _, day in made] == expected
