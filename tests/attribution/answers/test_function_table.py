"""The worked quarter of five functions: totals come from unrounded sums, two ratios have two names."""

import pytest

from incrementality.attribution.answers import FunctionRow, FunctionTable
from incrementality.errors import InputError

CREDITED = {"marketing": 4.2, "sdr": 2.8, "ae": 6.5, "presales": 3.1, "partner": 0.88}
COSTS = {"marketing": 0.98, "sdr": 0.72, "ae": 2.1, "presales": 0.84, "partner": 0.125}
MILLION = 1e6


def quarter(**settings):
    rows = tuple(
        FunctionRow(name, 10_066, 300, value * MILLION, COSTS[name] * MILLION) for name, value in CREDITED.items()
    )
    return FunctionTable(rows, 1516, "USD", "position", **settings)


def row_of(table, function):
    return next(row for row in table.to_dicts() if row["function"] == function)


@pytest.mark.domain("R1")
class TestWorkedQuarter:
    def test_the_total_row_adds_up_unrounded(self):
        total = row_of(quarter(), "total")
        assert total["revenue_credited"] == pytest.approx(17.48e6, abs=1e-6)
        assert total["cost"] == pytest.approx(4.765e6, abs=1e-6)

    def test_revenue_per_1000_comes_from_unrounded_totals(self):
        """17.48 over 4.765 is 3,668; 17.5 over 4.8 would be 3,646."""
        assert round(row_of(quarter(), "total")["revenue_per_1000"]) == 3668

    def test_two_ratios_have_two_names(self):
        marketing = row_of(quarter(), "marketing")
        assert (round(marketing["revenue_to_cost"], 3), round(marketing["roi"], 3)) == (4.286, 3.286)

    def test_averages_divide_by_every_deal(self):
        """50,330 touches at 33.2 a deal are about 1,516 deals, touched by a function or not."""
        total = row_of(quarter(), "total")
        assert total["touchpoints"] == 50_330
        assert round(total["average_per_deal"], 1) == 33.2
        assert row_of(quarter(), "ae")["average_per_deal"] == pytest.approx(10_066 / 1516)

    def test_shares_add_up_to_one(self):
        assert sum(row["share"] for row in quarter().to_dicts()[:-1]) == pytest.approx(1, abs=1e-12)


def test_the_change_is_against_the_previous_quarter():
    table = FunctionTable((FunctionRow("cs", 5, 5, 120.0, previous=100.0), FunctionRow("ae", 5, 5, 1.0)), 5, "EUR", "m")
    assert row_of(table, "cs")["change_vs_previous_quarter"] == pytest.approx(0.2)
    assert row_of(table, "ae")["change_vs_previous_quarter"] is None


def test_a_function_without_cost_has_no_ratio():
    assert row_of(FunctionTable((FunctionRow("cs", 5, 5, 120.0),), 5, "EUR", "m"), "cs")["roi"] is None


@pytest.mark.domain("G7")
def test_below_the_floor_of_completeness_ratios_are_withheld():
    marketing = row_of(quarter(insufficient="31 % of the deals have no source"), "marketing")
    assert {marketing[name] for name in ("revenue_to_cost", "roi", "revenue_per_1000")} == {"insufficient data"}
    assert marketing["revenue_credited"] == 4.2e6


@pytest.mark.domain("G5")
def test_the_sentence_claims_no_cause():
    assert quarter(period="2026Q3").sentence == (
        "The model position credits ae with 37 % of USD 17,480,000 in 2026Q3. "
        "This says who touched the revenue, not what caused it."
    )


@pytest.mark.parametrize(
    ("rows", "deals"), [((), 5), ((FunctionRow("a", 1, 1, 1.0),) * 2, 5), ((FunctionRow("a", 1, 1, 1.0),), 0)]
)
def test_tables_that_say_nothing_are_refused(rows, deals):
    with pytest.raises(InputError):
        FunctionTable(rows, deals, "EUR", "m")
