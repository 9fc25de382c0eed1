"""What the simulator writes: a CSV file, whole or not at all, and an experiment file that fits it."""

import csv
import os

import pytest
import yaml

from incrementality.errors import InputError, WorkspaceError
from incrementality.experiment import Experiment
from incrementality.simulate import crm_journey_holdout

ODD_ARMS = ('hold "out", 10 %', "d'été 😀: #1", "客户; -")


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_round_trip_with_quotes_and_emoji(tmp_path):
    world = crm_journey_holdout(n=300, arms=ODD_ARMS, missing_outcomes=10, missing_arm=10, duplicated_rows=3)
    rows = read(world.write_csv(tmp_path / 'it\'s "odd" 😀.csv'))
    for name, column in world.columns.items():
        kind = str if column.dtype == object else float
        expected = [None if str(value) in {"None", "nan"} else value for value in column.tolist()]
        assert [kind(row[name]) if row[name] else None for row in rows] == expected


def test_csv_of_more_rows_than_one_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr("incrementality.simulate.csv_file._ROWS_AT_ONCE", 7)
    world = crm_journey_holdout(n=30)
    rows = read(world.write_csv(tmp_path / "a.csv"))
    assert [row["contact_id"] for row in rows] == world.columns["contact_id"].tolist()


@pytest.mark.parametrize(
    ("interruption", "raised"), [(OSError("disk is full"), WorkspaceError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_interrupted_write_leaves_no_file(tmp_path, monkeypatch, interruption, raised):
    def interrupted(descriptor):
        raise interruption

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(raised):
        crm_journey_holdout(n=30).write_csv(tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_write_keeps_the_file_before(tmp_path, monkeypatch):
    path = crm_journey_holdout(n=30).write_csv(tmp_path / "a.csv")
    before = path.read_bytes()
    monkeypatch.setattr("incrementality.simulate.csv_file._cells", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        crm_journey_holdout(n=40).write_csv(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        crm_journey_holdout(n=3).write_csv(tmp_path / "nowhere" / "a.csv")


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"arms": ODD_ARMS, "holdout_share": 1 / 3},
        {"arms": tuple("abcdefgh"), "holdout_share": 0.003},
        {"account_size": 3},
        {"account_size": 3, "region_shares": {"north": 0.1, "south": 0.2, "east": 0.3, "west": 0.5}},
    ],
)
def test_experiment_file_fits_the_data(knobs):
    world = crm_journey_holdout(n=200, **knobs)
    experiment = Experiment.model_validate(yaml.safe_load(world.experiment_yaml("winback-demo", "odd 😀 'name'.csv")))
    data = experiment.data
    named = [data.unit, data.arm, data.cluster, data.stratum, *(covariate.column for covariate in data.covariates)]
    named += [segment.column for segment in experiment.segments]
    named += [column for metric in experiment.metrics for column in metric.columns]
    assert {name for name in named if name} <= set(world.columns)
    assert (data.cluster is None) == ("account_id" not in world.columns)
    assert (data.stratum == "region") == ("region_shares" in knobs)
    assert data.source == "odd 😀 'name'.csv"


def test_experiment_file_has_the_arms_of_the_data():
    world = crm_journey_holdout(n=200, arms=ODD_ARMS, holdout_share=0.2)
    experiment = Experiment.model_validate(yaml.safe_load(world.experiment_yaml("winback-demo", "a.csv")))
    assert experiment.control.name == ODD_ARMS[0]
    assert {arm.name: float(arm.share) for arm in experiment.arms} == pytest.approx(world.arm_shares)


def test_experiment_file_asks_the_planned_questions():
    world = crm_journey_holdout(n=200)
    experiment = Experiment.model_validate(yaml.safe_load(world.experiment_yaml("winback-demo", "a.csv")))
    roles = {metric.name: metric.role for metric in experiment.metrics}
    assert roles == {
        "reactivated": "primary",
        "revenue": "secondary",
        "orders per session": "secondary",
        "unsubscribed": "guardrail",
    }
    assert experiment.withholds.journeys == ("win-back",)
    assert experiment.withholds.functions == ("marketing",)
    assert all((metric.name, "journey") in world.truth for metric in experiment.metrics)
