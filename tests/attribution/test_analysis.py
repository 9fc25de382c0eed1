"""A company's analysis from frames: whose touch it is, costs that cannot be split, and quarters."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from incrementality.attribution import parse_attribution
from incrementality.attribution.analysis import Quarter, attribute_company
from incrementality.capture import open_company, parse_sources
from incrementality.errors import InputError
from incrementality.taxonomy import default_taxonomy


def table(**columns):
    return {name: np.array(values, dtype=object) for name, values in columns.items()}


EVENTS = table(
    event_id=["e1", "e2"],
    account_id=["a", "a"],
    kind=["new", "new"],
    occurred_at=["2026-05-20", "2026-05-25"],
    amount=["100.00", "60.00"],
    currency=["EUR", "EUR"],
    opportunity_id=["o1", "o2"],
)
OPPORTUNITIES = table(
    opportunity_id=["o1", "o2"],
    account_id=["a", "a"],
    kind=["new", "new"],
    created_at=["2026-04-01", "2026-04-01"],
    closed_at=["2026-05-20", "2026-05-25"],
    outcome=["won", "won"],
    amount=["100.00", "60.00"],
    currency=["EUR", "EUR"],
    competitor=["Rival", None],
)
TOUCHES = table(
    touch_id=["t1", "t2", "t3"],
    contact_id=["c1", "c2", "c2"],
    account_id=["a", "a", "a"],
    occurred_at=["2026-04-10", "2026-04-12", "2026-03-01"],
    function=["ae", "presales", "marketing"],
    type=["demo", "technical_demo", "webinar"],
)
CONTACTS = table(contact_id=["c1", "c2"], account_id=["a", "a"])
ROLES = table(contact_id=["c1"], opportunity_id=["o1"])


def analysed(engine, period="2026Q2", *, settings=None, **tables):
    """The analysis of a company of these tables."""
    every = {"touchpoints": TOUCHES, "revenue_events": EVENTS, "opportunities": OPPORTUNITIES, **tables}
    sources = parse_sources({name: found for name, found in every.items() if found is not None})
    company = open_company(sources, default_taxonomy(), engine, as_of=datetime.fromisoformat("2026-07-10"))
    return attribute_company(company, parse_attribution(settings), period=period)


@pytest.mark.domain("M22")
def test_a_touch_counts_for_the_deal_in_which_its_person_plays_a_part(engine):
    """c1 is a champion of o1 alone: the demo counts for e1, not for e2. Nobody says what c2 is: hers count for both."""
    analysis = analysed(engine, contacts=CONTACTS, contact_roles=ROLES)
    assert [branch.function for branch in analysis.deal_tree("e1").branches] == ["ae", "marketing", "presales"]
    assert [branch.function for branch in analysis.deal_tree("e2").branches] == ["marketing", "presales"]


@pytest.mark.domain("M12")
def test_one_visit_has_one_channel_where_the_settings_say_so(engine):
    """The same person came by an advertisement and typed the address a minute later."""
    touches = table(
        touch_id=["t1", "t2"],
        contact_id=["c1", "c1"],
        account_id=["a", "a"],
        occurred_at=["2026-04-10 10:00", "2026-04-10 10:01"],
        function=["marketing", "marketing"],
        channel=["paid_search", "direct"],
    )
    settings = {"channels": {"order": ["paid_search", "direct"]}}
    analysis = analysed(engine, settings=settings, touchpoints=touches)
    assert analysis.prepared.gave_way == {"direct": 1}
    assert analysed(engine, touchpoints=touches).prepared.gave_way == {}


@pytest.mark.domain("D12", "R3")
def test_what_people_wrote_is_shown_in_the_tree_and_moves_no_credit(engine):
    tree = analysed(engine).deal_tree("o1")
    assert ("competitor", "Rival") in tree.notes
    assert sum(branch.share for branch in tree.branches) == pytest.approx(1)


@pytest.mark.domain("R14")
def test_costs_of_months_add_up_and_a_rule_that_cannot_be_used_is_told(engine):
    costs = table(
        function=["ae", "ae", "presales", "ae"],
        period=["2026-04", "2026-06", "2026Q2", "2026Q1"],
        amount=["10.00", "20.00", "5.00", "999.00"],
        currency=["EUR"] * 4,
        kind=["new", "new", "new", "new"],
        rule=["direct", "direct", "time", "direct"],
    )
    analysis = analysed(engine, costs=costs)
    assert analysis.costs.of("ae") == 3000
    assert analysis.costs.unallocated == 500
    told = next(row.note for row in analysis.costs.rows if row.function == "presales")
    assert "split by time and has the share None" in told


def test_without_opportunities_nobody_knows_who_started_an_expansion(engine):
    events = EVENTS | table(kind=["expansion", "expansion"])
    del events["opportunity_id"]
    touches = TOUCHES | table(function=["ae", "ae", "marketing"], type=["demo", "demo", "webinar"])
    analysis = analysed(engine, opportunities=None, revenue_events=events, touchpoints=touches)
    sources = {deal.source for deal in analysis.role_mix.deals}
    assert sources == {"unknown"}
    assert analysis.reconciliation.holds
    assert (analysis.velocity, analysis.cohorts, analysis.histories) == (None, None, ())


def test_the_last_quarter_that_is_over_is_the_default(engine):
    assert analysed(engine, period=None).quarter == Quarter(2026, 2)


@pytest.mark.parametrize("written", ["2026", "Q2 2026", "2026Q5", ""])
def test_what_is_no_quarter_is_refused(written):
    with pytest.raises(InputError, match="is no quarter"):
        Quarter.parse(written)


def test_quarters_follow_one_another():
    assert [Quarter(2025, 4).next, Quarter(2026, 1).previous] == [Quarter(2026, 1), Quarter(2025, 4)]
