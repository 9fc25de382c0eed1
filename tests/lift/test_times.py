"""Times to an event in a readout: restricted means, curves, the log-rank line, and the check of censoring."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from incrementality import Readout, read_out
from incrementality.errors import InputError, TooFewClusters, ValueNotAllowed
from incrementality.stats import (
    cluster_means,
    compare_restricted_means,
    kaplan_meier,
    log_rank,
    moments_of_rows,
    restricted_mean_pseudo_values,
)

SAME = 1e-9  # the readout against the statistic on the same rows
TIME = {"name": "time", "kind": "time", "column": "days", "event": "came", "window": "60d", "role": "primary"}


def watched(n=2000, seed=4, faster=1.0, *, cut=True, shorter=0.0):
    """Two arms with exponential times; ``faster`` multiplies the hazard of the journey."""
    rng = np.random.default_rng(seed)
    arm = np.where(rng.random(n) < 0.5, "control", "journey")
    time = np.ceil(rng.exponential(60, n) / np.where(arm == "journey", faster, 1.0))
    watch = np.ceil(rng.uniform(20, 150, n) * np.where(arm == "journey", 1 - shorter, 1)) if cut else np.full(n, 90.0)
    days, came = np.minimum(time, watch), (time <= watch).astype(int)
    stratum = rng.choice(["a", "b"], n)
    return pd.DataFrame({"id": np.arange(n), "arm": arm, "days": days, "came": came, "s": stratum})


def by_arm(rows):
    return {name: (part["days"], part["came"]) for name, part in rows.groupby("arm")}


def test_the_estimate_is_the_difference_of_restricted_means(plan):
    rows = watched(faster=1.4)
    readout = read_out(plan(metrics=[TIME]), data=rows)
    (e,) = readout.estimates
    arms = by_arm(rows)
    direct = compare_restricted_means(kaplan_meier(*arms["journey"]), kaplan_meier(*arms["control"]), 60.0)
    assert (e.effect, e.standard_error, e.pvalue) == pytest.approx(
        (direct.effect, direct.standard_error, direct.pvalue), rel=SAME
    )
    assert (e.effect_ci_lower, e.rel_effect_ci_upper) == pytest.approx(
        (direct.effect_interval.lower, direct.rel_interval.upper), rel=SAME
    )
    assert e.method.startswith("restricted mean time up to 60 days (Kaplan-Meier)")
    assert "days in journey against" in e.sentence.replace("\xa0", " ")
    assert [round(mean.mean, 6) for mean in readout.means] == [round(e.control_mean, 6), round(e.treatment_mean, 6)]


def test_the_log_rank_test_stands_beside_and_is_no_estimate(plan):
    rows = watched(faster=1.4)
    readout = read_out(plan(metrics=[TIME]), data=rows)
    (beside,) = readout.log_ranks
    direct = log_rank(np.minimum(rows["days"], 60), rows["came"] * (rows["days"] <= 60), rows["arm"])
    assert beside.pvalue == pytest.approx(direct.pvalue, rel=SAME)
    assert "log-rank" in beside.sentence
    assert "log-rank" not in readout.verdict + " ".join(readout.verdict_lines)
    assert all(e.pvalue != beside.pvalue for e in readout.estimates)


def test_the_curves_are_kaplan_meiers(plan):
    rows = watched()
    control, journey = read_out(plan(metrics=[TIME]), data=rows).survival
    curve = kaplan_meier(*by_arm(rows)["journey"])
    assert (control.arm, journey.arm) == ("control", "journey")
    for day, share in zip(journey.days[2::10], journey.shares[2::10], strict=True):
        assert share == pytest.approx(curve.survival[np.searchsorted(curve.times, day, side="right") - 1], rel=SAME)
    assert journey.at_risk[0] == (rows["arm"] == "journey").sum()


def test_strata_are_compared_within_and_weighted_by_their_units(plan):
    rows = watched().assign(days=lambda f: np.where(f["s"] == "b", f["days"] + 3, f["days"]))
    (e,) = read_out(plan(metrics=[TIME], data={"stratum": "s"}), data=rows).estimates
    parts = [(len(part), by_arm(part)) for _, part in rows.groupby("s")]
    found = [
        (n, compare_restricted_means(kaplan_meier(*arms["journey"]), kaplan_meier(*arms["control"]), 60.0))
        for n, arms in parts
    ]
    assert e.effect == pytest.approx(sum(n * one.effect for n, one in found) / len(rows), rel=SAME)
    variance = sum((n / len(rows)) ** 2 * one.standard_error**2 for n, one in found)
    assert e.standard_error == pytest.approx(variance**0.5, rel=SAME)
    assert "within strata" in e.method


def accounts(n=60, seed=2, per=20):
    """Whole accounts in one arm, whose units share a pace."""
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(n), per)
    pace = np.repeat(rng.gamma(4, 15, n), per)
    time, watch = np.ceil(rng.exponential(pace)), np.ceil(rng.uniform(30, 150, n * per))
    arm = np.where(account % 2 == 0, "control", "journey")
    frame = {"id": np.arange(n * per), "account": account, "arm": arm}
    return pd.DataFrame({**frame, "days": np.minimum(time, watch), "came": (time <= watch).astype(int)})


@pytest.mark.domain("X3")
def test_whole_accounts_go_by_pseudo_observations_and_cr2(plan):
    rows = accounts()
    readout = read_out(plan(metrics=[TIME], data={"cluster": "account"}), data=rows)
    (e,) = readout.estimates
    parts = []
    for name in ("journey", "control"):
        part = rows[rows["arm"] == name]
        values = restricted_mean_pseudo_values(part["days"], part["came"], 60.0)
        parts.append(moments_of_rows({"time": values}, clusters=part["account"]))
    direct = cluster_means([(parts[0], parts[1])], ["time"], shares=[1.0]).compare()
    assert (e.effect, e.standard_error, e.df) == pytest.approx(
        (direct.effect, direct.standard_error, direct.df), rel=1e-6
    )
    alone = read_out(plan(metrics=[TIME]), data=rows).headline("time", "journey")
    assert e.standard_error > 1.5 * alone.standard_error
    assert readout.log_ranks == ()


def test_too_few_accounts_are_refused(plan):
    with pytest.raises(TooFewClusters):
        read_out(plan(metrics=[TIME], data={"cluster": "account"}), data=accounts(n=8))


def test_watches_of_another_length_in_one_arm_fail_a_check(plan, check):
    fair = check(read_out(plan(metrics=[TIME]), data=watched()), "censoring")
    apart = check(read_out(plan(metrics=[TIME]), data=watched(shorter=0.5)), "censoring")
    whole = check(read_out(plan(metrics=[TIME]), data=watched(cut=False)), "censoring")
    assert (fair.passed, apart.passed, whole.passed) == (True, False, True)
    assert "differs between the arms" in apart.sentence
    assert "Every unit was watched" in whole.sentence


def test_leaving_out_units_that_are_still_watched_would_answer_otherwise(plan):
    """The trap: only finished times look much shorter, whatever the treatment did."""
    rows = watched()
    finished = rows[rows["came"] == 1]
    honest = read_out(plan(metrics=[TIME]), data=rows).estimates[0].control_mean
    naive = finished.loc[finished["arm"] == "control", "days"].clip(upper=60).mean()
    truth = 60 * (1 - np.exp(-1.0))  # of an exponential time with mean 60, cut at 60; ceilings add half a day
    assert abs(honest - truth) < 2
    assert naive < truth - 5


def moments_of_events(rows):
    """The same units with moments in place of days: when it was decided, and when the event came."""
    start = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(len(rows)) % 40, unit="D")
    return start, (start + pd.to_timedelta(rows["days"], unit="D")).where(rows["came"] == 1)


def test_days_are_worked_out_from_moments_and_the_data_cut(plan):
    rows = watched(cut=False)
    start, event = moments_of_events(rows)
    cut = pd.Timestamp("2026-03-15")
    happened = event.notna() & (event < cut)
    days = np.where(happened, rows["days"], (cut - start).days)
    frame = rows.assign(decided=start, event_at=event)
    metric = {key: value for key, value in TIME.items() if key not in {"column", "event"}} | {"at": "event_at"}
    asked = plan(metrics=[metric], data={"t0": "decided", "data_cut": "2026-03-15"})
    (one,) = read_out(asked, data=frame).estimates
    (other,) = read_out(plan(metrics=[TIME]), data=rows.assign(days=days, came=happened.astype(int))).estimates
    assert (one.effect, one.standard_error) == pytest.approx((other.effect, other.standard_error), rel=SAME)
    assert one.n_control + one.n_treatment == len(rows)  # units still watched count


def test_events_before_the_decision_are_refused(plan):
    rows = watched(n=200, cut=False)
    start, event = moments_of_events(rows)
    metric = {key: value for key, value in TIME.items() if key not in {"column", "event"}} | {"at": "event_at"}
    asked = plan(metrics=[metric], data={"t0": "decided", "data_cut": "2026-03-15"})
    with pytest.raises(ValueNotAllowed, match="events before their decision"):
        read_out(asked, data=rows.assign(decided=start, event_at=event - pd.Timedelta("5D")))


def test_a_horizon_beyond_the_follow_up_is_refused_by_the_metrics_name(plan):
    with pytest.raises(InputError, match=r"metric 'time'.*horizon is 400"):
        read_out(plan(metrics=[TIME | {"window": "400d"}]), data=watched())


@pytest.mark.parametrize(("column", "value"), [("days", -1.0), ("came", 2)])
def test_impossible_values_are_refused(plan, column, value):
    rows = watched(n=200)
    rows.loc[3, column] = value
    with pytest.raises(ValueNotAllowed, match="metric 'time'"):
        read_out(plan(metrics=[TIME]), data=rows)


def test_missing_days_are_missing_outcomes(plan, check):
    rows = watched().astype({"days": float})
    rows.loc[:40, "days"] = np.nan
    readout = read_out(plan(metrics=[TIME]), data=rows)
    assert check(readout, "missing_outcomes", "time").passed
    assert readout.estimates[0].n_control + readout.estimates[0].n_treatment == len(rows) - 41


def test_segments_and_holm_take_times_like_any_metric(plan):
    other = {"name": "came", "kind": "conversion", "role": "primary"}
    readout = read_out(plan(metrics=[TIME | {"event": "came"}, other], segments=["s"]), data=watched(faster=1.4))
    assert {e.segment for e in readout.segments if e.metric == "time"} == {("s", "a"), ("s", "b")}
    assert all(e.pvalue_adjusted is not None for e in readout.estimates)


def test_a_readout_with_times_survives_its_file_and_an_older_file_has_none(plan):
    readout = read_out(plan(metrics=[TIME]), data=watched(n=300))
    content = json.loads(json.dumps(readout.to_dict()))
    assert Readout.from_dict(content) == readout
    del content["survival"], content["log_ranks"]
    assert Readout.from_dict(content).survival == ()
