"""The MineThatData e-mail challenge (Kevin Hillstrom, 2008): 64,000 customers, two e-mails, one holdout.

Every number is compared with statsmodels on the rows; the published arm means are those of the data's provenance.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import statsmodels.api as sm

from incrementality import Experiment, read_out
from incrementality.stats import holm

FILE = Path(__file__).parents[2].parent / "shared" / "data" / "hillstrom_email_2008" / "hillstrom.csv.gz"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="needs hillstrom.csv.gz, which is not shipped with the code")

CONTROL, MENS, WOMENS = "No E-Mail", "Mens E-Mail", "Womens E-Mail"
METRICS = ("visit", "conversion", "spend")
NUMERIC = ("recency", "history", "mens", "womens", "newbie")
PAIRS = [(metric, arm) for metric in METRICS for arm in (MENS, WOMENS)]
EXACT = 1e-9


def plan(**changes):
    content = {
        "id": "hillstrom",
        "question": "Do the e-mails bring customers back?",
        "unit": "customer",
        "data": {
            "row_number_as_unit": True,
            "arm": "segment",
            "covariates": [*NUMERIC, "zip_code", "channel"],
        },
        "arms": [
            {"name": CONTROL, "share": "1/3", "control": True},
            {"name": MENS, "share": "1/3"},
            {"name": WOMENS, "share": "1/3"},
        ],
        "metrics": [
            {"name": "visit", "kind": "conversion", "role": "primary"},
            {"name": "conversion", "kind": "conversion", "role": "secondary"},
            {"name": "spend", "kind": "revenue", "role": "secondary", "unit": "USD"},
        ],
        "segments": ["channel", "newbie"],
    }
    return Experiment.model_validate(content | changes)


@pytest.fixture(scope="module")
def rows():
    return pd.read_csv(FILE)


@pytest.fixture(scope="module")
def readout():
    return read_out(plan(), data=FILE)


def estimate(readout, metric, arm, *, adjusted):
    return next(e for e in readout.estimates if (e.metric, e.arm, e.adjusted) == (metric, arm, adjusted))


def dummies(rows):
    return np.column_stack([(rows["segment"] == arm).to_numpy(float) for arm in (MENS, WOMENS)])


def lin_regression(rows, metric, kind):
    """The fully interacted regression of all arms, covariates centred over all units: effects, standard errors."""
    frame = pd.get_dummies(rows[[*NUMERIC, "zip_code", "channel"]], columns=["zip_code", "channel"], drop_first=True)
    x = frame.to_numpy(float)
    x -= x.mean(0)
    arms = dummies(rows)
    design = np.column_stack([np.ones(len(rows)), arms, x, *(arms[:, [k]] * x for k in range(2))])
    fit = sm.OLS(rows[metric].to_numpy(float), design).fit(cov_type=kind)
    return dict(zip((MENS, WOMENS), zip(fit.params[1:3], fit.bse[1:3], strict=True), strict=True))


@pytest.mark.parametrize("metric", METRICS)
def test_arm_means_equal_those_of_the_rows(readout, rows, metric):
    ours = {mean.arm: mean.mean for mean in readout.means if mean.metric == metric}
    theirs = rows.groupby("segment")[metric].mean()
    assert ours == pytest.approx(theirs.to_dict(), rel=EXACT)


@pytest.mark.oracle("a whole readout of 64,000 real customers", "statsmodels OLS on the rows", "1e-9")
@pytest.mark.parametrize("metric", METRICS)
def test_differences_and_standard_errors_equal_ols_with_hc2(readout, rows, metric):
    fit = sm.OLS(rows[metric].to_numpy(float), sm.add_constant(dummies(rows))).fit(cov_type="HC2")
    for k, arm in enumerate((MENS, WOMENS), start=1):
        ours = estimate(readout, metric, arm, adjusted=False)
        assert (ours.effect, ours.standard_error) == pytest.approx((fit.params[k], fit.bse[k]), rel=EXACT)


@pytest.mark.oracle("a whole readout of 64,000 real customers, adjusted", "statsmodels OLS on the rows", "1e-9")
@pytest.mark.parametrize("metric", METRICS)
def test_adjusted_effects_equal_the_fully_interacted_regression(readout, rows, metric):
    for arm, (effect, error) in lin_regression(rows, metric, "HC2").items():
        ours = estimate(readout, metric, arm, adjusted=True)
        assert "HC2" in ours.method
        assert (ours.effect, ours.standard_error) == pytest.approx((effect, error), rel=EXACT)


def test_below_fifty_units_a_parameter_it_is_hc3(rows):
    few = rows.head(1200)
    readout = read_out(plan(metrics=[{"name": "visit", "kind": "conversion", "role": "primary"}]), data=few)
    for arm, (effect, error) in lin_regression(few, "visit", "HC3").items():
        ours = estimate(readout, "visit", arm, adjusted=True)
        assert "HC3" in ours.method
        assert (ours.effect, ours.standard_error) == pytest.approx((effect, error), rel=EXACT)


def test_sample_ratio_and_every_other_check_pass(readout):
    ratio = next(check for check in readout.checks if check.name == "sample_ratio")
    assert round(ratio.table[0]["pvalue"], 3) == 0.904
    assert all(check.passed is not False for check in readout.checks)
    assert readout.grade == "trust"


@pytest.mark.parametrize(
    ("metric", "published"),
    [
        ("visit", {MENS: 0.1828, WOMENS: 0.1514, CONTROL: 0.1062}),
        ("conversion", {MENS: 0.0125, WOMENS: 0.0088, CONTROL: 0.0057}),
        ("spend", {MENS: 1.42, WOMENS: 1.08, CONTROL: 0.65}),
    ],
)
def test_the_published_arm_means_are_met(readout, metric, published):
    digits = 2 if metric == "spend" else 4
    assert {mean.arm: round(mean.mean, digits) for mean in readout.means if mean.metric == metric} == published


@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize(("metric", "arm"), PAIRS)
def test_both_emails_raise_visits_conversions_and_spend(readout, metric, arm, adjusted):
    found = estimate(readout, metric, arm, adjusted=adjusted)
    assert found.effect_ci_lower > 0
    assert found.rel_effect_ci_lower > 0


@pytest.mark.parametrize(("metric", "arm"), PAIRS)
def test_covariates_buy_almost_nothing(readout, metric, arm):
    adjusted, plain = (estimate(readout, metric, arm, adjusted=flag) for flag in (True, False))
    assert 0.95 < adjusted.standard_error / plain.standard_error < 1.001


def test_absolute_and_relative_never_contradict_each_other(readout):
    for e in (*readout.estimates, *readout.segments):
        shown = e.pvalue < e.alpha
        assert shown == (not e.effect_ci_lower <= 0 <= e.effect_ci_upper)
        if e.rel_effect is not None:
            assert shown == (not e.rel_effect_ci_lower <= 0 <= e.rel_effect_ci_upper)


def test_the_verdict_says_what_the_primary_metric_shows(readout):
    assert readout.verdict == "Mens E-Mail and Womens E-Mail raised visit, compared with No E-Mail."
    assert [line.split(" raised ")[0] for line in readout.verdict_lines] == [MENS, WOMENS]
    mens = estimate(readout, "visit", MENS, adjusted=True)
    assert f"{100 * mens.control_mean:.2f}" in readout.verdict_lines[0]
    assert f"{100 * mens.treatment_mean:.2f}" in readout.verdict_lines[0]
    assert f"+{100 * mens.effect:.2f} percentage points" in readout.verdict_lines[0].replace("\N{NO-BREAK SPACE}", " ")


def test_holm_runs_over_the_two_registered_comparisons(readout):
    registered = [estimate(readout, "visit", arm, adjusted=True) for arm in (MENS, WOMENS)]
    assert tuple(e.pvalue_adjusted for e in registered) == holm([e.pvalue for e in registered])
    others = [e for e in readout.estimates if e.role == "primary" and e not in registered]
    assert {e.pvalue_adjusted for e in others} == {None}


def test_segments_equal_readouts_of_their_rows(readout, rows):
    for value in ("Phone", "Web", "Multichannel"):
        part = read_out(plan(segments=[]), data=rows[rows["channel"] == value])
        for arm in (MENS, WOMENS):
            whole = estimate(part, "visit", arm, adjusted=False)
            cell = next(e for e in readout.segments if e.segment == ("channel", value) and e.arm == arm)
            assert (cell.effect, cell.standard_error, cell.pvalue) == (
                pytest.approx(whole.effect, rel=EXACT),
                pytest.approx(whole.standard_error, rel=EXACT),
                pytest.approx(whole.pvalue, rel=EXACT),
            )


def close(first, second):
    """Equal, numbers to 1e-9."""
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(close(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(close(a, b) for a, b in zip(first, second, strict=True))
    return first == (pytest.approx(second, rel=EXACT, abs=1e-300) if isinstance(first, float) else second)


def same_answer(first, second):
    one, other = first.to_dict(), second.to_dict()
    one.pop("manifest")
    other.pop("manifest")
    return close(one, other)


def test_a_parquet_file_gives_the_same_answer(readout, tmp_path):
    path = tmp_path / "hillstrom.parquet"
    duckdb.sql(f"COPY (FROM read_csv('{FILE}')) TO '{path}' (FORMAT parquet)")
    assert same_answer(readout, read_out(plan(), data=path))


def test_a_duckdb_table_gives_the_same_answer(readout, tmp_path):
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(path) as database:
        database.execute(f"CREATE TABLE hillstrom AS FROM read_csv('{FILE}')")
    experiment = plan()
    mapped = experiment.model_copy(update={"data": experiment.data.model_copy(update={"table": "hillstrom"})})
    assert same_answer(readout, read_out(mapped, data=path))


@pytest.mark.parametrize(
    "convert",
    [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas],
    ids=["pandas", "polars", "arrow"],
)
def test_a_frame_gives_the_same_answer(readout, rows, convert):
    assert same_answer(readout, read_out(plan(), data=convert(rows)))
