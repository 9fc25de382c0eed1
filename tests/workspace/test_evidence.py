"""All experiments on one metric: pooled, shrunk, nothing hidden, nothing mixed."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.stats import pool_effects, shrink_effects
from incrementality.workspace import Workspace, evidence_of
from incrementality.workspace.lifecycle import stop_experiment

_spec = importlib.util.spec_from_file_location("several", Path(__file__).with_name("several.py"))
several = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(several)

MEAN, SPREAD, N = 4.0, 1.5, 1500


def run(workspace, name, effect, seed, **how):
    """Simulate a holdout of one in five whose effect is known, and read it out."""
    rng = np.random.default_rng(seed)
    arms = rng.choice(["holdout", "mail"], N, p=[0.2, 0.8])
    spend = rng.gamma(1.0, 20.0, N) + effect * (arms == "mail")
    ids = [f"{name}-{i}" for i in range(N)]
    return several.read_experiment(workspace, name, ids, arms, spend, **how)


@pytest.fixture(scope="module")
def programme(tmp_path_factory):
    """Seven experiments whose true effects lie around 4, and one that does nothing."""
    workspace = Workspace.create(tmp_path_factory.mktemp("programme") / "crm", example=False)
    truth = dict(zip("abcdefg", np.random.default_rng(2).normal(MEAN, SPREAD, 7), strict=True)) | {"null": 0.0}
    for seed, (name, effect) in enumerate(truth.items()):
        run(workspace, f"exp-{name}", effect, seed)
    return workspace, {f"exp-{name}": effect for name, effect in truth.items()}


@pytest.mark.domain("R10")
def test_the_truth_is_found(programme):
    workspace, truth = programme
    found = evidence_of(workspace)
    assert found.mean_ci_lower < np.mean(list(truth.values())) < found.mean_ci_upper
    held = [row.shrunken_ci_lower < truth[row.experiment_id] < row.shrunken_ci_upper for row in found.rows]
    assert sum(held) >= 7
    misses = [
        [(value - truth[row.experiment_id]) ** 2 for row, value in zip(found.rows, values, strict=True)]
        for values in ([row.shrunken for row in found.rows], [row.effect for row in found.rows])
    ]
    assert sum(misses[0]) < sum(misses[1])


def test_null_results_count(programme):
    workspace, truth = programme
    assert {row.experiment_id for row in evidence_of(workspace).rows} == set(truth)


@pytest.mark.oracle("evidence of a workspace", "stats.pool_effects and stats.shrink_effects", "exact")
def test_numbers_are_those_of_the_statistics_on_pooled_arm_variances(programme):
    workspace, truth = programme
    kept = [workspace.stored_readout(name).evidence.comparisons[0] for name in sorted(truth)]
    effects, variances = [one.effect for one in kept], [one.variance for one in kept]
    found, pooled, shrunk = evidence_of(workspace), pool_effects(effects, variances), shrink_effects(effects, variances)
    assert found.mean == pytest.approx(pooled.mean, rel=1e-12)
    assert found.mean_ci_upper == pytest.approx(pooled.interval.upper, rel=1e-12)
    assert [row.shrunken for row in found.rows] == pytest.approx(shrunk.effects, rel=1e-12)
    assert found.next_ci_lower == pytest.approx(shrunk.next_interval.lower, rel=1e-12)


def test_the_sum_of_winners_is_not_given_and_the_answer_says_why(programme):
    found = evidence_of(programme[0])
    winners = sum(row.effect for row in found.rows if row.ci_lower > 0)
    assert any("sum of the winners is not given" in note for note in found.notes)
    assert not any(np.isclose(value, winners) for value in vars_of(found) if isinstance(value, float))


def vars_of(found):
    content = found.to_dict()
    return [*content.values(), *(value for row in content["rows"] for value in row.values())]


def test_few_experiments_get_the_wider_interval(programme):
    found = evidence_of(programme[0], experiment_ids=["exp-a", "exp-b"])
    fixed = 1.96 / np.sqrt(sum(1 / row.standard_error**2 for row in found.rows))
    assert found.mean_ci_upper - found.mean >= fixed * 0.999


def test_one_experiment_has_no_mean(programme):
    found = evidence_of(programme[0], experiment_ids=["exp-a"])
    assert (found.mean, found.rows[0].shrunken) == (None, None)
    assert "with one there is no mean" in found.sentence


@pytest.fixture
def workspace(tmp_path):
    made = Workspace.create(tmp_path / "crm", example=False)
    run(made, "first", 4.0, 1)
    return made


def test_other_windows_are_refused_by_name(workspace):
    run(workspace, "second", 4.0, 2, window="7d")
    with pytest.raises(InputError, match="the window differs: 28 days in first; 7 days in second"):
        evidence_of(workspace)


def test_other_metrics_are_not_mixed_in(workspace):
    run(workspace, "second", 4.0, 2)
    path = workspace.folder("second") / "experiment.yaml"
    text = path.read_text(encoding="utf-8").replace("name: spend, kind", "name: margin, column: spend, kind")
    path.write_text(text, encoding="utf-8")
    workspace.readout("second")
    with pytest.raises(InputError, match="readouts keep effects on: spend, margin; asked for: none by name"):
        evidence_of(workspace)
    assert [row.experiment_id for row in evidence_of(workspace, "margin").rows] == ["second"]


def test_readouts_that_cannot_be_used_are_named_and_left_out(workspace):
    rng = np.random.default_rng(3)
    arms, spend = ["holdout"] * 300 + ["mail"] * 1200, rng.gamma(1.0, 20.0, N)
    several.write_experiment(workspace, "lopsided", [f"l{i}" for i in range(N)], arms, spend)
    path = workspace.folder("lopsided") / "experiment.yaml"
    planned = path.read_text(encoding="utf-8").replace('"300/1500"', "50%").replace('"1200/1500"', "50%")
    path.write_text(planned, encoding="utf-8")
    assert workspace.readout("lopsided").grade == "do not use"
    (left,) = evidence_of(workspace).left_out
    assert left[0] == "lopsided"
    assert left[1].startswith('graded "do not use": The arms')


def test_stopped_experiments_count_and_those_never_read_out_are_named(workspace):
    for name in ("stopped", "abandoned"):
        run(workspace, name, 0.0, 5)
        (workspace.folder(name) / "assignment.json").write_text("{}", encoding="utf-8")
        stop_experiment(workspace, name, name="Ada", reason="No budget.")
        (workspace.folder(name) / "assignment.json").unlink()
    workspace.readout("stopped")
    workspace.files("abandoned").result.unlink()
    found = evidence_of(workspace)
    assert {row.experiment_id: row.stopped is not None for row in found.rows} == {"first": False, "stopped": True}
    assert [name for name, why in found.left_out if "never read out: No budget." in why] == ["abandoned"]


def test_a_readout_of_an_earlier_version_is_named(workspace):
    run(workspace, "second", 4.0, 2)
    path = workspace.files("second").result
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["evidence"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert evidence_of(workspace).left_out == (("second", "read out by an earlier version: read it out again"),)


def test_a_control_that_counts_twice_is_told(workspace):
    rng = np.random.default_rng(8)
    control, both = rng.gamma(1.0, 20.0, 600), {}
    for name in ("left", "right"):
        ids = [f"h{i}" for i in range(600)] + [f"{name}{i}" for i in range(600)]
        spend = np.concatenate([control, rng.gamma(1.0, 20.0, 600)])
        both[name] = several.read_experiment(workspace, name, ids, ["holdout"] * 600 + ["mail"] * 600, spend)
    (note,) = [note for note in evidence_of(workspace).notes if note.startswith("Errors go together")]
    assert re.search(r"left and right \(shared arms, correlation [3-6]\d", note)


def test_several_arms_enter_once_against_their_control(workspace):
    rng = np.random.default_rng(9)
    arms, spend = rng.choice(["holdout", "mail", "call"], N), rng.gamma(1.0, 20.0, N)
    several.read_experiment(workspace, "three", [f"t{i}" for i in range(N)], arms, spend)
    row = next(row for row in evidence_of(workspace).rows if row.experiment_id == "three")
    treated = arms != "holdout"
    assert row.effect == pytest.approx(spend[treated].mean() - spend[~treated].mean(), rel=1e-9)
    together = spend.var(ddof=1) * (1 / treated.sum() + 1 / (~treated).sum())
    assert row.standard_error**2 == pytest.approx(together, rel=0.05)


def test_without_any_readout_the_next_step_is_named(tmp_path):
    with pytest.raises(InputError, match="no readout keeps an effect") as raised:
        evidence_of(Workspace.create(tmp_path / "crm", example=False))
    assert "incrementality readout ID" in raised.value.hint
