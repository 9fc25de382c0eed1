from __future__ import annotations

import pytest

from incrementality import formatting as fmt


def plain(text: str) -> str:
    return text.replace("\xa0", " ").replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00 %"), (1.0, "100.00 %"), (0.00072, "0.072 %"), (-0.5, "-50.00 %"), (0.0000012, "0.00012 %")],
)
def test_share(value, text):
    assert plain(fmt.share(value)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.7214, "+72.1 %"), (-0.05, "-5.0 %"), (0.0, "0.0 %"), (-1e-9, "0.0 %"), (25.4, "+2,540 %")]
)
def test_relative(value, text):
    assert plain(fmt.relative(value)) == text


@pytest.mark.parametrize(
    ("value", "kind", "unit", "text"),
    [
        (-0.77, "revenue", "USD", "-USD 0.77"),
        (0.0, "revenue", "USD", "USD 0.00"),
        (12_345.6, "revenue", "EUR", "+EUR 12,346"),
        (-0.0123, "conversion", "", "-1.23 percentage points"),
        (0.0456, "mean", "tickets", "+0.0456 tickets"),
        (0.004, "revenue", "USD", "+USD 0.0040"),
    ],
)
def test_difference(value, kind, unit, text):
    assert plain(fmt.difference(value, kind=kind, unit=unit)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "p < 0.001"), (0.001, "p = 0.001"), (0.05, "p = 0.050"), (1.0, "p = 1.000"), (None, "\N{EN DASH}")],
)
def test_p_value(value, text):
    assert plain(fmt.p_value(value)) == text


def test_number_that_does_not_exist_is_said_in_words():
    assert fmt.relative(float("nan")).startswith("not known")
    assert fmt.difference_number(float("inf"), kind="mean", unit="") == "no upper limit"


@pytest.mark.parametrize(("alpha", "text"), [(0.05, "95 %"), (0.1, "90 %"), (0.001, "99.9 %")])
def test_level(alpha, text):
    assert plain(fmt.level(alpha)) == text
