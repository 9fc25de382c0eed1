"""A readout before the registered end is withheld, unless a signed design has a look on that day."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from incrementality import Experiment
from incrementality.design import DesignRequest, MetricBaseline, design, looks_of
from incrementality.lift import analyze
from incrementality.lift.looks import complete_on
from incrementality.warehouse import connect, frame_locator


def signed(looks):
    request = DesignRequest(
        id="mail", question="Does it work?", metric="bought", kind="conversion", smallest_effect=0.2, looks=looks,
        population=0, arrivals_per_week=2000, baseline=MetricBaseline(mean=0.1), holdout_share=0.5, unit="contact",
        starts=date(2026, 1, 5), window_days=14, approvals=("owner",),
    )  # fmt: skip
    return design(request).sign(role="owner", name="Ada", on=date(2026, 1, 2))


def experiment(cut, **changes):
    content = {
        "id": "mail", "question": "Does it work?", "unit": "contact", "started": "2026-01-05", "ended": "2026-02-10",
        "data": {"unit": "id", "t0": "decided", "data_cut": cut},
        "arms": [{"name": "holdout", "share": "50%", "control": True}, {"name": "mail", "share": "50%"}],
        "metrics": [{"name": "bought", "kind": "conversion", "role": "primary", "window": "14d"}],
    }  # fmt: skip
    return Experiment.model_validate(content | changes)


def read(asked, designs=()):
    rng = np.random.default_rng(5)
    decided = pd.Timestamp("2026-01-05") + pd.to_timedelta(rng.integers(0, 37, 8000), unit="D")
    arm = rng.choice(["holdout", "mail"], 8000)
    frame = pd.DataFrame({"id": np.arange(8000), "arm": arm, "bought": rng.binomial(1, 0.1, 8000), "decided": decided})
    with connect() as engine:
        return analyze(asked, frame_locator(frame), engine, designs=designs)


def test_the_last_units_are_complete_after_the_last_day_the_window_and_the_lag():
    assert str(complete_on(experiment("2026-03-01"))) == "2026-02-25 00:00:00+00:00"
    late = experiment("2026-03-01", request={"decision": "Go on or not.", "maturity_lag_days": 3})
    assert str(complete_on(late)) == "2026-02-28 00:00:00+00:00"
    assert complete_on(experiment("2026-03-01", ended=None)) is None


def test_a_look_before_the_registered_end_is_withheld(check):
    readout = read(experiment("2026-02-24"))
    assert check(readout, "looks").passed is False
    assert readout.grade == "do not use"
    assert "no answer" in readout.verdict_lines[0]


@pytest.mark.parametrize("cut", ["2026-02-25", "2026-06-01"])
def test_the_registered_end_passes(check, cut):
    readout = read(experiment(cut))
    assert check(readout, "looks").passed
    assert readout.alpha == 0.05


@pytest.mark.parametrize("changes", [{"ended": None}, {"data": {"unit": "id", "t0": "decided"}}])
def test_without_a_last_day_or_a_data_cut_nothing_is_said(changes):
    assert "looks" not in {check.name for check in read(experiment("2026-02-01", **changes)).checks}


def test_a_registered_look_is_stated_at_its_own_boundary(check):
    answer = signed(looks=3)
    look = looks_of(answer)[0]
    readout = read(experiment(str(look.on)), [answer])
    assert check(readout, "looks").passed
    assert f"look 1 of {look.of}" in check(readout, "looks").sentence
    assert readout.alpha == readout.estimates[0].alpha == look.alpha < 0.001
    assert readout.experiment_hash == experiment(str(look.on)).hash


@pytest.mark.parametrize("answer", [signed(looks=3), signed(looks=1)], ids=["another day", "one look"])
def test_a_day_that_no_design_names_is_withheld(check, answer):
    readout = read(experiment("2026-01-25"), [answer])
    assert date(2026, 1, 25) not in {look.on for look in looks_of(answer)}
    assert check(readout, "looks").passed is False


def test_the_last_of_several_looks_keeps_its_boundary():
    answer = signed(looks=3)
    assert 0.03 < read(experiment("2026-12-01"), [answer]).alpha < 0.05
