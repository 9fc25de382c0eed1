"""A small holdout at a look: the whole path is permuted, and the page says where only this look could be."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from incrementality import Experiment, read_out
from incrementality.design import DesignRequest, MetricBaseline, Monitoring, design, looks_of
from incrementality.lift import TakenLook
from incrementality.lift.look_paths import path_of
from incrementality.stats import compare_path_by_permutation

# Two sets of 10,000 permutations differ in p by at most three Monte-Carlo errors, 3 x 2 x sqrt(2 x 0.25 / 10,000).
MONTE_CARLO = 0.045
POCOCK = {"kind": "group sequential", "looks": 3, "spending": "pocock"}
EQUAL = {"kind": "group sequential", "looks": 3, "spending": "equal looks"}


def registered(plan):
    request = DesignRequest(
        id="mail", question="Does it work?", metric="spend", kind="revenue", smallest_effect=0.5, population=0,
        arrivals_per_week=1400, baseline=MetricBaseline(mean=1.0, sd=6.0), holdout_share=0.5, unit="contact",
        starts=date(2026, 1, 5), window_days=14, approvals=("owner",), monitoring=Monitoring(**plan),
    )  # fmt: skip
    return design(request).sign(role="owner", name="Ada", on=date(2026, 1, 2))


def experiment(cut, *, data=None, direction="increase", sides=None):
    words = POCOCK | ({} if sides is None else {"sides": sides})
    return Experiment.model_validate({
        "id": "mail", "question": "Does it work?", "unit": "contact", "started": "2026-01-05",
        "data": {"unit": "id", "t0": "decided", "data_cut": str(cut)} | (data or {}),
        "request": {"decision": "Send it, or stop it.", "monitoring": words},
        "arms": [{"name": "holdout", "share": "50%", "control": True}, {"name": "mail", "share": "50%"}],
        "metrics": [
            {"name": "spend", "kind": "revenue", "role": "primary", "window": "14d", "direction": direction},
            {"name": "extra", "kind": "revenue", "role": "secondary", "window": "14d"},
        ],
    })  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    rng, n = np.random.default_rng(2), 9000
    arm = np.where(rng.random(n) < 0.1, "holdout", "mail")
    spend, extra = (np.where(rng.random(n) < 0.03, rng.lognormal(2, 1, n), 0.0) for _ in range(2))
    return pd.DataFrame({
        "id": np.arange(n), "arm": arm, "spend": spend * np.where(arm == "mail", 2.0, 1.0), "extra": extra,
        "decided": pd.Timestamp("2026-01-05") + pd.to_timedelta(rng.integers(0, 60, n), unit="D"),
        "s": rng.choice(["a", "b"], n),
    })  # fmt: skip


def looked(plan, rows, upto, **options):
    """The readout at a look that knows those before it."""
    answer, taken = registered(plan), []
    for look in looks_of(answer)[:upto]:
        readout = read_out(experiment(look.on, **options), rows, designs=[answer], taken=taken)
        taken.append(readout.look.taken())
    return readout


def directly(readout, rows, plan, *, strata=None):
    """The same path from the rows themselves."""
    cuts = [pd.Timestamp(one.on) for one in (*readout.look.earlier, readout.look)]
    closed = rows["decided"] + pd.Timedelta(days=14)
    there = rows[closed <= cuts[-1]]
    entry = sum((closed[there.index] > cut).astype(int) for cut in cuts[:-1])
    bounds = path_of(readout.look, [registered(plan)]).bounds
    return compare_path_by_permutation(
        there["spend"], there["arm"] == "mail", entry, bounds, seed=4, strata=None if strata is None else there[strata]
    )


@pytest.mark.domain("X1")
@pytest.mark.parametrize("plan", [POCOCK, EQUAL], ids=["pocock", "equal looks"])
@pytest.mark.parametrize("upto", [2, 3])
def test_the_whole_path_is_permuted(rows, plan, upto):
    readout = looked(plan, rows, upto)
    estimate, direct = readout.headline("spend", "mail"), directly(readout, rows, plan)
    assert f"over the path of {upto} looks, equal-tailed" in estimate.method
    assert estimate.effect == pytest.approx(direct.effect, rel=1e-9)
    assert estimate.pvalue == pytest.approx(direct.pvalue, abs=MONTE_CARLO)
    assert (estimate.pvalue < estimate.alpha) == (not estimate.effect_ci_lower <= 0 <= estimate.effect_ci_upper)
    assert readout.look.results[0].crossed == (estimate.pvalue < estimate.alpha)


def test_units_are_permuted_within_strata_at_every_look(rows):
    rows = rows.assign(spend=rows["spend"] * np.where(rows["s"] == "b", 5, 1))
    readout = looked(POCOCK, rows, 2, data={"stratum": "s"})
    direct = directly(readout, rows, POCOCK, strata="s")
    estimate = readout.headline("spend", "mail")
    assert "over the path of 2 looks" in estimate.method
    assert estimate.effect == pytest.approx(direct.effect, rel=1e-9)
    assert estimate.pvalue == pytest.approx(direct.pvalue, abs=MONTE_CARLO)


def test_a_metric_without_a_registered_bound_is_permuted_at_this_look(rows):
    readout = looked(POCOCK, rows, 2)
    assert readout.headline("extra", "mail").method.startswith("studentised permutation test, equal-tailed")


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_a_first_look_may_be_too_early_to_exclude_anything(rows, spending):
    plan = POCOCK | {"spending": spending, "looks": 6}
    estimate = looked(plan, rows, 1).headline("spend", "mail")
    assert "at its first look" in estimate.method
    assert math.isinf(estimate.effect_ci_lower) is (spending == "obrien-fleming")


def test_rows_that_are_not_those_of_the_looks_before_are_named(rows):
    answer = registered(POCOCK)
    first, second = looks_of(answer)[:2]
    taken = read_out(experiment(first.on), rows, designs=[answer]).look.taken()
    other = replace(taken, units=taken.units - 100)
    readout = read_out(experiment(second.on), rows, designs=[answer], taken=[other])
    estimate = readout.headline("spend", "mail")
    assert "of this look alone, since the rows do not hold the units" in estimate.method
    assert estimate.alpha == readout.look.nominal_alpha


@pytest.mark.parametrize(("plan", "words"), [(POCOCK, "over the path of 2 looks"), (EQUAL, "of this look alone")])
def test_a_record_without_units_is_rebuilt_by_its_share_of_the_plan(rows, plan, words):
    answer = registered(plan)
    first, second = looks_of(answer)[:2]
    taken = read_out(experiment(first.on), rows, designs=[answer]).look.taken()
    kept = {name: getattr(taken, name) for name in taken.__dataclass_fields__ if name not in {"units", "results"}}
    older = TakenLook.from_dict(kept | {"results": ()})
    readout = read_out(experiment(second.on), rows, designs=[answer], taken=[older])
    assert words in readout.headline("spend", "mail").method


@pytest.mark.parametrize(("direction", "holds"), [("increase", "effect_ci_upper"), ("decrease", "effect_ci_lower")])
def test_one_sided_bounds_are_met_on_their_side(rows, direction, holds):
    estimate = looked(POCOCK | {"sides": 1}, rows, 3, direction=direction, sides="one").headline("spend", "mail")
    assert math.isinf(getattr(estimate, holds))
    assert (estimate.pvalue < estimate.alpha) == (direction == "increase" and estimate.effect_ci_lower > 0)


def test_a_readout_that_is_no_look_has_no_path():
    assert path_of(None, []) is None
