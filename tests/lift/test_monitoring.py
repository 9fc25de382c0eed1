"""Looks that a design registers: bounds from the information that is there, answers once a test has ended."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from incrementality import Experiment, Readout, read_out
from incrementality.design import DesignRequest, MetricBaseline, Monitoring, design, looks_of
from incrementality.errors import InputError
from incrementality.lift import TakenLook
from incrementality.stats import (
    Spending,
    after_stopping,
    anytime_margin,
    confidence_sequence_of_estimates,
    group_sequential_bounds,
)

GROUP = {"kind": "group sequential", "looks": 3, "spending": "pocock"}
SEQUENCE = {"kind": "confidence sequence"}


def registered(plan, **changes):
    request = DesignRequest(**{
        "id": "mail", "question": "Does it work?", "metric": "spend", "kind": "mean", "smallest_effect": 0.05,
        "population": 0, "arrivals_per_week": 1400, "baseline": MetricBaseline(mean=10.0, sd=6.0),
        "holdout_share": 0.5, "unit": "contact", "starts": date(2026, 1, 5), "window_days": 14,
        "approvals": ("owner",), "monitoring": Monitoring(**plan),
    } | changes)  # fmt: skip
    return design(request).sign(role="owner", name="Ada", on=date(2026, 1, 2))


def experiment(cut, plan=None, kind="mean", **metric):
    asked = None
    if plan is not None:
        words = plan | ({"sides": "one"} if plan.get("sides") == 1 else {})
        asked = {"decision": "Send it, or stop it.", "monitoring": words}
    return Experiment.model_validate({
        "id": "mail", "question": "Does it work?", "unit": "contact", "started": "2026-01-05", "ended": "2026-03-10",
        "data": {"unit": "id", "t0": "decided", "data_cut": str(cut)}, "request": asked,
        "arms": [{"name": "holdout", "share": "50%", "control": True}, {"name": "mail", "share": "50%"}],
        "metrics": [{"name": "spend", "kind": kind, "role": "primary", "window": "14d"} | metric],
    })  # fmt: skip


def rows(effect=0.0, seed=5, n=8000, sparse=0.0):
    rng = np.random.default_rng(seed)
    decided = pd.Timestamp("2026-01-05") + pd.to_timedelta(np.sort(rng.integers(0, 60, n)), unit="D")
    arm = np.tile(["holdout", "mail"], n // 2)
    spend = rng.normal(10, 6, n) + effect * (arm == "mail")
    if sparse:
        spend = np.where(rng.random(n) < sparse, np.abs(spend), 0.0)
    return pd.DataFrame({"id": np.arange(n), "arm": arm, "spend": spend, "decided": decided})


def read(plan, cut, frame, taken=(), **metric):
    return read_out(experiment(cut, plan, **metric), frame, designs=[registered(plan)], taken=taken)


def looked(plan, frame, numbers):
    """Readouts at some looks of a plan, each knowing those before it."""
    taken, found = [], []
    for look in looks_of(registered(plan)):
        if look.number in numbers:
            found.append(read(plan, look.on, frame, taken))
            taken.append(found[-1].look.taken())
    return found


@pytest.mark.domain("X1")
@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock", "power"])
def test_bounds_come_from_the_information_that_is_there(spending):
    plan = GROUP | {"spending": spending}
    first, second = looked(plan, rows(), {1, 2})
    planned = registered(plan).n
    shares = [sum(arm.n for arm in readout.arms) / planned for readout in (first, second)]
    assert [first.look.information, second.look.information] == pytest.approx(shares)
    rule = Spending(kind=spending.replace("-", "_"))
    bounds = group_sequential_bounds(shares, spending=rule)
    assert [first.look.critical, second.look.critical] == pytest.approx(list(bounds.critical), abs=1e-6)
    assert [first.look.spent, second.look.spent] == pytest.approx(list(bounds.spent))
    assert second.look.earlier == (first.look.taken(),)


def test_a_look_that_nobody_took_has_spent_nothing():
    (_, skipped), (_, taken) = looked(GROUP, rows(), {1, 3}), looked(GROUP, rows(), {2, 3})
    assert skipped.look.critical != taken.look.critical
    assert len(skipped.look.earlier) == len(taken.look.earlier) == 1
    assert skipped.look.spent == taken.look.spent == pytest.approx(0.05)


def test_the_interval_at_a_look_reaches_as_far_as_its_bound():
    (first,) = looked(GROUP, rows(effect=0.3), {1})
    estimate = first.headline("spend", "mail")
    assert estimate.alpha == first.look.nominal_alpha == math.erfc(first.look.critical / math.sqrt(2))
    margin = (estimate.effect_ci_upper - estimate.effect_ci_lower) / 2 / estimate.standard_error
    assert margin == pytest.approx(first.look.critical, rel=2e-3)  # by Student's t


def test_a_test_that_goes_on_has_no_answer_yet_and_one_that_ends_has():
    first, last = looked(GROUP, rows(), {1, 3})
    assert first.look.answers == ()
    assert "The test goes on" in first.look.sentence
    assert [(answer.look, answer.crossed) for answer in last.look.answers] == [(3, False)]
    assert last.look.answers[0].pvalue > 0.05


@pytest.mark.domain("X1")
def test_a_crossed_bound_gives_the_stagewise_answer_then_and_later():
    first, last = looked(GROUP, rows(effect=1.6), {1, 3})
    answer, result = first.look.answers[0], first.look.results[0]
    expected = after_stopping(
        result.effect,
        result.effect / result.z,
        group_sequential_bounds([first.look.information], spending=Spending(kind="pocock")),
    )
    assert answer.crossed
    assert (answer.effect, answer.pvalue) == pytest.approx((expected.effect, expected.pvalue))
    assert last.look.answers[0] == replace(answer)
    assert "crossed its bound at look 1" in last.look.sentence


def test_an_answer_of_a_later_look_is_drawn_towards_less():
    first, second = looked(GROUP, rows(effect=0.7, seed=3), {1, 2})
    assert not first.look.results[0].crossed
    answer = second.look.answers[0]
    assert (answer.look, answer.crossed) == (2, True)
    assert answer.effect < answer.raw_effect


def test_a_day_between_looks_is_withheld_and_the_design_is_named(check):
    readout = read(GROUP, "2026-02-03", rows())
    assert readout.grade == "do not use"
    assert readout.look is None
    assert readout.cumulative == ()
    assert "The registered design is group sequential, with looks on" in check(readout, "looks").sentence


@pytest.mark.parametrize("asked", [GROUP, SEQUENCE])
def test_a_fixed_design_refuses_looks_and_sequences_by_name(check, asked):
    fixed = registered({"kind": "fixed"})
    readout = read_out(experiment("2026-02-10", asked), rows(), designs=[fixed])
    assert readout.grade == "do not use"
    assert "fixed: it is read once, at its end; looks and sequences are refused" in check(readout, "looks").sentence
    assert "how it is watched" in check(readout, "registration").sentence


def test_a_design_that_nobody_signed_lets_no_day_be_read(check):
    unsigned = replace(registered(SEQUENCE), sign_offs=())
    readout = read_out(experiment("2026-02-10", SEQUENCE), rows(), designs=[unsigned])
    assert check(readout, "looks").passed is False


@pytest.mark.domain("X1")
@pytest.mark.parametrize("cut", ["2026-02-03", "2026-02-17"])
def test_a_confidence_sequence_may_be_read_on_any_day(check, cut):
    readout = read(SEQUENCE, cut, rows(effect=0.8))
    estimate, units = readout.headline("spend", "mail"), sum(arm.n for arm in readout.arms)
    planned = registered(SEQUENCE).n
    assert check(readout, "looks").passed
    assert "a confidence sequence; 95" in dict(readout.specification)["Looks"]
    assert readout.alpha == estimate.alpha == 0.05
    assert readout.look.critical == pytest.approx(float(anytime_margin([units], planned_units=planned)[0]))
    expected = confidence_sequence_of_estimates(
        [estimate.effect], [estimate.standard_error], units=[units], payers=[units / 2], planned_units=planned
    )
    assert estimate.effect_ci_lower == pytest.approx(float(expected.lower[0]), abs=2e-3 * estimate.standard_error * 3)
    assert estimate.pvalue == pytest.approx(float(expected.pvalues[0]), rel=0.05)
    assert (estimate.pvalue < 0.05) == (estimate.effect_ci_lower > 0)


def test_a_sequence_of_sparse_revenue_waits_for_a_hundred_payers(check):
    frame = rows(n=6000, sparse=0.02)
    readout = read(SEQUENCE, "2026-02-17", frame, kind="revenue")
    waiting = check(readout, "looks", "spend")
    assert waiting.passed is False
    assert "starts at 100" in waiting.sentence
    assert readout.grade == "do not use"
    estimate = readout.headline("spend", "mail")
    assert (estimate.pvalue, estimate.effect_ci_lower, estimate.effect_ci_upper) == (1.0, -math.inf, math.inf)
    assert all(step.lower is None for step in readout.cumulative)


@pytest.mark.parametrize("plan", [GROUP | {"sides": 1}, SEQUENCE | {"sides": 1}], ids=["looks", "sequence"])
@pytest.mark.parametrize(("direction", "effect"), [("increase", 1.0), ("decrease", -1.0)])
def test_one_side_bounds_the_good_direction_alone(plan, direction, effect):
    looks = looks_of(registered(plan))
    cut = looks[1].on if looks else "2026-02-24"
    good, bad = (read(plan, cut, rows(effect=sign * effect), direction=direction) for sign in (1, -1))
    found, harmed = (readout.headline("spend", "mail") for readout in (good, bad))
    ends = (found.effect_ci_lower, found.effect_ci_upper)
    assert sum(map(math.isinf, ends)) == 1
    assert (ends[0] > 0) if direction == "increase" else (ends[1] < 0)
    assert found.pvalue < found.alpha
    assert harmed.pvalue > 0.9
    assert good.look.results[0].crossed
    assert not bad.look.results[0].crossed


@pytest.mark.parametrize("plan", [GROUP, SEQUENCE | {"sides": 1}], ids=["looks", "sequence"])
def test_a_readout_at_a_look_comes_back_from_its_file(plan):
    from incrementality.workspace import result_text

    readout = read(plan, looks_of(registered(GROUP))[0].on, rows(effect=1.0))
    back = Readout.from_dict(json.loads(result_text(readout)))
    assert back == readout
    assert result_text(back) == result_text(readout)


def test_an_older_file_has_no_look():
    content = json.loads(json.dumps(read(GROUP, "2026-12-01", rows()).to_dict()))
    for name in ("look", "cumulative"):
        del content[name]
    older = Readout.from_dict(content)
    assert (older.look, older.cumulative) == (None, ())


def test_the_path_ends_in_the_readout_itself():
    for readout in (*looked(GROUP, rows(effect=0.5), {1, 2}), read(SEQUENCE, "2026-02-17", rows(effect=0.5))):
        last, estimate = readout.cumulative[-1], readout.headline("spend", "mail")
        found = (last.effect, last.standard_error, last.lower, last.upper)
        assert found == pytest.approx(
            (estimate.effect, estimate.standard_error, estimate.effect_ci_lower, estimate.effect_ci_upper), rel=1e-9
        )
        assert last.on == readout.look.on


def test_each_date_of_the_path_is_the_readout_of_that_day():
    readout = read(SEQUENCE, "2026-02-28", rows(effect=0.5))
    step = readout.cumulative[4]
    then = read(SEQUENCE, step.on, rows(effect=0.5)).headline("spend", "mail")
    assert (step.n_control, step.n_treatment) == (then.n_control, then.n_treatment)
    assert (step.effect, step.lower, step.upper) == pytest.approx(
        (then.effect, then.effect_ci_lower, then.effect_ci_upper), rel=1e-9
    )


def test_fewer_units_than_at_an_earlier_look_are_refused():
    (first,) = looked(GROUP, rows(), {1})
    later = replace(first.look.taken(), information=0.99)
    with pytest.raises(InputError, match="a later look has more"):
        read(GROUP, looks_of(registered(GROUP))[1].on, rows(), [later])


def test_a_taken_look_comes_back_from_its_file():
    (first,) = looked(GROUP, rows(), {1})
    kept = json.loads(json.dumps(first.look.to_dict()))
    assert TakenLook.from_dict({k: kept[k] for k in TakenLook.__dataclass_fields__}) == first.look.taken()


def test_a_small_holdout_is_permuted_at_the_look():
    """Few payers: the interval at the look is the permutation's, at the look's own level."""
    frame = rows(n=6000, sparse=0.02, seed=2)
    answer = registered(GROUP)
    readout = read_out(experiment(looks_of(answer)[1].on, GROUP, kind="revenue"), frame, designs=[answer])
    estimate = readout.headline("spend", "mail")
    assert "permutation" in estimate.method
    assert estimate.alpha == readout.look.nominal_alpha
    assert (estimate.pvalue < estimate.alpha) == (not estimate.effect_ci_lower <= 0 <= estimate.effect_ci_upper)
