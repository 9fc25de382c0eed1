"""Expansion credit against a second implementation: one deal at a time, in Python, sorted lists instead of windows.

Tolerance 1e-12: both add up the same few decimal shares. Written from the rules' text, not from the query.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from incrementality.attribution.models.expansion import ExpansionRules
from tests.attribution.expansion_deals import CLOSE_DAY, day, deal, rows_of, touch

RULES = ExpansionRules()
PERSONS = ("csm", "sales", "partner")


def oracle(touches, opportunity, close_at):  # noqa: C901 - the rules of one deal stand together
    """Return {(role, function, touch id): share} of one deal."""
    known = sorted(
        (t for t in touches if t["occurred_at"] <= close_at), key=lambda t: (t["occurred_at"], t["touch_id"])
    )
    mine = [t for t in known if t["opportunity_id"] == opportunity["opportunity_id"]]
    about = [t for t in known if t["topic"] in RULES.topics or t in mine]
    met = [t for t in known if t["outcome"] in RULES.meaningful and t["function"] in RULES.people]
    asked = [
        t for t in about if t["function"] == "customer" or (t["direction"] == "inbound" and t["function"] != "product")
    ]
    put = [
        t
        for t in known
        if t["function"] in RULES.people
        and (t["type"] in RULES.raising or (t in met and t in about))
        and t not in asked
    ]
    fired = [t for t in known if t["function"] == "product" and t["type"] in RULES.triggers]
    won = [t for t in known if t["outcome"] in RULES.converted]
    source, created = opportunity["creation_source"] or "unknown", opportunity["created_at"] or close_at
    alone = bool(opportunity["self_serve"]) or opportunity["creation_trigger"] in (
        "self_serve_upgrade",
        "automatic_tier_change",
    )

    def when(touches, else_at):
        return touches[0]["occurred_at"] if touches else else_at

    by_person = min(when(put, close_at), created if source in PERSONS else close_at)
    by_anyone = min(by_person, when(asked, close_at), close_at if source in ("plg", "unknown") else created)
    if alone:
        first, function = fired[:1], "product"
        at = when(fired, close_at)
    elif (fired and fired[0]["occurred_at"] <= by_anyone) or source == "plg":
        first, function, at = fired[:1], "product", when(fired, opportunity["created_at"])
    elif source in ("customer_executive", "customer") or (asked and asked[0]["occurred_at"] <= by_person):
        first, function, at = asked[:1], "customer", when(asked, opportunity["created_at"])
    elif (opportunity["renewal_of"] and put) or source in PERSONS:
        first, at = put[:1], when(put, opportunity["created_at"])
        raiser = put[0]["function"] if put else None
        if opportunity["renewal_of"] and put:
            function = raiser
        else:
            seller = raiser if raiser in ("sdr", "ae", "presales") else "ae"
            function = {"csm": "cs", "partner": "partner", "sales": seller}[source]
    else:
        first, function, at = [], "unknown", None
    closer = opportunity["closer_function"] or (won[-1]["function"] if won else "product" if alone else "unknown")
    nobody = alone and not won and not opportunity["closer_function"]
    executive = not alone and source == "customer_executive" and not (fired and fired[0]["occurred_at"] <= by_anyone)

    def assists(t):
        if not t["in_window"] or t["occurred_at"] >= close_at or t in first or t in won[-1:]:
            return False
        contact = t in met and t["topic"] not in RULES.unrelated
        if nobody or (executive and t["function"] == "cs"):
            return contact
        if first:
            return known.index(t) > known.index(first[0])
        return at is None or t["occurred_at"] > at

    helpers = [t for t in known if assists(t)]
    rest = 0 if helpers else RULES.assist / 2
    closing = [t for t in won[-1:] if t["function"] == closer]
    return {
        ("source", function, first[0]["touch_id"] if first else None): RULES.source + rest,
        ("close", closer, closing[0]["touch_id"] if closing else None): RULES.close + rest,
        **{("assist", t["function"], t["touch_id"]): RULES.assist / len(helpers) for t in helpers},
    }


@st.composite
def touch_of(draw, event):
    function = draw(st.sampled_from(("product", "customer", "cs", "ae", "marketing", "support", "sdr")))
    kinds = (
        ("usage_limit_approached", "login") if function == "product" else ("expansion_identified", "proposal", "call")
    )
    return touch(
        draw(st.integers(0, 10)) * 5,
        function,
        draw(st.sampled_from(kinds)),
        event=event,
        touch_id=f"{draw(st.integers(0, 10**6)):07d}",
        in_window=draw(st.booleans()),
        direction=draw(st.sampled_from((None, "inbound", "outbound"))),
        outcome=draw(st.sampled_from((None, "held", "sent", "signed", "replied"))),
        topic=draw(st.sampled_from((None, "seats", "unrelated", "invoice"))),
        opportunity_id=draw(st.sampled_from((None, f"o-{event}", "other"))),
    )


@st.composite
def company(draw):
    told = []
    for number in range(draw(st.integers(1, 12))):
        event = f"e{number}"
        touches = draw(st.lists(touch_of(event), max_size=7, unique_by=lambda t: t["touch_id"]))
        opportunity = deal(
            draw(
                st.sampled_from((None, "unknown", "csm", "sales", "plg", "customer", "customer_executive", "partner"))
            ),
            created=draw(st.sampled_from((None, 0, 20, 49))),
            closer=draw(st.sampled_from((None, "cs", "ae"))),
            trigger=draw(st.sampled_from((None, "quarterly_review", "automatic_tier_change"))),
            self_serve=draw(st.sampled_from((None, False, False, True))),
            renewal_of=draw(st.sampled_from((None, None, "r1"))),
            deal_id=f"o-{event}",
        )
        told.append((event, touches, opportunity))
    return told


@pytest.mark.oracle("40/40/20 expansion credit", "a second implementation in Python", "1e-12")
@settings(max_examples=40, deadline=None)
@given(company())
def test_the_query_agrees_with_one_deal_at_a_time(told):
    events = [{"event_id": e, "occurred_at": day(CLOSE_DAY), "opportunity_id": o["opportunity_id"]} for e, _, o in told]
    rows = rows_of([t for _, touches, _ in told for t in touches], [o for _, _, o in told], events, RULES)
    for event, touches, opportunity in told:
        ours = {(r["role"], r["function"], r["touch_id"]): r["share"] for r in rows if r["event_id"] == event}
        assert ours == pytest.approx(oracle(touches, opportunity, day(CLOSE_DAY)), abs=1e-12)
        assert sum(ours.values()) == pytest.approx(1, abs=1e-12)
