"""Other experiments on the same units: dependent arms are found, effects told within theirs, interactions estimated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from incrementality import read_out
from incrementality.errors import ColumnNotFound
from incrementality.experiment import Experiment

DATA = {"concurrent": {"spring-sale": "sale"}}


def crossed(n=2000, seed=3, interaction=0.0):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"id": range(n), "arm": rng.choice(["control", "journey"], n)})
    rows["sale"] = rng.choice(["control", "mail"], n, p=[0.4, 0.6])
    both = (rows["arm"] == "journey") & (rows["sale"] == "mail")
    return rows.assign(y=5 + rng.normal(size=n) + 0.3 * (rows["arm"] == "journey") + interaction * both)


@pytest.mark.domain("X7")
@pytest.mark.oracle("interaction of two experiments", "statsmodels OLS with HC2, factorial", "1e-9")
def test_the_interaction_is_that_of_a_factorial_regression(plan):
    rows = crossed(interaction=0.4)
    readout = read_out(plan(data=DATA), data=rows)
    (found,) = readout.interactions
    fit = smf.ols("y ~ C(arm) * C(sale)", rows).fit(cov_type="HC2")
    name = "C(arm)[T.journey]:C(sale)[T.mail]"
    assert found.effect == pytest.approx(fit.params[name], rel=1e-9)
    error = (found.ci_upper - found.ci_lower) / 2 / stats.t.ppf(0.975, len(rows))
    assert error == pytest.approx(fit.bse[name], rel=1e-3)  # degrees of freedom are Satterthwaite's
    assert (found.other, found.value, found.reference) == ("spring-sale", "mail", "control")
    assert "differs between mail and control of spring-sale" in found.sentence


@pytest.mark.domain("X7")
def test_the_effect_stands_within_each_arm_of_the_other(plan):
    rows = crossed()
    readout = read_out(plan(data=DATA), data=rows)
    for estimate in readout.concurrent:
        own = read_out(plan(), data=rows[rows["sale"] == estimate.segment[1]]).estimates[0]
        assert (estimate.effect, estimate.pvalue) == pytest.approx((own.effect, own.pvalue), rel=1e-9)
    assert [e.segment for e in readout.concurrent] == [("spring-sale", "control"), ("spring-sale", "mail")]
    assert readout.segments == ()


@pytest.mark.domain("X7")
def test_independence_is_pearsons_test_of_the_cross_table(plan, check):
    rows = crossed()
    rows.loc[:20, "sale"] = None
    found = check(read_out(plan(data=DATA), data=rows), "concurrent")
    table = pd.crosstab(rows["sale"], rows["arm"])
    theirs = stats.chi2_contingency(table, correction=False)
    assert f"p = {theirs.pvalue:.3f}" in found.sentence.replace("\N{NO-BREAK SPACE}", " ")
    assert sorted(row["n"] for row in found.table) == sorted(table.to_numpy().ravel())
    assert found.passed is True


@pytest.mark.domain("X7")
def test_arms_that_go_together_fail_the_check(plan, check):
    rows = crossed()
    rows["sale"] = np.where((rows.index % 4 == 0), rows["sale"], np.where(rows["arm"] == "journey", "mail", "control"))
    readout = read_out(plan(data=DATA), data=rows)
    assert check(readout, "concurrent").passed is False
    assert readout.grade == "caution"


def test_whole_accounts_in_another_experiment_are_not_many_contacts(plan, check):
    """Accounts drawn whole in both: by contact, chance would look like dependence in most worlds."""
    failed = 0
    for seed in range(12):
        rows, rng = crossed(n=1600, seed=seed), np.random.default_rng(seed)
        rows["account"] = rows.index // 40
        rows["arm"] = np.where(rng.permutation(40) % 2, "journey", "control")[rows["account"]]
        rows["sale"] = np.where(rng.permutation(40) % 2, "mail", "control")[rows["account"]]
        failed += check(read_out(plan(data=DATA | {"cluster": "account"}), data=rows), "concurrent").passed is False
    assert failed == 0


def test_no_interaction_is_found_no_more_often_than_planned(plan):
    """200 null worlds; the bound is four Monte-Carlo errors above 5 %."""
    found = [read_out(plan(data=DATA), data=crossed(n=300, seed=seed)).interactions[0].pvalue for seed in range(200)]
    assert 0 < np.mean(np.array(found) < 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)


def test_a_column_that_is_not_there_is_named(plan):
    with pytest.raises(ColumnNotFound, match="sale"):
        read_out(plan(data=DATA), data=crossed().drop(columns="sale"))


@pytest.mark.parametrize(
    ("concurrent", "message"), [({"x": "arm"}, "cannot be used twice"), ({"itself": "sale"}, "is this experiment")]
)
def test_an_experiment_is_not_concurrent_with_itself(plan, concurrent, message):
    content = plan().model_dump(mode="python") | {"id": "itself"}
    content["data"]["concurrent"] = concurrent
    with pytest.raises(ValueError, match=message):
        Experiment.model_validate(content)


def test_a_file_without_other_experiments_keeps_its_hash(plan):
    assert "concurrent" not in plan().model_dump(mode="json")["data"]
    assert plan(data=DATA).hash != plan().hash
