"""What ships: the words of the domain, each found however it is spelled, none of them twice."""

from collections import Counter

import pytest

from incrementality.taxonomy import RESERVED, default_taxonomy, fold
from incrementality.taxonomy.crossings import crossing_problems

TAXONOMY = default_taxonomy()
VOCABULARIES = [pytest.param(vocabulary, id=vocabulary.name) for vocabulary in TAXONOMY.vocabularies()]
TYPES = {
    "marketing": "ad_click paid_impression content_download webinar email_engagement reply site_visit return_visit "
    "event",
    "sdr": "call sequence_email discovery_call qualification meeting_set",
    "ae": "discovery demo proposal pricing stakeholder_meeting rfp follow_up",
    "presales": "technical_demo proof_of_concept architecture_review integration_assessment security_and_compliance "
    "objection questions_and_answers",
    "cs": "onboarding_milestone quarterly_review account_plan adoption_coaching health_score_gain check_in save_call "
    "expansion_identified",
    "product": (
        "feature_adoption usage_depth key_workflow aha_moment power_use in_app_message "
        "adoption_milestone usage_limit_approached self_serve_upgrade automatic_tier_change"  # triggers of D2
    ),
    "support": "ticket_opened ticket_solved ticket_escalated satisfaction",
    "implementation": "kick_off implementation_milestone go_live",
    "executive": "sponsor_meeting executive_review",
    "partner": "partner_referral co_sell",
}


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_no_spelling_means_two_terms(vocabulary):
    spelled = Counter(spelling for term in vocabulary for spelling in {fold(s) for s in (term.name, *term.aliases)})
    assert [spelling for spelling, count in spelled.items() if count > 1] == []


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_every_term_is_found_by_each_of_its_spellings(vocabulary):
    for term in vocabulary:
        for spelling in (term.name, term.name.upper(), term.name.replace("_", "-"), *term.aliases):
            assert vocabulary.find(f" {spelling} ") is term


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_no_term_takes_a_reserved_word(vocabulary):
    assert not RESERVED & set(vocabulary.spellings)


def test_what_one_vocabulary_says_of_another_is_there():
    assert crossing_problems(TAXONOMY) == []


@pytest.mark.domain("T2")
def test_the_stages_are_those_of_the_lifecycle():
    stages = "awareness consideration evaluation purchase onboarding adoption expansion renewal advocacy"
    assert TAXONOMY.stages.names == tuple(stages.split())


@pytest.mark.domain("T3")
@pytest.mark.parametrize("function", TYPES)
def test_each_function_has_its_types(function):
    assert tuple(t.name for t in TAXONOMY.types if t.function == function) == tuple(TYPES[function].split())


@pytest.mark.domain("T4")
def test_the_customers_own_pull_is_a_function_without_budget():
    functions = "marketing sdr ae presales implementation cs product support executive partner customer"
    assert TAXONOMY.functions.names == tuple(functions.split())
    assert TAXONOMY.without_budget == {"customer"}


@pytest.mark.domain("T5")
def test_channels_stand_for_themselves_and_offline_ones_are_among_them():
    assert len(TAXONOMY.channels) == 19
    assert {TAXONOMY.counts_as(name) for name in TAXONOMY.channels.names} == set(TAXONOMY.channels.names)
    assert {"phone", "meeting", "events", "direct_mail"} <= {c.name for c in TAXONOMY.channels if c.offline}


@pytest.mark.domain("T7")
def test_the_grain_of_an_event_is_kept():
    grain = (
        "sent delivered bounced opened read clicked replied visited app_event purchased refunded unsubscribed "
        "opted_out complained status_change"
    )
    assert set(grain.split()) <= set(TAXONOMY.outcomes.names)


@pytest.mark.domain("T10")
def test_a_touch_says_who_moved_and_how_it_went():
    assert TAXONOMY.directions.names == ("inbound", "outbound", "automatic")
    pairs = "attempted connected scheduled held registered attended sent replied"
    assert set(pairs.split()) <= set(TAXONOMY.outcomes.names)


@pytest.mark.domain("W9")
def test_every_lifecycle_step_has_a_name():
    steps = (
        "lead mql sal sql opportunity discovery proposal won lost trial_start activation free_to_paid "
        "onboarding_complete"
    )
    assert TAXONOMY.steps.names == tuple(steps.split())


@pytest.mark.domain("W10", "W13")
def test_kinds_of_events_are_kept_apart_and_saved_only_labels_a_renewal():
    assert {"purchase", "repeat_order", "upgrade", "renewal", "reactivation", "win_back", "referral"} <= set(
        TAXONOMY.event_kinds.names
    )
    assert [kind.name for kind in TAXONOMY.event_kinds if kind.beside] == ["saved"]


@pytest.mark.domain("D2")
def test_creation_sources_have_their_triggers():
    triggers = {
        source: tuple(t.name for t in TAXONOMY.creation_triggers if t.source == source)
        for source in TAXONOMY.creation_sources.names
    }
    assert triggers == {
        "csm": ("quarterly_review", "health_review", "proactive_proposal", "other"),
        "sales": ("renewal_negotiation", "separate_upsell"),
        "plg": ("usage_limit_approached", "adoption_milestone", "self_serve_upgrade", "automatic_tier_change"),
        "customer": ("email", "in_product", "support_ticket"),
        "customer_executive": (),
        "partner": (),
    }


@pytest.mark.domain("M4")
def test_a_source_says_whether_the_expansion_was_initiated_or_received():
    paths = {source.name: source.path for source in TAXONOMY.creation_sources}
    assert paths == {
        "csm": "initiated",
        "sales": "initiated",
        "plg": "received",
        "customer": "received",
        "customer_executive": "received",
        "partner": "partner",
    }


@pytest.mark.domain("M20")
def test_only_two_way_contact_is_meaningful():
    assert TAXONOMY.meaningful_outcomes == {"answered", "connected", "held", "replied", "signed", "solved", "won"}
    assert TAXONOMY.unrelated_topics == {"unrelated"}


@pytest.mark.domain("G8")
def test_opens_and_clicks_are_diagnostics():
    assert {"opened", "clicked"} <= {outcome.name for outcome in TAXONOMY.outcomes if outcome.diagnostic}


@pytest.mark.domain("D6")
@pytest.mark.parametrize("column", ["function", "channel", "creation_source"])
def test_the_literal_unknown_is_a_value_and_no_gap(column):
    assert TAXONOMY.canonical(column, " Unknown ") == "unknown"
    assert TAXONOMY.canonical(column, "smoke signals") is None


@pytest.mark.domain("T1")
def test_a_silent_row_takes_function_and_stage_from_its_type():
    found = TAXONOMY.classify({"type": "Security Review", "function": None, "stage": " "})
    assert (found.function, found.type, found.stage) == ("presales", "security_and_compliance", "purchase")


@pytest.mark.domain("T1")
def test_what_the_row_says_goes_before_what_its_type_implies():
    found = TAXONOMY.classify({"type": "Demo", "function": "Sales Engineer", "stage": "Expansion"})
    assert (found.function, found.type, found.stage) == ("presales", "demo", "expansion")


def test_a_function_that_no_mapping_knows_is_named_and_not_replaced():
    found = TAXONOMY.classify({"type": "demo", "function": "skunkworks"})
    assert (found.function, found.unmapped) == (None, ("function",))
