"""Watching a running experiment: everything but the effect, until a registered day."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta

import pytest

from incrementality.design import look_on, looks_of
from incrementality.workspace import design_experiment, health_of, sign_design, stored_design

FILE = """\
id: mail
question: Does the mail bring customers back?
started: 2026-01-05
data: {{source: mail.csv, unit: contact_id, arm: arm, t0: t0, data_cut: "2026-03-01T00:00:00Z", delivered: sent}}
arms:
  - {{name: holdout, share: 50%, control: true}}
  - {{name: mail, share: 50%}}
metrics:
  - {{name: bought, kind: conversion, role: primary, window: 28d, smallest_effect: {{relative: 20%}}}}
  - {{name: spend, kind: revenue, unit: EUR, role: secondary, window: 28d}}
  - {{name: unsubscribed, kind: conversion, role: guardrail, window: 28d, direction: decrease}}
request:
  decision: Send the mail to everybody, or stop it.
  population: 2000
  arrivals_per_week: 1500
  baseline: {{mean: 0.1}}
  looks: {looks}
  approvals: [owner]
"""


def _rows(effect, seed=3, n=3000):
    rng = random.Random(seed)  # noqa: S311 - sample data
    yield "contact_id,arm,t0,sent,bought,spend,unsubscribed"
    for i in range(n):
        arm = ("holdout", "mail")[i % 2]
        t0 = date(2026, 1, 5) + timedelta(days=rng.randrange(60))
        bought = int(rng.random() < 0.1 + effect * (i % 2))
        yield f"c{i},{arm},{t0},{i % 2},{bought},{bought * 20},{int(rng.random() < 0.02)}"


@pytest.fixture
def running(workspace):
    """The workspace with a design of some looks, and data with some effect."""

    def make(looks=1, effect=0.05, *, signed=True):
        folder = workspace.folder("mail")
        (folder / "experiment.yaml").write_text(FILE.format(looks=looks), encoding="utf-8")
        (folder / "mail.csv").write_text("\n".join([*_rows(effect), ""]), encoding="utf-8")
        answer = design_experiment(workspace, "mail")
        if signed and not answer.signed:
            sign_design(workspace, "mail", role="owner", name="Ada", on=date(2026, 1, 2))
        return workspace

    return make


@pytest.mark.domain("X4")
def test_guardrails_checks_and_progress_are_shown(running):
    seen = health_of(running(), "mail", on=date(2026, 2, 20))
    assert [e.metric for e in seen.guardrails] == ["unsubscribed"]
    assert {"sample_ratio", "maturity", "contamination"} <= {check.name for check in seen.checks}
    assert seen.healthy
    assert 0 < seen.progress.share < 1
    assert f"of the {stored_design(running(), 'mail').n:,} planned" in seen.progress.sentence()


def test_nothing_that_is_shown_depends_on_the_primary_metric(running):
    """Another effect, and even no primary values at all, change no byte: what is not read cannot leak."""
    shown = {
        json.dumps(health_of(running(effect=effect), "mail", on=date(2026, 2, 20)).to_dict())
        for effect in (-0.09, 0.0, 0.3)
    }
    assert len(shown) == 1
    assert "bought" not in shown.pop()


def test_a_registered_look_opens_the_primary_metric_for_its_day_alone(running):
    workspace = running(looks=3, effect=0.1)
    first = looks_of(stored_design(workspace, "mail"))[0]
    before, day = (health_of(workspace, "mail", on=first.on + timedelta(days=d)) for d in (-1, 0))
    after = health_of(workspace, "mail", on=first.on + timedelta(days=1))
    assert (before.primary, after.primary) == ((), ())
    assert before.next_look == first.on
    estimate = day.primary[0]
    assert (estimate.metric, day.look.number, day.look.of) == ("bought", 1, 3)
    assert estimate.alpha == pytest.approx(first.alpha)
    assert (estimate.effect_ci_lower > 0) == (estimate.pvalue < first.alpha)


def test_a_design_that_nobody_signed_registers_no_look(running):
    workspace = running(looks=3, signed=False)
    first = looks_of(stored_design(workspace, "mail"))[0]
    assert look_on(stored_design(workspace, "mail"), first.on) is None
    assert health_of(workspace, "mail", on=first.on).primary == ()


def test_looks_are_in_order_and_the_last_is_the_answer(running):
    answer = stored_design(running(looks=4), "mail")
    looks = looks_of(answer)
    assert [look.number for look in looks] == [1, 2, 3, 4]
    assert sorted(look.on for look in looks) == [look.on for look in looks]
    assert looks[-1].on == answer.answer_on
    assert [look.critical / looks[-1].critical for look in looks] == pytest.approx([2, 2**0.5, (4 / 3) ** 0.5, 1])


def test_no_data_yet_is_said_and_is_no_error(running):
    workspace = running()
    (workspace.folder("mail") / "mail.csv").unlink()
    seen = health_of(workspace, "mail", on=date(2026, 1, 6))
    assert "no outcome data yet" in seen.note
    assert seen.next_look == stored_design(workspace, "mail").answer_on


def test_no_closed_window_yet_is_said_and_is_no_error(running):
    workspace = running()
    path = workspace.folder("mail") / "experiment.yaml"
    path.write_text(path.read_text().replace("2026-03-01T", "2026-01-20T"), encoding="utf-8")
    seen = health_of(workspace, "mail", on=date(2026, 1, 20))
    assert "Nothing can be compared yet" in seen.note
    assert seen.guardrails == seen.primary == ()


def test_a_contaminated_control_is_not_healthy(running):
    workspace = running()
    path = workspace.folder("mail") / "mail.csv"
    lines = path.read_text().splitlines()
    lines[1::10] = [line.replace(",0,", ",1,", 1) for line in lines[1::10]]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    seen = health_of(workspace, "mail", on=date(2026, 2, 20))
    assert [check.name for check in seen.checks if check.passed is False] == ["contamination"]
    assert not seen.healthy
