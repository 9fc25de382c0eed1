"""The experiment's own rules and its hash."""

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
