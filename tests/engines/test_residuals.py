"""The residual pass gives the robust variances that the rows give, on every engine."""

import numpy as np
import pytest

from incrementality.stats.adjustment import adjust_mean, residual_sum
from incrementality.stats.moments import moments_of_rows
from incrementality.warehouse import ArmFit, frame_locator, reduce_residuals
from incrementality.warehouse.sql import column, literal, number_of, parse

NAMES = ('we"ird', "revenue", "money", "pre", "won")
CASES = {
    "mean": (('we"ird',), ("pre", "won")),
    "ratio": (("revenue", "money"), ("pre",)),
    "no covariates": (("revenue",), ()),
}


def fit(units, outcomes, covariates):
    chosen = units["select"] == "holdout"
    rows = {name: units[name][chosen].astype(float) for name in NAMES}
    moments = moments_of_rows(rows)
    target = {name: float(units[name].mean()) for name in covariates}
    return adjust_mean(moments, outcomes=outcomes, covariates=covariates, target=target), rows, chosen


def sums_of(copy, adjusted, power, **options):
    fits = [ArmFit(value="holdout", adjusted=(adjusted, adjusted))]
    columns = {name: number_of(name, copy.relation.columns[name]) for name in NAMES}
    ((first, second),) = reduce_residuals(
        copy.warehouse, copy.relation.name, columns, fits, arm=column("select"), power=power, **options
    )
    assert first == second
    return first


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
@pytest.mark.parametrize("case", CASES)
def test_hc2_and_hc3_are_those_of_the_rows(copies, units, engine, case):
    adjusted, rows, _ = fit(units, *CASES[case])
    for power in (1, 2):
        expected = residual_sum(adjusted, rows, power=power)
        assert sums_of(copies[engine], adjusted, power) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
@pytest.mark.parametrize("case", CASES)
def test_clustered_sums_are_those_of_the_rows(copies, units, engine, case):
    adjusted, rows, chosen = fit(units, *CASES[case])
    expected = residual_sum(adjusted, rows, power=1, clusters=units["account"][chosen])
    assert sums_of(copies[engine], adjusted, 1, cluster=column("account")) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_where_leaves_rows_out(copies, units, engine):
    adjusted, rows, chosen = fit(units, *CASES["mean"])
    large = units["pre"][chosen] > 1e6
    expected = residual_sum(adjusted, {name: values[large] for name, values in rows.items()}, power=2)
    where = parse("$pre > $cut", pre=column("pre"), cut=literal(1e6))
    assert sums_of(copies[engine], adjusted, 2, where=where) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_a_unit_that_is_fitted_exactly_has_no_robust_variance(copies, engine):
    rows = {"y": np.array([1.0, 2.0, 4.0, 9.0]), "x": np.array([0.0, 0.0, 0.0, 1.0])}
    adjusted = adjust_mean(moments_of_rows(rows), outcomes=["y"], covariates=["x"], target={"x": 0.3})
    copy = copies[engine]
    columns = {name: parse("CAST($x AS DOUBLE)", x=_lookup(values)) for name, values in rows.items()}
    first = parse("CASE WHEN $id < $n THEN 'first' END", id=column("id"), n=literal("00004"))
    fit = ArmFit(value="first", adjusted=(adjusted,))
    assert np.isnan(reduce_residuals(copy.warehouse, copy.relation.name, columns, [fit], arm=first)).all()


def _lookup(values):
    a, b, c, d = map(literal, values)
    return parse(
        "CASE $id WHEN '00000' THEN $a WHEN '00001' THEN $b WHEN '00002' THEN $c WHEN '00003' THEN $d END",
        id=column("id"), a=a, b=b, c=c, d=d,
    )  # fmt: skip


def test_no_tasks_run_no_query(duck):
    before = len(duck.statements)
    relation = duck.open(frame_locator({"a": np.ones(2)}))
    assert reduce_residuals(duck, relation.name, {}, [], arm=column("a")) == []
    assert len(duck.statements) == before
