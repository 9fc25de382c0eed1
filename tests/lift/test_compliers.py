"""Effects beside the headline: compliers and dilution; they are read back from files, old and new."""

from __future__ import annotations

import json

import numpy as np
import pytest

from incrementality import read_out
from incrementality.lift import SCHEMA_VERSION, Readout
from incrementality.lift.compliers import ALL_ASSIGNED, COMPLIERS

MAPPED = {"delivered": "got"}


@pytest.fixture
def frame(sample):
    rng = np.random.default_rng(11)
    rows = sample(4000, seed=5)
    rows["got"] = (rows["arm"] == "journey") & (rng.random(4000) < 0.5)
    rows["could"] = rng.random(4000) < 0.4
    return rows


def test_the_effect_on_compliers_stands_beside_the_headline(plan, frame):
    readout = read_out(plan(data=MAPPED), data=frame)
    plain = read_out(plan(), data=frame)
    assert readout.estimates == plain.estimates
    assert readout.verdict == plain.verdict
    (found,) = readout.compliers
    assert found.population == COMPLIERS
    reach = frame.groupby("arm")["got"].mean()
    assert found.effect == pytest.approx(readout.estimates[0].effect / (reach["journey"] - reach["control"]))
    assert found.treatment_mean == pytest.approx(frame.loc[frame["got"], "y"].mean())
    assert found.pvalue == pytest.approx(readout.estimates[0].pvalue, rel=1e-9)


def test_without_delivery_there_are_no_compliers(plan, frame):
    readout = read_out(plan(), data=frame)
    assert (readout.compliers, readout.complier_notes, readout.diluted) == ((), (), ())


def test_a_weak_first_stage_is_refused_in_a_sentence(plan, frame):
    readout = read_out(plan(data=MAPPED), data=frame.assign(got=frame.index % 2 == 0))
    assert readout.compliers == ()
    assert "is not stated" in readout.complier_notes[0]
    assert "F = " in readout.complier_notes[0]


@pytest.mark.parametrize("part", ["stratum", "cluster", "ratio", "gaps"])
def test_compliers_follow_the_design(plan, frame, part):
    frame["account"] = frame.index // 5
    if part == "cluster":
        frame["arm"] = np.where(frame["account"] % 2 == 0, "control", "journey")
        frame["got"] = (frame["arm"] == "journey") & frame["got"]
    if part == "gaps":
        frame["y"] = frame["y"].mask(frame.index % 40 == 0)
    data = {"stratum": {"stratum": "s"}, "cluster": {"cluster": "account"}}.get(part, {})
    frame["n"] = 1.0
    metric = {"name": "r", "kind": "ratio", "numerator": "y", "denominator": "n", "role": "primary"}
    changes = {"metrics": [metric]} if part == "ratio" else {}
    if part == "cluster":
        frame["got"] = frame["got"] | ((frame["arm"] == "journey") & (frame.index % 3 > 0))
    readout = read_out(plan(data=MAPPED | data, **changes), data=frame)
    (found,), headline = readout.compliers, readout.estimates[0]
    assert found.pvalue == pytest.approx(headline.pvalue, rel=0.02)
    assert (found.effect > 0) == (headline.effect > 0)


def test_the_diluted_effect_is_that_on_the_eligible_times_their_share(plan, frame):
    readout = read_out(plan(data={"eligible": "could"}), data=frame)
    (found,), headline, part = readout.diluted, readout.estimates[0], frame["could"].mean()
    assert found.population == ALL_ASSIGNED
    assert found.effect == pytest.approx(part * headline.effect)
    assert found.effect_ci_upper == pytest.approx(part * headline.effect_ci_upper)
    assert (found.pvalue, found.n_control + found.n_treatment) == (headline.pvalue, 4000)
    assert read_out(plan(data={"eligible": "could", "population": "assigned"}), data=frame).diluted == ()


def test_a_readout_is_read_back_and_so_is_one_from_before(plan, frame):
    readout = read_out(plan(data=MAPPED | {"eligible": "could"}), data=frame)
    content = json.loads(json.dumps(readout.to_dict()))
    assert content["schema_version"] == SCHEMA_VERSION == 1
    assert Readout.from_dict(content).compliers == readout.compliers
    assert Readout.from_dict(content).diluted == readout.diluted
    for name in ("compliers", "complier_notes", "diluted"):
        del content[name]
    assert Readout.from_dict(content).compliers == ()
