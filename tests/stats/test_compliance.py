"""The effect on compliers: linear algebra by hand, two-stage least squares elsewhere, and agreement with the test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from incrementality.errors import InputError
from incrementality.stats import (
    cluster_mean,
    cluster_means,
    compare_means,
    complier_effect,
    estimate_mean,
    intraclass_correlation,
    moments_of_rows,
    two_sided_critical_value,
)


def rows(seed, *, n=400, reach=0.6, contamination=0.05, effect=1.0, share=0.5):
    rng = np.random.default_rng(seed)
    arm = rng.random(n) < share
    eager = rng.random(n)
    got = np.where(arm, eager < reach, eager < contamination).astype(float)
    y = 3 + 2 * eager + effect * got + rng.normal(0, 1, n)
    return {"y": y, "got": got, "x": 2 + rng.random(n)}, arm, np.arange(n) // 8


def sides(columns, arm, clusters=None):
    def one(mask):
        part = {name: values[mask] for name, values in columns.items()}
        return moments_of_rows(part, clusters=None if clusters is None else clusters[mask])

    return one(arm), one(~arm)


def test_the_effect_is_the_ratio_of_two_differences():
    columns, arm, _ = rows(1)
    answer = complier_effect([sides(columns, arm)], ["y"], "got")
    differences = [columns[name][arm].mean() - columns[name][~arm].mean() for name in ("y", "got")]
    assert answer.effect == pytest.approx(differences[0] / differences[1], rel=1e-12)
    assert answer.delivery_difference == pytest.approx(differences[1], rel=1e-12)


@pytest.mark.oracle(
    "effect on compliers: estimate, standard error", "linearmodels IV2SLS", "1e-10, 2e-3 (n - 1 against n)"
)
def test_the_standard_error_is_that_of_two_stage_least_squares():
    iv = pytest.importorskip("linearmodels.iv", reason="linearmodels is not installed")
    columns, arm, _ = rows(2, n=2000)
    answer = complier_effect([sides(columns, arm)], ["y"], "got")
    one = np.ones(len(arm))
    other = iv.IV2SLS(columns["y"], one, columns["got"], arm.astype(float)).fit(cov_type="robust")
    assert answer.effect == pytest.approx(other.params["endog"], rel=1e-10)
    assert answer.standard_error == pytest.approx(other.std_errors["endog"], rel=2e-3)  # n - 1 against n


@pytest.mark.oracle("effect on compliers: Anderson-Rubin interval", "scipy's root of the test", "1e-7")
@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("ratio", [False, True])
def test_the_bounds_are_where_the_anderson_rubin_test_turns(clustered, ratio):
    columns, arm, account = rows(3)
    if clustered:
        arm = (account * 7919) % 13 < 6
        columns["got"] = np.where(arm, columns["got"], 0.0)
    treatment, control = sides(columns, arm, account if clustered else None)
    outcome = ["y", "x"] if ratio else ["y"]
    answer = complier_effect([(treatment, control)], outcome, "got")
    means = [estimate_mean(side, *outcome).value for side in (treatment, control)]
    bottoms = [float(side.means()[2]) if ratio else 1.0 for side in (treatment, control)]

    def beyond(tau):
        """The squared statistic of ``y - tau d`` less its critical value, from the units themselves."""
        parts = []
        for mask, mean, bottom in zip((arm, ~arm), means, bottoms, strict=True):
            y = columns["y"][mask]
            influence = (y - mean * columns["x"][mask]) / bottom if ratio else y
            parts.append(
                moments_of_rows(
                    {"w": influence - tau * columns["got"][mask]}, clusters=account[mask] if clustered else None
                )
            )
        first, second = (estimate_mean(part, "w") for part in parts)
        shift = means[0] - means[1] if ratio else 0.0
        distance = first.value - second.value + shift
        critical = two_sided_critical_value(0.05, answer.intention_to_treat.df)
        return distance**2 / (first.variance + second.variance) - critical**2

    for bound, outer in ((answer.interval.lower, -30.0), (answer.interval.upper, 30.0)):
        assert optimize.brentq(beyond, answer.effect, outer) == pytest.approx(bound, rel=1e-7)


@pytest.mark.parametrize("seed", range(40))
def test_the_interval_leaves_out_zero_exactly_when_the_test_of_the_arms_rejects(seed):
    columns, arm, _ = rows(seed, effect=0.35)
    treatment, control = sides(columns, arm)
    answer = complier_effect([(treatment, control)], ["y"], "got")
    test = compare_means(estimate_mean(treatment, "y"), estimate_mean(control, "y"))
    assert answer.intention_to_treat == test
    assert (0 in answer.interval) == (test.pvalue >= 0.05)


def test_full_delivery_gives_the_intention_to_treat():
    columns, arm, _ = rows(4)
    columns["got"] = arm.astype(float)
    answer = complier_effect([sides(columns, arm)], ["y"], "got")
    test = answer.intention_to_treat
    assert answer.first_stage_f == np.inf
    assert answer.effect == pytest.approx(test.effect, rel=1e-12)
    assert (answer.interval.lower, answer.interval.upper) == pytest.approx(
        (test.effect_interval.lower, test.effect_interval.upper), rel=1e-12
    )


@pytest.mark.parametrize("reach", [0.05, 0.0], ids=["hardly differs", "nobody reached"])
def test_a_weak_first_stage_gives_no_answer(reach):
    columns, arm, _ = rows(5, reach=reach, contamination=reach)
    answer = complier_effect([sides(columns, arm)], ["y"], "got")
    assert (answer.effect, answer.interval, answer.standard_error) == (None, None, None)
    assert answer.first_stage_f < 4


def test_compliers_means_differ_by_the_effect_and_are_those_of_the_compliers():
    columns, arm, _ = rows(6, n=200_000)
    answer = complier_effect([sides(columns, arm)], ["y"], "got")
    assert answer.treated_mean - answer.untreated_mean == pytest.approx(answer.effect, rel=1e-12)
    assert answer.untreated_mean == pytest.approx(3 + 2 * (0.05 + 0.6) / 2, abs=0.05)  # eager from 0.05 to 0.6


def test_strata_are_compared_within_and_weighted_by_their_units():
    columns, arm, _ = rows(7)
    stratum = np.arange(400) % 3 == 0
    columns["y"] = columns["y"] + 50 * stratum
    parts = [sides({name: v[s] for name, v in columns.items()}, arm[s]) for s in (stratum, ~stratum)]
    answer = complier_effect(parts, ["y"], "got")
    weights = [stratum.mean(), 1 - stratum.mean()]
    effects = [complier_effect([part], ["y"], "got").intention_to_treat.effect for part in parts]
    assert answer.intention_to_treat.effect == pytest.approx(np.dot(weights, effects), rel=1e-10)


def test_the_effect_does_not_depend_on_the_shift_or_the_unit():
    columns, arm, _ = rows(8)
    first = complier_effect([sides(columns, arm)], ["y"], "got")
    moved = complier_effect([sides(columns | {"y": 100 * columns["y"] + 1e6}, arm)], ["y"], "got")
    assert moved.effect == pytest.approx(100 * first.effect, rel=1e-7)
    assert moved.interval.upper == pytest.approx(100 * first.interval.upper, rel=1e-7)
    assert moved.untreated_mean == pytest.approx(100 * first.untreated_mean + 1e6, rel=1e-9)


def test_one_unit_in_an_arm_is_refused():
    side = moments_of_rows({"y": [1.0], "got": [1.0]})
    with pytest.raises(InputError, match="too few"):
        complier_effect([(side, side)], ["y"], "got")


def dense(values, account, rho):
    """CR2 covariance of an arm's means, and what Satterthwaite needs, from whole matrices (Pustejovsky, Tipton)."""
    n = len(account)
    phi = np.where(account[:, None] == account[None, :], rho, 0.0) + (1 - rho) * np.eye(n)
    left = np.eye(n) - np.full((n, n), 1 / n)
    residuals, scores, rows = left @ values, [], []
    for name in np.unique(account):
        inside = np.flatnonzero(account == name)
        level, turned = np.linalg.eigh(phi[np.ix_(inside, inside)])
        root = turned * np.sqrt(level) @ turned.T
        inner, axes = np.linalg.eigh(root @ (left[inside] @ phi @ left[inside].T) @ root)
        kept = inner > 1e-10 * inner.max()
        weight = np.ones(len(inside)) @ root @ (axes[:, kept] / np.sqrt(inner[kept]) @ axes[:, kept].T) @ root / n
        scores.append(weight @ residuals[inside])
        rows.append(weight @ left[inside])
    between = np.array(rows) @ phi @ np.array(rows).T
    return np.array(scores).T @ np.array(scores), np.trace(between), 2 * np.sum(between**2)


