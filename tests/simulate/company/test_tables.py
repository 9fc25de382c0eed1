"""What a clean company exports: contracts kept, times in order, money that adds up, arms that are obeyed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality.simulate import CompanyHoldout, simulate_company
from incrementality.simulate.company import CELLS, FUNCTIONS
from incrementality.simulate.company.calendar import start_of_quarter
from incrementality.simulate.company.steps import SEGMENTS
from incrementality.tables import COMPANY_TABLES

KINDS = {"id": "O", "label": "O", "text": "O", "time": "M", "day": "O", "money": "i", "number": "if", "flag": "b"}


@pytest.fixture(scope="module")
def clean():
    return simulate_company(3_000, quarters=4, seed=11, dirty=False)


@pytest.fixture(scope="module")
def frames(clean):
    return {name: pd.DataFrame(columns) for name, columns in clean.tables.items()}


def test_every_contract_has_its_table(clean):
    assert set(clean.tables) == set(COMPANY_TABLES)
    assert clean.planted == {}


@pytest.mark.parametrize("name", sorted(COMPANY_TABLES))
def test_columns_are_those_of_the_contract_and_of_its_kinds(clean, name):
    contract, columns = COMPANY_TABLES[name], clean.tables[name]
    assert set(contract.required) <= set(columns)
    assert len({column.size for column in columns.values()}) == 1
    for column, values in columns.items():
        assert values.dtype.kind in KINDS[contract.column(column).kind], column
        if column in contract.required:
            missing = pd.isna(pd.Series(values))
            assert not missing.any(), column


@pytest.mark.parametrize("name", [name for name, table in COMPANY_TABLES.items() if table.key])
def test_keys_tell_rows_apart(frames, name):
    assert frames[name][COMPANY_TABLES[name].key].is_unique


def test_whoever_is_named_is_there(frames):
    accounts, contacts = set(frames["accounts"]["account_id"]), frames["contacts"].set_index("contact_id")
    for name, frame in frames.items():
        if "account_id" in frame:
            assert set(frame["account_id"]) <= accounts, name
    touches = frames["touchpoints"]
    assert (contacts["account_id"].reindex(touches["contact_id"]).to_numpy() == touches["account_id"]).all()
    assert set(touches["opportunity_id"].dropna()) <= set(frames["opportunities"]["opportunity_id"])
    assert set(frames["contact_roles"]["opportunity_id"]) == set(frames["opportunities"]["opportunity_id"])
    assert set(frames["contact_roles"]["contact_id"]) <= set(contacts.index)
    assert set(frames["refunds"]["line_id"]) <= set(frames["invoices"]["line_id"])


def test_labels_are_those_of_the_playbook(frames):
    touches = frames["touchpoints"]
    assert set(touches["function"]) == {*FUNCTIONS, "customer"}
    assert set(touches["direction"]) == {"inbound", "outbound", "automatic"}
    assert set(frames["accounts"]["segment"]) == set(SEGMENTS)
    in_journeys = touches[touches["journey"].notna()]
    assert set(zip(in_journeys["function"], in_journeys["journey"], strict=True)) <= set(CELLS)


def test_nothing_happens_before_the_account_is_known_or_after_the_export(clean, frames):
    created = frames["accounts"].set_index("account_id")["created_at"]
    as_of = pd.Timestamp(clean.as_of).tz_localize(None)
    for name in ("touchpoints", "stages", "revenue_events", "signals"):
        frame = frames[name]
        assert (frame["occurred_at"].to_numpy() > created.reindex(frame["account_id"]).to_numpy()).all(), name
        assert frame["occurred_at"].max() < as_of


def test_a_deal_is_worked_on_while_it_is_open(frames):
    deals = frames["opportunities"].set_index("opportunity_id")
    touches = frames["touchpoints"].dropna(subset=["opportunity_id"])
    deal = deals.loc[touches["opportunity_id"]]
    assert (touches["occurred_at"].to_numpy() > deal["created_at"].to_numpy()).all()
    ended = deal["closed_at"].notna().to_numpy()
    assert (touches["occurred_at"].to_numpy()[ended] < deal["closed_at"].to_numpy()[ended]).all()
    assert set(deals["outcome"]) == {"won", "lost", "open"}
    assert (deals["outcome"] == "open").sum() == deals["closed_at"].isna().sum()


@pytest.mark.parametrize(("journey", "kind"), [("seat-limit-nudge", "expansion"), ("renewal-outreach", "renewal")])
def test_touches_that_move_a_deal_come_before_it(frames, journey, kind):
    """In the quarter of a deal no touch of the journey that pushes it is later than its close."""
    deals = frames["opportunities"].query("kind == @kind and outcome == 'won'")[["account_id", "closed_at"]]
    touches = frames["touchpoints"].query("journey == @journey")[["account_id", "occurred_at"]]
    pairs = touches.merge(deals, on="account_id")
    together = pairs[pairs["occurred_at"].dt.to_period("Q") == pairs["closed_at"].dt.to_period("Q")]
    assert len(together) > 20
    assert (together["occurred_at"] < together["closed_at"]).all()


def test_money_is_the_same_in_deals_events_invoices_and_books(clean, frames):
    events, invoices = frames["revenue_events"].query("kind != 'saved'"), frames["invoices"]
    won = frames["opportunities"].query("outcome == 'won'").set_index("opportunity_id")["amount"]
    assert (won.loc[events["opportunity_id"]].to_numpy() == events["amount"]).all()
    assert len(won) == len(events)
    assert invoices["amount"].sum() == events["amount"].sum()
    net = events["amount"].sum() - frames["refunds"]["amount"].sum()
    assert net == clean.counterfactual(withheld=True).revenue
    assert (frames["refunds"]["amount"] > 0).all()


def test_revenue_by_quarter_and_kind_is_that_of_the_books(clean, frames):
    events = (
        frames["revenue_events"]
        .query("kind != 'saved'")
        .merge(frames["refunds"].groupby("event_id")["amount"].sum().rename("refund"), on="event_id", how="left")
    )
    net = (events["amount"] - events["refund"].fillna(0)).astype(np.int64)
    quarter = events["occurred_at"].dt.to_period("Q").astype(str)
    table = net.groupby([quarter, events["kind"]]).sum()
    kinds, quarters = ("new", "expansion", "renewal"), sorted(set(quarter))
    by_kind = [[table.get((each, kind), 0) for kind in kinds] for each in quarters]
    assert np.array_equal(by_kind, clean.counterfactual(withheld=True).by_kind)


def test_expansions_start_on_every_path(frames):
    expansions = frames["opportunities"].query("kind == 'expansion'")
    assert set(expansions["creation_source"]) == {"csm", "sales", "plg", "customer", "customer_executive"}
    served = expansions[expansions["creation_trigger"] == "self_serve_upgrade"]
    assert served["self_serve"].all()
    assert served["closer"].isna().all()
    renewals = set(frames["opportunities"].query("kind == 'renewal'")["opportunity_id"])
    assert set(expansions["renewal_of"].dropna()) <= renewals


def test_clean_sources_are_logged_within_a_day_and_stay(frames):
    deals = frames["opportunities"]
    assert ((deals["source_logged_at"] - deals["created_at"]) <= pd.Timedelta(hours=24)).all()
    ended = deals[deals["outcome"] != "open"]
    assert (ended["creation_source"] == ended["source_at_close"]).all()
    assert (ended["edited_at"] <= ended["closed_at"]).all()


def test_accounts_at_risk_say_so_before_the_loss(frames):
    flagged = frames["revenue_events"].dropna(subset=["flagged_at"])
    assert len(flagged) > 5
    assert set(flagged["kind"]) == {"renewal", "saved"}
    assert (flagged["flagged_at"] < flagged["occurred_at"]).all()
    assert (flagged["occurred_at"] < flagged["loss_at"]).all()
    assert (flagged["at_risk"] > 0).all()
    assert frames["revenue_events"]["at_risk"].notna().sum() == len(flagged)


def test_saved_is_a_label_beside_a_renewal_that_somebody_worked_for(frames):
    events = frames["revenue_events"]
    saved, renewals = events.query("kind == 'saved'"), events.query("kind == 'renewal'").set_index("opportunity_id")
    assert len(saved) > 3
    beside = renewals.loc[saved["opportunity_id"]]
    assert (beside["amount"].to_numpy() == saved["amount"]).all()
    assert saved["invoice_id"].isna().all()
    assert not set(saved["event_id"]) & set(frames["invoices"]["event_id"])
    touches = frames["touchpoints"].query("journey == 'save-desk'")
    worked_for = touches.groupby("account_id")["occurred_at"].agg(list)
    for row in saved.itertuples():
        assert any(row.flagged_at < at < row.occurred_at for at in worked_for[row.account_id])


def test_costs_are_exact_and_name_their_rule(frames):
    costs = frames["costs"]
    assert (costs["amount"] >= 0).all()
    assert set(costs["function"]) == set(FUNCTIONS)
    assert set(costs["rule"]) == {"touches", "fixed", "direct"}
    assert costs.loc[costs["rule"] == "direct", "journey"].notna().all()
    assert costs.loc[costs["rule"] == "fixed", "note"].notna().all()


@pytest.mark.domain("X2")
def test_entries_are_logged_for_both_arms_before_any_touch(clean, frames):
    entries, arms = pd.DataFrame(clean.entries), pd.DataFrame(clean.assignments)
    held = arms.query("experiment_id == 'seat-limit-holdout'").set_index("account_id")["arm"]
    entered = entries.query("journey == 'seat-limit-nudge'")
    assert set(held.loc[entered["account_id"]]) == {"holdout", "always-on"}
    touches = frames["touchpoints"].dropna(subset=["journey"])
    keys = ["account_id", "journey", "quarter"]
    touches = touches.assign(quarter=touches["occurred_at"].dt.to_period("Q"))
    entries = entries.assign(quarter=entries["entered_at"].dt.to_period("Q"))
    first = touches.groupby(keys)["occurred_at"].min().to_frame()
    joined = first.join(entries.set_index(keys)["entered_at"], how="left")
    assert joined["entered_at"].notna().all()
    assert (joined["entered_at"] <= joined["occurred_at"]).all()


@pytest.mark.domain("X1")
def test_nobody_held_out_is_touched_by_what_is_withheld(clean, frames):
    arms = pd.DataFrame(clean.assignments)
    for holdout in clean.holdouts:
        of_test = arms[arms["experiment_id"] == holdout.name].set_index("account_id")["arm"]
        assert (of_test == "holdout").mean() == pytest.approx(holdout.share, abs=0.03)
        touches = frames["touchpoints"].dropna(subset=["journey"])
        last = clean.quarters if holdout.last is None else holdout.last + 1
        within = touches["occurred_at"].between(
            pd.Timestamp(start_of_quarter(holdout.first), unit="s"), pd.Timestamp(start_of_quarter(last), unit="s")
        )
        cells = [cell in holdout.cells for cell in zip(touches["function"], touches["journey"], strict=True)]
        touched = touches[within & np.array(cells)]
        assert len(touched) > 0
        assert (of_test.loc[touched["account_id"]] == "always-on").all(), holdout.name


def test_functions_come_in_their_typical_order(frames):
    deals = frames["touchpoints"].query("journey == 'webinar-to-demo'").copy()
    deals["quarter"] = deals["occurred_at"].dt.to_period("Q")
    keys = ["account_id", "quarter"]
    first = {
        function: deals[deals["function"] == function].groupby(keys)["occurred_at"].min()
        for function in ("marketing", "ae")
    }
    ahead = (first["ae"] - first["marketing"]).dropna() > pd.Timedelta(0)
    assert len(ahead) > 100
    assert ahead.mean() > 0.8


def test_every_label_is_known_to_the_taxonomy_that_ships(clean):
    taxonomy = pytest.importorskip("incrementality.taxonomy").default_taxonomy()
    touches = clean.tables["touchpoints"]
    known = {
        "function": taxonomy.functions,
        "type": taxonomy.types,
        "stage": taxonomy.stages,
        "channel": taxonomy.channels,
        "outcome": taxonomy.outcomes,
        "topic": taxonomy.topics,
        "direction": taxonomy.directions,
    }
    for column, terms in known.items():
        names = {getattr(term, "name", term) for term in terms}
        assert set(touches[column]) <= names, column


def test_the_truth_is_the_same_whatever_is_held_out_or_badly_captured():
    plain = simulate_company(500, quarters=2, seed=3, holdouts=(), dirty=False).counterfactual().revenue
    assert simulate_company(500, quarters=2, seed=3).counterfactual().revenue == plain
    assert simulate_company(500, quarters=2, seed=4).counterfactual().revenue != plain


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"accounts": 0}, "accounts is 0"),
        ({"quarters": 0}, "quarters is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"holdouts": [CompanyHoldout(name="a", share=1.0)]}, "share of 'a'"),
        ({"holdouts": [CompanyHoldout(name="a", share=0.5, first=9)]}, "runs from quarter 9"),
        ({"holdouts": [CompanyHoldout(name="a", share=0.5)] * 2}, "two holdouts"),
        ({"holdouts": [CompanyHoldout(name="a", share=0.5, journey="qbr")]}, "'qbr'"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_name(wrong, named):
    with pytest.raises(ValueError, match=named):
        simulate_company(**wrong)
