"""The experiment: the YAML request, its roles and what it withholds; frozen and hashed."""

from incrementality.experiment.spec import (
    Arm,
    Covariate,
    DataMapping,
    Experiment,
    PlannedMetric,
    Role,
    Segment,
    SmallestEffect,
    Withholds,
)

__all__ = [
    "Arm",
    "Covariate",
    "DataMapping",
    "Experiment",
    "PlannedMetric",
    "Role",
    "Segment",
    "SmallestEffect",
    "Withholds",
]
