"""Whose touches they are: what a touch names is led to a person, or left unresolved with its reason."""

import pytest

from incrementality.capture import resolve_identities
from incrementality.capture.identified import identify_touches
from incrementality.errors import ColumnNotFound
from incrementality.warehouse import connect
from incrementality.warehouse.sql import parse
from incrementality.warehouse.upload import upload

CONTACTS = [
    ("c1", "a1", "ana@x.com", "+49 30 123456", "u1"),
    ("c2", "a2", "bo@x.com", None, None),
    ("c3", None, "cy@x.com", None, "u3"),
    ("c4", "a1", "same@x.com", None, "7"),
    ("c5", "a2", "same@x.com", None, None),
    ("u1", "a2", None, None, None),
]
KINDS = dict.fromkeys(("contact_id", "account_id", "email", "phone", "app_id"), "TEXT")
LINKS = {"left_kind": "TEXT", "left_value": "TEXT", "right_kind": "TEXT", "right_value": "TEXT", "score": "DOUBLE"}


@pytest.fixture(scope="module")
def engine():
    with connect(threads=1) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def resolved(engine):
    contacts = upload(engine, "contacts", KINDS, CONTACTS)
    links = [("email", "cy@x.com", "email", "bo@x.com", 0.95), ("customer_number", "99", "email", "ana@x.com", 1.0)]
    links += [("phone", "0123456", "email", "ana@x.com", 1.0), ("app_id", "0123456", "email", "bo@x.com", 1.0)]
    return resolve_identities(engine, contacts, upload(engine, "links", LINKS, links), guesses=True)


def identified(engine, resolved, *named):
    rows = upload(engine, f"touches_{len(engine.statements)}", {"contact_id": "TEXT"}, [(name,) for name in named])
    found = identify_touches(engine, rows, resolved)
    columns = "SELECT contact_id, account_id, problem, guessed FROM r"
    return {name: tuple(rest) for name, *rest in engine.query(parse(columns, r=found.relation.name))}, found


@pytest.mark.domain("D4")
@pytest.mark.parametrize(
    ("named", "account"),
    [("c1", "a1"), (" ANA@x.com", "a1"), ("0049 30 123456", "a1"), ("99", "a1"), ("bo@x.com", "a2")],
)
def test_a_touch_may_name_any_identifier_of_a_person(engine, resolved, named, account):
    rows, _ = identified(engine, resolved, named)
    assert rows[named] == (account, None, False)


def test_a_contacts_own_id_goes_before_the_same_text_as_an_app_id(engine, resolved):
    assert identified(engine, resolved, "u1")[0]["u1"] == ("a2", None, False)


@pytest.mark.domain("D4")
def test_a_text_that_leads_to_two_people_is_left_unresolved(engine, resolved):
    assert identified(engine, resolved, "0123456")[0]["0123456"] == (None, "identity_ambiguous", False)


@pytest.mark.domain("D4")
def test_a_conflict_is_left_unresolved_but_its_contacts_keep_their_account(engine, resolved):
    rows, found = identified(engine, resolved, "same@x.com", "same@x.com", "c4", "nobody")
    assert rows["same@x.com"] == (None, "identity_conflict", False)
    assert rows["c4"] == ("a1", "identity_conflict", False)
    assert rows["nobody"] == (None, "identity_unknown", False)
    assert found.problems == {"identity_conflict": 3, "identity_unknown": 1}


@pytest.mark.domain("D13")
def test_touches_that_rest_on_a_guess_are_counted(engine, resolved):
    rows, found = identified(engine, resolved, "u3", "u3", "c1", None)
    assert rows["u3"] == ("a2", None, True)
    assert (found.touches, found.guessed) == (3, 2)
    assert "2 (66.7%) rest on a guess" in found.sentence


@pytest.mark.domain("D4")
def test_sealed_identifiers_find_the_same_people(engine):
    contacts = upload(engine, "sealed_contacts", KINDS, CONTACTS)
    rows, _ = identified(engine, resolve_identities(engine, contacts, key="secret"), "Ana@x.com")
    assert rows["Ana@x.com"] == ("a1", None, False)


def test_touches_that_name_nobody_are_told(engine, resolved):
    bare = engine.materialise("bare", parse("SELECT 1 AS touch_id"))
    with pytest.raises(ColumnNotFound, match="no column 'contact_id'"):
        identify_touches(engine, bare, resolved)
