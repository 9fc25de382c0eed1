"""Who is who: identifiers to people, people to accounts, conflicts reported and never guessed."""

from hashlib import sha256

import pytest
from hypothesis import given, settings, strategies as st

from incrementality.capture.identity import resolve_identities
from incrementality.errors import ColumnNotFound, InputError
from incrementality.warehouse import connect
from incrementality.warehouse.sql import parse
from incrementality.warehouse.upload import upload

CONTACT = ("contact_id", "account_id", "email", "phone", "customer_number", "app_id")
LINK = ("left_kind", "left_value", "right_kind", "right_value", "score")


@pytest.fixture(scope="module")
def engine():
    with connect(threads=1) as warehouse:
        warehouse.tables_made = 0
        yield warehouse


def relation(engine, columns, rows):
    engine.tables_made += 1
    kinds = {name: "DOUBLE" if name == "score" else "TEXT" for name in columns}
    return upload(
        engine, f"made_{engine.tables_made}", kinds, [tuple(row.get(name) for name in columns) for row in rows]
    )


def resolve(engine, contacts, links=None, **options):
    links = None if links is None else relation(engine, LINK, [dict(zip(LINK, link, strict=True)) for link in links])
    return resolve_identities(engine, relation(engine, CONTACT, contacts), links, **options)


def people(engine, found):
    """Return (kind, identifier) -> (person, account, problem, guessed)."""
    query = parse(
        "SELECT identifier_kind, identifier, person_id, account_id, problem, guessed FROM p", p=found.people.name
    )
    return {(kind, identifier): tuple(rest) for kind, identifier, *rest in engine.query(query)}


@pytest.mark.domain("D4")
def test_two_contacts_with_one_address_are_one_person(engine):
    found = people(
        engine,
        resolve(
            engine,
            [
                {"contact_id": "c1", "account_id": "a1", "email": "Ana@x.com"},
                {"contact_id": "c2", "email": "ana@x.com "},
                {"contact_id": "c3", "account_id": "a1"},
            ],
        ),
    )
    assert found["contact_id", "c1"] == found["contact_id", "c2"] == found["email", "ana@x.com"]
    assert found["contact_id", "c3"][0] != found["contact_id", "c1"][0]
    assert found["contact_id", "c2"][1] == "a1"


@pytest.mark.domain("D4")
def test_links_lead_over_several_identifiers_to_the_account(engine):
    contacts = [{"contact_id": "c1", "account_id": "a1", "app_id": "u7"}]
    links = [("App", "u7", "customer id", "K-1", 1.0), ("phone", "0049 30 123456", "customer_number", "K-1", 1.0)]
    found = people(engine, resolve(engine, contacts, links))
    assert found["phone", "+4930123456"][1] == "a1"
    assert len({person for person, *_ in found.values()}) == 1


@pytest.mark.domain("D4")
def test_an_address_meets_its_own_hash(engine):
    digest = sha256(b"ana@x.com").hexdigest()
    contacts = [
        {"contact_id": "c1", "account_id": "a1", "email": "Ana@X.com"},
        {"contact_id": "c2", "email": digest.upper()},
    ]
    found = people(engine, resolve(engine, contacts, [("hash", digest, "app_id", "u1", 1.0)]))
    assert {account for _, account, *_ in found.values()} == {"a1"}


@pytest.mark.domain("D4")
def test_a_person_with_two_accounts_is_a_conflict_and_its_address_leads_to_nobody(engine):
    contacts = [
        {"contact_id": "c1", "account_id": "a1", "email": "ana@x.com"},
        {"contact_id": "c2", "account_id": "a2", "email": "ana@x.com"},
        {"contact_id": "c3", "account_id": None, "email": "ana@x.com"},
        {"contact_id": "c4", "account_id": "a1", "email": "bo@x.com"},
    ]
    answer = resolve(engine, contacts)
    found = people(engine, answer)
    assert found["email", "ana@x.com"] == (None, None, "identity_conflict", False)
    assert [found["contact_id", c][1] for c in ("c1", "c2", "c3", "c4")] == ["a1", "a2", None, "a1"]
    assert found["email", "bo@x.com"][2] is None
    assert (answer.conflicts.components, answer.conflicts.identifiers, answer.conflicts.two_accounts) == (1, 4, 1)
    assert "1 person is in conflict" in answer.conflicts.sentence


def test_two_customer_numbers_are_a_conflict(engine):
    contacts = [
        {"contact_id": "c1", "account_id": "a1", "email": "ana@x.com", "customer_number": "1"},
        {"contact_id": "c2", "account_id": "a1", "email": "ana@x.com", "customer_number": "2"},
    ]
    answer = resolve(engine, contacts)
    assert answer.conflicts.two_customer_numbers == 1
    assert people(engine, answer)["customer_number", "1"][1] is None


def test_one_contact_with_two_accounts_on_its_rows_keeps_neither(engine):
    answer = resolve(engine, [{"contact_id": "c1", "account_id": a} for a in ("a1", "a2")])
    assert people(engine, answer)["contact_id", "c1"][1:3] == (None, "identity_conflict")


def test_samples_of_conflicts_show_hashes_alone(engine):
    contacts = [{"contact_id": f"c{k}", "account_id": f"a{k}", "email": "ana@x.com"} for k in range(3)]
    conflicts = resolve(engine, contacts).conflicts
    assert conflicts.samples[0].contacts == 3
    assert f"email {sha256(b'email:ana@x.com').hexdigest()[:12]}" in conflicts.samples[0].hashed
    assert "ana" not in conflicts.to_text()


