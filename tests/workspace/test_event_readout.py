"""From event tables to a readout: decide, assign, import what was sent, read out; against pandas and a known truth."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from incrementality import Readout
from incrementality.errors import EmptyTable, InputError, SourceNotFound
from incrementality.workspace import Workspace, assign_decided, decide_units, export_arms
from incrementality.workspace.holdouts import ledger_of

_spec = importlib.util.spec_from_file_location("journeys", Path(__file__).with_name("journeys.py"))
journeys = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(journeys)

day = journeys.day
EXPERIMENT = """\
id: mail
question: Does the mail bring customers back?
started: 2025-01-01
data:
  log: true
  data_cut: 2025-02-20
  deliveries: {table: sent, unit: contact_id, at: sent_at, where: {status: delivered}}
  covariates:
    - {column: spent_before, from: {table: orders, unit: contact_id, column: amount, lookback: 30d}}
arms:
  - {name: holdout, share: 50%, control: true}
  - {name: mail, share: 50%}
metrics:
  - {name: bought, kind: conversion, role: primary, window: 14d, from: {table: orders, unit: contact_id}}
  - name: revenue
    kind: revenue
    role: secondary
    window: 14d
    from: {table: orders, unit: contact_id, column: amount}
  - name: order value
    kind: ratio
    numerator: total
    denominator: orders
    role: secondary
    window: 14d
    from: {table: orders, unit: contact_id, column: amount}
    over: {table: orders, unit: contact_id}
"""
SOURCES = "sources: {orders: data/orders.parquet, sent: data/sent.parquet}\n"


def decided(folder, n):
    workspace = journeys.make_workspace(folder, n=n)
    (workspace.folder("mail") / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
    (workspace.root / "incrementality.yaml").write_text(SOURCES, encoding="utf-8")
    workspace = Workspace(workspace.root)
    for until in (7, 20):
        decide_units(workspace, "mail", until=day(until), data_cut=day(21))
    return workspace


def standing(workspace):
    """The decision that stands for each unit, by pandas."""
    files = sorted((workspace.root / "decisions").glob("*.parquet"))
    log = pd.concat([pq.read_table(path).to_pandas() for path in files])
    log["first"] = (log["entry_no"] != 1).astype(int)
    return log.sort_values(["first", "t0", "decision_id"]).drop_duplicates("unit_id").set_index("unit_id")


def arms_of(workspace):
    path = workspace.root / "arms.csv"
    export_arms(workspace, "mail", path)
    return pd.read_csv(path).set_index("unit_id")["arm"]


def simulate(workspace, units, arms, seed=5):
    """Orders of each contact with and without the mail, deliveries to the mail's arm, and the true effect."""
    rng = np.random.default_rng(seed)
    luck = rng.random(len(units))
    without, treated = luck < 0.10, luck < 0.17
    got = (arms.reindex(units.index) == "mail").to_numpy()
    buys = np.where(got, treated, without)
    amounts = np.round(rng.gamma(2.0, 20.0, len(units)), 2)
    rows, sent = [], []
    for unit, t0, buying, amount, mailed in zip(units.index, units["t0"], buys, amounts, got, strict=True):
        late = timedelta(minutes=int(rng.integers(0, 14 * 1440)))
        rows += [(unit, t0 + late, amount)] if buying else []
        rows += [(unit, t0 + late + timedelta(minutes=5), -amount / 2)] if buying and rng.random() < 0.2 else []
        rows += [(unit, t0 + timedelta(days=14), 500.0)] if rng.random() < 0.05 else []
        rows += [(unit, t0 - timedelta(days=float(rng.uniform(0.1, 40))), amount)] if rng.random() < 0.5 else []
        sent += [(unit, t0 + timedelta(hours=1), "delivered" if rng.random() < 0.9 else "bounced")] if mailed else []
    data = workspace.root / "data"
    journeys.write_table(
        data / "orders.parquet",
        dict(zip(("contact_id", "occurred_at", "amount"), zip(*rows, strict=True), strict=True)),
    )
    journeys.write_table(
        data / "sent.parquet", dict(zip(("contact_id", "sent_at", "status"), zip(*sent, strict=True), strict=True))
    )
    entered = (units["entry_no"] == 1).to_numpy()
    return float((treated[entered].astype(float) - without[entered]).mean())


