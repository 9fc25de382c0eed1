from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats.sample_ratio import sample_ratio_test


def test_hillstroms_arms_are_as_planned():
    # MineThatData e-mail challenge (2008): 64,000 customers in three equal arms
    answer = sample_ratio_test([21307, 21387, 21306], [1, 1, 1])
    assert answer.pvalue == pytest.approx(0.904, abs=5e-4)


@pytest.mark.oracle("sample ratio test", "scipy", "1e-10")
@pytest.mark.parametrize(
    ("counts", "shares"),
    [([5030, 4970], [0.5, 0.5]), ([94500, 5500], [95, 5]), ([10, 0, 7], [0.5, 0.2, 0.3]), ([10**8, 10**8], [1, 1])],
)
def test_the_test_equals_scipys(counts, shares):
    answer = sample_ratio_test(counts, shares)
    theirs = stats.chisquare(counts, np.array(shares) / sum(shares) * sum(counts))
    assert answer.statistic == pytest.approx(theirs.statistic, rel=1e-10)
    assert answer.pvalue == pytest.approx(theirs.pvalue, rel=1e-10)
    assert answer.df == len(counts) - 1


def test_the_expected_counts_add_up_to_all_units():
    answer = sample_ratio_test([900, 60, 40], [0.9, 0.05, 0.05])
    assert answer.expected == pytest.approx((900, 50, 50))


def test_the_scale_of_the_shares_does_not_matter():
    assert sample_ratio_test([90, 30], [3, 1]) == sample_ratio_test([90, 30], [0.75, 0.25])


@pytest.mark.parametrize(
    ("counts", "shares"),
    [
        ([10], [1]),
        ([10, 10], [1]),
        ([10, -1], [1, 1]),
        ([10, 1.5], [1, 1]),
        ([10, math.nan], [1, 1]),
        ([0, 0], [1, 1]),
        ([10, 10], [1, 0]),
        ([10, 10], [1, math.inf]),
    ],
)
def test_impossible_arms_are_refused(counts, shares):
    with pytest.raises(InputError, match="Next:"):
        sample_ratio_test(counts, shares)
