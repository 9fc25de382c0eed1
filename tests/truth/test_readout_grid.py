"""The truth grid of the readout: a part of it always, the whole with ``pytest -m slow``, which writes the results.

``readout_grid`` states the bar. What misses it by more than three Monte-Carlo standard errors is named here, cell by
cell, so that neither a new miss nor one that is gone passes unseen.
"""

from __future__ import annotations

import importlib.util
import json
import math
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from incrementality import read_out
from incrementality.lift.methods import PERMUTATION_SEED, permutations_for
from incrementality.stats.permutation import units_compared, welch_statistics
from incrementality.stats.permutation_inversion import studentised
from incrementality.stats.permutation_sums import permuted_sums

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "readout_grid.json"
EXACT = 1e-9
EDGE = 1e-6


def loaded(name):
    """A module that lies beside this one; test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


bar = loaded("grid_bar")
worlds, cells, by_rows, tea = bar.worlds, bar.cells, bar.looking.by_rows, loaded("grid_tea")
grid = worlds.grid
GRID = json.loads(cells.CELLS.read_text(encoding="utf-8"))

# Replications of the part that always runs.
FAST = {
    "conversion n=5000 holdout=0.5 rate=0.05": 4000,
    "conversion n=100000 holdout=0.05 rate=0.005": 4000,
    "conversion n=1000 holdout=0.2 rate=0.02": 400,
    "normal n=200 holdout=0.05": 3000,
    "orders per session n=1000 holdout=0.2": 3000,
    "revenue n=1000 holdout=0.2 payers=0.1": 1000,
    "revenue n=5000 holdout=0.05 payers=0.1": 500,
    "revenue per session n=1000 holdout=0.2 payers=0.1": 400,
    "accounts accounts=40 holdout=0.5 icc=0.3 reaction=0.5": 5000,
    "accounts accounts=300 holdout=0.5 icc=0.05 reaction=0.0": 5000,
    "twenty looks outcome=normal n=20000 holdout=0.05 bounds=O'Brien-Fleming": 1000,
    "twenty looks outcome=conversion n=20000 holdout=0.2 bounds=confidence sequence": 1000,
    "conversion n=200 holdout=0.05 rate=0.005": 2000,
    "orders per session n=1000 holdout=0.05": 600,
    "twenty looks outcome=revenue n=100000 holdout=0.2 bounds=Pocock": 60,
}


def committed():
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def clear_misses(row):
    """What misses the bar by more than chance."""
    return [what for what, _, _, clear in bar.missed(row) if clear]


@pytest.mark.parametrize("name", FAST)
def test_a_readout_errs_and_covers_as_the_bar_says(name):
    row = bar.measured(next(cell for cell in GRID if cell["cell"] == name), FAST[name])
    assert row["answered"] > 0.9 * FAST[name]
    assert clear_misses(row) == []


def test_welch_lets_the_treatment_win_too_often_where_the_holdout_is_small():
    cell = next(cell for cell in GRID if cell["cell"] == "revenue n=5000 holdout=0.05 payers=0.1")
    row = bar.measured(cell, 500)
    assert row["usual"]["Welch"][1] > 0.07
    assert row["wins"] < 0.035


def test_contacts_of_accounts_are_no_units_to_welch():
    cell = next(c for c in GRID if c["cell"] == "accounts accounts=100 holdout=0.5 icc=0.3 reaction=0.0")
    assert sum(bar.measured(cell, 1000)["usual"]["Welch"]) > 0.25


def test_the_cells_are_those_that_the_rules_of_the_engine_give():
    assert cells.CELLS.read_text(encoding="utf-8") == cells.text(cells.cells())
    assert sum(cell["answers"] for cell in GRID) >= 0.85 * len(GRID)


# What the engine says of the same rows.


def planned(plan, holdout, metric, **data):
    arms = [
        {"name": "control", "share": f"{100 * holdout:g}%", "control": True},
        {"name": "journey", "share": f"{100 - 100 * holdout:g}%"},
    ]
    return plan(arms=arms, metrics=[metric | {"role": "primary"}], data=data)


def frame(treated, **columns):
    arm = np.where(treated, "journey", "control")
    return pd.DataFrame({"id": np.arange(len(treated)), "arm": arm, **columns})


def numbers(estimate):
    """P-value and ends of both intervals; NaN where no lift is stated."""
    ends = [getattr(estimate, f"{name}_ci_{end}") for name in ("effect", "rel_effect") for end in ("lower", "upper")]
    return [estimate.pvalue, *(math.nan if end is None else end for end in ends)]


def numbers_of(found):
    intervals = (found.effect_interval, found.rel_interval)
    ends = [(math.nan, math.nan) if interval is None else (interval.lower, interval.upper) for interval in intervals]
    return [found.pvalue, *(end for pair in ends for end in pair)]


def as_the_engine_reads(y, treated, x):
    """Units with a value by arm and size, those at zero behind: the order in which labels are permuted."""
    order = np.lexsort((y if x is None else x, y, ~treated, (y == 0) if x is None else np.zeros(len(y))))
    return y[order], treated[order], None if x is None else x[order]


VALUES = {
    "normal n=1000 holdout=0.2": ("mean", "Welch"),
    "orders per session n=1000 holdout=0.2": ("ratio", "Welch"),
    "revenue n=1000 holdout=0.2 payers=0.02": ("revenue", "permutation"),
    "revenue n=1000 holdout=0.05 payers=0.3": ("revenue", "permutation"),
    "revenue per session n=1000 holdout=0.2 payers=0.1": ("ratio", "permutation"),
}


@pytest.mark.parametrize("world", ["null", "effect"])
@pytest.mark.parametrize("name", VALUES)
def test_the_engine_gives_the_same_p_and_intervals_of_values(plan, name, world):
    cell, (kind, test) = next(c for c in GRID if c["cell"] == name), VALUES[name]
    treated = np.arange(cell["n"]) < worlds.sizes_of(cell)[0]
    draw = worlds.WORLDS[cell["family"]](cell, world)[0]
    y, x = draw(np.random.default_rng(11), treated)
    metric = {"name": "y", "kind": kind} | ({"unit": "EUR"} if kind == "revenue" else {})
    columns = {"y": y}
    if x is not None:
        metric, columns = metric | {"numerator": "y", "denominator": "x"}, columns | {"x": x}
    said = read_out(planned(plan, cell["holdout"], metric), data=frame(treated, **columns)).headline("y", "journey")
    labels = int(np.count_nonzero(y)) if x is None else len(y)
    y, treated, x = as_the_engine_reads(y, treated, x)
    found = grid.compared_values(y, treated, x, seed=PERMUTATION_SEED, permutations=permutations_for(labels, 0.05))
    assert test in said.method
    assert numbers(said) == pytest.approx(numbers_of(found), rel=EXACT, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    "counts", [((60, 500), (40, 500)), ((25, 475), (1, 25)), ((9, 160), (3, 40)), ((9, 95), (0, 5))]
)
def test_the_engine_gives_the_same_p_and_intervals_of_shares(plan, counts):
    (x1, n1), (x0, n0) = counts
    converted = np.concatenate([np.arange(n1) < x1, np.arange(n0) < x0]).astype(int)
    rows = frame(np.arange(n1 + n0) < n1, y=converted)
    experiment = planned(plan, n0 / (n1 + n0), {"name": "y", "kind": "conversion"})
    said = read_out(experiment, data=rows).headline("y", "journey")
    assert numbers(said) == pytest.approx(numbers_of(grid.compared_shares(*counts)), rel=EXACT, nan_ok=True)


def account_rows(seed, accounts=40, effect=0.6):
    """Units of unequal accounts, half of which are treated."""
    rng = np.random.default_rng(seed)
    size = 1 + rng.poisson(rng.gamma(3, 3, accounts))
    account = np.repeat(np.arange(accounts), size)
    treated = account % 2 == 0
    y = 5 + effect * treated + 0.6 * rng.normal(size=accounts)[account] + rng.normal(size=len(account))
    return frame(treated, account=account, y=y)


def arm_of_rows(rows):
    by = rows.groupby("account")["y"]
    within = ((rows["y"] - by.transform("mean")) ** 2).sum()
    return worlds.arm_of_sums(
        by.size().to_numpy(dtype=float)[None], by.sum().to_numpy()[None], np.array([float(within)])
    )


def both_arms(rows):
    return [part for arm in ("journey", "control") for part in arm_of_rows(rows[rows["arm"] == arm])]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_engine_gives_the_same_intervals_and_answer_of_whole_accounts(plan, seed):
    rows = account_rows(seed)
    experiment = planned(plan, 0.5, {"name": "y", "kind": "mean"}, cluster="account")
    said = read_out(experiment, data=rows).headline("y", "journey")
    (one,), error = grid_answer(rows, worlds.Truth(0.0, 0.0))
    assert said.effect_ci_upper - said.effect_ci_lower == pytest.approx(2 * error[0], rel=EXACT)
    assert (one.wins or one.loses) is (said.pvalue < 0.05)
    for bound, inwards in ((said.rel_effect_ci_lower, EDGE), (said.rel_effect_ci_upper, -EDGE)):
        assert [
            grid_answer(rows, worlds.Truth(0.0, lift))[0][0].lift_holds for lift in (bound - inwards, bound + inwards)
        ] == [
            False,
            True,
        ]


def grid_answer(rows, truth):
    m1, treatment, m0, control = both_arms(rows)
    return worlds.judged_accounts(m1, treatment, m0, control, truth)


@pytest.mark.parametrize("counts", [((60, 500), (40, 500)), ((700, 9500), (31, 500)), ((95, 475), (5, 25))])
def test_asking_for_the_truth_is_asking_whether_the_interval_holds_it(counts):
    (x1, n1), (x0, n0) = counts
    found = grid.compared_shares(*counts)
    for place, interval in (("effect_holds", found.effect_interval), ("lift_holds", found.rel_interval)):
        for truth, inside in (
            (interval.lower - 1e-4, False),
            (interval.lower + 1e-4, True),
            (interval.upper + 1e-4, False),
        ):
            truths = worlds.Truth(truth if place == "effect_holds" else 0.01, truth)
            (one,) = grid.judged_counts(np.array([x1]), n1, np.array([x0]), n0, truths)
            assert getattr(one, place) is inside


def test_asking_a_permutation_for_the_truth_is_asking_whether_its_interval_holds_it():
    cell = next(c for c in GRID if c["cell"] == "revenue n=1000 holdout=0.2 payers=0.1")
    treated = np.arange(1000) < 800
    y, _ = worlds.WORLDS["revenue"](cell, "null")[0](np.random.default_rng(5), treated)
    found = grid.compared_values(y, treated, seed=3, permutations=grid.PERMUTATIONS)
    for place, interval in (("effect_holds", found.effect_interval), ("lift_holds", found.rel_interval)):
        for truth, inside in (
            (interval.lower - EDGE, False),
            (interval.lower + EDGE, True),
            (interval.upper + EDGE, False),
        ):
            drawn = np.random.default_rng(3)
            one, _ = grid.judged_values(y, treated, worlds.Truth(truth, truth), drawn, parts=(grid.PERMUTATIONS,))
            assert getattr(one, place) is inside


@pytest.mark.parametrize("seed", range(12))
def test_a_permutation_that_stops_early_says_what_all_draws_would(seed):
    rng, treated = np.random.default_rng(seed), np.arange(200) < 160
    y = np.where(rng.random(200) < 0.3, rng.lognormal(0, 1, 200), 0) + 0.25 * (seed % 4) * treated
    units, hypotheses = units_compared(y, treated), [(1.0, 0.0), (1.0, 0.3), (0.8, 0.0)]
    found = grid.rejections(units, hypotheses, 0.025, grid.PARTS, np.random.default_rng(seed))
    rng, beyond = np.random.default_rng(seed), np.zeros((3, 2))
    for part in grid.PARTS:
        sums = permuted_sums(units, part, rng)
        for k, hypothesis in enumerate(hypotheses):
            statistics = studentised(*welch_statistics(sums, *hypothesis))
            beyond[k] += (statistics[1:] <= statistics[0]).sum(), (statistics[1:] >= statistics[0]).sum()
    assert found.tolist() == ((beyond + 1) / (grid.PERMUTATIONS + 1) <= 0.025).tolist()


def test_looks_drawn_by_rows_meet_the_statistics_of_a_readout():
    cell = {"cell": "looks", "family": "twenty looks", "n": 2000, "holdout": 0.2, "bounds": "Pocock"}
    y, treated, entry = by_rows.drawn(cell, 0.0, np.random.default_rng(3))
    z, guards = by_rows.read(y, treated, entry)
    for look in (3, 19):
        seen = entry <= look
        found = grid.welch(y[seen], treated[seen])
        assert z[look] == pytest.approx(found.effect / found.standard_error, rel=EXACT)
        assert guards[look] == grid.guard_of(y[seen], treated[seen]).fires
    assert guards[3]


@pytest.mark.oracle("the formulas of tea-tasting beside ours in the truth grid", "tea-tasting", "1e-9")
@pytest.mark.parametrize(
    "name",
    ["normal n=1000 holdout=0.2", "orders per session n=1000 holdout=0.05", "conversion n=1000 holdout=0.2 rate=0.1"],
)
def test_the_formulas_of_tea_tasting_are_those_of_the_package(name):
    pytest.importorskip("tea_tasting", reason="tea-tasting comes with the extra `all`")
    cell = next(cell for cell in GRID if cell["cell"] == name)
    treatment, control, _ = tea.drawn(cell, "effect", 20)
    tea.agree(cell, treatment, control, tea.said(cell, treatment, control))


@pytest.mark.oracle("cluster-robust regression beside ours in the truth grid", "statsmodels OLS on the rows", "1e-9")
def test_the_usual_cluster_robust_test_is_that_of_statsmodels():
    rows = account_rows(4)
    model = sm.OLS(rows["y"].to_numpy(), sm.add_constant((rows["arm"] == "journey").to_numpy(dtype=float)))
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": rows["account"].to_numpy()})
    z, limit = worlds.usual_tests(*both_arms(rows))["statsmodels, cluster-robust"]
    assert float(z[0]) == pytest.approx(float(fitted.tvalues[1]), rel=EXACT)
    assert fitted.use_t is False
    assert limit == pytest.approx(1.959964, rel=1e-6)


# The whole grid, as it was measured.

# Cells that miss the bar by more than chance, and in what.
OUTSIDE = {}


def test_the_committed_results_are_those_of_the_cells():
    rows = committed()
    assert [{key: row[key] for key in cell} for row, cell in zip(rows, GRID, strict=True)] == GRID
    assert [row["replications"] for row in rows] == [bar.replications_of(cell) for cell in GRID]


def test_the_engine_answers_where_it_was_said_to_and_never_refuses_enough_data():
    rows = committed()
    assert [row["cell"] for row in rows if row["answers"] is not (row["refused"] <= row["replications"] / 2)] == []
    assert [row["cell"] for row in rows if bar.must_answer(row) and row["refused"]] == []


def test_exactly_the_named_cells_miss_the_bar():
    assert {row["cell"]: missed for row in committed() if (missed := clear_misses(row))} == OUTSIDE


def test_the_page_is_what_the_results_say():
    maker = runpy.run_path(str(HERE / "make_grid_page.py"))
    assert maker["PAGE"].read_text(encoding="utf-8") == maker["page"](committed())


@pytest.mark.slow
def test_the_whole_grid():
    rows = [bar.measured(cell, bar.replications_of(cell)) for cell in GRID]
    RESULTS.write_text(cells.text(rows), encoding="utf-8")
    assert {row["cell"]: missed for row in rows if (missed := clear_misses(row))} == OUTSIDE
