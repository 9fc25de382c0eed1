"""Planted faults are found with the right count; the clean company raises no alarm."""

from dataclasses import fields, replace

import pytest

from incrementality.capture.audit import PastAudit, audit_company
from incrementality.simulate.company import CaptureFaults

NO_FAULTS = CaptureFaults(**{one.name: 0.0 for one in fields(CaptureFaults) if one.type in (float, "float")})
SOURCES = {
    "source_late": "late_sources",
    "source_after_close": "after_close_sources",
    "source_overwritten": "overwritten_sources",
    "source_missing": "missing_sources",
    "source_unknown": "unknown_sources",
    "edited_after_close": "edited_after_close",
    "never_logged": "never_logged",
}


@pytest.fixture(scope="module")
def clean(taken_in):
    return audit_company(taken_in()[0])


@pytest.fixture(scope="module")
def dirty(taken_in):
    company, simulated = taken_in(500, seed=5, dirty=True)
    return audit_company(company), simulated


@pytest.fixture(scope="module")
def blurred(taken_in):
    """A month lost in 2025, and in the last quarter a fifth of the sources and a channel."""
    faults = replace(NO_FAULTS, lost_month="2025-08", capture_drop=0.2, lost_channel="phone")
    company, simulated = taken_in(500, seed=5, dirty=faults)
    return audit_company(company), simulated


@pytest.mark.domain("D7", "G6")
def test_the_clean_company_raises_no_alarm(clean):
    assert clean.alarms == ()
    assert clean.insufficient == ""
    assert clean.sentence == "Audit of 2026Q2: 28 metrics, none fails."


@pytest.mark.domain("D1", "D3", "D6", "D7")
@pytest.mark.parametrize("metric", SOURCES)
def test_every_planted_fault_of_deals_is_counted(dirty, metric):
    audit, simulated = dirty
    assert audit[metric].total.at_fault == simulated.planted[SOURCES[metric]] > 0


@pytest.mark.domain("D1", "D6")
def test_what_is_captured_is_named_known_and_in_time(dirty):
    audit, simulated = dirty
    missed = ("late_sources", "after_close_sources", "missing_sources", "unknown_sources")
    assert audit["capture_rate"].total.at_fault == sum(simulated.planted[name] for name in missed)


@pytest.mark.domain("D3", "D9")
def test_expansions_that_only_billing_knows_are_worth_what_was_invoiced(dirty):
    audit, simulated = dirty
    invoices = simulated.tables["invoices"]
    lost = [event is None for event in invoices["event_id"]]
    metric = audit["never_logged"]
    assert metric.total.money == metric.moved == invoices["amount"][lost].sum() > 0
    assert metric in audit.named
    assert metric in audit.failed


@pytest.mark.domain("D8")
def test_paid_channels_that_lost_their_views_are_clicks_only(clean, dirty):
    assert clean["clicks_without_views"].total.at_fault == 0
    assert dirty[0]["clicks_without_views"].value == 1


@pytest.mark.domain("D7")
def test_a_missing_month_is_found_with_about_what_it_lost(blurred):
    audit, simulated = blurred
    assert {gap.month for gap in audit.gaps} == {"2025-08"}
    (system,) = [gap for gap in audit.gaps if gap.dimension == "source_system"]
    assert system.label == "crm"
    assert system.expected == pytest.approx(simulated.planted["lost_month"], rel=0.4)
    assert audit["missing_periods"].total.at_fault == len(audit.gaps)
    assert audit["missing_periods"].passed  # it was missing long before the audited quarter


@pytest.mark.domain("D11")
def test_an_old_missing_month_that_was_told_once_is_no_alarm_again(blurred):
    audit, _ = blurred
    assert audit.open_gaps == audit.gaps
    again = replace(audit, told=PastAudit.of(audit.to_dict()).missing)
    assert (again.gaps, again.open_gaps) == (audit.gaps, ())
    assert replace(again, quarter="2026Q1").open_gaps == audit.gaps  # its windows reach into the month


@pytest.mark.domain("D7", "G6")
def test_a_capture_drop_of_20_points_is_found_to_the_deal(blurred):
    audit, simulated = blurred
    metric = audit["capture_rate"]
    assert metric.last.at_fault == audit["source_missing"].last.at_fault == simulated.planted["capture_drop"]
    assert metric.worsened
    assert metric.before == 1
    assert metric.trend == pytest.approx(-0.2, abs=0.02)


@pytest.mark.domain("G6")
def test_a_channel_that_vanishes_is_the_only_drift(blurred):
    audit, simulated = blurred
    assert [(one.kind, one.dimension, one.label) for one in audit.drift] == [("lost", "channel", "phone")]
    assert audit.drift[0].was == pytest.approx(simulated.planted["lost_channel"], rel=0.4)


@pytest.mark.domain("D6")
def test_partner_deals_are_counted_and_no_error(dirty):
    metric = dirty[0]["partner_sourced"]
    assert metric.total.at_fault > 0
    assert metric.passed is None
    assert not metric.failed


@pytest.mark.domain("D12")
def test_what_people_wrote_is_counted(clean):
    assert {one.field for one in clean.qualities} == {"reason", "competitor", "objection"}
    reasons = sum(one.deals for one in clean.qualities if one.field == "reason")
    assert reasons == clean["loss_reasons"].total.of
