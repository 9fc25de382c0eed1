"""The mix of roles over expansions, with joint counts deal by deal."""

import pytest

from incrementality.attribution.answers import DealRoles, RoleMix
from incrementality.errors import InputError

DEALS = (
    DealRoles("e1", "2026Q1", 500, "product", "product_trigger", "cs", {"cs": 1, "customer": 3}),
    DealRoles("e2", "2026Q1", 300, "cs", "raised", "cs"),
    DealRoles("e3", "2026Q2", 200, "unknown", "unknown", "ae", {"cs": 2}),
)
MIX = RoleMix(DEALS, "EUR")


@pytest.mark.domain("R4")
class TestMix:
    def test_shares_of_each_role_add_up(self):
        assert MIX.by("source") == {"product": 0.5, "cs": 0.3, "unknown": 0.2}
        assert MIX.by("close") == {"cs": 0.8, "ae": 0.2}
        assert MIX.by("assist") == pytest.approx({"customer": 0.375, "cs": 0.325, "none": 0.3})

    def test_source_against_close_adds_up_to_the_revenue(self):
        assert MIX.matrix() == {("cs", "cs"): 300, ("product", "cs"): 500, ("unknown", "ae"): 200}

    def test_initiated_received_and_unknown_by_quarter(self):
        assert MIX.paths() == {
            "2026Q1": {"initiated": 0.375, "received": 0.625, "unknown": 0.0},
            "2026Q2": {"initiated": 0.0, "received": 0.0, "unknown": 1.0},
        }


@pytest.mark.domain("R18")
def test_the_budget_counts_each_deal_once():
    """Customer success sourced 300, closed 800, and 300 of it both: 800 in all."""
    budget = MIX.budget(decimals=0)
    assert (budget.sourced("cs"), budget.closed("cs"), budget.both("cs")) == pytest.approx((300, 800, 300))
    assert budget.either("cs") == pytest.approx(800)
    assert sum(budget.blended(row["team"]) for row in budget.to_dicts()) == pytest.approx(1000)


def test_no_revenue_has_no_mix():
    with pytest.raises(InputError, match="no mix"):
        RoleMix((), "EUR")
