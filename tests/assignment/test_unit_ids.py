"""Ids are refused where they are doubtful, and otherwise hashed as they are."""

import unicodedata

import numpy as np
import pytest

from incrementality.assignment import UnitType, hash_unit, long_crm_id
from incrementality.assignment.unit_ids import BLANKS, canonical_ids
from incrementality.errors import InvalidUnitId

CONTACT = UnitType(name="contact")
SHORT = "0015g00000AbCdE"


@pytest.mark.parametrize(
    ("unit_id", "why"),
    [
        (None, "neither text"),
        (float("nan"), "neither text"),
        (123.0, "neither text"),
        (True, "neither text"),
        (b"c_1", "neither text"),
        ("", "empty"),
        *((blank + "c_1", "blank") for blank in (" ", "\t", "\u00a0", "\ufeff")),
        *(("c_1" + blank, "blank") for blank in (" ", "\n", "\u3000", "\u200b")),
        (" ", "blank"),
        *((text, "float") for text in ("123.0", "-1.5", "1.", ".5", "1.5e+07", "1e+07")),
        ("\ud800", "Unicode"),
    ],
)
def test_doubtful_ids_are_refused(unit_id, why):
    with pytest.raises(InvalidUnitId, match=f"row 2.*{why}"):
        canonical_ids(["c_0", unit_id], CONTACT)


@pytest.mark.parametrize("unit_id", ["042", "1e5", "10.0.0.1", "1.2.3", "NULL", "a b", "o'neil", "客户-9 / x", "v1.5"])
def test_other_ids_are_kept_as_they_are(unit_id):
    assert canonical_ids([unit_id], CONTACT) == [unit_id]


def test_every_white_space_of_unicode_is_a_blank():
    assert {chr(i) for i in range(0x110000) if chr(i).isspace()} <= set(BLANKS)


@pytest.mark.parametrize("values", [[42, 7], np.array([42, 7]), np.array([42, 7], dtype=np.uint8), ["42", "7"]])
def test_whole_numbers_are_their_digits(values):
    assert canonical_ids(values, CONTACT) == ["42", "7"]


def test_a_column_of_floats_is_refused_with_the_number_of_rows():
    with pytest.raises(InvalidUnitId, match=r"1.0 \(row 1, and 2 more\)"):
        canonical_ids(np.array([1.0, 2.0, np.nan]), CONTACT)


def test_crm_ids_of_two_lengths_are_refused_in_one_batch():
    with pytest.raises(InvalidUnitId, match="15 characters"):
        canonical_ids([SHORT, long_crm_id("0015g00000XbCdE")], CONTACT)
    for alone in ([SHORT, "0015g00000XbCdE"], [long_crm_id(SHORT)], ["1" * 15, "1" * 18], ["a" * 18, SHORT]):
        assert canonical_ids(alone, CONTACT) == alone


def test_the_long_crm_id_tells_the_case():
    assert long_crm_id(SHORT) == "0015g00000AbCdEAAV"
    assert long_crm_id(SHORT.lower()) != long_crm_id(SHORT).lower()
    with pytest.raises(InvalidUnitId, match="no CRM id"):
        long_crm_id("0015g")


def test_case_is_kept_unless_the_type_declares_lower():
    assert hash_unit("arm", "s", "contact", "Ana") != hash_unit("arm", "s", "contact", "ana")
    login = UnitType(name="login", lower=True)
    assert canonical_ids(["Ana", "ÉİΣ"], login) == ["ana", "ÉİΣ"]


def test_e_mail_is_composed_and_other_types_are_not():
    apart = unicodedata.normalize("NFD", "zoë@exämple.com")
    assert hash_unit("exp", "s", "email", apart) == hash_unit("exp", "s", "email", "zoë@exämple.com")
    assert hash_unit("exp", "s", "contact", apart) != hash_unit("exp", "s", "contact", "zoë@exämple.com")
    assert UnitType(name="email", nfc=False).nfc


MANY = [f"c_{i:06d}" for i in range(2_000)]


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ("", "is empty"),
        (" c", "blank at an end"),
        ("c\x1f", "blank at an end"),
        ("\nc", "blank at an end"),
        ("c\n", "blank at an end"),
        ("1.5", "is the text of a float"),
        ("1e-5", "is the text of a float"),
        (None, "neither text nor a whole number"),
    ],
)
@pytest.mark.parametrize("place", [0, 777, 1_999])
def test_one_odd_id_among_many_is_refused(odd, why, place):
    ids = [*MANY]
    ids[place] = odd
    with pytest.raises(InvalidUnitId, match=why):
        canonical_ids(ids, UnitType(name="contact"))


@pytest.mark.parametrize("odd", ["a\nb", "42", "zoë", "c\x7f", "12345678901234E", "e10", 7])
def test_unusual_ids_among_many_stay_as_they_are(odd):
    assert canonical_ids([*MANY, odd], UnitType(name="contact")) == [*MANY, str(odd)]


def test_many_ids_are_lowered_where_the_type_says_so():
    assert canonical_ids([text.upper() for text in MANY], UnitType(name="contact", lower=True)) == MANY


def test_crm_ids_of_two_lengths_among_many_are_refused():
    with pytest.raises(InvalidUnitId, match="15 characters"):
        canonical_ids([*MANY, "0015g00000AbCdE", "0015g00000AbCdEAAV"], UnitType(name="account"))
