"""Fixed cohorts: exact counts, ranks that do not depend on the order, and balance that was agreed beforehand."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from incrementality.assignment import (
    Override,
    draw_fixed,
    global_holdout,
    mahalanobis_limit,
    make_plan,
    rerandomise,
    with_overrides,
)
from incrementality.assignment.fixed import THIN_STRATUM
from incrementality.assignment.hashing import key_prefix, ranks
from incrementality.errors import InputError

ARMS = {"off": "10%", "on": "90%"}
IDS = [f"c_{i:04d}" for i in range(500)]
PLAN = make_plan("winback", ARMS)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.integers(1, 99))
def test_the_first_round_p_n_are_control(n, percent):
    plan = make_plan("winback", {"off": f"{percent}%", "on": f"{100 - percent}%"})
    assigned = draw_fixed(plan, IDS[:n])
    control = sorted(zip(ranks(key_prefix("rank", "winback", "contact"), IDS[:n]), IDS, strict=False))
    expected = {unit for _, unit in control[: round(n * percent / 100)]}
    assert set(assigned.unit_id[assigned.arm == "off"]) == expected
    assert set(assigned.probability[assigned.arm == "off"]) <= {len(expected) / n}


def test_counts_are_exact_in_every_stratum():
    strata = ["north"] * 200 + ["south"] * 300
    assigned = draw_fixed(PLAN, IDS, strata)
    off = assigned.arm == "off"
    assert (off[:200].sum(), off[200:].sum()) == (20, 30)
    assert set(assigned.source) == {"fixed"}


def test_three_arms_follow_one_another():
    plan = make_plan("winback", {"a": "1/3", "b": "1/3", "c": "1/3"})
    assert draw_fixed(plan, IDS[:10]).counts() == {"a": 3, "b": 4, "c": 3}


def test_the_order_of_rows_changes_nothing():
    order = np.random.default_rng(1).permutation(500)
    strata = np.array(["n", "s"] * 250)
    one, other = draw_fixed(PLAN, IDS, strata), draw_fixed(PLAN, np.array(IDS)[order], strata[order])
    assert (one.arm[order] == other.arm).all()


def test_holdout_and_overrides_stand_aside():
    plan = make_plan("winback", ARMS, global_holdout=global_holdout("gh", 0.2))
    plan = with_overrides(plan, [Override(unit_id=IDS[0], arm="on", reason="tester")])
    counts, assigned = draw_fixed(plan, IDS).counts(), draw_fixed(plan, IDS)
    entered = int((assigned.source == "fixed").sum())
    assert counts["off"] == round(entered / 10)
    assert (assigned.source[0], assigned.reason[0]) == ("override", "tester")


def test_a_stratum_without_control_is_flagged():
    assigned = draw_fixed(PLAN, IDS[:104], ["big"] * 100 + ["small"] * 4)
    assert assigned.reason[100:].tolist() == [THIN_STRATUM] * 4
    assert assigned.probability[100:].tolist() == [1.0] * 4


@pytest.mark.parametrize(
    ("ids", "strata", "told"),
    [
        (["a", "a"], None, "'a' stands more than once"),
        (["a", "b"], ["x"], "2 units and 1 strata"),
        (["a", "b"], ["x", None], "1 of 2 units have no stratum"),
        (["a", "b"], ["x", float("nan")], "1 of 2"),
    ],
)
def test_doubtful_cohorts_are_refused(ids, strata, told):
    with pytest.raises(InputError, match=told):
        draw_fixed(PLAN, ids, strata)


def test_rerandomised_cohorts_are_balanced_and_drawn_again_from_their_plan():
    rng = np.random.default_rng(7)
    covariates = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 3)) + 100
    limit = mahalanobis_limit(0.05, 3)
    draw = rerandomise(PLAN, IDS, covariates, limit=limit, strata=["n", "s"] * 250)
    assert draw.distance < limit
    assert draw.plan.rank_salt == f"winback.{draw.tries}"
    assert (draw_fixed(draw.plan, IDS, ["n", "s"] * 250).arm == draw.assigned.arm).all()
    off, on = (covariates[draw.assigned.arm == arm] for arm in ("off", "on"))
    apart = on.mean(axis=0) - off.mean(axis=0)
    spread = np.cov(covariates, rowvar=False) * (1 / len(off) + 1 / len(on))
    assert apart @ np.linalg.solve(spread, apart) == pytest.approx(draw.distance, rel=1e-9)


def test_the_limit_accepts_the_share_that_was_asked_for():
    rng = np.random.default_rng(8)
    limit = mahalanobis_limit(0.2, 2)
    plans = [make_plan(f"w{i}", {"off": 0.5, "on": 0.5}) for i in range(60)]
    tries = [rerandomise(plan, IDS, rng.normal(size=(500, 2)), limit=limit).tries + 1 for plan in plans]
    assert np.mean(tries) == pytest.approx(5, abs=2)


@pytest.mark.parametrize(
    ("covariates", "told"),
    [
        (np.ones((500, 1)), "do not vary"),
        (np.arange(1000.0).reshape(500, 2), "follows from the others"),
        (np.full((500, 1), np.nan), "missing"),
        (np.arange(500.0), "shape"),
    ],
)
def test_useless_covariates_are_refused(covariates, told):
    with pytest.raises(InputError, match=told):
        rerandomise(PLAN, IDS, covariates, limit=1.0)


def test_a_limit_that_nobody_meets_says_how_close_it_came():
    with pytest.raises(InputError, match="none of 3 draws"):
        rerandomise(PLAN, IDS, np.random.default_rng(1).normal(size=(500, 1)), limit=1e-12, most=3)
    with pytest.raises(InputError, match="acceptance 1"):
        mahalanobis_limit(1, 2)
