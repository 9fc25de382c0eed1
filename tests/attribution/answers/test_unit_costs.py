"""Cost per step and return by channel."""

import pytest

from incrementality.attribution.answers import ChannelReturn, UnitCosts

COSTS = UnitCosts(
    60_000.0,
    {"mql": 400, "opportunity": 60, "customer": 12, "renewal": 0},
    (ChannelReturn("paid_search", 90_000.0, 30_000.0), ChannelReturn("direct", 10_000.0, None)),
    "EUR",
)


@pytest.mark.domain("R5")
class TestUnitCosts:
    def test_cost_per_step(self):
        found = {row["step"]: row["cost_per"] for row in COSTS.steps_to_dicts()}
        assert found == {"mql": 150.0, "opportunity": 1_000.0, "customer": 5_000.0, "renewal": None}

    def test_return_by_channel_has_two_names(self):
        paid = COSTS.to_dicts()[0]
        assert (paid["revenue_to_cost"], paid["roi"]) == (3.0, 2.0)

    def test_a_channel_without_cost_has_no_return(self):
        assert COSTS.to_dicts()[1]["roi"] is None

    @pytest.mark.domain("G7")
    def test_below_the_floor_returns_are_withheld(self):
        withheld = UnitCosts(COSTS.cost, COSTS.steps, COSTS.channels, "EUR", "linkage is 40 %")
        assert {row["roi"] for row in withheld.to_dicts()} == {"insufficient data"}
        assert {row["cost_per"] for row in withheld.steps_to_dicts()} == {"insufficient data"}
