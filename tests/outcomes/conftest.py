from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import Experiment

BASE = {
    "id": "winback",
    "question": "Does it work?",
    "data": {"unit": "id"},
    "arms": [
        {"name": "control", "share": "50%", "control": True},
        {"name": "journey", "share": "50%"},
    ],
    "metrics": [{"name": "y", "kind": "mean", "role": "primary"}],
}


@pytest.fixture
def plan():
    def make(*, data=None, **changes):
        return Experiment.model_validate(BASE | changes | {"data": BASE["data"] | (data or {})})

    return make


@pytest.fixture
def rows():
    rng = np.random.default_rng(3)
    arm = np.array(["control", "journey"] * 100)
    return pd.DataFrame(
        {"id": np.arange(200), "arm": arm, "y": rng.normal(5, 1, 200), "won": np.arange(200) % 3 == 0, "s": "a"}
    )
