from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from incrementality import crm_journey_holdout, read_out
from incrementality.experiment import parse_experiment


@pytest.fixture
def sample():
    """Rows of two arms, y about normal around 5, x related to it, s and g groups."""

    def make(n=400, seed=1, shares=(0.5, 0.5), arms=("control", "journey")):
        rng = np.random.default_rng(seed)
        s = rng.choice(["north", "south", "west"], n)
        x = rng.normal(size=n)
        arm = rng.choice(arms, n, p=shares)
        y = 5 + x + 0.3 * (arm != arms[0]) + (s == "south") + rng.normal(size=n)
        return pd.DataFrame({"id": np.arange(n), "arm": arm, "y": y, "x": x, "s": s})

    return make


@pytest.fixture
def simulated():
    """A simulated holdout read out by the experiment file that comes with it."""

    def make(**knobs):
        world = crm_journey_holdout(**{"n": 12_000, "seed": 3, "holdout_share": 0.5} | knobs)
        experiment = parse_experiment(world.experiment_yaml("winback", "winback.csv"))
        return read_out(experiment, data=world.to_frame())

    return make


@pytest.fixture
def check():
    """Pick a check of a readout by its name and metric."""

    def pick(readout, name, metric=None):
        return next(c for c in readout.checks if c.name == name and (metric is None or c.metric == metric))

    return pick
