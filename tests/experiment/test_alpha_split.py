"""How several primary comparisons share the error rate."""

from __future__ import annotations

import pytest

from incrementality.errors import ExperimentFileError
from incrementality.experiment import experiment_yaml_example, parse_experiment

TEXT = experiment_yaml_example()


def test_how_primaries_share_alpha_is_part_of_the_hash_and_holm_is_the_default():
    asked = parse_experiment(TEXT)
    assert parse_experiment(TEXT.replace("alpha_split: holm", "alpha_split: hochberg")).hash != asked.hash
    assert parse_experiment(TEXT.replace("alpha_split: holm", "")).hash == asked.hash


def test_another_split_is_refused_with_those_that_there_are():
    with pytest.raises(ExperimentFileError, match=r"alpha_split[\s\S]*holm[\s\S]*hochberg"):
        parse_experiment(TEXT.replace("alpha_split: holm", "alpha_split: bonferroni"))
