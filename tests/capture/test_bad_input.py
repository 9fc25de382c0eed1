"""Bad input is counted, never dropped: one story for each rule; revenue always reconciles."""

import importlib.util
from pathlib import Path

import pytest

from incrementality.errors import MixedCurrencies, UnmappedNames

_spec = importlib.util.spec_from_file_location("stories", Path(__file__).with_name("stories.py"))
stories = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stories)
EVENTS, TOUCHES, changed = stories.EVENTS, stories.TOUCHES, stories.changed

ACCOUNTS = [{"account_id": "a1", "created_at": "2025-12-01"}, {"account_id": "a2", "created_at": "2025-12-15"}]
DEAL = {
    "opportunity_id": "o1",
    "account_id": "a1",
    "kind": "expansion",
    "created_at": "2026-02-01 09:00",
    "closed_at": "2026-03-01 09:00",
    "outcome": "won",
    "amount": "100",
    "creation_source": "csm",
    "creation_trigger": "quarterly review",
}


def test_two_clean_files_are_enough(take_in, rows):
    company = take_in()
    assert rows(company, "revenue_events", "event_id", "amount") == [("e1", 100_000), ("e2", 25_050)]
    assert company.intake["touchpoints"].kept == company.intake["touchpoints"].read == 3
    assert company.revenue.kept == company.revenue.stated == 125_050
    assert company.missing["invoices"].startswith("amounts are as the CRM states them")


def test_a_touch_that_was_delivered_twice_counts_once(take_in, rows):
    company = take_in({"touchpoints": [*TOUCHES, TOUCHES[0] | {"occurred_at": "2026-02-02 10:00"}]})
    assert company.intake["touchpoints"].rows_refused("duplicate") == 1
    first, *_ = rows(company, "touchpoints", "touch_id", "occurred_at")
    assert (first[0], first[1].isoformat()) == ("t1", "2026-02-01T10:00:00")


def test_the_money_of_a_revenue_event_that_comes_twice_is_quarantined(take_in):
    company = take_in({"revenue_events": [*EVENTS, EVENTS[0]]})
    assert company.revenue.quarantined == {"duplicate": 100_000}
    assert company.revenue.kept == 125_050
    assert company.revenue.reconciles


def test_touches_without_an_id_get_one_from_what_they_say(take_in, rows):
    bare = [{name: value for name, value in row.items() if name != "touch_id"} for row in TOUCHES]
    company = take_in({"touchpoints": [*bare, bare[0]]})
    assert company.intake["touchpoints"].rows_refused("duplicate") == 1
    assert len({one for (one,) in rows(company, "touchpoints", "touch_id")}) == 3


def test_a_touch_of_next_year_is_refused(take_in):
    company = take_in({"touchpoints": changed(TOUCHES, 0, occurred_at="2027-01-01")})
    refused = company.intake["touchpoints"].refused
    assert [(one.name, one.rows, one.samples) for one in refused] == [("future", 1, ("t1",))]


def test_a_touch_of_an_account_that_no_table_knows_is_an_orphan(take_in):
    company = take_in({"accounts": ACCOUNTS, "touchpoints": changed(TOUCHES, 0, account_id="zz")})
    assert company.intake["touchpoints"].rows_refused("orphan") == 1


def test_a_touch_finds_its_account_through_its_person(take_in, rows):
    contacts = [{"contact_id": "c1", "account_id": "a2"}]
    touches = [*TOUCHES, {"touch_id": "t4", "contact_id": "c1", "function": "cs", "occurred_at": "2026-03-02"}]
    touches += [{"touch_id": "t5", "contact_id": "c9", "function": "cs", "occurred_at": "2026-03-02"}]
    company = take_in({"contacts": contacts, "touchpoints": touches})
    assert ("t4", "a2") in rows(company, "touchpoints", "touch_id", "account_id")
    assert company.intake["touchpoints"].rows_refused("orphan") == 1


def test_our_own_test_accounts_do_not_count(take_in):
    company = take_in({"accounts": [ACCOUNTS[0] | {"test": "no"}, ACCOUNTS[1] | {"test": "yes"}]})
    assert company.intake["accounts"].rows_refused("test_account") == 1
    assert company.intake["touchpoints"].rows_refused("test_account") == 1
    assert company.revenue.quarantined == {"test_account": 25_050}


def test_a_win_before_the_first_contact_is_reported_and_kept(take_in):
    company = take_in({"accounts": [ACCOUNTS[0] | {"created_at": "2026-03-20"}, ACCOUNTS[1]]})
    assert company.intake["revenue_events"].rows_flagged("before_first_contact") == 1
    assert company.revenue.kept == 125_050


