"""A company writes its own words: what is written extends what ships, and what cannot be used is named."""

import pytest

from incrementality.taxonomy import TaxonomyError, default_taxonomy, parse_taxonomy

SHIPPED = default_taxonomy()


def problems(content):
    with pytest.raises(TaxonomyError) as caught:
        parse_taxonomy(content)
    return list(caught.value.problems)


def test_nothing_written_is_what_ships():
    assert parse_taxonomy(None) == SHIPPED
    assert parse_taxonomy({}).fingerprint == SHIPPED.fingerprint


@pytest.mark.domain("T1", "T4")
def test_a_company_adds_a_function_with_types_of_its_own():
    taxonomy = parse_taxonomy(
        {
            "functions": {"community": {"label": "Community", "has_budget": False}},
            "types": {"office_hours": {"function": "Community", "stage": "Adoption", "aliases": ["AMA"]}},
        }
    )
    found = taxonomy.classify({"type": "ama"})
    assert (found.function, found.type, found.stage) == ("community", "office_hours", "adoption")
    assert taxonomy.without_budget == {"customer", "community"}


def test_aliases_are_added_and_the_rest_of_a_term_stays():
    taxonomy = parse_taxonomy({"functions": {"sdr": {"aliases": ["Inside Sales"]}}})
    assert taxonomy.functions["inside sales"].label == "SDR"
    assert taxonomy.canonical("function", "BDR") == "sdr"


def test_a_list_gives_aliases_alone():
    assert parse_taxonomy({"channels": {"email": ["EDM"]}}).canonical("channel", "edm") == "email"


def test_what_ships_stays_as_it_was():
    before = SHIPPED.fingerprint
    assert parse_taxonomy({"functions": {"community": None}}).fingerprint != before
    assert default_taxonomy().fingerprint == before


def test_a_new_name_takes_a_spelling_over_from_an_alias_that_ships():
    taxonomy = parse_taxonomy({"functions": {"bdr": {"label": "BDR"}}})
    assert taxonomy.canonical("function", "BDR") == "bdr"
    assert "bdr" not in taxonomy.functions["sdr"].aliases


def test_a_new_alias_takes_a_spelling_over_from_an_alias_that_ships():
    taxonomy = parse_taxonomy({"functions": {"marketing": ["BDR"]}})
    assert taxonomy.canonical("function", "bdr") == "marketing"


@pytest.mark.domain("T5")
def test_channels_roll_up_over_several_steps():
    taxonomy = parse_taxonomy(
        {"channels": {"whatsapp": {"rolls_up_to": "messengers"}, "messengers": {"rolls_up_to": "SMS"}}}
    )
    assert taxonomy.counts_as("whatsapp") == "sms"


def test_channels_that_roll_up_in_a_circle_are_refused():
    content = {"channels": {"sms": {"rolls_up_to": "push"}, "push": {"rolls_up_to": "sms"}}}
    assert problems(content)[0] == "channels.sms.rolls_up_to: a circle: sms -> push -> sms"


def test_a_channel_that_leads_into_a_circle_is_no_endless_walk():
    content = {
        "channels": {"sms": {"rolls_up_to": "push"}, "push": {"rolls_up_to": "sms"}, "web": {"rolls_up_to": "sms"}}
    }
    assert len(problems(content)) == 2


@pytest.mark.domain("W10")
def test_kinds_of_events_are_extensible():
    taxonomy = parse_taxonomy({"event_kinds": {"seat_top_up": ["Top-up"]}})
    assert taxonomy.canonical("kind", "top up") == "seat_top_up"


@pytest.mark.domain("D2")
def test_triggers_are_extensible():
    taxonomy = parse_taxonomy({"creation_triggers": {"roadmap_session": {"source": "CSM"}}})
    assert taxonomy.creation_triggers["Roadmap session"].source == "csm"


@pytest.mark.parametrize("word", ["unknown", "Unknown", "unallocated"])
def test_reserved_words_are_nobodys_name(word):
    assert "reserved" in problems({"functions": {word: {}}})[0]
    assert "reserved" in problems({"functions": {"sdr": [word]}})[0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"fuctions": {}}, "Did you mean 'functions'?"),
        ({"functions": {"sdr": {"label": 7}}}, "functions.sdr.label: 7 cannot be used; expected text"),
        ({"functions": {"sdr": {"has_budjet": True}}}, "Did you mean 'has_budget'?"),
        ({"functions": {"sdr": {"has_budget": "yes"}}}, "expected true or false"),
        ({"functions": {"sdr": "x"}}, "functions.sdr: this is a text; expected a mapping"),
        ({"functions": ["sdr"]}, "functions: this is a list; expected a mapping"),
        ({"functions": {True: {}}}, "functions: the name True is true or false; put it in quotes"),
        ({"functions": {"Field Sales": {}}}, "write field_sales"),
        ({"functions": {"sdr": ["AE"]}}, "functions.sdr.aliases: 'AE' means 'ae' already"),
        ({"functions": {"a": ["x"], "b": ["X"]}}, "functions.b.aliases: 'X' means 'a' already"),
        ({"functions": {"sdr": [" "]}}, "an alias is empty"),
        ({"types": {"demo": {"function": "presale"}}}, "Did you mean 'presales'?"),
        ({"directions": {"sideways": {}}}, "no directions can be added"),
        ({"creation_sources": {"csm": {"path": "initated"}}}, "Did you mean 'initiated'?"),
        ({"milestones": {"deep": {"kind": "threshold"}}}, "milestones.deep.event: the key is missing"),
        ({"milestones": {"up": {"kind": "rise", "event": "score"}}}, "milestones.up.up_by: the key is missing"),
        ({"milestones": {"up": {"event": "x", "apart_days": 0}}}, "must be above 0"),
        ({"campaigns": {"separator": "-"}}, "campaigns.separator: '-' can stand inside a part"),
        ({"campaigns": {"part": []}}, "Did you mean 'parts'?"),
        ({"campaigns": {"parts": []}}, "name at least one"),
        ({"campaigns": {"parts": 3}}, "campaigns.parts: 3 cannot be used"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_key(content, problem):
    assert any(problem in line for line in problems(content))


def test_every_problem_is_told_at_once():
    assert len(problems({"functions": {"unknown": {}, "sdr": {"label": 7}}, "x": 1})) == 3


def test_the_naming_rule_is_configured_part_by_part():
    rule = parse_taxonomy({"campaigns": {"parts": ["audience", "channel"], "separator": "|"}}).campaigns
    assert (rule.pattern, rule.allowed) == ("audience|channel", "a-z0-9-")


def test_a_taxonomy_is_plain_values_and_one_changed_word_shows():
    taxonomy = parse_taxonomy({"functions": {"community": {}}})
    assert taxonomy.to_dict()["functions"][-1] == {"name": "community", "label": "", "aliases": (), "has_budget": True}
    assert len({SHIPPED.fingerprint, taxonomy.fingerprint, parse_taxonomy({"topics": {"x": {}}}).fingerprint}) == 3
