"""Money: invoice lines partition, each counts for one event; refunds come off; everything adds up to the cent."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("stories", Path(__file__).with_name("stories.py"))
stories = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stories)
EVENTS = stories.EVENTS


def line(number, amount, **values):
    return {"line_id": f"l{number}", "account_id": "a1", "amount": amount, "issued_at": "2026-03-02"} | values


def refund(number, amount, **values):
    return {"refund_id": f"r{number}", "amount": amount, "refunded_at": "2026-05-01"} | values


@pytest.mark.domain("W11", "W14")
def test_an_event_with_lines_is_worth_their_sum_and_the_difference_is_shown(take_in, rows):
    company = take_in({"invoices": [line(1, "600", event_id="e1"), line(2, "350", event_id="e1")]})
    assert rows(company, "revenue_events", "event_id", "amount", "basis") == [
        ("e1", 95_000, "invoiced"),
        ("e2", 25_050, None),
    ]
    assert (company.revenue.rebilled, company.revenue.reconciles) == (-5_000, True)


@pytest.mark.domain("W13")
def test_an_expansion_at_renewal_is_the_delta_line_of_one_invoice(take_in, rows):
    events = [
        EVENTS[0] | {"kind": "renewal", "invoice_id": "i1"},
        EVENTS[1] | {"kind": "expansion", "invoice_id": "i1"},
    ]
    lines = [line(1, "900", invoice_id="i1", kind="renewal"), line(2, "100", invoice_id="i1", kind="expansion")]
    company = take_in({"revenue_events": events, "invoices": lines})
    assert rows(company, "revenue_events", "event_id", "amount") == [("e1", 90_000), ("e2", 10_000)]
    assert company.revenue.kept == company.intake["invoices"].money_kept


@pytest.mark.domain("W13")
def test_a_line_that_could_belong_to_two_events_belongs_to_none(take_in):
    events = [one | {"kind": "renewal", "invoice_id": "i1"} for one in EVENTS]
    company = take_in({"revenue_events": events, "invoices": [line(1, "900", invoice_id="i1", kind="renewal")]})
    assert company.intake["invoices"].rows_flagged("billing_only") == 1
    assert company.revenue.kept == 125_050


@pytest.mark.domain("D3")
def test_revenue_that_billing_knows_and_nobody_logged_is_counted(take_in):
    lines = [line(1, "1000", event_id="e1"), line(2, "77", kind="expansion")]
    (flag,) = take_in({"invoices": lines}).intake["invoices"].flagged
    assert (flag.name, flag.rows, flag.money, flag.samples) == ("billing_only", 1, 7_700, ("l2",))


def test_a_line_that_comes_twice_is_billed_once(take_in):
    company = take_in({"invoices": [line(1, "600", event_id="e1")] * 2})
    assert company.intake["invoices"].rows_refused("duplicate") == 1
    assert company.revenue.kept == 60_000 + 25_050


@pytest.mark.domain("W11")
def test_a_refund_comes_off_through_its_line(take_in, rows):
    lines = [line(1, "600", event_id="e1")]
    refunds = [refund(1, "100", line_id="l1"), refund(2, "10", event_id="e1"), refund(3, "5", line_id="nowhere")]
    company = take_in({"invoices": lines, "refunds": [one | {"event_id": one.get("event_id", "")} for one in refunds]})
    assert rows(company, "revenue_events", "event_id", "amount") == [("e1", 49_000), ("e2", 25_050)]
    assert company.intake["refunds"].rows_flagged("refund_of_nothing") == 1
    assert company.revenue.reconciles


def test_a_refund_is_a_positive_amount(take_in):
    company = take_in({"refunds": [refund(1, "-5", event_id="e1")]})
    assert company.intake["refunds"].rows_refused("negative_refund") == 1
    assert company.revenue.refunded == 0


def test_a_refund_of_the_future_is_not_known_yet(take_in):
    company = take_in({"refunds": [refund(1, "5", event_id="e1", refunded_at="2026-07-01")]})
    assert company.intake["refunds"].rows_refused("future") == 1
    assert company.revenue.refunded == 0


def test_a_contraction_stays_negative(take_in):
    company = take_in({"revenue_events": [EVENTS[0] | {"amount": "-40", "kind": "expansion"}]})
    assert (company.revenue.kept, company.revenue.reconciles) == (-4_000, True)


def test_revenue_prints_where_it_went(take_in):
    company = take_in({"refunds": [refund(1, "5", event_id="e1")], "revenue_events": [*EVENTS, EVENTS[0]]})
    assert [(row["part"], row["amount"]) for row in company.revenue.to_dicts()] == [
        ("stated", 225_050),
        ("rebilled", 0),
        ("refunded", -500),
        ("quarantined: duplicate", -100_000),
        ("kept", 124_550),
    ]
