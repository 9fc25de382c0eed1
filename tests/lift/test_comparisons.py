"""Every estimator of the readout against another implementation, on the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import test_proportions_2indep as score_test

from incrementality import read_out
from incrementality.errors import EmptyArm, InputError

EXACT = 1e-9


def only(readout, metric="y", *, adjusted=False):
    return next(e for e in readout.estimates if e.metric == metric and e.adjusted == adjusted)


def numbers(estimate):
    return estimate.effect, estimate.standard_error


def by_arm(rows, column="y"):
    return rows.loc[rows["arm"] == "journey", column], rows.loc[rows["arm"] == "control", column]


def regression_of_arms(rows, x, *, cov_type="HC2", groups=None):
    """Lin's regression as two regressions, predicted at the covariates' mean over both arms: effect, variance."""
    effect, variance = 0.0, 0.0
    x = np.asarray(x, float) - np.asarray(x, float).mean(0)
    for arm, sign in (("journey", 1), ("control", -1)):
        here = (rows["arm"] == arm).to_numpy()
        design = np.column_stack([np.ones(here.sum()), x[here]])
        options = {} if groups is None else {"cov_kwds": {"groups": groups[here]}}
        fit = sm.OLS(rows.loc[here, "y"].to_numpy(float), design).fit(cov_type=cov_type, **options)
        n, k = design.shape
        undone = 1.0 if groups is None else (n - k) / (n - 1)
        effect += sign * fit.params[0]
        variance += fit.cov_params()[0, 0] * undone
    return effect, float(np.sqrt(variance))


def test_a_mean_is_scipys_welch(plan, sample):
    rows = sample(90)
    ours, theirs = only(read_out(plan(), data=rows)), stats.ttest_ind(*by_arm(rows), equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert (ours.pvalue, ours.df) == pytest.approx((theirs.pvalue, theirs.df), rel=EXACT)
    assert (ours.effect_ci_lower, ours.effect_ci_upper) == pytest.approx((interval.low, interval.high), rel=EXACT)


def test_a_conversion_is_the_score_interval(plan, sample):
    rows = sample(500).assign(y=lambda f: (f["y"] > 5.5).astype(int))
    ours = only(read_out(plan(metrics=[{"name": "y", "kind": "conversion", "role": "primary"}]), data=rows))
    treated, control = by_arm(rows)
    counts = treated.sum(), len(treated), control.sum(), len(control)
    for value, pvalue in ((1, ours.pvalue), (1 + ours.rel_effect_ci_lower, 0.05), (1 + ours.rel_effect_ci_upper, 0.05)):
        theirs = score_test(*counts, value=value, method="score", compare="ratio", correction=True)
        assert pvalue == pytest.approx(theirs.pvalue, rel=1e-8)
    assert ours.standard_error == pytest.approx(np.sqrt(treated.var() / len(treated) + control.var() / len(control)))


def test_few_conversions_are_scipys_barnard_test(plan):
    """Barnard's largest probability is over all shares here and over a millionth less there; scipy's own grid is 32."""
    rows = pd.DataFrame({"id": range(80), "arm": np.repeat(["control", "journey"], 40), "y": 0})
    rows.loc[[*range(2), *range(40, 49)], "y"] = 1
    metric = {"name": "y", "kind": "conversion", "role": "primary"}
    ours = only(read_out(plan(metrics=[metric], data={"covariates": ["x"]}), data=rows.assign(x=rows.index % 7)))
    theirs = stats.barnard_exact([[9, 2], [31, 38]], alternative="greater", pooled=True, n=256)
    assert ours.pvalue == pytest.approx(2 * theirs.pvalue, abs=1e-5)
    assert ours.method.startswith("exact unconditional score test")
    assert (ours.effect_ci_lower < 0 < ours.effect_ci_upper) == (ours.pvalue > 0.05)


def test_few_conversions_are_not_adjusted_by_a_regression(plan, sample):
    rows = sample(300).assign(rare=lambda f: (f.index % 60 == 0).astype(int))
    metrics = [
        {"name": "y", "kind": "mean", "role": "primary"},
        {"name": "rare", "kind": "conversion", "role": "secondary", "relative": False},
    ]
    readout = read_out(plan(metrics=metrics, data={"covariates": ["x"]}), data=rows)
    assert [(e.metric, e.adjusted) for e in readout.estimates] == [("y", False), ("y", True), ("rare", False)]


def test_a_ratio_is_the_welch_test_of_its_linearised_values(plan, sample):
    rows = sample(300).assign(sessions=lambda f: 2 + f.index % 5)
    metric = {"name": "r", "kind": "ratio", "numerator": "y", "denominator": "sessions", "role": "primary"}
    ours = only(read_out(plan(metrics=[metric]), data=rows), "r")
    parts = []
    for top, below in zip(by_arm(rows), by_arm(rows, "sessions"), strict=True):
        ratio = top.sum() / below.sum()
        parts.append(ratio + (top - ratio * below) / below.mean())
    theirs = stats.ttest_ind(*parts, equal_var=False)
    assert ours.effect == pytest.approx(parts[0].mean() - parts[1].mean(), rel=EXACT)
    assert ours.pvalue == pytest.approx(theirs.pvalue, rel=EXACT)


@pytest.mark.parametrize(("n", "kind"), [(400, "HC2"), (60, "HC3")])
def test_adjustment_is_lins_regression(plan, sample, n, kind):
    rows = sample(n)
    ours = only(read_out(plan(data={"covariates": ["x"]}), data=rows), adjusted=True)
    assert kind in ours.method
    assert numbers(ours) == pytest.approx(regression_of_arms(rows, rows[["x"]], cov_type=kind), rel=EXACT)


def test_adjustment_spreads_categories_and_drops_what_repeats(plan, sample):
    rows = sample(900).assign(twice=lambda f: 2 * f["x"] + 1, constant=3.0)
    covariates = ["x", "twice", "constant", "s"]
    ours = only(read_out(plan(data={"covariates": covariates}), data=rows), adjusted=True)
    x = np.column_stack([rows["x"], rows["s"] == "south", rows["s"] == "west"])
    assert "3 covariate columns" in ours.method
    assert numbers(ours) == pytest.approx(regression_of_arms(rows, x), rel=EXACT)


def test_without_a_covariate_that_varies_adjustment_says_so(plan, sample):
    readout = read_out(plan(data={"covariates": ["constant"]}), data=sample().assign(constant=1))
    adjusted, plain = only(readout, adjusted=True), only(readout)
    assert "no covariate varies" in adjusted.method
    assert numbers(adjusted) == pytest.approx(numbers(plain), rel=EXACT)


def test_missing_covariates_are_marked_by_an_indicator(plan, sample):
    rows = sample(600)
    rows.loc[rows.index % 7 == 0, "x"] = np.nan
    ours = only(read_out(plan(data={"covariates": ["x"]}), data=rows), adjusted=True)
    filled = np.column_stack([rows["x"].fillna(0.0), rows["x"].isna()])
    assert ours.n_control + ours.n_treatment == 600
    assert numbers(ours) == pytest.approx(regression_of_arms(rows, filled), rel=EXACT)


@pytest.mark.parametrize("adjusted", [False, True])
def test_missing_outcomes_leave_their_rows_out(plan, sample, adjusted):
    rows = sample(800)
    rows["z"] = rows["y"] + 1
    rows.loc[rows.index % 40 == 0, "y"] = np.nan
    metrics = [{"name": name, "kind": "mean", "role": "primary"} for name in ("y", "z")]
    whole = read_out(plan(metrics=metrics, data={"covariates": ["x"]}), data=rows)
    complete = read_out(plan(data={"covariates": ["x"]}), data=rows.dropna(subset="y"))
    all_rows = read_out(plan(metrics=metrics[1:], data={"covariates": ["x"]}), data=rows)
    for metric, other in (("y", complete), ("z", all_rows)):
        ours, theirs = only(whole, metric, adjusted=adjusted), only(other, metric, adjusted=adjusted)
        assert numbers(ours) == pytest.approx(numbers(theirs), rel=EXACT)
        assert ours.n_control == theirs.n_control


def test_not_a_number_counts_as_missing(plan, sample):
    rows = sample()
    as_nan, as_null = rows.copy(), rows.astype({"y": object})
    as_nan.loc[3, "y"] = np.nan
    as_null.loc[3, "y"] = None
    first, second = (read_out(plan(), data={k: c.to_numpy() for k, c in f.items()}) for f in (as_nan, as_null))
    assert first.estimates == second.estimates
    assert first.checks == second.checks


def test_clusters_in_plenty_are_adjusted_by_statsmodels_cr1(plan, sample, monkeypatch):
    """Where cross products by cluster would not fit into memory; without the factor (n - 1) / (n - k)."""
    monkeypatch.setattr("incrementality.lift.clustered._MOST_NUMBERS", 0)
    rows = sample(900)
    rows["account"] = rows.index // 9
    rows["arm"] = np.where(rows["account"] % 2 == 0, "control", "journey")
    rows["y"] += np.random.default_rng(8).normal(size=100)[rows["account"]]
    adjusted = only(read_out(plan(data={"cluster": "account", "covariates": ["x"]}), data=rows), adjusted=True)
    options = {"cov_type": "cluster", "groups": rows["account"].to_numpy()}
    assert "CR1" in adjusted.method
    assert numbers(adjusted) == pytest.approx(regression_of_arms(rows, rows[["x"]], **options), rel=EXACT)


def stratified(rows, by):
    """Weighted by the stratum's share of all units: sum of w (m1 - m0), sum of w^2 s^2 / n."""
    effect = variance = 0.0
    for _, part in rows.groupby(by):
        w, (treated, control) = len(part) / len(rows), by_arm(part)
        effect += w * (treated.mean() - control.mean())
        variance += w**2 * (treated.var() / len(treated) + control.var() / len(control))
    return effect, np.sqrt(variance)


