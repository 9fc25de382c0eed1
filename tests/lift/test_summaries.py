"""Cumulative summaries say what the rows behind them say; a table that cannot be is refused by its row."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from incrementality import Experiment, read_out
from incrementality.design import DesignRequest, MetricBaseline, Monitoring, design, looks_of
from incrementality.errors import InputError
from incrementality.lift import read_summaries

GROUP = {"kind": "group sequential", "looks": 3, "spending": "power", "rho": 2.0}
SEQUENCE = {"kind": "confidence sequence"}
KINDS = {"mean": {"mean": 10.0, "sd": 6.0}, "conversion": {"mean": 0.3}, "revenue": {"mean": 4.0, "sd": 7.0}}


def experiment(plan, kind="mean", cut="2026-03-01", **changes):
    return Experiment.model_validate({
        "id": "mail", "question": "Does it work?", "unit": "contact", "started": "2026-01-05", "ended": "2026-03-10",
        "data": {"unit": "id", "t0": "decided", "data_cut": str(cut)},
        "request": {"decision": "Send it, or stop it.", "monitoring": plan},
        "arms": [{"name": "holdout", "share": "50%", "control": True}, {"name": "mail", "share": "50%"}],
        "metrics": [{"name": "y", "kind": kind, "role": "primary", "window": "14d"}],
    } | changes)  # fmt: skip


def registered(plan, kind="mean"):
    request = DesignRequest(
        id="mail", question="Does it work?", metric="y", kind=kind, smallest_effect=0.06, population=0,
        arrivals_per_week=1400, baseline=MetricBaseline(**KINDS[kind]), holdout_share=0.5, unit="contact",
        starts=date(2026, 1, 5), window_days=14, approvals=("owner",), monitoring=Monitoring(**plan),
    )  # fmt: skip
    return design(request).sign(role="owner", name="Ada", on=date(2026, 1, 2))


def rows(kind, n=8000, seed=5):
    rng = np.random.default_rng(seed)
    decided = pd.Timestamp("2026-01-05") + pd.to_timedelta(rng.integers(0, 60, n), unit="D")
    arm = np.tile(["holdout", "mail"], n // 2)
    y = rng.normal(10, 6, n) + 0.8 * (arm == "mail")
    if kind == "conversion":
        y = rng.binomial(1, 0.3 + 0.05 * (arm == "mail"))
    if kind == "revenue":
        y = np.where(rng.random(n) < 0.3, np.abs(y), 0.0)
    return pd.DataFrame({"id": np.arange(n), "arm": arm, "y": y, "decided": decided})


def summarised(frame, days):
    found = []
    for day in days:
        closed = frame[frame.decided + pd.Timedelta(days=14) <= pd.Timestamp(day)]
        for arm, part in closed.groupby("arm"):
            found.append({
                "date": day, "arm": arm, "n": len(part), "mean": part.y.mean(), "variance": part.y.var(),
                "payers": int((part.y != 0).sum()),
            })  # fmt: skip
    return found


@pytest.mark.oracle("cumulative summaries", "the readout of the rows behind them, in the engine", "1e-9 relative")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("plan", [GROUP, SEQUENCE], ids=["looks", "sequence"])
def test_engine_rows_and_summaries_agree(plan, kind):
    frame, answer = rows(kind), registered(plan, kind)
    days = [look.on for look in looks_of(answer)][:2] or [date(2026, 2, 10), date(2026, 2, 28)]
    found = read_summaries(experiment(plan, kind), summarised(frame, days), design=answer)
    taken = []
    for day, step in zip(days, found.effects, strict=True):
        readout = read_out(experiment(plan, kind, cut=day), frame, designs=[answer], taken=taken)
        taken += [one for one in [readout.look.taken()] if one is not None]
        estimate = readout.headline("y", "mail")
        seen = (step.effect, step.standard_error, step.lower, step.upper, step.pvalue, step.critical)
        assert seen == pytest.approx(
            (
                estimate.effect, estimate.standard_error, estimate.effect_ci_lower, estimate.effect_ci_upper,
                estimate.pvalue, readout.look.critical,
            ),
            rel=1e-9,
        )  # fmt: skip
        path = readout.cumulative[-1]
        assert (path.effect, path.lower, path.upper) == pytest.approx((step.effect, step.lower, step.upper), rel=1e-9)
    expected = [(a.look, a.crossed, a.effect, a.pvalue) for a in readout.look.answers]
    assert [(a.look, a.crossed, a.effect, a.pvalue) for a in found.answers] == [
        pytest.approx(answer, rel=1e-7) for answer in expected
    ]


@pytest.mark.parametrize("spell", ["records", "pandas", "columns", "polars", "arrow"])
def test_any_table_is_read(spell):
    frame = pd.DataFrame(summarised(rows("mean"), ["2026-02-10"]))
    if spell in {"polars", "arrow"}:
        library = pytest.importorskip({"polars": "polars", "arrow": "pyarrow"}[spell])
        table = library.from_pandas(frame) if spell == "polars" else library.Table.from_pandas(frame)
    else:
        table = {"records": frame.to_dict("records"), "pandas": frame, "columns": frame.to_dict("list")}[spell]
    found = read_summaries(experiment(SEQUENCE), table, planned_units=6000)
    assert found.effects[0].n_control == frame.n[0]


def test_days_that_are_no_look_have_no_interval():
    answer = registered(GROUP)
    first = looks_of(answer)[0].on
    found = read_summaries(experiment(GROUP), summarised(rows("mean"), ["2026-01-25", first]), design=answer)
    assert [(step.look, step.lower is None) for step in found.effects] == [(None, True), (1, False)]


@pytest.mark.parametrize(
    ("plan", "asked", "message"),
    [
        (GROUP, "confidence sequence", "registered as group sequential, and confidence sequence was asked for"),
        (SEQUENCE, "group sequential", "registered as confidence sequence, and group sequential was asked for"),
        ({"kind": "fixed"}, None, "the registered design is fixed: it is read once, at its end"),
    ],
)
def test_the_registered_design_decides(plan, asked, message):
    table = summarised(rows("mean"), ["2026-02-10"])
    with pytest.raises(InputError, match=message):
        read_summaries(experiment(plan), table, design=registered(plan), kind=asked)
    with pytest.raises(InputError, match=message):
        read_summaries(experiment(plan), table, planned_units=6000, kind=asked)


def test_a_design_that_nobody_signed_registers_nothing():
    with pytest.raises(InputError, match="not signed by: owner"):
        read_summaries(experiment(SEQUENCE), [], design=replace(registered(SEQUENCE), sign_offs=()))


def test_without_a_design_the_plan_is_needed_and_looks_are_counted():
    with pytest.raises(InputError, match="the planned units are None"):
        read_summaries(experiment(GROUP), summarised(rows("mean"), ["2026-02-10"]))
    days = ["2026-02-01", "2026-02-05", "2026-02-10", "2026-02-15"]
    with pytest.raises(InputError, match="4 dates, and 3 looks are registered"):
        read_summaries(experiment(GROUP), summarised(rows("mean"), days), planned_units=9000)


GOOD = [
    {"date": "2026-02-01", "arm": "holdout", "n": 500, "mean": 10.0, "variance": 36.0},
    {"date": "2026-02-01", "arm": "mail", "n": 510, "mean": 10.5, "variance": 36.0},
    {"date": "2026-02-08", "arm": "holdout", "n": 700, "mean": 10.0, "variance": 36.0},
    {"date": "2026-02-08", "arm": "mail", "n": 710, "mean": 10.5, "variance": 36.0},
]


@pytest.mark.parametrize(
    ("row", "change", "message"),
    [
        (2, {"n": 400}, "2026-02-08: 'holdout' has 400 units, and 500 before; cumulative units never fall"),
        (1, {"variance": -1.0}, "row 2: the variance is -1, below zero"),
        (3, {"arm": "mall"}, "row 4: there is no arm 'mall'; planned: 'holdout', 'mail'. Did you mean 'mail'"),
        (0, {"metric": "z"}, "row 1: there is no metric 'z'"),
        (1, {"arm": "holdout"}, "row 2: 'holdout' stands twice on 2026-02-01"),
        (0, {"n": 10.5}, "row 1: n is 10.5; needed: a whole number"),
        (0, {"mean": float("nan")}, "row 1: mean is nan; it must be finite"),
        (0, {"mean": "x"}, "row 1: mean is 'x'"),
        (0, {"date": "Monday"}, "row 1: 'Monday' is no date"),
        (3, {"date": "2026-02-09"}, "2026-02-08: the arm 'mail' is missing"),
    ],
)
def test_a_row_that_cannot_be_is_named(row, change, message):
    table = [record | (change if k == row else {}) for k, record in enumerate(GOOD)]
    with pytest.raises(InputError, match=message):
        read_summaries(experiment(SEQUENCE), table, planned_units=2000)


def test_what_is_missing_is_named():
    with pytest.raises(InputError, match="has no rows"):
        read_summaries(experiment(SEQUENCE), [], planned_units=2000)
    with pytest.raises(InputError, match="has no column 'variance'; it has: date, arm, n, mean"):
        read_summaries(
            experiment(SEQUENCE), [{k: r[k] for k in ("date", "arm", "n", "mean")} for r in GOOD], planned_units=2000
        )
    with pytest.raises(InputError, match="payers is None"):
        read_summaries(experiment(SEQUENCE, "revenue"), GOOD, planned_units=2000)


@pytest.mark.parametrize(("mean", "variance", "message"), [(0.5003, 0.25, "no whole number"), (0.5, 0.4, "variance")])
def test_shares_are_checked_against_their_counts(mean, variance, message):
    table = [record | {"mean": mean, "variance": variance} for record in GOOD]
    with pytest.raises(InputError, match=message):
        read_summaries(experiment(SEQUENCE, "conversion"), table, planned_units=2000)


def test_one_sided_answers_are_those_of_the_metric_turned_round():
    plan = GROUP | {"sides": "one"}
    up = read_summaries(experiment(plan), GOOD, planned_units=1500)
    metrics = [{"name": "y", "kind": "mean", "role": "primary", "window": "14d", "direction": "decrease"}]
    turned = [record | {"mean": -record["mean"]} for record in GOOD]
    down = read_summaries(experiment(plan, metrics=metrics), turned, planned_units=1500)
    assert [step.upper for step in up.effects] == [step.lower for step in down.effects] == [None, None]
    assert [step.lower for step in up.effects] == pytest.approx([-step.upper for step in down.effects])
    assert [a.pvalue for a in up.answers] == pytest.approx([a.pvalue for a in down.answers])
    assert [a.effect for a in up.answers] == pytest.approx([-a.effect for a in down.answers])


def test_a_small_holdout_of_revenue_is_not_looked_at_before_its_payers_are_there():
    asked = experiment({"kind": "group sequential", "looks": 2}, "revenue")
    table = [
        record | {"n": 20 * record["n"] // (1 + 9 * (record["arm"] == "holdout")), "payers": payers}
        for record, payers in zip(GOOD, (90, 1000, 450, 4500), strict=True)
    ]
    found = read_summaries(asked, table, planned_units=16_000)
    assert [(step.look, step.critical is None) for step in found.effects] == [(None, True), (2, False)]
    assert found.effects[1].critical == pytest.approx(1.96, abs=1e-2)  # nothing was spent before
