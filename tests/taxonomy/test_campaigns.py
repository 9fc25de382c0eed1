"""Campaign names are built, taken apart and checked by one rule; bad ones get the nearest good one, or none."""

import pytest
from hypothesis import given, strategies as st

from incrementality.taxonomy import (
    CampaignRule,
    TaxonomyError,
    build_campaign,
    check_campaigns,
    default_taxonomy,
    name_problems,
    parse_campaign,
)

CHANNELS = default_taxonomy().channels
GOOD = "email_smb_winback_20off_v2"
PARTS = {"channel": "email", "audience": "smb", "journey": "winback", "offer": "20off", "version": "v2"}
WORDS = st.text(st.sampled_from("abz09-"), min_size=1, max_size=8)


@pytest.mark.domain("T6")
@given(st.fixed_dictionaries(dict.fromkeys(PARTS, WORDS)))
def test_what_is_built_is_taken_apart_again(parts):
    name = build_campaign(parts)
    assert dict(parse_campaign(name).parts) == parts
    assert name_problems(name, rule=CampaignRule()) == ()


@pytest.mark.domain("T6")
def test_parts_are_written_by_the_rule():
    assert build_campaign(PARTS | {"channel": "Paid_Search", "journey": " Win Back "}).startswith(
        "paid-search_smb_win-back"
    )


def test_the_channel_is_canonical_once_taken_apart():
    assert parse_campaign("cpc_smb_winback_20off_v2", channels=CHANNELS)["channel"] == "paid_search"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"offer": ""}, "offer: the part is missing"),
        ({"ofer": "x"}, "Did you mean 'offer'?"),
        ({"offer": "20%"}, "the character '%' is not allowed"),
        ({"channel": "emial"}, "'emial' is none of the channels. Did you mean 'email'?"),
    ],
)
def test_a_campaign_that_cannot_be_named_says_why(change, problem):
    with pytest.raises(TaxonomyError, match=r".*") as caught:
        build_campaign(PARTS | change, channels=CHANNELS)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "the name is empty"),
        ("a_b", "2 parts instead of 5"),
        ("Email_smb_winback_20off_v2", "upper case"),
        ("email_smb_winback_20%_v2", "'%'"),
        ("email_smb__20off_v2", "journey: the part is empty"),
        ("x" * 201, "201 characters"),
        ("radio_smb_winback_20off_v2", "none of the channels"),
    ],
)
def test_each_fault_of_a_name_is_told(name, problem):
    assert any(problem in line for line in name_problems(name, rule=CampaignRule(), channels=CHANNELS))


@pytest.mark.domain("T6")
def test_order_separator_and_characters_are_configurable():
    rule = CampaignRule(parts=("journey", "channel"), separator="|", allowed="A-Za-z ", lower=False)
    name = build_campaign({"journey": "Win", "channel": "Mail"}, rule=rule)
    assert name == "Win|Mail"
    assert parse_campaign("Win Back|Mail", rule=rule)["journey"] == "Win Back"


@pytest.mark.domain("T6")
def test_the_repair_report_names_fault_nearest_name_and_touches():
    counts = {GOOD: 900, "Email_SMB_Winback_20off_v2": 40, "smb_email_winback_20off_v2": 30, "spring sale": 20}
    report = check_campaigns(counts, channels=CHANNELS)
    rows = {repair.name: repair for repair in report.repairs}
    assert [(r.touches, r.nearest, r.basis) for r in rows.values()] == [
        (40, GOOD, "other names"),
        (30, GOOD, "rule"),
        (20, "", ""),
    ]
    assert (report.names, report.touches, report.bad_touches) == (4, 990, 90)
    assert report.values == {"Email_SMB_Winback_20off_v2": GOOD, "smb_email_winback_20off_v2": GOOD}
    assert "upper case" in report.to_text()


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("EMAIL_smb_winback_20off_v2", GOOD),
        ("email smb winback 20off v2", GOOD),
        ("email|smb|winback|20off|v2", GOOD),
        ("email_smb_winback_20%off_v2", GOOD),
        (" email_smb_winback_20off_v2 ", GOOD),
        ("winback_email_smb_20off_v2", "email_winback_smb_20off_v2"),
    ],
)
def test_a_name_is_repaired_by_the_rule_alone(bad, good):
    assert check_campaigns({bad: 1}, channels=CHANNELS).repairs[0].nearest == good


@pytest.mark.domain("T6")
def test_with_a_register_a_well_formed_name_outside_it_is_bad():
    report = check_campaigns({"email_smb_winbak_20off_v2": 7}, registered=[GOOD, "sms_ent_renewal_none_v1"])
    assert report.repairs[0].problems == ("the name is not registered",)
    assert (report.repairs[0].nearest, report.repairs[0].basis) == (GOOD, "register")


def test_a_registered_name_is_good_whatever_the_rule_says():
    assert check_campaigns({"Legacy Spring": 7}, registered=["Legacy Spring"]).repairs == ()


def test_nothing_near_is_no_repair():
    assert check_campaigns({"zzz": 1}, registered=[GOOD]).repairs[0].nearest == ""


def test_a_clean_list_says_so():
    report = check_campaigns({GOOD: 3}, channels=CHANNELS)
    assert report.sentence == "All 1 campaign names are good."


@given(st.dictionaries(st.text(max_size=12), st.integers(0, 9), max_size=8))
def test_every_touch_is_counted_and_every_repair_is_good(counts):
    report = check_campaigns(counts, channels=CHANNELS)
    assert report.touches == sum(counts.values())
    for repair in report.repairs:
        assert repair.touches == counts[repair.name]
        assert not repair.nearest or name_problems(repair.nearest, rule=CampaignRule(), channels=CHANNELS) == ()
