"""Every planted fault is in the tables as often as the count says, found by looking at the tables alone."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from incrementality.errors import InputError
from incrementality.simulate import CaptureFaults, simulate_company

WORLD = {"accounts": 3_000, "quarters": 4, "seed": 11}
PERIODS = CaptureFaults(lost_month="2025-08", lost_channel="events", capture_drop=0.2)


def frames_of(company):
    return {name: pd.DataFrame(columns) for name, columns in company.tables.items()}


@pytest.fixture(scope="module")
def clean():
    return frames_of(simulate_company(**WORLD, dirty=False))


@pytest.fixture(scope="module")
def company():
    return simulate_company(**WORLD)


@pytest.fixture(scope="module")
def dirty(company):
    return frames_of(company)


def ended(frames):
    return frames["opportunities"].query("outcome != 'open'")


def lost_sources(frames):
    return frames["opportunities"][frames["opportunities"]["creation_source"].isna()]


FOUND_IN_DEALS = {
    "late_sources": lambda deals: (
        (deals["source_logged_at"] - deals["created_at"] > pd.Timedelta(hours=24))
        & (deals["source_logged_at"] < deals["closed_at"])
    ),
    "after_close_sources": lambda deals: deals["source_logged_at"] > deals["closed_at"],
    "overwritten_sources": lambda deals: (
        deals["creation_source"].notna() & (deals["creation_source"] != deals["source_at_close"])
    ),
    "missing_sources": lambda deals: deals["creation_source"].isna(),
    "unknown_sources": lambda deals: deals["creation_source"] == "unknown",
    "edited_after_close": lambda deals: deals["edited_at"] > deals["closed_at"],
}


@pytest.mark.parametrize("fault", sorted(FOUND_IN_DEALS))
def test_faults_of_deals_are_found_as_often_as_planted(company, clean, dirty, fault):
    find = FOUND_IN_DEALS[fault]
    assert find(ended(dirty)).sum() == company.planted[fault] > 0
    assert find(ended(clean)).sum() == 0


def test_expansions_that_only_billing_knows(company, clean, dirty):
    unseen = dirty["invoices"]["event_id"].isna()
    assert unseen.sum() == company.planted["never_logged"] > 0
    assert set(dirty["invoices"].loc[unseen, "kind"]) == {"expansion"}
    assert len(clean["opportunities"]) - len(dirty["opportunities"]) == company.planted["never_logged"]
    assert set(dirty["revenue_events"]["opportunity_id"]) <= set(dirty["opportunities"]["opportunity_id"])


def test_events_that_are_there_twice(company, clean, dirty):
    events = dirty["revenue_events"]
    assert events.duplicated().sum() == company.planted["duplicate_events"] > 0
    assert not clean["revenue_events"]["event_id"].duplicated().any()


def test_refunds_larger_than_what_was_paid(company, dirty, clean):
    def excess(frames):
        amount = frames["revenue_events"].drop_duplicates("event_id").set_index("event_id")["amount"]
        given = frames["refunds"].dropna(subset=["event_id"]).groupby("event_id")["amount"].sum()
        return (given > amount.reindex(given.index)).sum()

    assert excess(dirty) == company.planted["excess_refunds"] > 0
    assert excess(clean) == 0


def test_touches_that_were_never_captured(company, clean, dirty):
    lost = set(clean["touchpoints"]["touch_id"]) - set(dirty["touchpoints"]["touch_id"])
    assert len(lost) == company.planted["lost_impressions"] + company.planted["lost_touches"]


def test_only_clicks_are_left(company, clean, dirty):
    views = (clean["touchpoints"]["type"] == "paid_impression").sum()
    assert company.planted["lost_impressions"] == views > 0
    assert not (dirty["touchpoints"]["type"] == "paid_impression").any()


def test_touches_that_are_there_twice(company, dirty):
    assert dirty["touchpoints"].duplicated().sum() == company.planted["duplicate_touches"] > 0
    assert dirty["touchpoints"]["touch_id"].duplicated().sum() == company.planted["duplicate_touches"]


def test_functions_that_no_mapping_knows_and_odd_spellings(company, clean, dirty):
    spelled = dirty["touchpoints"].drop_duplicates("touch_id").set_index("touch_id")["function"]
    told = clean["touchpoints"].set_index("touch_id")["function"].reindex(spelled.index)
    unmapped = spelled == "Revenue Wizardry"
    assert unmapped.sum() == company.planted["unmapped_functions"] > 0
    assert (spelled[~unmapped] != told[~unmapped]).sum() == company.planted["odd_spellings"] > 0


def test_odd_spellings_are_known_to_the_taxonomy_that_ships(dirty):
    taxonomy = pytest.importorskip("incrementality.taxonomy").default_taxonomy()
    spelled = set(dirty["touchpoints"]["function"]) - {"Revenue Wizardry"}
    assert len(spelled) > 15
    assert {taxonomy.canonical("function", word) for word in spelled} == {term.name for term in taxonomy.functions}


def once(frames):
    return frames["touchpoints"].drop_duplicates("touch_id")


def test_touches_at_impossible_times(company, dirty):
    touches, as_of = once(dirty), pd.Timestamp(company.as_of).tz_localize(None)
    created = dirty["accounts"].set_index("account_id")["created_at"].reindex(touches["account_id"]).to_numpy()
    assert (touches["occurred_at"] > as_of).sum() == company.planted["future_touches"] > 0
    assert (touches["occurred_at"].to_numpy() < created).sum() == company.planted["early_touches"] > 0


def test_touches_of_nobody(company, dirty):
    touches = once(dirty)
    nobody = ~touches["account_id"].isin(dirty["accounts"]["account_id"])
    assert nobody.sum() == company.planted["orphan_touches"] > 0
    assert touches.loc[nobody, "contact_id"].isna().all()


def test_a_missing_month_a_lost_channel_and_a_drop_of_capture(clean):
    company = simulate_company(**WORLD, dirty=PERIODS)
    found = frames_of(company)
    touches = clean["touchpoints"]
    by_hand = (touches["source_system"] == "crm") & (touches["occurred_at"].dt.to_period("M").astype(str) == "2025-08")
    assert company.planted["lost_month"] == by_hand.sum() > 0
    last = touches["occurred_at"] >= "2025-10-01"
    assert company.planted["lost_channel"] == ((touches["channel"] == "events") & last).sum() > 0
    left = once(found)
    moved = left["occurred_at"].dt.year > 2026
    assert not ((left["channel"] == "events") & (left["occurred_at"] >= "2025-10-01") & ~moved).any()
    dropped = company.planted["capture_drop"]
    assert len(lost_sources(found)) == company.planted["missing_sources"] + dropped
    recent = (found["opportunities"]["created_at"] >= "2025-10-01").sum()
    assert dropped == int(0.2 * recent) > 0


def test_the_world_is_the_same_however_it_is_captured(company):
    clean = simulate_company(**WORLD, dirty=False)
    assert np.array_equal(company.counterfactual().by_account, clean.counterfactual().by_account)
    assert np.array_equal(company.assignments["arm"], clean.assignments["arm"])


def test_every_fault_is_counted(company):
    assert set(company.planted) == {field.name for field in fields(CaptureFaults)}


def test_one_fault_alone_changes_nothing_else(clean):
    only = {field.name: 0.0 for field in fields(CaptureFaults) if field.name not in {"lost_month", "lost_channel"}}
    company = simulate_company(**WORLD, dirty=CaptureFaults(**only | {"never_logged": 0.1}))
    assert {name for name, count in company.planted.items() if count} == {"never_logged"}
    found = frames_of(company)
    same = set(found) - {"opportunities", "revenue_events", "invoices", "refunds", "contact_roles"}
    for name in same:
        pd.testing.assert_frame_equal(found[name], clean[name])


@pytest.mark.parametrize("wrong", [{"lost_touches": 1.5}, {"late_sources": -0.1}])
def test_a_share_that_is_none_is_refused_by_name(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        CaptureFaults(**wrong)
