"""Whole accounts randomised, contacts analysed: the readout's numbers from the rows, and when it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from incrementality import read_out
from incrementality.errors import TooFewClusters
from incrementality.stats import (
    ClusterProducts,
    adjust_mean,
    adjusted_cluster_means,
    adjusted_clusters,
    cluster_means,
    moments_of_rows,
)

EXACT = 1e-9


@pytest.fixture
def accounts(sample):
    """Contacts in unequal accounts, whole accounts in one arm and one stratum."""

    def make(n=900, *, accounts=60, seed=8):
        rng = np.random.default_rng(seed)
        share = rng.gamma(3, 1, accounts)
        rows = sample(n).assign(account=lambda f: rng.choice(accounts, len(f), p=share / share.sum()))
        rows["arm"] = np.where(rows["account"] % 2 == 0, "control", "journey")
        rows["s"] = np.where(rows["account"] % 4 < 2, "large", "small")
        rows["y"] += rng.normal(size=accounts)[rows["account"]] + rows["x"]
        return rows

    return make


def only(readout, metric="y", *, adjusted=False):
    return next(e for e in readout.estimates if e.metric == metric and e.adjusted == adjusted)


def numbers(estimate):
    return estimate.effect, estimate.standard_error, estimate.df, estimate.pvalue


def pair(rows, columns=("y",)):
    parts = [rows[rows["arm"] == arm] for arm in ("journey", "control")]
    return tuple(moments_of_rows({name: p[name] for name in columns}, clusters=p["account"]) for p in parts)


@pytest.mark.domain("X3")
def test_contacts_of_whole_accounts_are_compared_by_cr2(plan, accounts):
    rows = accounts()
    ours, theirs = only(read_out(plan(data={"cluster": "account"}), data=rows)), cluster_means([pair(rows)], ["y"])
    assert numbers(ours) == pytest.approx(numbers(theirs.compare()), rel=EXACT)
    assert "CR2 with Satterthwaite's degrees of freedom" in ours.method
    assert ours.rel_effect_ci_lower == pytest.approx(theirs.compare().rel_interval.lower, rel=EXACT)


def test_equal_accounts_are_statsmodels(plan, sample):
    rows = sample(900).assign(account=lambda f: f.index // 9)
    rows["arm"] = np.where(rows["account"] % 2 == 0, "control", "journey")
    ours = only(read_out(plan(data={"cluster": "account"}), data=rows))
    x = sm.add_constant((rows["arm"] == "journey").astype(float))
    options = {"groups": rows["account"], "use_correction": False}
    fit = sm.OLS(rows["y"], x).fit(cov_type="cluster", cov_kwds=options)
    assert ours.standard_error**2 == pytest.approx(fit.cov_params().iloc[1, 1] * 50 / 49, rel=EXACT)
    assert ours.df == pytest.approx(98, rel=EXACT)


def test_ratios_and_conversions_of_accounts_are_compared_by_their_influence_values(plan, accounts):
    rows = accounts().assign(sessions=lambda f: 2 + f.index % 5, won=lambda f: (f["y"] > 5).astype(int))
    metrics = [
        {"name": "r", "kind": "ratio", "numerator": "y", "denominator": "sessions", "role": "primary"},
        {"name": "won", "kind": "conversion", "role": "secondary"},
    ]
    readout = read_out(plan(metrics=metrics, data={"cluster": "account"}), data=rows)
    for name, columns in (("r", ["y", "sessions"]), ("won", ["won"])):
        theirs = cluster_means([pair(rows, columns)], columns).compare()
        assert numbers(only(readout, name)) == pytest.approx(numbers(theirs), rel=EXACT)


def test_strata_of_accounts_are_compared_within_and_averaged(plan, accounts):
    rows = accounts()
    ours = only(read_out(plan(data={"stratum": "s", "cluster": "account"}), data=rows))
    theirs = cluster_means([pair(rows[rows["s"] == s]) for s in ("large", "small")], ["y"]).compare()
    assert numbers(ours) == pytest.approx(numbers(theirs), rel=EXACT)
    assert "within strata" in ours.method


def by_account(rows, names):
    """Each account's sums, formed by pandas."""
    products = {(j, k): rows[names[j]] * rows[names[k]] for j in range(len(names)) for k in range(j, len(names))}
    groups = rows.groupby("account")
    return ClusterProducts(
        columns=tuple(names),
        shift=np.zeros(len(names)),
        size=groups.size().to_numpy(float),
        totals=groups[list(names)].sum().to_numpy(),
        products={key: column.groupby(rows["account"]).sum().to_numpy() for key, column in products.items()},
    )


@pytest.mark.parametrize("mapping", [{}, {"stratum": "s"}], ids=["covariate", "stratum and covariate"])
def test_adjustment_of_accounts_is_lins_regression_with_cr2(plan, accounts, mapping):
    rows = accounts().assign(small=lambda f: (f["s"] == "small").astype(float))
    rows.loc[rows["account"] == 5, "y"] = np.nan
    ours = only(read_out(plan(data={"cluster": "account", "covariates": ["x"]} | mapping), data=rows), adjusted=True)
    rows, covariates = rows.dropna(), [*(["small"] if mapping else []), "x"]
    names, sides = ["y", *covariates], []
    for arm in ("journey", "control"):
        part, target = rows[rows["arm"] == arm], rows[covariates].mean().to_dict()
        fit = adjust_mean(
            moments_of_rows({name: part[name] for name in names}), outcomes=["y"], covariates=covariates, target=target
        )
        residuals = sm.OLS(part["y"], sm.add_constant(part[covariates])).fit().resid
        sides.append(adjusted_clusters(fit, by_account(part, names), float((residuals**2).sum())))
    assert numbers(ours) == pytest.approx(numbers(adjusted_cluster_means(*sides).compare()), rel=1e-8)
    assert ours.method.startswith(f"Lin regression on {len(covariates)} covariate columns, CR2")


def test_too_few_accounts_are_refused_by_name(plan, sample):
    rows = sample(500).assign(account=lambda f: f.index // 50)
    rows["arm"] = np.where(rows["account"] % 2 == 0, "control", "journey")
    with pytest.raises(TooFewClusters, match=r"metric 'y', 'journey' against 'control', clusters by 'account'.*5\.0"):
        read_out(plan(data={"cluster": "account"}), data=rows)


def test_segments_with_few_accounts_are_left_out(plan, accounts):
    rows = accounts().assign(region=lambda f: np.where(f["account"] < 10, "small", "large"))
    readout = read_out(plan(data={"cluster": "account"}, segments=["region"]), data=rows)
    assert [e.segment for e in readout.segments] == [("region", "large")]


def test_an_accounts_share_of_one_arm_hides_no_error(plan, accounts):
    """One account with half of an arm's contacts counts as what it is."""
    rows = accounts()
    giant = pd.concat([rows, rows[rows["account"] == 1].sample(400, replace=True, random_state=1)])
    giant["id"] = range(len(giant))
    with pytest.raises(TooFewClusters, match="equal ones"):
        read_out(plan(data={"cluster": "account"}), data=giant)
