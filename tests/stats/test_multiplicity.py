from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from statsmodels.stats.multitest import multipletests

from incrementality.errors import InputError
from incrementality.stats.multiplicity import holm

pvalues = st.lists(st.floats(0, 1), min_size=1, max_size=20)
few = settings(deadline=None, derandomize=True, max_examples=200)


@pytest.mark.oracle("Holm's correction", "statsmodels", "1e-12")
@pytest.mark.parametrize("seed", range(8))
def test_holm_equals_statsmodels(seed):
    pvalues = np.random.default_rng(seed).beta(0.3, 1, size=1 + 3 * seed).round(2)
    assert holm(pvalues) == pytest.approx(multipletests(pvalues, method="holm")[1], rel=1e-12, abs=1e-300)


@few
@given(pvalues=pvalues)
def test_holm_does_not_depend_on_the_order(pvalues):
    assert holm(pvalues[::-1]) == holm(pvalues)[::-1]


def test_holm_lies_between_the_raw_and_bonferronis():
    raw = [0.001, 0.2, 0.02, 0.02]
    assert all(p <= adjusted <= min(1, 4 * p) for p, adjusted in zip(raw, holm(raw), strict=True))


def test_one_comparison_stays_as_it_is():
    assert holm([0.031]) == (0.031,)


def test_no_comparisons_give_none():
    assert holm([]) == ()


@pytest.mark.parametrize("impossible", [-0.1, 1.1, math.nan])
def test_impossible_pvalues_are_refused(impossible):
    with pytest.raises(InputError, match="p-value number 2"):
        holm([0.5, impossible])
