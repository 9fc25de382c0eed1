from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from incrementality.errors import InputError
from incrementality.stats.heterogeneity import cochran_q


@pytest.mark.oracle("differences between segments (Cochran's Q)", "statsmodels", "1e-9")
@pytest.mark.parametrize("seed", range(8))
def test_q_equals_statsmodels_meta_analysis(seed):
    rng = np.random.default_rng(seed)
    effects, errors = rng.normal(0.02, 0.03, 3 + seed), rng.uniform(0.005, 0.05, 3 + seed)
    theirs = combine_effects(effects, errors**2).test_homogeneity()
    ours = cochran_q(effects, errors)
    assert ours.q == pytest.approx(theirs.statistic, rel=1e-10)
    assert ours.pvalue == pytest.approx(theirs.pvalue, rel=1e-9)
    assert ours.df == theirs.df


def test_two_segments_give_the_square_of_the_z_test():
    assert cochran_q([3.0, 1.0], [0.6, 0.8]).q == pytest.approx(4.0, rel=1e-14)


def test_equal_effects_show_no_heterogeneity():
    answer = cochran_q([0.25, 0.25, 0.25], [0.1, 0.2, 0.3])
    assert (answer.q, answer.pvalue) == (0, 1)


def test_another_currency_leaves_q_as_it_is():
    assert cochran_q([2e9, 5e9], [1e9, 1e9]).q == pytest.approx(cochran_q([2e-200, 5e-200], [1e-200, 1e-200]).q)


@pytest.mark.parametrize(
    ("effects", "errors"),
    [([1], [1]), ([1, 2], [1]), ([1, math.nan], [1, 1]), ([1, 2], [1, 0]), ([1, 2], [1, math.inf])],
)
def test_impossible_segments_are_refused(effects, errors):
    with pytest.raises(InputError, match="Next:"):
        cochran_q(effects, errors)
