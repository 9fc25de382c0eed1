"""The worked budget: 4 million of expansion, three teams, and a number that margins alone cannot give."""

import pytest

from incrementality.attribution.answers import JointCountsMissing, TeamBudget, TeamShare
from incrementality.errors import InputError

MARGINS = (
    TeamShare("cs", 0.55, 0.75, 0.15),
    TeamShare("product", 0.30, 0.0, 0.10),
    TeamShare("others", 0.15, 0.25, 0.75),
)
BUDGET = TeamBudget(4e6, MARGINS, "USD")
TEAMS = [share.team for share in MARGINS]


@pytest.mark.domain("R18")
class TestWorkedBudget:
    @pytest.mark.parametrize(
        ("column", "expected"),
        [("sourced", (2.20, 1.20, 0.60)), ("closed", (3.00, 0.0, 1.00)), ("blended", (2.20, 0.56, 1.24))],
    )
    def test_columns_that_add_up(self, column, expected):
        found = [getattr(BUDGET, column)(team) / 1e6 for team in TEAMS]
        assert found == pytest.approx(expected, abs=1e-9)
        assert sum(found) == pytest.approx(4, abs=1e-9)

    def test_sourced_or_closed_is_refused_without_joint_counts(self):
        with pytest.raises(JointCountsMissing, match="between USD 3,000,000 and 4,000,000"):
            BUDGET.either("cs")

    def test_sourced_and_closed_is_refused_too(self):
        with pytest.raises(JointCountsMissing, match="between USD 1,200,000 and 2,200,000"):
            BUDGET.both("cs")

    def test_the_table_says_not_known(self):
        assert [row["either"] for row in BUDGET.to_dicts()] == ["not known"] * 3

    def test_with_joint_counts_each_deal_counts_once(self):
        known = TeamBudget(4e6, (TeamShare("cs", 0.55, 0.75, 0.15, both=0.4), *MARGINS[1:]), "USD")
        assert known.either("cs") == pytest.approx(3.6e6)
        assert known.both("cs") == pytest.approx(1.6e6)


def test_what_teams_caused_stands_in_a_column_of_its_own():
    told = TeamBudget(4e6, MARGINS, "USD", incremental={"cs": 0.9e6}).to_dicts()
    assert [row["incremental"] for row in told] == [0.9e6, None, None]


def test_shares_of_a_role_must_name_everybody():
    with pytest.raises(InputError, match=r"shares of source add up to 0\.85"):
        TeamBudget(4e6, MARGINS[:2], "USD")


def test_an_impossible_joint_share_is_refused():
    with pytest.raises(InputError, match=r"between 0\.3 and 0\.55"):
        TeamBudget(4e6, (TeamShare("cs", 0.55, 0.75, 0.15, both=0.1), *MARGINS[1:]), "USD")


def test_an_unknown_team_is_named():
    with pytest.raises(InputError, match="no team 'sales'"):
        BUDGET.sourced("sales")