def test_strata_are_compared_within_and_averaged(plan, sample):
    rows = sample(600)
    ours = only(read_out(plan(data={"stratum": "s"}), data=rows))
    assert "stratified" in ours.method
    assert numbers(ours) == pytest.approx(stratified(rows, "s"), rel=EXACT)


@pytest.mark.parametrize("column", ["s", "cluster"])
def test_rows_without_a_group_are_refused_and_count_nowhere(plan, sample, column):
    rows = sample(800).assign(cluster=lambda f: "c" + (f.index // 2).astype(str) + f["arm"])
    rows.loc[rows.index % 8 == 0, column] = None
    mapping = {"stratum": "s", "covariates": ["x"]} if column == "s" else {"cluster": "cluster", "covariates": ["x"]}
    segments = [{"column": "half"}]
    rows["half"] = rows.index % 2
    whole = read_out(plan(data=mapping, segments=segments), data=rows)
    kept = read_out(plan(data=mapping, segments=segments), data=rows.dropna(subset=column))
    assert whole.rows.refused == {f"{'stratum' if column == 's' else 'cluster'} missing": 100}
    assert whole.rows.read == 800
    for ours, theirs in zip((*whole.estimates, *whole.segments), (*kept.estimates, *kept.segments), strict=True):
        assert numbers(ours) == pytest.approx(numbers(theirs), rel=EXACT)


def test_strata_and_covariates_are_one_regression(plan, sample):
    rows = sample(900)
    ours = only(read_out(plan(data={"stratum": "s", "covariates": ["x", "s"]}), data=rows), adjusted=True)
    x = np.column_stack([rows["s"] == "south", rows["s"] == "west", rows["x"]])
    assert numbers(ours) == pytest.approx(regression_of_arms(rows, x), rel=EXACT)


def test_a_cluster_in_two_strata_is_refused(plan, sample):
    rows = sample().assign(account=lambda f: f.index // 4)
    with pytest.raises(InputError, match="lie in more than one 's'"):
        read_out(plan(data={"stratum": "s", "cluster": "account"}), data=rows)


@pytest.mark.parametrize("left", [0, 1])
def test_a_stratum_that_an_arm_lacks_is_refused(plan, sample, left):
    rows = sample()
    small = rows.index[(rows["s"] == "west") & (rows["arm"] == "journey")]
    with pytest.raises(EmptyArm, match=rf"stratum 'west' of 's' has {left} units in arm 'journey'"):
        read_out(plan(data={"stratum": "s"}), data=rows.drop(small[left:]))


@pytest.mark.parametrize("mapping", [{}, {"covariates": ["x", "s"]}, {"stratum": "s", "covariates": ["x"]}], ids=str)
def test_unplanned_arms_move_no_number(plan, sample, mapping):
    rows = sample()
    stray = sample(31, seed=9).assign(arm="stray", x=5.0, y=20.0, s="elsewhere", id=lambda f: f["id"] + 1000)
    stray.loc[3, "y"] = np.nan
    clean = read_out(plan(data=mapping), data=rows)
    dirty = read_out(plan(data=mapping), data=pd.concat([rows, stray]))
    assert dirty.grade == "do not use"
    assert dirty.rows.refused == {"arm not planned: stray": 31}
    for ours, theirs in zip(dirty.estimates, clean.estimates, strict=True):
        assert numbers(ours) == pytest.approx(numbers(theirs), rel=EXACT)


@pytest.mark.parametrize(("split", "name"), [("holm", "holm"), ("hochberg", "simes-hochberg")])
def test_each_role_is_corrected_by_its_own_rule_over_registered_estimates(plan, sample, split, name):
    arms = ("control", "a", "b", "c")
    rows = sample(1000, arms=arms, shares=(0.25,) * 4).assign(z=lambda f: f["y"] ** 2)
    planned = [{"name": arm, "share": "25%", "control": arm == "control"} for arm in arms]
    metrics = [
        {"name": "y", "kind": "mean", "role": "primary"},
        {"name": "z", "kind": "mean", "role": "primary", "adjust": False},
        {"name": "x", "kind": "mean", "role": "secondary", "adjust": False, "relative": False},
        {"name": "w", "kind": "mean", "role": "guardrail", "adjust": False},
    ]
    experiment = plan(arms=planned, metrics=metrics, data={"covariates": ["s"]}, alpha_split=split)
    readout = read_out(experiment, data=rows.assign(w=lambda f: f["y"] + f["x"]))
    primary = [readout.headline(metric, arm) for metric in ("y", "z") for arm in arms[1:]]
    secondary = [readout.headline("x", arm) for arm in arms[1:]]
    assert [e.adjusted for e in primary] == [True] * 3 + [False] * 3
    for family, method in ((primary, name), (secondary, "fdr_bh")):
        theirs = multipletests([e.pvalue for e in family], method=method)[1]
        assert [e.pvalue_adjusted for e in family] == pytest.approx(theirs, rel=1e-12)
    assert {e.correction for e in primary} == {split}
    assert {e.pvalue_adjusted for e in readout.estimates if e not in primary + secondary} == {None}


@pytest.mark.parametrize("n_arms", range(2, 9))
def test_two_to_eight_arms_share_one_control(plan, sample, n_arms):
    arms = ("control", *(f"arm {k}" for k in range(1, n_arms)))
    rows = sample(200 * n_arms, arms=arms, shares=(1 / n_arms,) * n_arms)
    planned = [{"name": arm, "share": f"1/{n_arms}", "control": arm == "control"} for arm in arms]
    readout = read_out(plan(arms=planned, data={"covariates": ["x"]}), data=rows)
    assert [e.arm for e in readout.estimates if not e.adjusted] == list(arms[1:])
    for e in (e for e in readout.estimates if not e.adjusted):
        means = rows.groupby("arm")["y"].mean()
        assert e.effect == pytest.approx(means[e.arm] - means["control"], rel=EXACT)


@pytest.mark.parametrize("kind", ["mean", "revenue"])
def test_a_control_of_zeros_has_a_difference_and_no_lift(plan, sample, kind):
    rows = sample().assign(y=lambda f: np.where(f["arm"] == "control", 0.0, f["y"].abs()))
    readout = read_out(plan(metrics=[{"name": "y", "kind": kind, "role": "primary", "unit": "EUR"}]), data=rows)
    assert only(readout).rel_effect is None
    assert "relative" not in readout.verdict_lines[0]
    assert only(readout).control_mean == 0
    assert only(readout).pvalue < 0.05
    assert "the control's mean is zero" in next(c.sentence for c in readout.checks if c.name == "lift")


@pytest.mark.parametrize("scale", [1.0, 0.05])
def test_absolute_and_relative_agree_and_hide_together(plan, sample, scale):
    rows = sample(200).assign(y=lambda f: (f["y"] - 5) + 5 * scale)
    e = only(read_out(plan(), data=rows))
    shown = e.pvalue < e.alpha
    assert shown == (not e.effect_ci_lower <= 0 <= e.effect_ci_upper)
    if e.rel_effect is None:
        assert (e.rel_effect_ci_lower, e.rel_effect_ci_upper) == (None, None)
    else:
        assert shown == (not e.rel_effect_ci_lower <= 0 <= e.rel_effect_ci_upper)


@pytest.mark.parametrize("values", [(0, 1), (False, True), ("control", "journey")], ids=str)
def test_arms_may_be_names_numbers_or_booleans(plan, sample, values):
    rows = sample()
    expected = read_out(plan(data={"covariates": ["x"], "stratum": "s"}), data=rows)
    told = rows.assign(arm=rows["arm"].map(dict(zip(("control", "journey"), values, strict=True))))
    names = [str(value).lower() for value in values]
    planned = [{"name": names[0], "share": 0.5, "control": True}, {"name": names[1], "share": 0.5}]
    found = read_out(plan(arms=planned, data={"covariates": ["x"], "stratum": "s"}), data=told)
    assert [numbers(e) for e in found.estimates] == [numbers(e) for e in expected.estimates]


def test_few_units_and_many_covariates_name_the_next_step(plan, sample):
    rows = sample(8).assign(arm=["control", "journey"] * 4)
    with pytest.raises(InputError, match="declare fewer covariates"):
        read_out(plan(data={"covariates": ["x", "v", "w"]}), data=rows.assign(v=rows["x"] ** 2, w=rows["x"] ** 3))
