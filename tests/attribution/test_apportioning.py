"""Cents split by weight add up, whatever the weights."""

import pytest
from hypothesis import given, strategies as st

from incrementality.attribution.apportioning import apportion
from incrementality.errors import InputError

WEIGHTS = st.lists(st.floats(0, 1e9), min_size=1, max_size=20).filter(any)


@given(st.integers(-(10**15), 10**15), WEIGHTS)
def test_parts_add_up_to_the_cent(total, weights):
    assert sum(apportion(total, weights)) == total


@given(st.integers(0, 10**12), WEIGHTS)
def test_no_part_is_a_cent_off_its_share(total, weights):
    whole = sum(weights)
    for part, weight in zip(apportion(total, weights), weights, strict=True):
        assert abs(part - total * (weight / whole)) < 1 + 1e-9 * total


@given(st.integers(0, 10**9), WEIGHTS)
def test_giving_back_mirrors_giving(total, weights):
    assert apportion(-total, weights) == tuple(-part for part in apportion(total, weights))


def test_of_equal_remainders_the_first_gains():
    assert apportion(2, [1, 1, 1]) == (1, 1, 0)


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [float("nan")], [float("inf")]])
def test_weights_that_split_nothing_are_refused(weights):
    with pytest.raises(InputError, match="cannot split"):
        apportion(100, weights)