def test_a_touch_logged_before_it_happened_is_reported(take_in):
    company = take_in({"touchpoints": changed(TOUCHES, 0, logged_at="2026-01-01")})
    assert company.intake["touchpoints"].rows_flagged("logged_before_it_happened") == 1


def test_a_few_touches_of_an_unknown_function_are_refused(take_in):
    many = [TOUCHES[0] | {"touch_id": f"t{k}"} for k in range(100)]
    company = take_in({"touchpoints": changed(many, 0, function="Ministry")})
    assert company.intake["touchpoints"].rows_refused("unmapped_function") == 1


def test_many_touches_of_an_unknown_function_stop_everything_and_say_what_to_write(take_in):
    with pytest.raises(UnmappedNames, match="1 of 3 rows name a function that no mapping knows: 'Ministry'") as error:
        take_in({"touchpoints": changed(TOUCHES, 0, function="Ministry")})
    assert "values: {function: {Ministry: marketing}}" in error.value.hint


def test_the_hint_for_an_unknown_function_works(take_in):
    company = take_in(
        {"touchpoints": changed(TOUCHES, 0, function="Ministry")},
        settings={"touchpoints": {"values": {"function": {"Ministry": "marketing"}}}},
    )
    assert company.intake["touchpoints"].kept == 3


@pytest.mark.domain("D6")
def test_a_missing_function_and_the_word_unknown_are_kept_apart(take_in, rows):
    touches = changed(changed(TOUCHES, 0, function="", type=""), 1, function="Unknown")
    company = take_in({"touchpoints": touches})
    intake = company.intake["touchpoints"]
    assert (intake.rows_flagged("function_missing"), intake.rows_flagged("function_unknown")) == (1, 1)
    assert [one for (one,) in rows(company, "touchpoints", "function")] == ["marketing", "unknown", "unknown"]


def test_a_type_implies_its_function(take_in, rows):
    company = take_in({"touchpoints": changed(TOUCHES, 2, function="")})
    assert ("t3", "marketing") in rows(company, "touchpoints", "touch_id", "function")


def test_two_currencies_are_never_added_up(take_in):
    events = [EVENTS[0] | {"currency": "EUR"}, EVENTS[1] | {"currency": "usd"}]
    with pytest.raises(MixedCurrencies, match=r"EUR \(1 rows\), USD \(1 rows\)") as error:
        take_in({"revenue_events": events})
    assert "company.convert" in error.value.hint


def test_rates_by_month_make_two_currencies_one(take_in):
    events = [EVENTS[0] | {"currency": "EUR"}, EVENTS[1] | {"currency": "USD"}]
    convert = {"USD": {"2026-03": 0.8, "2026-04": 0.9}}
    company = take_in({"revenue_events": events}, company={"currency": "EUR", "convert": convert})
    assert (company.currency, company.revenue.kept) == ("EUR", 100_000 + 22_545)


def test_an_amount_of_a_month_without_a_rate_is_refused(take_in):
    events = [EVENTS[0] | {"currency": "EUR"}, EVENTS[1] | {"currency": "USD"}]
    company = take_in({"revenue_events": events}, company={"currency": "EUR", "convert": {"USD": {"2026-01": 0.8}}})
    assert company.intake["revenue_events"].rows_refused("no_rate") == 1
    assert company.revenue.reconciles


def test_refunds_are_taken_off(take_in, rows):
    refunds = [{"refund_id": "r1", "amount": "50", "refunded_at": "2026-05-01", "event_id": "e2"}]
    company = take_in({"refunds": refunds})
    assert ("e2", 20_050) in rows(company, "revenue_events", "event_id", "amount")
    assert (company.revenue.refunded, company.revenue.reconciles) == (5_000, True)


def test_more_given_back_than_earned_is_quarantined(take_in):
    refunds = [{"refund_id": f"r{k}", "amount": "150", "refunded_at": "2026-05-01", "event_id": "e2"} for k in (1, 2)]
    company = take_in({"refunds": refunds})
    assert company.revenue.quarantined == {"refund_exceeds_revenue": 25_050}
    assert (company.revenue.kept, company.revenue.refunded, company.revenue.reconciles) == (100_000, 0, True)


def test_a_deal_edited_after_its_close_is_reported(take_in):
    company = take_in({"opportunities": [DEAL | {"edited_at": "2026-04-01"}]})
    assert company.intake["opportunities"].rows_flagged("edited_after_close") == 1


