"""Moments formed in the engine against long double: shifted sums keep eleven digits where raw ones lose seven."""

import numpy as np
import pytest

from incrementality.warehouse import ReductionPlan, connect, frame_locator, pilot_means, reduce_moments
from incrementality.warehouse.sql import number_of

N = 200_000
TOLERANCE = 1e-11


def recurring_revenue(rng):
    x = rng.normal(1e6, 1e3, N)
    return x + rng.normal(0, 500, N), x


def zero_inflated_revenue(rng):
    size = rng.lognormal(4, 1.5, N)
    return np.where(rng.random(N) < 0.03, size, 0.0), np.where(rng.random(N) < 0.05, size, 0.0)


def sorted_drift(rng):
    x = np.sort(rng.normal(5e4, 1e4, N)) + np.linspace(0, 1e5, N)
    return 3 * x + rng.normal(0, 1e3, N), x


@pytest.mark.parametrize("draw", [recurring_revenue, zero_inflated_revenue, sorted_drift])
def test_moments_are_those_of_long_double(draw):
    data = dict(zip(("y", "x"), draw(np.random.default_rng(5)), strict=True))
    with connect("duckdb:", threads=2) as warehouse:
        relation = warehouse.open(frame_locator(data))
        columns = {name: number_of(name, kind) for name, kind in relation.columns.items()}
        shift = pilot_means(warehouse, relation.name, columns)
        plan = ReductionPlan(
            relation=relation.name, groups=(), columns=columns, shift=shift, pairs=frozenset({("x", "y")})
        )
        found = reduce_moments(warehouse, plan).moments
    wide = np.stack([values.astype(np.longdouble) for values in data.values()])
    centred = wide - wide.mean(1, keepdims=True)
    np.testing.assert_allclose(found.means(), wide.mean(1).astype(float), rtol=TOLERANCE)
    np.testing.assert_allclose(found.covariance(), (centred @ centred.T / (N - 1)).astype(float), rtol=TOLERANCE)
