"""Who gets the credit of an expansion: every rule and every corner as a story of one line.

References: the stories are those of the domain's rules for initiated and received expansion; the expected shares are
worked out by hand. A second implementation, one deal at a time in Python, stands in test_expansion_oracle.py.
"""

import pytest

from incrementality.attribution.models.expansion import ExpansionRules
from incrementality.errors import InputError
from incrementality.taxonomy import default_taxonomy
from tests.attribution.expansion_deals import credit, day, deal, roles_of, split, touch

ALERT = touch(0, "product", "usage_limit_approached", direction="automatic")
CALL = touch(42, "cs", "check_in", direction="outbound", outcome="connected", topic="expansion")
REVIEW = touch(30, "cs", "quarterly_review", direction="outbound", outcome="held", topic="adoption")


@pytest.mark.domain("M3")
def test_source_40_close_40_assists_share_20():
    identified = touch(5, "cs", "expansion_identified", outcome="held")
    assists = [touch(d, f, "webinar") for d, f in ((10, "marketing"), (20, "presales"))]
    assert split([identified, *assists], deal("csm", created=6, closer="ae")) == {
        ("source", "cs"): 40,
        ("close", "ae"): 40,
        ("assist", "marketing"): 10,
        ("assist", "presales"): 10,
    }


@pytest.mark.domain("M3")
@pytest.mark.domain("M21")
def test_the_usage_alert_starts_what_the_csm_signs():
    """Usage alert on day 0, customer's e-mail day 35, CSM call day 42, signed by the CSM day 49: last touch lies."""
    email = touch(35, "customer", "email_received", direction="inbound", outcome="replied", topic="upgrade")
    won = deal("customer", created=35, closer="cs")
    assert credit([ALERT, email, CALL], won) == {"product": 40, "cs": 50, "customer": 10}


@pytest.mark.domain("M4")
def test_initiated_and_received_expansion_have_different_sources():
    """The same CSM call and the same closer: only who moved first differs."""
    raised = touch(20, "cs", "expansion_identified", outcome="held")
    asked = touch(10, "customer", "email_received", direction="inbound", topic="seats")
    initiated = split([raised], deal("csm", created=20, closer="ae"))
    received = split([asked, raised], deal("customer", created=10, closer="ae"))
    assert ("source", "cs") in initiated
    assert ("source", "customer") in received


@pytest.mark.domain("M5")
class TestProductLed:
    def test_self_serve_upgrade_with_nobody_is_all_product(self):
        """The customer upgraded by themselves and nobody spoke to them."""
        assert credit([], deal("plg", created=49, self_serve=True)) == {"product": 100}

    def test_a_recent_csm_talk_is_an_assist_and_no_source(self):
        """The CSM held a review three weeks before the customer upgraded alone."""
        assert credit([REVIEW], deal("plg", created=49, self_serve=True)) == {"product": 80, "cs": 20}

    def test_sends_opens_and_attempts_assist_nothing(self):
        """The CSM mailed and tried to call; the customer upgraded alone."""
        attempts = [touch(d, "cs", "check_in", outcome=o) for d, o in ((40, "sent"), (41, "opened"), (42, "attempted"))]
        assert credit(attempts, deal("plg", created=49, self_serve=True)) == {"product": 100}

    def test_a_person_who_converted_it_closes(self):
        """The limit came near, the account executive signed it."""
        assert split([ALERT], deal("plg", created=1, closer="ae")) == {("source", "product"): 50, ("close", "ae"): 50}

    def test_an_automatic_tier_change_is_product(self):
        """The tier changed by itself while the CRM said the CSM had it."""
        changed = deal("csm", created=40, trigger="automatic_tier_change")
        assert credit([], changed) == {"product": 100}

    def test_a_contact_outside_the_window_assists_nothing(self):
        """The review lay before the window of the touches."""
        early = touch(1, "cs", "quarterly_review", outcome="held", in_window=False)
        assert credit([early], deal("plg", created=49, self_serve=True)) == {"product": 100}


