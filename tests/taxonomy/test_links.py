"""Links keep their address, carry the five UTM fields, and are checked before they are sent."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, strategies as st

from incrementality.taxonomy import TaxonomyError, build_link, check_link, default_taxonomy, utm_fields

CHANNELS = default_taxonomy().channels
PAGE = "https://shop.example/a%20b?id=7&q=a+b%2Fc#top"
FIELDS = {"source": "newsletter", "medium": "email", "campaign": "email_smb_winback_20off_v2"}
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12)


@pytest.mark.domain("T6")
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_every_field_comes_back_as_it_was_given(source, medium, term, content):
    link = build_link(PAGE, source=source, medium=medium, campaign="c", term=term, content=content)
    assert utm_fields(link) == {
        "utm_source": source,
        "utm_medium": medium,
        "utm_campaign": "c",
        "utm_term": term,
        "utm_content": content,
    }


@pytest.mark.domain("T6")
def test_the_address_stays_as_it_was_byte_by_byte():
    link = build_link(PAGE, **FIELDS)
    assert link.startswith("https://shop.example/a%20b?id=7&q=a+b%2Fc&utm_source=newsletter&")
    assert link.endswith("#top")
    assert parse_qsl(urlsplit(link).query)[:2] == [("id", "7"), ("q", "a b/c")]


def test_fields_that_are_blank_are_left_out():
    assert "utm_term" not in build_link("https://shop.example/", **FIELDS, term=" ")


@pytest.mark.parametrize(
    ("url", "fields", "problem"),
    [
        ("/a", {}, "not absolute"),
        ("ftp://shop.example/", {}, "not absolute"),
        ("https://shop.example/?utm_source=x", {}, "utm_source is there already: 'x'"),
        ("https://shop.example/", {"medium": " "}, "utm_medium is blank"),
    ],
)
def test_a_link_that_cannot_be_built_says_why(url, fields, problem):
    with pytest.raises(TaxonomyError, match=r".*") as caught:
        build_link(url, **FIELDS | fields)
    assert problem in str(caught.value)


def test_a_built_link_passes_the_check():
    assert check_link(build_link(PAGE, **FIELDS), channels=CHANNELS).passed


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("utm_source=a&utm_medium=email", "utm_campaign is missing"),
        ("utm_source=a&utm_source=b&utm_medium=email&utm_campaign=x", "utm_source stands 2 times"),
        ("utm_source=News&utm_medium=email&utm_campaign=x", "has upper case"),
        ("utm_source=a%20&utm_medium=email&utm_campaign=x", "has a blank at an end"),
        ("utm_source=a&utm_medium=emial&utm_campaign=x", "Did you mean 'email'?"),
        ("utm_source=a&utm_medium=email&utm_campaign=spring", "utm_campaign: 1 part instead of 5"),
        ("#utm_source=a", "stand behind the '#'"),
    ],
)
@pytest.mark.domain("T6")
def test_each_fault_of_a_link_is_told(query, problem):
    found = check_link(f"https://shop.example/?{query}", channels=CHANNELS)
    assert any(problem in line for line in found.problems)
    assert not found.passed


@pytest.mark.parametrize("url", ["https://[shop", "", "utm_source", "https://shop.example/?%zz=%&utm_source=%E4"])
def test_no_address_breaks_the_check(url):
    assert check_link(url).problems
    assert isinstance(utm_fields(url), dict)