@pytest.mark.domain("D1")
@pytest.mark.parametrize(
    ("logged", "flag", "source"),
    [
        ("2026-02-01 20:00", None, "csm"),
        ("2026-02-02 09:00", None, "csm"),
        ("2026-02-02 09:01", "source_late", "csm"),
        ("2026-03-01 09:00", "source_late", "csm"),
        ("2026-03-01 09:01", "source_after_close", "unknown"),
    ],
)
def test_when_the_source_was_written_down_decides_whether_it_counts(take_in, rows, logged, flag, source):
    company = take_in({"opportunities": [DEAL | {"source_logged_at": logged}]})
    flags = {one.name for one in company.intake["opportunities"].flagged}
    assert flags == ({flag} if flag else set())
    assert rows(company, "opportunities", "creation_source") == [(source,)]


@pytest.mark.domain("D1")
def test_a_source_that_was_overwritten_keeps_both_and_counts_the_first(take_in, rows):
    company = take_in({"opportunities": [DEAL | {"source_at_close": "sales"}]})
    assert company.intake["opportunities"].rows_flagged("source_overwritten") == 1
    assert rows(company, "opportunities", "creation_source", "source_at_close") == [("csm", "sales")]


@pytest.mark.domain("D6")
def test_a_missing_source_and_the_word_unknown_are_kept_apart(take_in):
    deals = [DEAL | {"creation_source": ""}, DEAL | {"opportunity_id": "o2", "creation_source": "unknown"}]
    intake = take_in({"opportunities": deals}).intake["opportunities"]
    assert (intake.rows_flagged("source_missing"), intake.rows_flagged("source_unknown")) == (1, 1)


def test_the_close_of_an_open_deal_is_a_forecast_and_no_close(take_in, rows):
    company = take_in({"opportunities": [DEAL | {"outcome": "open", "closed_at": "2026-12-31"}]})
    assert rows(company, "opportunities", "outcome", "closed_at") == [("open", None)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [("", "no_touch_id"), ("NaN", "no_touch_id"), ("12.0", "decimal_touch_id"), ("1.2E+11", "decimal_touch_id")],
)
def test_an_id_that_is_missing_or_was_rounded_is_no_id(take_in, value, reason):
    company = take_in({"touchpoints": changed(TOUCHES, 0, touch_id=value)})
    assert company.intake["touchpoints"].rows_refused(reason) == 1


def test_an_id_keeps_its_zeros(take_in, rows):
    company = take_in({"touchpoints": changed(TOUCHES, 0, touch_id="007")})
    assert ("007",) in rows(company, "touchpoints", "touch_id")


@pytest.mark.parametrize(("value", "reason"), [("", "no_occurred_at"), ("soon", "unreadable_occurred_at")])
def test_a_time_that_cannot_be_read_is_refused(take_in, value, reason):
    company = take_in({"touchpoints": changed(TOUCHES, 0, occurred_at=value)})
    assert company.intake["touchpoints"].rows_refused(reason) == 1


@pytest.mark.parametrize(
    ("value", "reason"), [("", "no_amount"), ("a lot", "unreadable_amount"), ("1,23,4", "unreadable_amount")]
)
def test_an_amount_that_cannot_be_read_is_refused(take_in, value, reason):
    company = take_in({"revenue_events": changed(EVENTS, 0, amount=value)})
    assert company.intake["revenue_events"].rows_refused(reason) == 1
    assert company.revenue.reconciles


def test_samples_are_hashed_on_request(take_in):
    tables = {"touchpoints": changed(TOUCHES, 0, occurred_at="2027-01-01")}
    first = take_in(tables, hash_key=b"secret").intake["touchpoints"].refused[0].samples
    assert len(first[0]) == 16
    assert "t1" not in first


def test_the_intake_prints_itself(take_in):
    text = take_in({"touchpoints": changed(TOUCHES, 0, occurred_at="2027-01-01")}).intake.to_text()
    assert "touchpoints  refused" in text
    assert "future" in text


def test_a_touch_before_its_account_entered_the_crm_is_kept_and_flagged(take_in):
    """The webinar of a2 is dated a month before the account was created."""
    touches = take_in({"accounts": [ACCOUNTS[0], ACCOUNTS[1] | {"created_at": "2026-04-01"}]}).intake["touchpoints"]
    assert (touches.kept, touches.rows_flagged("before_first_contact")) == (3, 1)