@pytest.mark.domain("M6")
class TestInbound:
    ASKED = touch(35, "customer", "email_received", direction="inbound", topic="seats")

    def test_the_handler_closes_and_is_never_the_source(self):
        """The customer asked for seats; the CSM handled it."""
        assert split([self.ASKED], deal("customer", created=35, closer="cs")) == {
            ("source", "customer"): 50,
            ("close", "cs"): 50,
        }

    def test_an_earlier_product_trigger_is_the_source(self):
        """The limit came near, then the customer asked."""
        assert credit([ALERT, self.ASKED], deal("customer", created=35, closer="cs")) == {
            "product": 40,
            "customer": 20,
            "cs": 40,
        }

    def test_a_later_product_trigger_is_not(self):
        """The customer asked, then the limit came near."""
        late = touch(40, "product", "usage_limit_approached")
        assert split([self.ASKED, late], deal("customer", created=35, closer="cs"))["source", "customer"] == 40

    def test_a_company_may_credit_the_product_instead(self):
        rules = ExpansionRules(inbound_source="product")
        assert split([self.ASKED], deal("customer", created=35, closer="cs"), rules=rules)["source", "product"] == 50

    def test_a_question_about_something_else_is_no_interest(self):
        """The customer wrote about an invoice; the CSM raised the expansion later."""
        invoice = touch(10, "customer", "email_received", direction="inbound", topic="invoice")
        assert split([invoice], deal("csm", created=20, closer="cs"))["source", "cs"] == 50


@pytest.mark.domain("M7")
class TestAtRenewal:
    def renewal(self, source="unknown", **facts):
        return deal(source, created=30, closer="ae", renewal_of="r1", **facts)

    def test_cs_raised_it_first_in_the_renewal_talk(self):
        talk = touch(20, "cs", "expansion_identified", outcome="held")
        proposal = touch(25, "ae", "proposal", outcome="sent")
        assert ("source", "cs") in split([talk, proposal], self.renewal("sales"))

    def test_sales_raised_it_first_in_the_renewal_proposal(self):
        proposal = touch(18, "ae", "proposal", outcome="sent")
        talk = touch(20, "cs", "expansion_identified", outcome="held")
        assert ("source", "ae") in split([talk, proposal], self.renewal("csm"))

    def test_the_customer_moved_first(self):
        asked = touch(10, "customer", "email_received", direction="inbound", topic="upgrade")
        talk = touch(20, "cs", "expansion_identified", outcome="held")
        assert ("source", "customer") in split([asked, talk], self.renewal())

    def test_the_product_moved_first(self):
        talk = touch(20, "cs", "expansion_identified", outcome="held")
        assert ("source", "product") in split([ALERT, talk], self.renewal("csm"))

    def test_nobody_knows_who_raised_it(self):
        assert split([], self.renewal()) == {("source", "unknown"): 50, ("close", "ae"): 50}


@pytest.mark.domain("M8")
class TestSelfServeCrossSell:
    def test_a_rep_who_discussed_it_assists(self):
        """The rep discussed the module in a call, the customer bought it alone."""
        talk = touch(44, "ae", "demo", outcome="held", topic="cross_sell")
        assert split([talk], deal("plg", created=49, trigger="self_serve_upgrade")) == {
            ("source", "product"): 40,
            ("close", "product"): 40,
            ("assist", "ae"): 20,
        }

    def test_a_call_about_something_unrelated_assists_nothing(self):
        talk = touch(44, "ae", "call", outcome="connected", topic="unrelated")
        assert credit([talk], deal("plg", created=49, self_serve=True)) == {"product": 100}


@pytest.mark.domain("M9")
def test_the_customers_executive_came_to_ours():
    """Their executive wrote to ours; CS had held a review before; the account executive closed."""
    wrote = touch(33, "customer", "email_received", direction="inbound", topic="expansion")
    assert split([REVIEW, wrote], deal("customer_executive", created=33, closer="ae")) == {
        ("source", "customer"): 40,
        ("close", "ae"): 40,
        ("assist", "cs"): 20,
    }