def by_pandas(workspace, units, arms):
    """The effects on those that entered, by an independent computation."""
    orders = pq.read_table(workspace.root / "data" / "orders.parquet").to_pandas()
    entered = units[units["entry_no"] == 1]
    joined = orders.join(entered["t0"], on="contact_id", how="inner")
    after = joined["occurred_at"] - joined["t0"]
    inside = joined[(after >= pd.Timedelta(0)) & (after < pd.Timedelta(days=14))].groupby("contact_id")["amount"]
    table = pd.DataFrame({"arm": arms}, index=entered.index)
    table["revenue"] = inside.sum().reindex(table.index).fillna(0.0)
    table["orders"] = inside.count().reindex(table.index).fillna(0)
    table["bought"] = (table["orders"] > 0).astype(float)
    means = table.groupby("arm").mean()
    value = means["revenue"] / means["orders"]
    return {
        "bought": means.loc["mail", "bought"] - means.loc["holdout", "bought"],
        "revenue": means.loc["mail", "revenue"] - means.loc["holdout", "revenue"],
        "order value": value["mail"] - value["holdout"],
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    workspace = decided(tmp_path_factory.mktemp("world"), n=6000)
    assign_decided(workspace, "mail")
    units, arms = standing(workspace), arms_of(workspace)
    truth = simulate(workspace, units, arms)
    return workspace, units, arms, truth, workspace.readout("mail")


@pytest.mark.domain("X2", "X11")
def test_the_readout_is_that_of_an_independent_computation(world):
    workspace, units, arms, _, readout = world
    expected = by_pandas(workspace, units, arms)
    found = {estimate.metric: estimate.effect for estimate in readout.estimates if not estimate.adjusted}
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.domain("X2")
def test_the_true_effect_lies_in_the_interval(world):
    *_, truth, readout = world
    headline = readout.headline("bought", "mail")
    assert headline.effect_ci_lower <= truth <= headline.effect_ci_upper
    assert headline.effect_ci_lower > 0
    assert readout.grade == "trust"


def test_every_decided_unit_is_a_row_and_those_that_did_not_enter_are_counted(world):
    _, units, _, _, readout = world
    status = units["eligible"].map({True: "eligible", False: "not eligible"}).fillna("eligibility unknown")
    counts = status[units["entry_no"] != 1].value_counts().to_dict()
    assert readout.rows.read == len(units)
    assert readout.rows.refused == counts
    assert readout.rows.kept == int((units["entry_no"] == 1).sum())


def test_eligibility_and_delivery_are_checked_between_the_arms(world):
    checks = {check.name: check for check in world[-1].checks}
    for name in ("eligible_rate", "sample_ratio_complement", "contamination", "maturity"):
        assert checks[name].passed is not False, checks[name]
    assert "90." in checks["delivery"].sentence or "89." in checks["delivery"].sentence


def bought_by(workspace, units, arms, days):
    """Difference between the arms in the share that bought within so many days, by pandas."""
    orders = pq.read_table(workspace.root / "data" / "orders.parquet").to_pandas()
    entered = units[units["entry_no"] == 1]
    joined = orders.join(entered["t0"], on="contact_id", how="inner")
    after = joined["occurred_at"] - joined["t0"]
    bought = joined[(after >= pd.Timedelta(0)) & (after < pd.Timedelta(days=days))]["contact_id"].unique()
    table = pd.DataFrame({"arm": arms}, index=entered.index)
    share = pd.Series(entered.index.isin(bought), index=entered.index).astype(float).groupby(table["arm"]).mean()
    return share["mail"] - share["holdout"]


def test_effects_by_days_since_entry_add_up_to_the_whole(world):
    workspace, units, arms, _, readout = world
    points = [point for point in readout.novelty if point.what == "period"]
    assert [(point.from_day, point.to_day) for point in points] == [(0, 7), (7, 14)]
    first, whole = (bought_by(workspace, units, arms, days) for days in (7, 14))
    assert [point.effect for point in points] == pytest.approx([first, whole - first], rel=1e-9, abs=1e-12)
    plain = next(e for e in readout.estimates if e.metric == "bought" and not e.adjusted)
    assert sum(point.effect for point in points) == pytest.approx(plain.effect, rel=1e-9)
    assert {point.n for point in points} == {plain.n_control + plain.n_treatment}


def test_the_effect_stands_at_twice_the_window_where_the_data_reaches_it(world):
    workspace, units, arms, _, readout = world
    points = [point for point in readout.novelty if point.what != "period"]
    assert [point.to_day for point in points] == [14, 28]
    expected = [bought_by(workspace, units, arms, days) for days in (14, 28)]
    assert [point.effect for point in points] == pytest.approx(expected, rel=1e-9)


def test_the_page_and_a_figure_show_the_days_since_entry(world):
    import matplotlib.pyplot as plt

    from incrementality.report import plot_novelty, render_readout

    page = render_readout(world[-1])
    section = page[page.index('<section id="novelty">') : page.index('<section id="checks">')]
    assert "mail on bought, day 7 to 14: " in section
    plt.close(plot_novelty(world[-1]))
    assert Readout.from_dict(world[-1].to_dict()) == world[-1]


def test_the_manifest_says_what_it_was_made_of(world):
    manifest = world[-1].manifest
    orders = manifest["events"]["orders"]
    kept = {reason: n for reason, n in orders.items() if reason not in {"rows", "source"}}
    assert sum(kept.values()) == orders["rows"]
    assert min(orders[name] for name in ("before t0", "in the window", "after the window")) > 0
    assert len(manifest["decisions"]["runs"]) == 2
    assert len(manifest["orders_sha256"]) == 64


def test_who_entered_and_was_not_assigned_has_no_arm(tmp_path):
    workspace = journeys.make_workspace(tmp_path, n=400)
    (workspace.folder("mail") / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
    (workspace.root / "incrementality.yaml").write_text(SOURCES, encoding="utf-8")
    workspace = Workspace(workspace.root)
    decide_units(workspace, "mail", until=day(7), data_cut=day(21))
    assigned = assign_decided(workspace, "mail")
    decide_units(workspace, "mail", until=day(20), data_cut=day(21))
    units = standing(workspace)
    simulate(workspace, units, arms_of(workspace))
    late = int((units["entry_no"] == 1).sum()) - assigned.recorded
    assert workspace.readout("mail").rows.refused["arm missing"] == late > 0
    assert assign_decided(workspace, "mail").recorded == assigned.recorded + late


@pytest.fixture
def small(tmp_path):
    return decided(tmp_path, n=200)


def test_only_first_entries_are_assigned_and_once(small):
    units = standing(small)
    answer = assign_decided(small, "mail")
    assert answer.recorded == answer.rows == int((units["entry_no"] == 1).sum())
    again = assign_decided(small, "mail")
    assert (again.counts, again.recorded) == (answer.counts, answer.recorded)
    with ledger_of(small) as ledger:
        assert set(ledger.read("mail").unit_id) == set(units.index[units["entry_no"] == 1])


@pytest.mark.domain("X3")
def test_accounts_are_drawn_whole(small):
    path = small.folder("mail") / "experiment.yaml"
    journeys.change(path, "  log: true\n", "  log: true\n  cluster: account_id\n")
    units = standing(small)
    assign_decided(small, "mail")
    with ledger_of(small) as ledger:
        assert set(ledger.read("mail").unit_id) == set(units.loc[units["entry_no"] == 1, "account_id"])


def test_nothing_decided_and_nobody_entered_are_said(tmp_path, small):
    fresh = journeys.make_workspace(tmp_path / "fresh", n=20)
    with pytest.raises(InputError, match="nothing was decided yet"):
        assign_decided(fresh, "mail")
    journeys.change(fresh.folder("mail") / "eligibility.yaml", "equals: pro", "equals: none")
    decide_units(fresh, "mail", until=day(20), data_cut=day(21))
    with pytest.raises(EmptyTable, match="nobody has entered"):
        assign_decided(fresh, "mail")
    (small.root / "incrementality.yaml").write_text("sources: {orders: data/orders.parquet}\n", encoding="utf-8")
    journeys.write_table(small.root / "data" / "orders.parquet", {"contact_id": ["x"]})
    with pytest.raises(SourceNotFound, match="'sent'"):
        Workspace(small.root).readout("mail")
