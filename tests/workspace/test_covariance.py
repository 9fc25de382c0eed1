"""Covariance between experiments: against sums over rows where they share units, zero where draws are independent."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from incrementality.assignment import Within, make_plan
from incrementality.errors import InputError, WorkspaceError
from incrementality.workspace import Workspace, experiment_covariance
from incrementality.workspace.frozen import FrozenPlan, write_frozen

_spec = importlib.util.spec_from_file_location("several", Path(__file__).with_name("several.py"))
several = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(several)
read_experiment = several.read_experiment

SHARES = {"holdout": 0.5, "mail": 0.5}
INSIDE = Within(plan=make_plan("mail", SHARES), arms=("mail",), phase="1")
N = 1200


@pytest.fixture
def workspace(tmp_path):
    return Workspace.create(tmp_path / "crm", example=False)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def ids(first, last):
    return np.array([f"c{i}" for i in range(first, last)])


def shared_control(workspace, rng):
    """A control of 600 that serves two experiments; what it spent was counted at different times."""
    base = rng.gamma(1.0, 20.0, 600)
    early, late = base + rng.gamma(1.0, 5.0, 600), base + rng.gamma(1.0, 5.0, 600)
    for name, first, seen in (("mail", 600, early), ("calls", 1400, late)):
        everybody = np.concatenate([ids(0, 600), ids(first, first + 800)])
        arms = ["holdout"] * 600 + ["treated"] * 800
        read_experiment(workspace, name, everybody, arms, np.concatenate([seen, rng.gamma(1.0, 30.0, 800)]))
    return early, late


@pytest.mark.oracle("covariance of two experiments that share a control", "sums over rows by hand", "1e-9 relative")
def test_a_shared_control_gives_the_covariance_of_its_means(workspace, rng):
    early, late = shared_control(workspace, rng)
    found = experiment_covariance(workspace, ["mail", "calls"], "spend")
    by_hand = float((early - early.mean()) @ (late - late.mean())) / (600 * 599)
    assert found.dependence == {("mail", "calls"): "shared arms"}
    assert found.matrix[0, 1] == found.matrix[1, 0] == pytest.approx(by_hand, rel=1e-9)


def test_the_diagonal_is_each_effects_own_variance_and_the_pooled_one_that_of_its_evidence(workspace, rng):
    shared_control(workspace, rng)
    found = experiment_covariance(workspace, ["mail", "calls"], "spend")
    readouts = [workspace.stored_readout(name) for name in ("mail", "calls")]
    for k, readout in enumerate(readouts):
        variance = sum(mean.standard_error**2 for mean in readout.means)
        assert found.matrix[k, k] == pytest.approx(variance, rel=1e-9)
        assert found.pooled[k, k] == pytest.approx(readout.evidence.comparisons[0].variance, rel=1e-9)
    own = found.pooled[0, 1] / np.sqrt(found.pooled[0, 0] * found.pooled[1, 1])
    assert own == pytest.approx(found.correlation(("mail", "treated"), ("calls", "treated")))


def test_independent_draws_are_set_to_zero(workspace, rng):
    spend = rng.gamma(1.0, 20.0, N)
    for name in ("mail", "calls"):
        read_experiment(workspace, name, ids(0, N), rng.choice(["holdout", "treated"], N), spend)
    found = experiment_covariance(workspace, ["mail", "calls"], "spend")
    assert found.dependence == {("mail", "calls"): "independent draws"}
    assert found.matrix[0, 1] == found.pooled[0, 1] == 0


def test_the_same_draw_twice_is_kept(workspace, rng):
    spend, arms = rng.gamma(1.0, 20.0, N), rng.choice(["holdout", "treated"], N)
    for name in ("mail", "calls"):
        read_experiment(workspace, name, ids(0, N), arms, spend)
    found = experiment_covariance(workspace, ["mail", "calls"], "spend")
    assert found.correlation(("mail", "treated"), ("calls", "treated")) == pytest.approx(1)


def test_experiments_without_common_units_share_nothing(workspace, rng):
    for name, first in (("mail", 0), ("calls", N)):
        arms = rng.choice(["holdout", "treated"], N)
        read_experiment(workspace, name, ids(first, first + N), arms, rng.gamma(1.0, 20.0, N))
    found = experiment_covariance(workspace, ["mail", "calls"], "spend")
    assert found.dependence == {("mail", "calls"): "nothing shared"}
    assert found.matrix[0, 1] == 0


def test_two_arms_of_one_experiment_share_the_variance_of_their_control(workspace, rng):
    spend, arms = rng.gamma(1.0, 20.0, N), rng.choice(["holdout", "mail", "call"], N)
    read_experiment(workspace, "both", ids(0, N), arms, spend)
    found = experiment_covariance(workspace, ["both"], "spend")
    control = spend[arms == "holdout"]
    assert found.matrix[0, 1] == pytest.approx(control.var(ddof=1) / len(control), rel=1e-9)


def test_accounts_that_were_drawn_whole_meet_by_account(workspace, rng):
    spend, homes = rng.gamma(1.0, 20.0, N), np.repeat([f"a{i}" for i in range(N // 6)], 6)
    arms = np.repeat(rng.choice(["holdout", "treated"], N // 6), 6)
    for name, part in (("mail", slice(0, 900)), ("calls", slice(300, N))):
        read_experiment(workspace, name, ids(0, N)[part], arms[part], spend[part], accounts=homes[part])
    found = experiment_covariance(workspace, ["mail", "calls"], "spend")
    by_hand = 0.0
    values = {}
    for name, part in (("mail", slice(0, 900)), ("calls", slice(300, N))):
        y, treated = spend[part], arms[part] == "treated"
        sums = {}
        for side, sign in ((treated, 1), (~treated, -1)):
            n = side.sum()
            for home, value in zip(homes[part][side], y[side] - y[side].mean(), strict=True):
                sums[home] = sums.get(home, 0.0) + sign * value / np.sqrt(n * (n - 1))
        values[name] = sums
    by_hand = sum(
        values["mail"][home] * values["calls"][home] for home in values["mail"].keys() & values["calls"].keys()
    )
    assert found.matrix[0, 1] == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.parametrize(
    ("plans", "kind"),
    [
        ((make_plan("mail", SHARES), make_plan("calls", SHARES)), "independent draws"),
        ((make_plan("mail", SHARES), make_plan("calls", SHARES, salt="mail")), "one salt"),
        ((make_plan("mail", SHARES), make_plan("calls", SHARES, within=INSIDE)), "nested"),
    ],
)
def test_where_the_ledger_knows_both_draws_their_salts_decide(workspace, rng, plans, kind):
    shared_control(workspace, rng)
    for plan in plans:
        write_frozen(workspace, plan.experiment, FrozenPlan(versions=(plan,)))
    found = experiment_covariance(workspace, ["mail", "calls"], "spend")
    assert found.dependence == {("mail", "calls"): kind}
    assert (found.matrix[0, 1] == 0) == (kind == "independent draws")


def test_a_nested_experiment_keeps_what_it_shares_with_its_parent(workspace, rng):
    spend, arms = rng.gamma(1.0, 20.0, N), np.array(["holdout", "treated"])[rng.integers(0, 2, N)]
    read_experiment(workspace, "mail", ids(0, N), arms, spend)
    inside = arms == "treated"
    read_experiment(
        workspace, "calls", ids(0, N)[inside], rng.choice(["holdout", "treated"], inside.sum()), spend[inside]
    )
    found = experiment_covariance(workspace, ["mail", "calls"], "spend")
    assert found.dependence == {("mail", "calls"): "shared arms"}
    assert found.matrix[0, 1] != 0


def test_a_metric_that_is_not_kept_and_a_readout_that_is_missing_say_so(workspace, rng):
    read_experiment(workspace, "mail", ids(0, N), rng.choice(["holdout", "treated"], N), rng.gamma(1.0, 20.0, N))
    with pytest.raises(InputError, match="keeps no influence values on 'visits'; it keeps: spend"):
        experiment_covariance(workspace, ["mail"], "visits")
    with pytest.raises(InputError, match="2 experiments, 1 of them different"):
        experiment_covariance(workspace, ["mail", "mail"], "spend")
    result = workspace.files("mail").result
    result.unlink()
    with pytest.raises(WorkspaceError, match="has not been read out"):
        experiment_covariance(workspace, ["mail"], "spend")