@pytest.mark.domain("M10")
def test_the_trigger_anchors_the_source_and_both_dates_are_kept():
    rows = {row["role"]: row for row in roles_of([ALERT, CALL], deal("csm", created=42, closer="cs"))}
    assert (rows["source"]["occurred_at"], rows["close"]["occurred_at"]) == (day(0), day(49))
    assert rows["source"]["touch_id"] == ALERT["touch_id"]


@pytest.mark.domain("M10")
@pytest.mark.domain("W5")
def test_a_trigger_in_the_longer_window_is_a_source_but_an_early_call_no_assist():
    """Enterprise: the alert came 150 days before the close; a call of that week lies outside the touches' window."""
    alert = touch(0, "product", "usage_limit_approached", in_window=False)
    call = touch(2, "cs", "check_in", outcome="connected", in_window=False)
    assert split([alert, call], deal("csm", created=100, closer="ae"), close=150) == {
        ("source", "product"): 50,
        ("close", "ae"): 50,
    }


@pytest.mark.domain("M11")
class TestCorners:
    def test_without_assists_their_share_goes_half_and_half(self):
        raised = touch(20, "cs", "expansion_identified", outcome="held")
        assert split([raised], deal("csm", created=20, closer="ae")) == {("source", "cs"): 50, ("close", "ae"): 50}

    def test_the_source_is_the_close(self):
        """The CSM raised it and signed it in the same meeting."""
        signed = touch(49, "cs", "expansion_identified", outcome="signed")
        assert split([signed], deal("csm", created=49, closer="cs")) == {("source", "cs"): 50, ("close", "cs"): 50}

    def test_a_missing_source_is_unknown_and_never_the_last_human(self):
        """Nobody logged who started it; the CSM called last."""
        assert split([CALL | {"topic": None}], deal("unknown", created=40, closer="cs")) == {
            ("source", "unknown"): 40,
            ("close", "cs"): 40,
            ("assist", "cs"): 20,
        }

    def test_a_missing_opportunity_has_neither_source_nor_close(self):
        assert credit([], deal("unknown")) == {"unknown": 100}

    def test_in_one_second_the_product_moves_first(self):
        """The alert, the customer's mail and the CSM's note carry the same second."""
        at = 20
        tied = [
            touch(at, "cs", "expansion_identified", outcome="held", touch_id="a"),
            touch(at, "customer", "email_received", direction="inbound", topic="seats", touch_id="b"),
            touch(at, "product", "usage_limit_approached", touch_id="c"),
        ]
        assert ("source", "product") in split(tied, deal("csm", created=at, closer="ae"))
        assert ("source", "customer") in split(tied[:2], deal("csm", created=at, closer="ae"))

    def test_touches_of_one_second_follow_their_ids(self):
        tied = [touch(20, "cs", "expansion_identified", touch_id=name) for name in ("b", "a")]
        rows = roles_of(tied, deal("csm", created=20, closer="ae"))
        assert [row["touch_id"] for row in rows if row["role"] == "source"] == ["a"]


@pytest.mark.domain("M19")
class TestWords:
    def test_who_converted_closes_and_the_last_touch_does_not(self):
        """Support spoke to them on the last day; the account executive had converted it."""
        last = touch(48, "support", "ticket_solved", outcome="solved")
        raised = touch(20, "cs", "expansion_identified", outcome="held")
        assert split([raised, last], deal("csm", created=20, closer="ae"))["assist", "support"] == 20

    def test_a_close_assist_is_an_assist_unless_that_person_closed(self):
        raised = touch(20, "cs", "expansion_identified", outcome="held")
        helper = touch(48, "presales", "technical_demo", outcome="held")
        assert split([raised, helper], deal("csm", created=20, closer="presales"))["close", "presales"] == 40

    def test_a_signed_touch_closes_where_the_record_names_nobody(self):
        raised = touch(20, "cs", "expansion_identified", outcome="held")
        signed = touch(49, "ae", "proposal", outcome="signed")
        assert split([raised, signed], deal("csm", created=20)) == {("source", "cs"): 50, ("close", "ae"): 50}

    def test_touches_before_the_source_and_after_the_close_are_no_assists(self):
        early, late = touch(1, "marketing", "webinar"), touch(60, "cs", "check_in", outcome="held")
        raised = touch(20, "cs", "expansion_identified", outcome="held")
        assert split([early, raised, late], deal("csm", created=20, closer="ae")) == {
            ("source", "cs"): 50,
            ("close", "ae"): 50,
        }


