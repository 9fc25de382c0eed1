from __future__ import annotations

import numpy as np
import pytest

from incrementality.design import MetricHistory


@pytest.fixture(scope="session")
def heavy_history() -> MetricHistory:
    rng = np.random.default_rng(4)
    return MetricHistory(values=np.where(rng.random(20_000) < 0.03, rng.lognormal(3, 1.5, 20_000), 0.0))


@pytest.fixture(scope="session")
def account_history() -> MetricHistory:
    rng = np.random.default_rng(5)
    sizes = 1 + rng.poisson(9, 600)
    level = np.repeat(rng.gamma(3, 1, 600), sizes)
    return MetricHistory(values=level * rng.gamma(2, 5, sizes.sum()), clusters=np.repeat(np.arange(600), sizes))
