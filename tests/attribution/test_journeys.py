"""Journeys: which touches meet which event, in which order, and what is refused."""

from datetime import timedelta

import pytest

from incrementality.attribution import (
    WINDOW_PRESETS,
    WindowRule,
    Windows,
    anchored_events,
    open_journeys,
    step_events,
)
from incrementality.errors import ColumnNotFound, ColumnTypeError, InputError
from incrementality.warehouse.sql import parse, select_from
from tests.attribution.worlds import CLOSE, days_before, event, found, journeys_of, relation, touch

STAGED = WINDOW_PRESETS["staged"]


@pytest.mark.domain("W16")
def test_both_ends_of_a_window_are_inside(engine):
    touches = [touch("first", 90), touch("close", 0), touch("early", 90 + 1e-5), touch("late", -1e-5)]
    journeys = journeys_of(engine, touches, [event(kind="expansion")])
    assert found(journeys, "touch_id", "age_days") == [("first", 90.0), ("close", 0.0)]


def test_touches_of_one_moment_follow_their_ids(engine):
    touches = [touch("b", 3), touch("a", 3), touch("c", 5)]
    journeys = journeys_of(engine, touches, [event()])
    assert found(journeys, "touch_id", "position", "k") == [("c", 1, 3), ("a", 2, 3), ("b", 3, 3)]


def test_a_touch_may_serve_several_events_and_other_accounts_touches_none(engine):
    touches = [touch("a1", 10), touch("b1", 10, account="b")]
    journeys = journeys_of(engine, touches, [event("e1"), event("e2", kind="expansion")])
    assert found(journeys, "event_id", "touch_id") == [("e1", "a1"), ("e2", "a1")]


def test_events_without_a_touch_are_kept_and_counted(engine):
    journeys = journeys_of(engine, [touch("t", 500)], [event("e1", 70), event("e2", 30)])
    counts = journeys.counts()
    assert (counts.events, counts.amount, counts.untouched, counts.touches, counts.rows) == (2, 100, 2, 1, 0)


def test_kinds_are_those_of_all_events(engine):
    events = [event("e1", kind="renewal"), event("e2", kind="new", account="b"), event("e3", kind="new")]
    assert journeys_of(engine, [touch("t1", 5)], events).kinds() == ("new", "renewal")


def test_whole_number_ids_stay_whole_numbers(engine):
    journeys = journeys_of(engine, [touch(1, 3, account=7)], [event(5, account=7)])
    assert found(journeys, "event_id", "touch_id", "account_id") == [(5, 1, 7)]


@pytest.mark.domain("W4")
def test_a_save_is_counted_back_from_the_loss_date(engine):
    saved = event(kind="saved", loss_at=days_before(10), flagged_at=days_before(60))
    journeys = journeys_of(engine, [touch("in", 100), touch("out", 100.1), touch("after_loss", 5)], [saved])
    assert found(journeys, "touch_id") == [("in",)]


@pytest.mark.domain("W3", "W6")
def test_no_touch_after_the_event_counts_even_before_the_anchor(engine):
    renewal = event(kind="renewal", renewal_at=CLOSE + timedelta(days=30))
    journeys = journeys_of(engine, [touch("in", 150), touch("out", 151), touch("after", -3)], [renewal])
    assert found(journeys, "touch_id") == [("in",)]


@pytest.mark.domain("W6")
def test_an_event_without_its_anchor_is_counted_back_from_the_close_and_counted(engine):
    events = [event("e1", kind="renewal", renewal_at=None), event("e2", kind="renewal", renewal_at=CLOSE)]
    journeys = journeys_of(engine, [touch("t", 170)], events)
    assert found(journeys, "event_id") == [("e1",), ("e2",)]
    assert journeys.counts().other_anchor == 1


def test_an_event_without_any_anchor_has_no_touches_and_is_counted(engine):
    windows = Windows((WindowRule("*", 90, anchor="opportunity", otherwise=None),))
    journeys = journeys_of(engine, [touch("t", 1)], [event()], windows)
    assert found(journeys, "event_id") == []
    assert journeys.counts().no_anchor == 1


@pytest.mark.domain("W15")
def test_staged_marketing_ends_where_sales_begins(engine):
    created = days_before(40)
    touches = [
        touch("m_in", 130, "marketing"),
        touch("m_out", 131, "marketing"),
        touch("m_late", 39, "marketing"),
        touch("s_early", 41, "ae"),
        touch("s_in", 40, "ae"),
        touch("s_close", 0, "sdr"),
    ]
    journeys = journeys_of(engine, touches, [event(opportunity_at=created)], STAGED)
    assert found(journeys, "touch_id") == [("m_in",), ("s_in",), ("s_close",)]


@pytest.mark.domain("W7", "W8")
def test_journeys_functions_and_segments_have_windows_of_their_own(engine):
    windows = Windows(
        (
            WindowRule("*", 90),
            WindowRule("*", 20, function="support"),
            WindowRule("*", 7, journey="cart_reminder"),
            WindowRule("*", 30, segment="small"),
        )
    )
    touches = [
        touch("cart", 8, "marketing", journey="cart_reminder"),
        touch("cart_in", 7, "marketing", journey="cart_reminder"),
        touch("support", 21, "support"),
        touch("other", 60, "cs"),
    ]
    events = [event("large", segment="large"), event("small", segment="small")]
    journeys = journeys_of(engine, touches, events, windows)
    assert found(journeys, "event_id", "touch_id") == [
        ("large", "other"),
        ("large", "cart_in"),
        ("small", "cart_in"),
    ]


