"""The JSON Schema and the example say what the reader accepts."""

import json

import pytest
import yaml
from jsonschema import Draft202012Validator

from incrementality.errors import ExperimentFileError
from incrementality.experiment import Experiment, experiment_yaml_example, json_schema, parse_experiment


def leaves(schema):
    return [part for model in [schema, *schema["$defs"].values()] for part in model["properties"].values()]


def plain(text):
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


def test_the_schema_is_valid_and_has_no_address_of_its_own():
    Draft202012Validator.check_schema(json_schema())
    assert "$id" not in json_schema()


def test_every_key_of_the_schema_is_described():
    assert all(part.get("description") for part in leaves(json_schema()))


def test_the_schema_has_plain_descriptions_and_standard_bounds():
    text = json.dumps(json_schema())
    assert ">>>" not in text
    assert '"gt"' not in text


def test_the_schema_belongs_to_the_caller():
    json_schema()["properties"].clear()
    assert json_schema()["properties"]


def test_the_schema_accepts_the_example():
    Draft202012Validator(json_schema()).validate(plain(experiment_yaml_example()))


@pytest.mark.parametrize(("old", "new"), [("kind: conversion", "kind: x"), ("owner:", "owners:"), ("0.05", "0.7")])
def test_the_schema_refuses_what_the_reader_refuses(old, new):
    text = experiment_yaml_example().replace(old, new, 1)
    assert not Draft202012Validator(json_schema()).is_valid(plain(text))
    with pytest.raises(ExperimentFileError):
        parse_experiment(text)


def test_the_example_teaches_every_section():
    assert set(yaml.safe_load(experiment_yaml_example())) == set(Experiment.model_fields)


def test_the_example_fits_on_a_page():
    lines = experiment_yaml_example().splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120


def test_the_example_is_a_winback_with_a_tenth_held_out():
    experiment = parse_experiment(experiment_yaml_example())
    assert float(experiment.control.share) == 0.1
    assert [(metric.role, metric.direction) for metric in experiment.metrics] == [
        ("primary", "increase"),
        ("secondary", "increase"),
        ("guardrail", "decrease"),
    ]


@pytest.mark.parametrize("experiment_id", ["reminder", "2026", "no", "2026-01-05", "1e5"])
def test_the_example_carries_the_id_that_was_asked_for(experiment_id):
    assert parse_experiment(experiment_yaml_example(experiment_id)).id == experiment_id


@pytest.mark.parametrize("experiment_id", ["", "Upper", "a b", "a\nb: c", "../x", "x" * 64])
def test_the_example_refuses_an_id_that_is_not_allowed(experiment_id):
    with pytest.raises(ExperimentFileError):
        experiment_yaml_example(experiment_id)
