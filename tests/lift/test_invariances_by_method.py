"""For each method that a readout prints: names, order, currency and sign do not matter, and p agrees with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from incrementality import Experiment, read_out

EXACT = 1e-8
SAME_DRAWS = 1e-8
OTHER_DRAWS = 0.045  # three Monte-Carlo errors of two sets of 10,000 permutations
ALPHA = 0.05


def mean(name="y", kind="mean"):
    return {"name": name, "kind": kind, "role": "primary"}


def frame(rng, n):
    account = np.repeat(np.arange(n // 10), 10)
    rows = pd.DataFrame({"id": range(n), "x": rng.normal(size=n), "account": account})
    rows["arm"] = np.where(rng.permutation(n) < n // 2, "journey", "control")
    return rows.assign(y=8 + rows["x"] + rng.normal(size=n) + rng.normal(0, 0.3) * (rows["arm"] == "journey"))


def welch(rng):
    return frame(rng, 400)


def share(rng, base=0.3):
    return frame(rng, 400).assign(y=lambda f: (rng.random(400) < base + 0.1 * (f["arm"] == "journey")).astype(float))


def rare(rng):
    return share(rng, base=0.01)


def paying(rng):
    return frame(rng, 600).assign(y=(rng.random(600) < 0.1) * rng.lognormal(2, 1, 600))


def whole_accounts(rng):
    rows = frame(rng, 400)
    rows["arm"] = np.where(rng.permutation(40)[rows["account"]] % 2, "journey", "control")
    return rows.assign(y=rows["y"] + rng.normal(size=40)[rows["account"]])


METHODS = {
    "score": (share, {}, "conversion", "Miettinen-Nurminen"),
    "exact": (rare, {}, "conversion", "exact unconditional"),
    "Welch": (welch, {}, "mean", "Welch"),
    "Lin": (welch, {"covariates": ["x"]}, "mean", "Lin regression"),
    "CR2": (whole_accounts, {"cluster": "account"}, "mean", "CR2"),
    "permutation": (paying, {}, "revenue", "permutation"),
}
SIGNED = [name for name in METHODS if name not in {"score", "exact"}]
few = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds = st.integers(min_value=0, max_value=2**32 - 1)


def data_of(method, seed):
    return METHODS[method][0](np.random.default_rng(seed))


def estimate(method, rows, *, control="control", relative=True):
    _, mapping, kind, named = METHODS[method]
    names = sorted(rows["arm"].unique())
    experiment = Experiment(
        id="x",
        question="?",
        data={"unit": "id", **mapping},
        arms=[{"name": name, "share": 0.5, "control": name == control} for name in names],
        metrics=[mean(kind=kind) | {"relative": relative}],
    )
    found = read_out(experiment, data=rows).headline("y", next(name for name in names if name != control))
    assert named in found.method
    return found


def absolute(e):
    return e.effect, e.effect_ci_lower, e.effect_ci_upper


@pytest.mark.parametrize("method", METHODS)
@few
@given(seed=seeds)
def test_names_and_order_do_not_matter(method, seed):
    rows = data_of(method, seed)
    renamed = rows.assign(arm=rows["arm"].map({"control": "zz", "journey": "aa"})).sample(
        frac=1, random_state=seed % 97
    )
    one, other = estimate(method, rows, relative=False), estimate(method, renamed, control="zz", relative=False)
    assert (*absolute(other), other.pvalue) == pytest.approx((*absolute(one), one.pvalue), rel=SAME_DRAWS, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
@few
@given(seed=seeds)
def test_arms_exchanged_mirror_the_effect(method, seed):
    rows = data_of(method, seed)
    one, other = (estimate(method, rows, control=name, relative=False) for name in ("control", "journey"))
    assert other.effect == pytest.approx(-one.effect, rel=EXACT, abs=1e-12)
    if method == "permutation":
        assert other.pvalue == pytest.approx(one.pvalue, abs=OTHER_DRAWS)
        return
    tolerance = 1e-5 if method == "exact" else EXACT  # the largest probability over a share is found on a grid
    assert other.pvalue == pytest.approx(one.pvalue, rel=tolerance)
    bounds = -one.effect_ci_upper, -one.effect_ci_lower
    assert (other.effect_ci_lower, other.effect_ci_upper) == pytest.approx(bounds, rel=tolerance, abs=1e-6)


@pytest.mark.parametrize("method", SIGNED)
@few
@given(seed=seeds, factor=st.sampled_from([1e-6, 0.01, 137.5, 3.7e8]))
def test_another_currency_rescales_effects_and_nothing_else(method, seed, factor):
    rows = data_of(method, seed)
    one, other = estimate(method, rows), estimate(method, rows.assign(y=rows["y"] * factor))
    assert absolute(other) == pytest.approx([factor * value for value in absolute(one)], rel=1e-6)
    assert (other.pvalue, other.rel_effect) == pytest.approx((one.pvalue, one.rel_effect), rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
@few
@given(seed=seeds)
def test_the_metric_turned_round_mirrors_the_effect(method, seed):
    rows = data_of(method, seed)
    turned = rows.assign(y=-rows["y"] if method in SIGNED else 1 - rows["y"])
    one, other = (estimate(method, each, relative=False) for each in (rows, turned))
    assert other.effect == pytest.approx(-one.effect, rel=EXACT, abs=1e-12)
    tolerance = {"permutation": OTHER_DRAWS, "exact": 1e-5}.get(method, EXACT)
    assert other.pvalue == pytest.approx(one.pvalue, abs=tolerance)


@pytest.mark.parametrize("method", METHODS)
@few
@given(seed=seeds, push=st.sampled_from([0.0, 0.3, 1.0]))
def test_p_and_both_intervals_agree(method, seed, push):
    rows = data_of(method, seed)
    if method in SIGNED:
        rows["y"] *= 1 + push * (rows["arm"] == "journey")
    e = estimate(method, rows, relative=bool(rows.loc[rows["arm"] == "control", "y"].sum()))
    shown = e.pvalue < ALPHA
    assert shown == (not e.effect_ci_lower <= 0 <= e.effect_ci_upper)
    if e.rel_effect is not None:
        assert shown == (not e.rel_effect_ci_lower <= 0 <= e.rel_effect_ci_upper)
