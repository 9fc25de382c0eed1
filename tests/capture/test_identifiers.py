"""Identifiers are compared in one spelling: the same in Python and in the engine, and nothing is guessed."""

import pytest
from hypothesis import given, settings, strategies as st

from incrementality.capture.identifiers import IDENTIFIER_KINDS, is_usable, normalise_identifier, normalised
from incrementality.warehouse import connect
from incrementality.warehouse.sql import literal, parse

TEXTS = st.text(st.sampled_from("aZ é@.+-()0017 ünI"), max_size=14)


@pytest.fixture(scope="module")
def engine():
    with connect(threads=1) as warehouse:
        yield warehouse


def in_engine(engine, kind, text):
    return engine.row(parse("SELECT $x AS x", x=normalised(kind, literal(text))))[0]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(IDENTIFIER_KINDS), TEXTS)
def test_python_and_engine_spell_alike(engine, kind, text):
    assert in_engine(engine, kind, text) == normalise_identifier(kind, text)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(IDENTIFIER_KINDS), TEXTS)
def test_a_normal_spelling_stays_as_it_is(kind, text):
    once = normalise_identifier(kind, text)
    assert normalise_identifier(kind, once) == once


@pytest.mark.parametrize(
    ("kind", "one", "other", "same"),
    [
        ("email", "Ana@X.com", " ana@x.com ", True),
        ("email", "ana.b@x.com", "anab@x.com", False),
        ("email", "ana+news@x.com", "ana@x.com", False),
        ("phone", "+49 (0)30 1234-56", "0049 30 123456", True),
        ("phone", "030 123456", "+49 30 123456", False),
        ("customer_number", "0042", "42", False),
        ("app_id", "uX7", "ux7", False),
        ("hash", "AB" * 32, "ab" * 32, True),
    ],
)
def test_what_is_one_identifier_and_what_is_not(kind, one, other, same):
    assert (normalise_identifier(kind, one) == normalise_identifier(kind, other)) is same


@pytest.mark.parametrize(
    ("kind", "text", "usable"),
    [
        ("email", "ana@x.com", True),
        ("email", "n/a", False),
        ("email", "a@b@c", False),
        ("email", "ab" * 32, True),
        ("phone", "+4930123456", True),
        ("phone", "0", False),
        ("phone", "", False),
        ("hash", "ab" * 16, True),
        ("hash", "none", False),
        ("app_id", "x", True),
    ],
)
def test_placeholders_are_no_identifiers(engine, kind, text, usable):
    assert engine.row(parse("SELECT $x AS x", x=is_usable(kind, literal(text))))[0] is usable
