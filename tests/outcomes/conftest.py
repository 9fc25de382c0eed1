from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def rows():
    rng = np.random.default_rng(3)
    arm = np.array(["control", "journey"] * 100)
    return pd.DataFrame(
        {"id": np.arange(200), "arm": arm, "y": rng.normal(5, 1, 200), "won": np.arange(200) % 3 == 0, "s": "a"}
    )
