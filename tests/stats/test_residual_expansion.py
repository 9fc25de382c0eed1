"""HC2 from sums of products of powers is HC2 from the rows, or it is not answered."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from incrementality.errors import InputError
from incrementality.stats.adjustment import adjust_mean, residual_sum
from incrementality.stats.moments import moments_of_rows
from incrementality.stats.residual_expansion import MIXED_POWERS, MixedSums, expanded_residual_sum

N = 400_000
COVARIATES = {
    "even": lambda rng, n: rng.uniform(0, 10, n),
    "normal": lambda rng, n: rng.normal(1e6, 20, n),
    "counts": lambda rng, n: rng.poisson(3, n).astype(float),
    "share": lambda rng, n: (rng.random(n) < 0.3) * 1.0,
    "skewed": lambda rng, n: rng.gamma(2, 3, n),
    "heavy": lambda rng, n: rng.lognormal(0, 2, n),
}
OUTCOMES = {
    "heavy revenue": lambda rng, x: (rng.random(len(x)) < 0.1) * rng.lognormal(3 + x / x.max(), 1.5),
    "uneven noise": lambda rng, x: x + rng.normal(size=len(x)) * (x.std() + np.abs(x - x.mean())),
    "conversion": lambda rng, x: (rng.random(len(x)) < 0.2 + 0.2 * x / x.max()) * 1.0,
}


def fitted(x, y, *, distance=1e-3):
    """The arm's adjusted mean, a part of a standard deviation away from its own covariates, and its rows."""
    rows = {"y": y, "x": x}
    target = {"x": float(x.mean() + distance * x.std())}
    return adjust_mean(moments_of_rows(rows), outcomes=["y"], covariates=["x"], target=target), rows


def mixed(x, y, *, off=0.01):
    """Sums around a shift that misses the means by a part of a standard deviation, as a pilot's does."""
    u, z = y - y.mean() - off * y.std(), x - x.mean() - off * x.std()
    sums = {(i, k): float((u**i * z**k).sum()) for i, k in MIXED_POWERS}
    shift = float(x.mean() + off * x.std())
    return MixedSums(sums=sums, shift=shift, lowest=float(x.min()), highest=float(x.max()))


def drawn(covariate, outcome, n=N):
    rng = np.random.default_rng([3, n])
    x = COVARIATES[covariate](rng, n)
    return x, OUTCOMES[outcome](rng, x)


@pytest.mark.oracle("adjustment (Lin) with HC2, large arms, one covariate", "statsmodels OLS on the rows", "1e-9")
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("covariate", ["even", "share"])
def test_sums_of_powers_give_the_standard_error_of_statsmodels(covariate, outcome):
    x, y = drawn(covariate, outcome)
    adjusted, _ = fitted(x, y)
    at = x.mean() + 1e-3 * x.std()
    result = sm.OLS(y, np.column_stack([np.ones(N), (x - at) / x.std()])).fit(cov_type="HC2")
    found = expanded_residual_sum(adjusted, mixed(x, y))
    assert found is not None
    assert np.sqrt(found) == pytest.approx(result.bse[0], rel=1e-9)


@pytest.mark.parametrize(
    ("covariate", "n", "answered"),
    [
        ("even", 300, False),
        ("even", 20_000, False),
        ("even", N, True),
        ("share", N, True),
        ("normal", N, True),
        ("counts", N, False),
        ("skewed", N, False),
        ("skewed", 3_000_000, True),
        ("heavy", 3_000_000, False),
    ],
)
def test_large_arms_without_leverage_need_no_rows(covariate, n, answered):
    x, y = drawn(covariate, "heavy revenue", n)
    adjusted, rows = fitted(x, y, distance=2 / np.sqrt(n))
    found = expanded_residual_sum(adjusted, mixed(x, y))
    assert (found is not None) == answered
    if found is not None:
        assert found == pytest.approx(residual_sum(adjusted, rows, power=1), rel=1e-9)


def test_few_units_with_much_leverage_leave_the_answer_to_the_rows():
    x, y = drawn("even", "uneven noise")
    x[0] = 1e5
    assert expanded_residual_sum(fitted(x, y)[0], mixed(x, y)) is None


def test_a_covariate_that_explains_nearly_all_leaves_the_answer_to_the_rows():
    x, _ = drawn("even", "uneven noise")
    y = x + 1e-3 * np.random.default_rng(4).normal(size=N)
    assert expanded_residual_sum(fitted(x, y)[0], mixed(x, y)) is None


def test_a_shift_far_from_the_mean_leaves_the_answer_to_the_rows():
    x, y = drawn("even", "uneven noise")
    assert expanded_residual_sum(fitted(x, y)[0], mixed(x, y, off=30.0)) is None


def test_the_weight_of_a_unit_and_its_leverage_both_count():
    """Without the leverage, or without the distance of the target, the sum would be off by more than is left out."""
    x, y = drawn("even", "uneven noise")
    adjusted, rows = fitted(x, y)
    z = x - x.mean()
    residuals = y - y.mean() - adjusted.slopes[0] * z
    weights = 1 / adjusted.n + adjusted.pull[0] * z
    exact = expanded_residual_sum(adjusted, mixed(x, y))
    assert exact == pytest.approx(residual_sum(adjusted, rows, power=1), rel=1e-9)
    assert abs((weights**2 * residuals**2).sum() / exact - 1) > 1e-6
    assert abs((residuals**2).sum() / adjusted.n**2 / exact - 1) > 1e-6


def test_a_ratio_is_refused():
    x, y = drawn("even", "uneven noise", 1000)
    moments = moments_of_rows({"y": y, "z": y + 5, "x": x})
    ratio = adjust_mean(moments, outcomes=["y", "z"], covariates=["x"], target={"x": 5.0})
    with pytest.raises(InputError, match="2 outcomes and 1 covariates"):
        expanded_residual_sum(ratio, mixed(x, y))
