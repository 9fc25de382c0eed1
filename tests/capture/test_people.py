"""Touches that name people and telemetry that names accounts become touches of accounts."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("stories", Path(__file__).with_name("stories.py"))
stories = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stories)
TOUCHES = stories.TOUCHES
CONTACTS = [
    {"contact_id": "c1", "account_id": "a1", "email": "ana@x.com"},
    {"contact_id": "c2", "account_id": "a2", "email": "bob@y.com"},
    {"contact_id": "c3", "account_id": "", "email": "ana@x.com"},
]


def naming(contact, **values):
    return {"touch_id": "t9", "function": "cs", "occurred_at": "2026-03-05", "contact_id": contact} | values


@pytest.mark.domain("D4")
@pytest.mark.parametrize(("contact", "account"), [("c1", "a1"), ("c3", "a1"), ("Bob@Y.com", "a2")])
def test_a_touch_finds_the_account_of_whoever_it_names(take_in, rows, contact, account):
    company = take_in({"touchpoints": [*TOUCHES, naming(contact)], "contacts": CONTACTS})
    assert ("t9", account) in rows(company, "touchpoints", "touch_id", "account_id")


@pytest.mark.domain("D4")
def test_a_touch_of_nobody_is_an_orphan(take_in):
    company = take_in({"touchpoints": [*TOUCHES, naming("eve@z.com")], "contacts": CONTACTS})
    assert company.intake["touchpoints"].rows_refused("orphan") == 1


@pytest.mark.domain("D4")
def test_an_address_of_two_accounts_is_a_conflict_and_never_guessed(take_in, rows):
    contacts = [*CONTACTS, {"contact_id": "c4", "account_id": "a2", "email": "ana@x.com"}]
    touches = [*TOUCHES, naming("ana@x.com"), naming("c4", touch_id="t10")]
    company = take_in({"touchpoints": touches, "contacts": contacts})
    assert company.intake["touchpoints"].rows_refused("identity_conflict") == 1
    assert ("t10", "a2") in rows(company, "touchpoints", "touch_id", "account_id")


@pytest.mark.domain("D13")
def test_what_rests_on_a_guess_is_off_by_default_and_counted_where_it_is_on(take_in):
    link = {"left_kind": "email", "left_value": "ana@x.com", "right_kind": "phone", "right_value": "+4930123456"}
    tables = {
        "touchpoints": [*TOUCHES, naming("+4930123456")],
        "contacts": CONTACTS,
        "identities": [link | {"score": "0.95"}],
    }
    assert take_in(tables).intake["touchpoints"].rows_refused("orphan") == 1
    guessed = take_in(tables, guesses=True)
    assert guessed.intake["touchpoints"].rows_flagged("identity_guessed") == 1
    assert guessed.people.touches.guessed == 1


@pytest.mark.domain("T9")
def test_telemetry_becomes_touches_at_milestones_only(take_in, rows):
    day = {"account_id": "a1", "name": "seat_invited"}
    raw = [day | {"occurred_at": f"2026-02-{k:02d} 08:00"} for k in range(1, 4)]
    raw += [{"account_id": "a1", "name": "login", "occurred_at": "2026-02-01 07:00"}]
    taxonomy = company_with_milestone("invited", "first_use", "seat_invited")
    company = take_in({"telemetry": raw}, taxonomy=taxonomy)
    assert (company.milestones.raw, company.milestones.kept) == (4, 1)
    assert ("product", "a1") in rows(company, "touchpoints", "function", "account_id")
    assert company.intake["touchpoints"].read == 4


def company_with_milestone(name, kind, event):
    from dataclasses import replace

    from incrementality.taxonomy import MilestoneRule, Vocabulary, default_taxonomy

    rule = MilestoneRule(name=name, kind=kind, event=event)
    return replace(default_taxonomy(), milestones=Vocabulary("milestones", (rule,)))