@pytest.mark.domain("M20")
@pytest.mark.parametrize("outcome", ["held", "connected", "replied", "answered"])
def test_two_way_contact_is_meaningful(outcome):
    """Whoever spoke to the customer before a self-serve upgrade assists."""
    talk = touch(30, "support", "ticket_opened", outcome=outcome)
    assert credit([talk], deal("plg", self_serve=True, created=49)) == {"product": 80, "support": 20}


@pytest.mark.domain("M20")
def test_a_send_cannot_be_called_meaningful():
    with pytest.raises(InputError, match="sent are not two-way contact"):
        ExpansionRules(meaningful=frozenset({"held", "sent"}))


@pytest.mark.domain("M21")
class TestOrderOfSources:
    EVERYTHING = (
        ALERT,
        touch(10, "customer", "email_received", direction="inbound", topic="seats"),
        touch(20, "cs", "expansion_identified", outcome="held"),
    )

    def rule(self, touches, opportunity):
        return {row["source_rule"] for row in roles_of(touches, opportunity)}

    def test_self_serve_comes_before_all(self):
        assert self.rule(self.EVERYTHING, deal("customer_executive", created=5, self_serve=True)) == {"automatic"}

    def test_then_a_product_trigger_before_anyone_raised_it(self):
        assert self.rule(self.EVERYTHING, deal("customer_executive", created=5)) == {"product_trigger"}

    def test_then_the_customers_executive(self):
        assert self.rule(self.EVERYTHING[1:], deal("customer_executive", created=5)) == {"customer_executive"}

    def test_then_what_the_customer_asked(self):
        assert self.rule(self.EVERYTHING[1:], deal("csm", created=20)) == {"inbound"}

    def test_then_the_person_who_raised_it(self):
        assert self.rule(self.EVERYTHING[2:], deal("csm", created=20)) == {"raised"}

    def test_a_trigger_after_it_was_raised_is_too_late(self):
        late = touch(25, "product", "usage_limit_approached")
        assert self.rule([late, self.EVERYTHING[2]], deal("csm", created=20)) == {"raised"}

    def test_a_partner_who_raised_it_is_the_source(self):
        assert ("source", "partner") in split([], deal("partner", created=20, closer="ae"))

    def test_else_it_is_unknown(self):
        assert self.rule([REVIEW], deal("unknown", created=20)) == {"unknown"}


@pytest.mark.parametrize("shares", [{"source": 0.5}, {"source": 1.2, "close": -0.4}])
def test_shares_that_do_not_add_up_are_refused(shares):
    with pytest.raises(InputError, match="add up to 1"):
        ExpansionRules(**shares)


@pytest.mark.domain("M20")
def test_meaningful_contact_is_what_the_taxonomy_calls_two_way():
    """Whoever adds a two-way outcome to the taxonomy need not name it again; an attended webinar is one-way."""
    assert ExpansionRules().meaningful == default_taxonomy().meaningful_outcomes
    assert "attended" not in ExpansionRules().meaningful
    assert {"signed", "won"} <= default_taxonomy().meaningful_outcomes


@pytest.mark.domain("M5")
def test_every_word_that_the_rules_speak_of_survives_reading():
    """What the taxonomy does not know is dropped on reading, and a rule about it could never hold."""
    rules, known = ExpansionRules(), default_taxonomy()
    for column, words in (
        ("type", rules.triggers | rules.raising),
        ("outcome", rules.meaningful | rules.converted),
        ("function", rules.people),
    ):
        assert {word: known.canonical(column, word) for word in words} == {word: word for word in words}
