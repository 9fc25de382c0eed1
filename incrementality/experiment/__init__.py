"""The experiment: the YAML request, its roles and what it withholds; frozen and hashed."""

from incrementality.experiment.data_mapping import DataMapping
from incrementality.experiment.entry import FixedCohort, Nesting, RampPhase, Rerandomisation
from incrementality.experiment.example import experiment_yaml_example
from incrementality.experiment.monitoring import Monitoring
from incrementality.experiment.parts import (
    Arm,
    Covariate,
    PlannedMetric,
    Role,
    Segment,
    SmallestEffect,
    Withholds,
)
from incrementality.experiment.reader import parse_experiment, read_experiment
from incrementality.experiment.request import Baseline, Contamination, HoldoutRequest, Release
from incrementality.experiment.schema import json_schema
from incrementality.experiment.spec import Experiment

__all__ = [
    "Arm",
    "Baseline",
    "Contamination",
    "Covariate",
    "DataMapping",
    "Experiment",
    "FixedCohort",
    "HoldoutRequest",
    "Monitoring",
    "Nesting",
    "PlannedMetric",
    "RampPhase",
    "Release",
    "Rerandomisation",
    "Role",
    "Segment",
    "SmallestEffect",
    "Withholds",
    "experiment_yaml_example",
    "json_schema",
    "parse_experiment",
    "read_experiment",
]
