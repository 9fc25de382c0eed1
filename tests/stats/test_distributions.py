from __future__ import annotations

import math
import subprocess
import sys

import pytest
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats.distributions import (
    chi_square_pvalue,
    normal_quantile,
    normal_two_sided_pvalue,
    t_quantile,
    t_two_sided_pvalue,
    two_sided_critical_value,
)

DEGREES_OF_FREEDOM = [0.7, 1, 2.5, 10, 300, 1e6, math.inf]
PROBABILITIES = [1e-12, 0.025, 0.31, 0.5, 0.8, 0.975, 1 - 1e-9]


@pytest.mark.oracle("quantiles and tails of t, normal, chi-square", "scipy", "1e-10")
@pytest.mark.parametrize("df", DEGREES_OF_FREEDOM)
@pytest.mark.parametrize("p", PROBABILITIES)
def test_t_quantile_equals_scipy(p, df):
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("df", DEGREES_OF_FREEDOM)
@pytest.mark.parametrize("t", [0, 1e-6, 0.3, 1.96, -4.0, 8, 25])
def test_t_pvalue_equals_scipy(t, df):
    assert t_two_sided_pvalue(t, df) == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-10)


@pytest.mark.parametrize(
    ("t", "df", "expected"),
    [
        (60, 100, 3.137614319141389e-80),  # 40-digit arithmetic
        (1e6, 1, 2 / math.pi * math.atan(1e-6)),  # Cauchy
        (1e5, 2, 1 - 1e5 / math.sqrt(2 + 1e10)),  # closed form, but for its cancellation
    ],
)
def test_t_pvalue_keeps_its_digits_in_the_tail(t, df, expected):
    assert t_two_sided_pvalue(t, df) == pytest.approx(expected, rel=1e-13 if df != 2 else 1e-5)


def test_t_pvalue_reaches_the_normal_one_as_df_grows():
    assert t_two_sided_pvalue(2.0, 1e14) == pytest.approx(normal_two_sided_pvalue(2.0), rel=1e-12)


@pytest.mark.parametrize("t", [math.inf, -math.inf])
@pytest.mark.parametrize("df", [3, math.inf])
def test_an_infinite_statistic_has_pvalue_zero(t, df):
    assert t_two_sided_pvalue(t, df) == 0


@pytest.mark.parametrize("z", [0, 0.5, -1.96, 12, 37])
def test_normal_pvalue_equals_scipy(z):
    assert normal_two_sided_pvalue(z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-12)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_normal_quantile_equals_scipy(p):
    assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("alpha", [1e-12, 0.01, 0.05, 0.5, 0.99])
@pytest.mark.parametrize("df", [1, 7.5, 1e5, math.inf])
def test_pvalue_at_the_critical_value_is_alpha(alpha, df):
    assert t_two_sided_pvalue(two_sided_critical_value(alpha, df), df) == pytest.approx(alpha, rel=1e-11)


@pytest.mark.parametrize("df", [1, 2, 17, 1000])
@pytest.mark.parametrize("x", [0, 0.2, 3.84, 50, 900, math.inf])
def test_chi_square_pvalue_equals_scipy(x, df):
    assert chi_square_pvalue(x, df) == pytest.approx(stats.chi2.sf(x, df), rel=1e-10)


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: t_quantile(0, 5),
        lambda: t_quantile(0.5, 0),
        lambda: t_quantile(math.nan, 5),
        lambda: normal_quantile(1),
        lambda: normal_two_sided_pvalue(math.nan),
        lambda: t_two_sided_pvalue(math.nan, 5),
        lambda: t_two_sided_pvalue(1, math.nan),
        lambda: two_sided_critical_value(1.5),
        lambda: chi_square_pvalue(-1, 2),
        lambda: chi_square_pvalue(math.nan, 2),
        lambda: chi_square_pvalue(1, math.inf),
    ],
)
def test_impossible_inputs_are_refused(impossible):
    with pytest.raises(InputError, match="Next:"):
        impossible()


def test_the_statistics_do_without_heavy_libraries():
    modules = ["comparison", "distributions", "heterogeneity", "multiplicity", "proportions", "sample_ratio"]
    code = "\n".join(
        [
            "import sys",
            *(f"import incrementality.stats.{module}" for module in modules),
            "print([name for name in ('scipy.stats', 'scipy.optimize', 'statsmodels') if name in sys.modules])",
        ]
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