@pytest.mark.oracle("effect on compliers of accounts: CR2, Satterthwaite", "dense matrices by hand", "1e-9")
@pytest.mark.parametrize("seed", range(3))
def test_few_unequal_accounts_have_cr2_and_satterthwaites_degrees_of_freedom(seed):
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(22), 1 + rng.poisson(rng.gamma(1.5, 4, 22)))
    arm = account % 2 == 0
    got = (arm & (rng.random(len(account)) < 0.7)).astype(float)
    columns = {"y": rng.normal(size=22)[account] + got + rng.normal(size=len(account)), "got": got}
    pair = sides(columns, arm, account)
    answer = complier_effect([pair], ["y"], "got")
    rho = float(intraclass_correlation([cluster_mean(side, ["y"]) for side in pair]))
    values = np.column_stack([columns["y"], columns["got"]])
    parts = [dense(values[side], account[side], rho) for side in (arm, ~arm)]
    v = parts[0][0] + parts[1][0]
    variance = v[0, 0] - 2 * answer.effect * v[0, 1] + answer.effect**2 * v[1, 1]
    df = 2 * (parts[0][1] + parts[1][1]) ** 2 / (parts[0][2] + parts[1][2])
    assert answer.standard_error == pytest.approx(np.sqrt(variance) / answer.delivery_difference, rel=1e-9)
    assert answer.intention_to_treat.standard_error == pytest.approx(np.sqrt(v[0, 0]), rel=1e-9)
    assert answer.intention_to_treat.df == pytest.approx(df, rel=1e-9)
    critical = two_sided_critical_value(0.05, df)
    for tau in (answer.interval.lower, answer.interval.upper):
        spread = v[0, 0] - 2 * tau * v[0, 1] + tau**2 * v[1, 1]
        distance = abs(answer.intention_to_treat.effect - tau * answer.delivery_difference)
        assert distance == pytest.approx(critical * np.sqrt(spread), rel=1e-8)


def test_the_test_of_accounts_is_that_of_the_readout():
    columns, _, account = rows(6)
    arm = (account * 7919) % 13 < 6
    columns["got"] = np.where(arm, columns["got"], 0.0)
    pair = sides(columns, arm, account)
    test = cluster_means([pair], ["y"]).compare()
    found = complier_effect([pair], ["y"], "got").intention_to_treat
    assert (found.pvalue, found.df, found.standard_error) == pytest.approx(
        (test.pvalue, test.df, test.standard_error), rel=1e-12
    )
