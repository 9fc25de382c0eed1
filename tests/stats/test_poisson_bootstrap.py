"""The Poisson bootstrap: against a loop by hand, its own variance, and however the units come."""

import numpy as np
import pytest

from incrementality.errors import InputError
from incrementality.stats.poisson_bootstrap import poisson_bootstrap_sums, poisson_counts

VALUES = np.random.default_rng(5).lognormal(size=(5000, 3))


@pytest.mark.oracle("Poisson bootstrap of sums", "a loop over units", "1e-12 relative")
def test_each_replicate_is_a_sum_over_units_by_hand():
    found = poisson_bootstrap_sums([VALUES], replicates=4, seed=3)
    rng, expected = np.random.default_rng(3), np.zeros((4, 3))
    for start in range(0, 5000, 4096):
        block = VALUES[start : start + 4096]
        weights = poisson_counts(rng, (len(block), 4))
        for unit, value in enumerate(block):
            for replicate in range(4):
                expected[replicate] += weights[unit, replicate] * value
    np.testing.assert_allclose(found.replicates, expected, rtol=1e-12)


def test_the_variance_is_the_sum_of_squares():
    found = poisson_bootstrap_sums([VALUES], replicates=4000, seed=1)
    np.testing.assert_allclose(found.standard_error(), np.sqrt((VALUES**2).sum(axis=0)), rtol=0.05)
    lower, upper = found.interval(0.9)
    assert np.all((lower < found.sums) & (found.sums < upper))


@pytest.mark.parametrize("cuts", [[], [1], [4096], [10, 20, 4999]])
def test_how_units_come_does_not_matter(cuts):
    whole = poisson_bootstrap_sums([VALUES], replicates=20, seed=1)
    parts = poisson_bootstrap_sums(np.split(VALUES, cuts), replicates=20, seed=1)
    np.testing.assert_allclose(parts.replicates, whole.replicates, rtol=1e-12)
    assert parts.n == 5000


def test_counts_are_poisson():
    drawn = poisson_counts(np.random.default_rng(2), (1000, 1000))
    expected = np.exp(-1) / np.array([1, 1, 2, 6, 24, 120])
    found = np.bincount(drawn.astype(int).ravel(), minlength=6)[:6] / 1e6
    np.testing.assert_allclose(found, expected, atol=0.002)


@pytest.mark.parametrize(("blocks", "replicates"), [([], 10), ([VALUES], 1)])
def test_what_shows_nothing_is_refused(blocks, replicates):
    with pytest.raises(InputError):
        poisson_bootstrap_sums(blocks, replicates=replicates, seed=1)
