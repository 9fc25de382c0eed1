"""The arrays on which careless arithmetic goes wrong are as careless arithmetic fears them."""

import numpy as np

from incrementality.simulate import numeric_hazards


def test_hazards_are_seeded():
    for name, column in numeric_hazards(3).items():
        np.testing.assert_array_equal(column, numeric_hazards(3)[name])
        assert not np.array_equal(column, numeric_hazards(4)[name])


def test_recurring_revenue_is_far_from_zero():
    column = numeric_hazards(1)["annual_recurring_revenue"]
    assert abs(column.mean() - 1e6) < 50
    assert abs(column.std() - 1e3) < 50


def test_zero_inflated_revenue_is_mostly_zero_and_skewed():
    column = numeric_hazards(1)["zero_inflated_revenue"]
    skewness = ((column - column.mean()) ** 3).mean() / column.std() ** 3
    assert 0.04 < (column > 0).mean() < 0.06
    assert skewness > 5


def test_drift_is_sorted_and_its_beginning_misleads():
    column = numeric_hazards(1)["sorted_drift"]
    assert (np.diff(column) >= 0).all()
    assert column[:10_000].mean() < 0.6 * column.mean()
