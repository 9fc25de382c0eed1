"""Olist's marketing funnel (Olist and A. Sionek, 2017-2018): 8,000 leads, 842 deals; who touched them, by deals.

There is no usable revenue, so deals are counted. A deal was touched by the lead's origin, by the representative who
qualified it (SDR) and by the one who closed it (SR); when the latter two acted is not recorded, only that they did.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from incrementality.attribution import (
    RULE_MODELS,
    WindowRule,
    Windows,
    credit_totals,
    make_ledger,
    open_journeys,
    paths_of_events,
    shapley_model,
)
from incrementality.stats import kaplan_meier, survival_at
from incrementality.warehouse import connect, frame_locator

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "olist_marketing_funnel"
LEADS = FOLDER / "olist_marketing_qualified_leads_dataset.csv.gz"
DEALS = FOLDER / "olist_closed_deals_dataset.csv.gz"
pytestmark = pytest.mark.skipif(not LEADS.exists(), reason="needs Olist's funnel, which is not shipped with the code")

DEAL = 1_000_000  # a ledger of deals is in millionths
NOT_RECORDED = "not_recorded"
ORIGINS = {
    "organic_search": 271,
    "paid_search": 195,
    "unknown": 179,
    "social": 75,
    "direct_traffic": 56,
    "referral": 24,
    "email": 15,
    NOT_RECORDED: 14,
    "display": 6,
    "other": 4,
    "other_publicities": 3,
}


@pytest.fixture(scope="module")
def leads():
    found = pd.read_csv(LEADS, parse_dates=["first_contact_date"]).merge(
        pd.read_csv(DEALS, parse_dates=["won_date"]), on="mql_id", how="left"
    )
    found["origin"] = found["origin"].fillna(NOT_RECORDED)
    found["days"] = (found["won_date"] - found["first_contact_date"]).dt.total_seconds() / 86_400
    return found


@pytest.fixture(scope="module")
def end(leads):
    return leads["won_date"].max()


def touches(leads):
    """The origin of every lead; for deals the two representatives, at the close. Where nobody knows, no function."""
    won = leads[leads["won_date"].notna()]
    origin = pd.DataFrame(
        {
            "touch_id": leads["mql_id"] + "-1",
            "account_id": leads["mql_id"],
            "occurred_at": leads["first_contact_date"],
            "function": np.where(leads["origin"].isin(["unknown", NOT_RECORDED]), None, "marketing"),
            "channel": leads["origin"],
            "actor": None,
        }
    )
    people = [
        pd.DataFrame(
            {
                "touch_id": won["mql_id"] + place,
                "account_id": won["mql_id"],
                "occurred_at": won["won_date"],
                "function": function,
                "channel": "sales_outreach",
                "actor": won[actor],
            }
        )
        for place, function, actor in (("-2", "sdr", "sdr_id"), ("-3", "ae", "sr_id"))
    ]
    found = pd.concat([origin, *people], ignore_index=True)
    return found.assign(occurred_at=found["occurred_at"].astype("datetime64[us]"))


def events(leads):
    won = leads[leads["won_date"].notna()]
    return pd.DataFrame(
        {
            "event_id": won["seller_id"],
            "account_id": won["mql_id"],
            "kind": "new",
            "occurred_at": won["won_date"].astype("datetime64[us]"),
        }
    )


@pytest.fixture
def journeys(leads):
    with connect(threads=2) as engine:
        tables = [engine.open(frame_locator(frame)) for frame in (touches(leads), events(leads))]
        yield open_journeys(engine, *tables, Windows((WindowRule("*", 730),)), unit="deals")


MODELS = [RULE_MODELS["first"], RULE_MODELS["linear"], RULE_MODELS["last"]]


@pytest.mark.domain("W14", "D6")
def test_every_deal_is_credited_once_and_what_nobody_knows_stays_unknown(journeys):
    ledger = make_ledger(journeys, MODELS)
    assert ledger.reconcile(revenue_in=842 * DEAL).check().holds
    first = ledger.totals().of("first")
    assert first["marketing",] == 648 * DEAL
    assert first["unknown",] == (179 + 14) * DEAL
    assert first["sdr",] == 1 * DEAL  # won before the first contact: its origin cannot have touched it
    assert ledger.totals().of("last")["ae",] == 842 * DEAL


@pytest.mark.domain("D6")
def test_a_missing_origin_and_the_literal_unknown_are_kept_apart(journeys):
    by_channel = make_ledger(journeys, MODELS).totals(["channel"]).of("first")
    expected = {**ORIGINS, "organic_search": 270, "sales_outreach": 1}
    assert {key[0]: credit / DEAL for key, credit in by_channel.items() if credit} == expected
    assert sum(ORIGINS.values()) == 842


def test_linear_credit_is_shared_by_origin_sdr_and_sr(journeys):
    linear = make_ledger(journeys, MODELS).totals(rounded=False).of("linear")
    assert linear["ae",] == pytest.approx(linear["sdr",], rel=1e-12)
    assert linear["ae",] / DEAL == pytest.approx(841 / 3 + 1 / 2, rel=1e-12)
    assert (linear["marketing",] + linear["unknown",]) / DEAL == pytest.approx(841 / 3, rel=1e-12)


def test_representatives_who_act_in_both_roles_are_credited_in_each(journeys, leads):
    credit = credit_totals(journeys, MODELS, by=("function", "actor")).of("last")
    closers = {key[1]: value / DEAL for key, value in credit.items() if key[0] == "ae"}
    assert len(closers) == 22
    assert closers == leads["sr_id"].value_counts().to_dict()
    assert len(set(leads["sdr_id"].dropna()) & set(leads["sr_id"].dropna())) == 13


def test_one_win_before_first_contact_is_found_and_keeps_its_deal(journeys, leads):
    early = leads[leads["days"] < 0]
    assert early["origin"].tolist() == ["organic_search"]
    assert early["days"].round(2).tolist() == [-1.18]
    counts = journeys.counts()
    assert (counts.events, counts.untouched, counts.touches) == (842, 0, 8_000 + 2 * 842)
    assert counts.rows == 842 * 3 - 1


def test_leads_that_may_still_convert_are_open_and_not_lost(journeys, leads, end):
    year = Windows((WindowRule("*", 365),))
    dated = open_journeys(journeys.warehouse, journeys.touches, journeys.events, year, unit="deals").keep("dated")
    found = paths_of_events(dated, "new", as_of=end.to_pydatetime())
    sets = found.paths.sets()
    waiting = leads["won_date"].isna() & (leads["first_contact_date"] > end - pd.Timedelta(days=365))
    late = leads["days"] > 365
    assert (found.events, found.untouched) == (842, 0)
    assert sets.conversions.sum() == 842
    assert (late.sum(), waiting.sum()) == (4, found.open - 1)  # the origin of the early win lies in no window
    assert sets.nulls.sum() == (leads["won_date"].isna() & ~waiting).sum() + late.sum()
    values = shapley_model().credit(found.paths)
    assert values.effects.sum() == pytest.approx(842, rel=1e-12)


def test_cohorts_are_compared_by_curves_because_younger_ones_were_watched_for_less(leads, end):
    watched = (end - leads["first_contact_date"]).dt.total_seconds() / 86_400
    days = leads["days"].fillna(watched).clip(lower=0)
    quarter = leads["first_contact_date"].dt.to_period("Q").astype(str)
    found = {}
    for name in ("2017Q3", "2017Q4", "2018Q1", "2018Q2"):
        inside = quarter == name
        curve = kaplan_meier(days[inside], leads["won_date"].notna()[inside])
        found[name] = (
            int(inside.sum()),
            int(leads["won_date"].notna()[inside].sum()),
            round(watched[inside].min()),
            round(1 - survival_at(curve, 90).value, 4),
        )
    assert {name: row[:2] for name, row in found.items()} == {
        "2017Q3": (937, 18),
        "2017Q4": (1061, 43),
        "2018Q1": (3343, 468),
        "2018Q2": (2655, 313),
    }
    assert found["2018Q2"][2] == 168  # the youngest leads were watched for 168 days, the oldest for over 500
    assert found["2017Q3"][3] < 0.01
    assert found["2018Q1"][3] > 0.09
    young = quarter == "2018Q2"
    complete = (leads["days"][young] <= 90).sum() / young.sum()
    assert found["2018Q2"][3] == pytest.approx(complete, abs=1e-4)
