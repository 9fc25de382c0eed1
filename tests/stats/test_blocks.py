"""Blocks of whatever size: the paired t test, weighted regression by block, and what blocks must not change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from incrementality.errors import InputError
from incrementality.stats import compare_blocks, moments_of_rows


def blocked(seed, blocks=200, *, clusters=False, effect=0.5, spread=0.0):
    """Rows of unequal blocks with unequal shares, each with both arms but the last."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(2, 9, blocks)
    block = np.repeat(np.arange(blocks), drawn)
    order = np.argsort(rng.random(block.size) + block, kind="stable")
    place = np.empty(block.size, dtype=int)
    place[order] = np.concatenate([np.arange(k) for k in drawn])
    treated = place < np.maximum(1, np.rint(drawn * 0.4)).astype(int)[block]
    level, own = 3 * rng.normal(size=blocks)[block], effect + spread * rng.normal(size=blocks)[block]
    unit = np.arange(block.size)
    if clusters:
        unit = np.repeat(unit, rng.integers(1, 12, unit.size))
    shock = rng.normal(size=block.size)
    y = (10 + level + own * treated + shock)[unit] + rng.normal(size=unit.size)
    return pd.DataFrame({"block": block[unit], "treated": treated[unit], "cluster": unit, "y": y})


def compared(frame, columns=("y",), *, clusters=False):
    sides = [frame[frame["treated"]], frame[~frame["treated"]]]
    arms = [
        moments_of_rows(
            {name: side[name] for name in columns},
            groups=side["block"],
            clusters=side["cluster"] if clusters else None,
            shift={name: float(frame[name].mean()) for name in columns},
        )
        for side in sides
    ]
    return compare_blocks(*arms, columns)


@pytest.mark.oracle("matched pairs", "scipy's paired t test", "1e-9")
def test_blocks_of_two_are_the_paired_t_test():
    rng = np.random.default_rng(2)
    level = rng.normal(size=60)
    y = np.column_stack([level + 0.3 + rng.normal(size=60), level + rng.normal(size=60)])
    frame = pd.DataFrame({"block": np.repeat(np.arange(60), 2), "treated": np.tile([True, False], 60), "y": y.ravel()})
    ours, theirs = compared(frame).compare(), stats.ttest_rel(y[:, 0], y[:, 1])
    bounds = theirs.confidence_interval()
    assert ours.pvalue == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (ours.effect_interval.lower, ours.effect_interval.upper) == pytest.approx(
        (bounds.low, bounds.high), rel=1e-9
    )


@pytest.mark.oracle("many blocks of unequal size and share", "statsmodels WLS, covariance by block", "1e-9")
@pytest.mark.parametrize("clusters", [False, True])
def test_the_difference_is_that_of_a_weighted_regression_with_covariance_by_block(clusters):
    """Its small-sample factor, (B / (B - 1)) ((n - 1) / (n - 2)), is left out and B / (B - 1) put in its place."""
    frame = blocked(3, clusters=clusters)
    ours = compared(frame, clusters=clusters)
    drawn = frame.pivot_table("cluster", "block", "treated", aggfunc="nunique")
    share = drawn.div(drawn.sum(axis=1), axis=0)
    weight = [1 / share.loc[b, t] for b, t in zip(frame["block"], frame["treated"], strict=True)]
    design = sm.add_constant(frame["treated"].astype(float))
    fit = sm.WLS(frame["y"], design, weights=weight).fit(
        cov_type="cluster", cov_kwds={"groups": frame["block"], "use_correction": False}
    )
    b = ours.blocks
    assert ours.compare().effect == pytest.approx(fit.params["treated"], rel=1e-9)
    assert ours.compare().standard_error ** 2 == pytest.approx(
        fit.cov_params().loc["treated", "treated"] * b / (b - 1), rel=1e-9
    )


def test_a_ratio_is_linearised_by_arm():
    frame = blocked(4)
    rng = np.random.default_rng(4)
    frame["x"] = rng.integers(1, 5, len(frame))
    frame["y"] = frame["x"] * 0.4 + 0.1 * frame["treated"] + rng.normal(size=len(frame)) * 0.1
    ours = compared(frame, ("y", "x"))
    drawn = frame.pivot_table("y", "block", "treated", aggfunc="count")
    share = drawn.div(drawn.sum(axis=1), axis=0)
    weight = np.array([1 / share.loc[b, t] for b, t in zip(frame["block"], frame["treated"], strict=True)])
    for treated, mean in ((True, ours.treatment), (False, ours.control)):
        arm = frame["treated"] == treated
        ratio = (weight * frame["y"])[arm].sum() / (weight * frame["x"])[arm].sum()
        assert mean.value == pytest.approx(ratio, rel=1e-11)


def test_blocks_with_one_arm_are_left_out_and_counted():
    frame = blocked(5)
    lonely = pd.DataFrame({"block": [9999] * 3, "treated": [True] * 3, "cluster": [-1, -2, -3], "y": [1e6] * 3})
    with_lonely, without = compared(pd.concat([frame, lonely])), compared(frame)
    assert (with_lonely.left_out, without.left_out) == (3, 0)
    assert with_lonely.compare().effect == pytest.approx(without.compare().effect, rel=1e-9)


def test_what_a_block_has_in_common_changes_nothing():
    frame = blocked(6)
    moved = frame.assign(y=frame["y"] + 50 * np.sin(frame["block"]))
    one, other = compared(frame).compare(), compared(moved).compare()
    assert other.effect == pytest.approx(one.effect, rel=1e-9)


def test_swapping_the_arms_flips_the_sign():
    frame = blocked(7)
    one, other = compared(frame).compare(), compared(frame.assign(treated=~frame["treated"])).compare()
    assert (other.effect, other.standard_error) == pytest.approx((-one.effect, one.standard_error), rel=1e-9)


def test_few_blocks_are_refused():
    with pytest.raises(InputError, match="19 blocks hold both arms"):
        compared(blocked(8, blocks=19))


@pytest.mark.parametrize("clusters", [False, True])
def test_intervals_hold_the_truth_and_nulls_are_rejected_as_often_as_stated(clusters):
    """300 draws of 60 unequal blocks, some with a single treated unit; the band is three Monte-Carlo errors."""
    pvalues = np.array(
        [
            compared(blocked(seed, 60, clusters=clusters, effect=0.0), clusters=clusters).compare().pvalue
            for seed in range(300)
        ]
    )
    assert np.mean(pvalues < 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / len(pvalues)))
