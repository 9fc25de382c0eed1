"""The readout prints what was registered, and says where it is no longer that."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from incrementality import Experiment
from incrementality.design import DesignAnswer, DesignRequest, MetricBaseline, design, revise
from incrementality.lift import analyze
from incrementality.lift.registration import changed_since
from incrementality.warehouse import connect, frame_locator

REQUEST = DesignRequest(
    id="mail", question="Does it work?", metric="bought", kind="conversion", smallest_effect=0.2, population=4000,
    baseline=MetricBaseline(mean=0.1), holdout_share=0.5, unit="contact", approvals=("owner",),
)  # fmt: skip


@pytest.fixture
def experiment():
    return Experiment(
        id="mail", question="Does it work?", unit="contact", data={"unit": "id"},
        arms=[{"name": "holdout", "share": "50%", "control": True}, {"name": "mail", "share": "50%"}],
        metrics=[{"name": "bought", "kind": "conversion", "role": "primary"}],
    )  # fmt: skip


@pytest.fixture
def frame():
    rng = np.random.default_rng(5)
    arm = np.repeat(["holdout", "mail"], 2000)
    return pd.DataFrame({"id": np.arange(4000), "arm": arm, "bought": rng.binomial(1, 0.1, 4000)})


def _read(experiment, frame, designs):
    with connect() as engine:
        return analyze(experiment, frame_locator(frame), engine, designs=designs)


def _check(readout):
    return next(check for check in readout.checks if check.name == "registration")


def test_a_signed_and_unchanged_design_passes_and_is_printed(experiment, frame):
    signed = design(REQUEST).sign(role="owner", name="Ada", on=date(2026, 1, 2))
    readout = _read(experiment, frame, [signed])
    assert _check(readout).passed is True
    assert signed.hash in dict(readout.specification)["Registered design"]
    assert "owner Ada, 2026-01-02" in dict(readout.specification)["Registered design"]


@pytest.mark.domain("G1")
def test_both_versions_are_printed(experiment, frame):
    first = design(REQUEST).sign(role="owner", name="Ada", on=date(2026, 1, 2))
    second = revise(first, DesignRequest(**{**_fields(REQUEST), "population": 9000}))
    second = second.sign(role="owner", name="Bo", on=date(2026, 1, 9))
    readout = _read(experiment, frame, [first, second])
    told = dict(readout.specification)
    assert second.hash in told["Registered design"]
    assert first.hash in told["Earlier design"]
    assert f"it replaces version 1 ({first.hash[:12]})" in _check(readout).sentence


def test_a_changed_plan_is_named_and_brings_caution(experiment, frame):
    signed = design(REQUEST).sign(role="owner", name="Ada", on=date(2026, 1, 2))
    readout = _read(experiment.model_copy(update={"alpha": 0.1}), frame, [signed])
    assert _check(readout).passed is False
    assert "changed: alpha" in _check(readout).sentence
    assert readout.grade == "caution"


def test_an_unsigned_design_informs(experiment, frame):
    check = _check(_read(experiment, frame, [design(REQUEST)]))
    assert check.passed is None
    assert "was not signed by: owner" in check.sentence


def test_no_design_says_nothing(experiment, frame):
    readout = _read(experiment, frame, [])
    assert [check for check in readout.checks if check.name == "registration"] == []


def test_a_corrected_note_is_no_other_test(experiment):
    assert changed_since(design(REQUEST), experiment.model_copy(update={"notes": "typo", "owner": "New"})) == ()


@pytest.mark.parametrize(
    ("registered", "now", "named"),
    [(None, "hochberg", True), ("hochberg", "holm", True), ("hochberg", "hochberg", False)],
)
def test_how_primaries_share_alpha_is_registered_where_there_are_several(experiment, registered, now, named):
    two = (*experiment.metrics, experiment.metrics[0].model_copy(update={"name": "clicked"}))
    asked = design(DesignRequest(**_fields(REQUEST) | {"alpha_split": registered}))
    several = experiment.model_copy(update={"metrics": two, "alpha_split": now})
    assert ("how primaries share alpha" in changed_since(asked, several)) is named
    assert changed_since(asked, several.model_copy(update={"metrics": two[:1]})) == ()


def test_a_design_that_shares_alpha_by_holm_keeps_its_hash():
    content = design(REQUEST).to_dict()
    del content["request"]["alpha_split"]
    assert DesignAnswer.from_dict(content).hash == design(REQUEST).hash
    assert design(DesignRequest(**_fields(REQUEST) | {"alpha_split": "hochberg"})).hash != design(REQUEST).hash


def _fields(record):
    return {name: getattr(record, name) for name in record.__slots__}