GUESS = [("email", "ana@x.com", "app_id", "u1", 0.95)]
ANA = {"contact_id": "c1", "account_id": "a1", "email": "ana@x.com"}


@pytest.mark.domain("D13")
def test_guesses_are_off_by_default(engine):
    answer = resolve(engine, [ANA, {"contact_id": "c2", "app_id": "u1"}], GUESS)
    assert people(engine, answer)["app_id", "u1"][1] is None
    assert answer.intake.refused_links == {"guess_off": 1}


@pytest.mark.domain("D13")
def test_what_rests_on_a_guess_is_marked(engine):
    found = people(engine, resolve(engine, [ANA, {"contact_id": "c2", "app_id": "u1"}], GUESS, guesses=True))
    assert found["app_id", "u1"][1:] == ("a1", None, True)
    assert found["email", "ana@x.com"][1:] == ("a1", None, False)


@pytest.mark.domain("D13")
def test_a_guess_never_goes_against_what_is_known(engine):
    contacts = [ANA, {"contact_id": "c2", "account_id": "a2", "app_id": "u1"}]
    answer = resolve(engine, contacts, GUESS, guesses=True)
    found = people(engine, answer)
    assert found["email", "ana@x.com"][1:] == ("a1", None, False)
    assert found["app_id", "u1"][1:] == ("a2", None, False)
    assert (answer.conflicts.components, answer.conflicts.refused_by_guesses) == (0, 2)


def test_a_weak_guess_is_left_out(engine):
    links = [("email", "ana@x.com", "app_id", "u1", 0.5)]
    answer = resolve(engine, [ANA], links, guesses=True)
    assert answer.intake.refused_links == {"low_score": 1}


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (("cookie", "x", "email", "ana@x.com", 1.0), "unknown_kind"),
        (("app_id", None, "email", "ana@x.com", 1.0), "missing_value"),
        (("app_id", "u1", "email", "  ", 1.0), "missing_value"),
        (("app_id", "u1", "email", "n/a", 1.0), "malformed"),
        (("app_id", "u1", "phone", "n/a", 1.0), "malformed"),
        (("app_id", "u1", "email", "ana@x.com", None), "bad_score"),
        (("app_id", "u1", "email", "ana@x.com", 1.5), "bad_score"),
        (("app_id", "u1", "email", "ana@x.com", float("nan")), "bad_score"),
    ],
)
def test_links_that_cannot_be_used_are_counted_by_reason(engine, link, reason):
    intake = resolve(engine, [ANA], [link], guesses=True).intake
    assert (intake.links, intake.refused_links) == (1, {reason: 1})


def test_placeholders_on_contacts_are_counted_and_join_nobody(engine):
    contacts = [{"contact_id": f"c{k}", "account_id": f"a{k}", "email": "n/a", "phone": "0"} for k in range(3)]
    answer = resolve(engine, [*contacts, {"contact_id": None, "email": "x@x.com"}])
    assert answer.conflicts.components == 0
    assert answer.intake.refused_contacts == {"without_id": 1, "malformed_email": 3, "malformed_phone": 3}


def test_identifiers_are_sealed_on_request(engine):
    found = people(engine, resolve(engine, [ANA], key="secret"))
    assert ("email", sha256(b"secret/ana@x.com").hexdigest()) in found
    assert not any("ana" in identifier for _, identifier in found)


def test_whole_numbers_as_ids_keep_their_type(engine):
    contacts = engine.materialise("whole", parse("SELECT 7 AS contact_id, 42 AS account_id, 'a@x.com' AS email"))
    found = resolve_identities(engine, contacts)
    assert people(engine, found)["contact_id", "7"][1] == 42


def test_what_cannot_be_resolved_is_named(engine):
    nobody = engine.materialise("nobody", parse("SELECT 'x' AS email"))
    with pytest.raises(ColumnNotFound, match="no column 'contact_id'"):
        resolve_identities(engine, nobody)
    with pytest.raises(InputError, match="least score"):
        resolve(engine, [ANA], least_score=0.0)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "contact_id": st.sampled_from(["c1", "c2", "c3", "c4"]),
            "account_id": st.sampled_from(["a1", "a2", None]),
            "email": st.sampled_from(["x@x.com", "y@x.com", None]),
            "app_id": st.sampled_from(["u1", "u2", None]),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=15, deadline=None)
@given(ROWS, st.randoms())
def test_order_and_doubles_of_rows_change_nothing(engine, rows, random):
    other = [*rows, *rows[:2]]
    random.shuffle(other)
    assert people(engine, resolve(engine, rows)) == people(engine, resolve(engine, other))


@settings(max_examples=15, deadline=None)
@given(ROWS)
def test_nobody_gets_an_account_that_no_row_of_theirs_states(engine, rows):
    stated: dict[str, set[str]] = {}
    for row in rows:
        for value in (row["contact_id"], row["email"], row["app_id"]):
            if value is not None:
                stated.setdefault(value, set()).add(row["contact_id"])
    accounts = {
        row["contact_id"]: {r["account_id"] for r in rows if r["contact_id"] == row["contact_id"]} for row in rows
    }
    for (_, identifier), (_, account, problem, _) in people(engine, resolve(engine, rows)).items():
        own = set().union(*(accounts[contact] for contact in stated[identifier])) - {None}
        assert account is None or account in own or (problem is None and not own)
