"""Which opportunity a touch was for: its own, else its person's, else every one of the account that was open then."""

import pytest

WON, LOST = {"outcome": "won"}, {"outcome": "lost"}
DEALS = [
    {"opportunity_id": "o1", "account_id": "a1", "created_at": "2026-01-01", "closed_at": "2026-03-01"} | WON,
    {"opportunity_id": "o2", "account_id": "a1", "created_at": "2026-02-01", "closed_at": "", "outcome": "open"},
    {"opportunity_id": "o3", "account_id": "a2", "created_at": "2026-01-01", "closed_at": "2026-02-01"} | LOST,
]  # fmt: skip
ROLES = [{"contact_id": "c1", "opportunity_id": "o2"}, {"contact_id": "c2", "opportunity_id": "o1"}]


def touch(occurred_at, **values):
    return {"touch_id": "t1", "account_id": "a1", "function": "ae", "occurred_at": occurred_at} | values


@pytest.mark.domain("M22")
@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (touch("2026-02-15", opportunity_id="o1"), [("o1", "logged")]),
        (touch("2026-04-15", opportunity_id="o1"), [("o1", "logged")]),
        (touch("2026-02-15", opportunity_id="nowhere"), [("o1", "open_then"), ("o2", "open_then")]),
        (touch("2026-02-15"), [("o1", "open_then"), ("o2", "open_then")]),
        (touch("2026-01-15"), [("o1", "open_then")]),
        (touch("2026-03-01"), [("o1", "open_then"), ("o2", "open_then")]),
        (touch("2025-12-01"), []),
        (touch("2026-02-15", contact_id="c1"), [("o2", "contact_role")]),
        (touch("2026-01-15", contact_id="c1"), [("o1", "open_then")]),
        (touch("2026-02-15", contact_id="c2"), [("o1", "contact_role")]),
        (touch("2026-02-15", contact_id="c9"), [("o1", "open_then"), ("o2", "open_then")]),
    ],
)
def test_a_touch_was_for(take_in, rows, one, expected):
    company = take_in({"touchpoints": [one], "opportunities": DEALS, "contact_roles": ROLES})
    assert rows(company, "touch_opportunities", "opportunity_id", "basis") == expected


@pytest.mark.domain("M22")
def test_without_roles_every_open_deal_of_the_account_counts(take_in, rows):
    company = take_in({"touchpoints": [touch("2026-02-15", contact_id="c1")], "opportunities": DEALS})
    assert rows(company, "touch_opportunities", "opportunity_id") == [("o1",), ("o2",)]


def test_a_touch_that_names_only_an_opportunity_belongs_to_its_account(take_in, rows):
    company = take_in(
        {"touchpoints": [touch("2026-02-15", account_id="", opportunity_id="o3")], "opportunities": DEALS}
    )
    assert rows(company, "touchpoints", "account_id") == [("a2",)]