def test_only_expected_functions_where_a_rule_says_so(engine):
    windows = Windows((WindowRule("*", 90, expected=("cs",), only_expected=True),))
    journeys = journeys_of(engine, [touch("cs", 3, "cs"), touch("ae", 2, "ae"), touch("none", 1)], [event()], windows)
    assert found(journeys, "touch_id") == [("cs",)]


@pytest.mark.domain("W5")
def test_the_source_of_an_enterprise_expansion_may_lie_further_back(engine):
    touches = [touch("old", 180), touch("new", 80)]
    journeys = journeys_of(engine, touches, [event(kind="expansion", segment="enterprise")])
    assert found(journeys, "touch_id") == [("new",)]
    query = select_from(journeys.source_rows()).select("touch_id", "in_window", append=False).order_by("position")
    rows = engine.query(query)
    assert rows == [("old", False), ("new", True)]


@pytest.mark.domain("M22")
def test_a_touch_logged_on_another_opportunity_does_not_count(engine):
    touches = [touch("own", 3, opportunity_id="o1"), touch("other", 2, opportunity_id="o2"), touch("free", 1)]
    journeys = journeys_of(engine, touches, [event(opportunity_id="o1")])
    assert found(journeys, "touch_id") == [("own",), ("free",)]
    journeys = journeys_of(engine, touches, [event(opportunity_id="o1")], own_opportunity=False)
    assert len(found(journeys, "touch_id")) == 3


def test_kept_journeys_are_the_same(engine):
    journeys = journeys_of(engine, [touch("a", 3), touch("b", 2)], [event()])
    assert found(journeys.keep("kept"), "touch_id", "position") == found(journeys, "touch_id", "position")


@pytest.mark.domain("W9")
def test_a_lifecycle_step_can_be_the_conversion(engine):
    stages = relation(
        engine,
        [
            {"step": "mql", "occurred_at": days_before(9), "account_id": "a", "contact_id": "c"},
            {"step": "mql", "occurred_at": days_before(3), "account_id": "a", "contact_id": "c"},
            {"step": "sql", "occurred_at": days_before(1), "account_id": "a", "contact_id": "c"},
        ],
    )
    events = step_events(engine, stages, ["mql"])
    touches = relation(engine, [touch("before", 10), touch("after", 5)])
    journeys = open_journeys(engine, touches, events, WINDOW_PRESETS["default"], unit="deals")
    assert found(journeys, "event_id", "kind", "touch_id", "amount") == [("mql/c", "mql", "before", 1_000_000)]


def test_steps_must_be_named(engine):
    with pytest.raises(InputError, match="no lifecycle step"):
        step_events(engine, relation(engine, [{"step": "mql"}]), [])


@pytest.mark.domain("W6")
def test_leads_and_opportunities_anchor_events(engine):
    events = relation(engine, [event(opportunity_id="o"), event("e2", opportunity_id="p")])
    opportunities = relation(engine, [{"opportunity_id": "o", "occurred_at": days_before(30)}])
    opportunities = engine.materialise(
        "created", parse("SELECT opportunity_id, occurred_at AS created_at FROM s", s=opportunities.name)
    )
    steps = [("lead", 200), ("lead", 90), ("won", 1), ("lead", -5)]
    stages = relation(engine, [{"step": s, "occurred_at": days_before(d), "account_id": "a"} for s, d in steps])
    anchored = anchored_events(engine, events, opportunities=opportunities, stages=stages)
    rows = engine.query(
        parse("SELECT event_id, lead_at, opportunity_at FROM source ORDER BY event_id", source=anchored.name)
    )
    assert rows == [("e1", days_before(90), days_before(30)), ("e2", days_before(90), None)]


def test_opportunities_need_a_column_to_join(engine):
    events = relation(engine, [event()])
    with pytest.raises(ColumnNotFound, match="opportunity_id"):
        anchored_events(engine, events, opportunities=events)


@pytest.mark.parametrize(
    ("events", "error", "said"),
    [
        ([event("e"), event("e")], InputError, "2 revenue events have 1 ids"),
        ([event(account=None), event("e2")], InputError, "1 without account_id"),
        ([{"event_id": "e", "account_id": "a", "kind": "new"}], ColumnNotFound, "'occurred_at'"),
    ],
)
def test_events_that_cannot_be_credited_are_refused(engine, events, error, said):
    with pytest.raises(error, match=said):
        journeys_of(engine, [touch("t", 1)], events)


def test_money_with_fractions_is_refused(engine):
    events = relation(engine, [event()])
    events = engine.materialise("cents", parse("SELECT * REPLACE (amount / 3 AS amount) FROM s", s=events.name))
    with pytest.raises(ColumnTypeError, match="whole minor units"):
        open_journeys(engine, relation(engine, [touch("t", 1)]), events, WINDOW_PRESETS["default"])


def test_touches_need_an_account(engine):
    with pytest.raises(ColumnNotFound, match="no column 'account_id'"):
        journeys_of(engine, [{"touch_id": "t", "occurred_at": CLOSE}], [event()])
