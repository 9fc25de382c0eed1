"""The experiment's own rules and its hash."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

import incrementality.experiment
from incrementality.experiment import Experiment, experiment_yaml_example, parse_experiment


@pytest.fixture
def experiment():
    return parse_experiment(experiment_yaml_example())


def test_the_exports_are_sorted_and_exist():
    names = incrementality.experiment.__all__
    assert names == sorted(names)
    assert all(hasattr(incrementality.experiment, name) for name in names)


def test_an_experiment_cannot_be_changed(experiment):
    with pytest.raises(ValidationError):
        experiment.alpha = 0.1


def test_control_and_treatments_are_told_apart(experiment):
    assert experiment.control.name == "holdout"
    assert [arm.name for arm in experiment.treatments] == ["journey"]


def test_the_hash_does_not_depend_on_where_the_data_lies():
    text = experiment_yaml_example()
    moved = text.replace("winback.csv", "elsewhere.parquet")
    assert parse_experiment(moved).hash == parse_experiment(text).hash


def test_the_hash_does_not_depend_on_how_a_share_is_written():
    text = experiment_yaml_example()
    assert parse_experiment(text.replace("10%", "1/10").replace("90%", "0.9")).hash == parse_experiment(text).hash


@pytest.mark.parametrize(("old", "new"), [("0.05", "0.10"), ("28d", "14d"), ("10%", "10.01%"), ("contact_id", "id")])
def test_the_hash_changes_with_the_request(old, new):
    text = experiment_yaml_example()
    assert parse_experiment(text.replace(old, new, 1)).hash != parse_experiment(text).hash


def test_the_canonical_json_reads_back_as_the_same_experiment(experiment):
    assert Experiment.model_validate(experiment.model_dump(mode="json")) == experiment


def test_a_segment_is_called_by_its_name_or_else_its_column():
    text = experiment_yaml_example().replace("{column: country, name: Country}", "plan")
    assert [segment.label for segment in parse_experiment(text).segments] == ["plan"]


def mapped(**keys):
    lines = "".join(f"  {key}: {value}\n" for key, value in keys.items())
    return parse_experiment(experiment_yaml_example().replace("data:\n", f"data:\n{lines}", 1))


@pytest.mark.parametrize(
    ("keys", "population"),
    [
        ({}, "assigned"),
        ({"eligible": "could"}, "eligible"),
        ({"eligible": "could", "population": "assigned"}, "assigned"),
        ({"eligible": "could", "population": "eligible"}, "eligible"),
    ],
    ids=str,
)
def test_the_eligible_are_analysed_where_they_are_mapped(keys, population):
    assert mapped(**keys).data.analysed == population


@pytest.mark.parametrize(
    "written", ["2026-03-01", "2026-03-01T00:00:00Z", "2026-03-01 00:00:00", "2026-03-01T01:00:00+01:00"]
)
def test_a_data_cut_is_one_moment_in_utc_however_it_is_written(written):
    asked = mapped(t0="decided", data_cut=written)
    assert asked.data.data_cut == datetime(2026, 3, 1, tzinfo=UTC)
    assert Experiment.model_validate(asked.model_dump(mode="json")) == asked
    assert asked.hash == mapped(t0="decided", data_cut="2026-03-01").hash


def test_a_request_without_populations_keeps_the_hash_that_it_had(experiment):
    asked = experiment.request.model_copy(update={"purpose": "", "release": None})
    before = experiment.model_copy(update={"request": asked, "ended": date(2026, 2, 8)})
    assert before.hash == "06fbca65cadbf44528c621434ac89ef5de2caffa849ca470cf50000936e23273"
    assert mapped(eligible="could").hash != experiment.hash
