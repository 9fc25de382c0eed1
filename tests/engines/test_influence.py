"""Influence values by account are the same on every engine, under the same keys."""

import hashlib

import numpy as np
import pytest

from incrementality.experiment import Experiment
from incrementality.lift import KEY_BYTES, account_influence, analyze

UNITS = {"unit": "id", "arm": "select", "covariates": ["pre"]}
ACCOUNTS = {"row_number_as_unit": True, "arm": "select", "cluster": "account"}


def experiment(data):
    return Experiment.model_validate(
        {
            "id": "engines",
            "question": "Is it the same everywhere?",
            "data": data,
            "arms": [
                {"name": "holdout", "share": "1/2", "control": True},
                {"name": "o'neil; drop table x --", "share": "1/2"},
            ],
            "metrics": [
                {"name": "revenue", "kind": "revenue", "role": "primary"},
                {"name": "nans", "kind": "mean", "role": "primary"},
                {"name": "rate", "kind": "ratio", "numerator": "revenue", "denominator": "money", "role": "primary"},
            ],
        }
    )


def keys(ids):
    return [hashlib.sha256(one.encode()).digest()[:KEY_BYTES] for one in ids]


def influence(copy, asked):
    kept = []
    analyze(asked, copy.locator, copy.warehouse, keep=lambda *told: kept.append(account_influence(*told, key=keys)))
    return kept[0]


@pytest.mark.parametrize("engine", ["postgres", "spark"])
@pytest.mark.parametrize("data", [UNITS, ACCOUNTS], ids=["units", "accounts"])
def test_values_and_keys_are_the_same_on_every_engine(copies, data, engine):
    asked = experiment(data)
    ours, theirs = influence(copies["duckdb"], asked), influence(copies[engine], asked)
    assert ours.keys.tolist() == theirs.keys.tolist()
    assert ours.arm.tolist() == theirs.arm.tolist()
    assert ours.values.keys() == theirs.values.keys()
    assert len(ours.values) == 3
    for name, values in ours.values.items():
        np.testing.assert_allclose(theirs.values[name], values, rtol=1e-9, atol=1e-12 * np.abs(values).max())
