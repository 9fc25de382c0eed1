from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import norm as normal
from statsmodels.stats.multitest import multipletests

from incrementality.errors import InputError
from incrementality.stats.multiplicity import benjamini_hochberg, hochberg, holm, interval_levels

pvalues = st.lists(st.floats(0, 1), min_size=1, max_size=20)
CORRECTIONS = {"holm": holm, "hochberg": hochberg, "benjamini_hochberg": benjamini_hochberg}
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


@pytest.mark.oracle("Hochberg's and Benjamini-Hochberg's corrections", "statsmodels", "1e-12")
@pytest.mark.parametrize(("ours", "theirs"), [(hochberg, "simes-hochberg"), (benjamini_hochberg, "fdr_bh")])
@pytest.mark.parametrize("seed", range(8))
def test_step_up_corrections_equal_statsmodels(seed, ours, theirs):
    pvalues = np.random.default_rng(seed).beta(0.3, 1, size=1 + 3 * seed).round(2)
    assert ours(pvalues) == pytest.approx(multipletests(pvalues, method=theirs)[1], rel=1e-12, abs=1e-300)


@few
@given(pvalues=pvalues)
def test_hochberg_lies_between_benjamini_hochberg_and_holm(pvalues):
    found = zip(benjamini_hochberg(pvalues), hochberg(pvalues), holm(pvalues), strict=True)
    assert all(a <= b * (1 + 1e-12) and b <= c * (1 + 1e-12) for a, b, c in found)


@few
@given(pvalues=pvalues, alpha=st.sampled_from([0.05, 0.2, 0.4]))
@pytest.mark.parametrize("method", CORRECTIONS)
def test_an_interval_at_its_level_excludes_zero_where_the_comparison_is_rejected(method, pvalues, alpha):
    levels = interval_levels(pvalues, method=method, alpha=alpha)
    for p, adjusted, level in zip(pvalues, CORRECTIONS[method](pvalues), levels, strict=True):
        edge = math.isclose(p, level, rel_tol=1e-9) or math.isclose(adjusted, alpha, rel_tol=1e-9)
        assert edge or (p <= level) == (adjusted <= alpha)
        assert alpha / len(pvalues) * (1 - 1e-12) <= level <= alpha * (1 + 1e-12)


def test_the_false_coverage_rate_of_selected_intervals_is_alpha():
    """Ten metrics, half with an effect; of the selected intervals at most 5 % miss, while plain ones miss more."""
    rng, missed, plain = np.random.default_rng(2), [], []
    truth = np.array([0.0] * 5 + [2.0] * 5)
    for z in truth + rng.normal(size=(2000, 10)):
        raw = 2 * normal.sf(np.abs(z))
        margin = normal.isf(interval_levels(raw, method="benjamini_hochberg")[0] / 2)
        chosen = np.array(benjamini_hochberg(raw)) <= 0.05
        missed.append(np.mean(np.abs(z - truth)[chosen] > margin) if chosen.any() else 0.0)
        plain.append(np.mean(np.abs(z - truth)[chosen] > 1.96) if chosen.any() else 0.0)
    assert np.mean(missed) < 0.05 + 4 * np.std(missed) / math.sqrt(2000)
    assert np.mean(plain) > np.mean(missed)


def test_an_impossible_alpha_is_refused():
    with pytest.raises(InputError, match="alpha is 1"):
        interval_levels([0.5], method="holm", alpha=1.0)
