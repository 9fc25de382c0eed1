"""Tables as users bring them: thousands of small blocks, unequal accounts, several unequal arms, one wild outlier."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from incrementality import read_out
from incrementality.stats import compare_blocks, moments_of_rows

ARMS = [
    {"name": "control", "share": "40%", "control": True},
    {"name": "mail", "share": "40%"},
    {"name": "call", "share": "20%"},
]
METRICS = [
    {"name": "y", "kind": "mean", "role": "primary", "smallest_effect": {"absolute": 0.01}},
    {"name": "bought", "kind": "conversion", "role": "secondary"},
]


def blocked_accounts(blocks=3000, seed=4):
    """Accounts of unequal size, five a block, drawn 2:2:1 within it; levels differ between blocks; no effect."""
    rng = np.random.default_rng(seed)
    account_block = np.repeat(np.arange(blocks), 5)
    order = np.argsort(rng.random(account_block.size) + account_block)
    arm = np.empty(account_block.size, dtype=object)
    arm[order] = np.tile(["control", "control", "mail", "mail", "call"], blocks)
    size = rng.geometric(0.25, account_block.size)
    account = np.repeat(np.arange(account_block.size), size)
    level = (2 * rng.normal(size=blocks)[account_block] + rng.normal(size=account_block.size))[account]
    return pd.DataFrame({
        "id": np.arange(account.size), "account": account, "block": account_block[account], "arm": arm[account],
        "y": level + rng.normal(size=account.size),
        "bought": rng.binomial(1, 1 / (1 + np.exp(2.5 - 0.3 * level))),
        "x": level + rng.normal(size=account.size),
    })  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    return blocked_accounts()


@pytest.fixture
def blocked(plan):
    mapping = {"cluster": "account", "block": "block", "covariates": ["x"]}
    return lambda **changes: plan(arms=ARMS, metrics=METRICS, data=mapping, **changes)


def test_thousands_of_blocks_are_compared_block_by_block(blocked, rows):
    readout = read_out(blocked(), data=rows)
    sides = [rows[rows["arm"] == arm] for arm in ("mail", "control")]
    pair = compare_blocks(
        *(moments_of_rows({"y": side["y"]}, groups=side["block"], clusters=side["account"]) for side in sides), ["y"]
    )
    estimate = readout.headline("y", "mail")
    assert estimate.effect == pytest.approx(pair.compare().effect, rel=1e-9)
    assert estimate.standard_error == pytest.approx(pair.compare().standard_error, rel=1e-9)
    assert "whole groups of account within 3,000 blocks" in estimate.method
    assert not any(e.adjusted for e in readout.estimates)
    assert "Inconclusive" in readout.verdict_lines[0] or "ruled out" in readout.verdict_lines[0]


def test_blocks_narrow_the_interval(blocked, rows, plan):
    alone = read_out(plan(arms=ARMS, metrics=METRICS, data={"cluster": "account"}), data=rows).headline("y", "mail")
    within = read_out(blocked(), data=rows).headline("y", "mail")
    assert within.standard_error < 0.8 * alone.standard_error


def test_a_ratio_of_arms_that_is_suspicious_but_not_damning_passes_and_says_its_p(blocked, rows, check):
    lost = rows.loc[rows["arm"] == "control", "account"].unique()[:260]
    found = check(read_out(blocked(), data=rows[~rows["account"].isin(lost)]), "sample_ratio")
    assert found.passed is True
    assert 0.001 < found.table[0]["pvalue"] < 0.05


def test_blocks_and_strata_exclude_one_another(plan):
    with pytest.raises(ValidationError, match="give 'block' alone"):
        plan(data={"block": "b", "stratum": "s"})


def test_many_strata_point_to_blocks(plan, rows):
    from incrementality.errors import InputError

    with pytest.raises(InputError, match="more than 50 values") as caught:
        read_out(plan(arms=ARMS, metrics=METRICS, data={"stratum": "block"}), data=rows)
    assert "data.block" in caught.value.hint


def test_rows_without_a_block_are_counted(blocked, rows):
    lost = rows.index.to_series() % 1000 == 0
    readout = read_out(blocked(), data=rows.assign(block=rows["block"].astype(str).mask(lost, None)))
    assert readout.rows.refused["block missing"] == lost.sum()


def test_segments_are_refused_with_blocks(blocked):
    with pytest.raises(ValidationError, match="leave the segments out"):
        blocked(segments=[{"column": "x"}])
